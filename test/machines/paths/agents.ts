/** Agents and pools for charts under test. */

import assert from 'node:assert/strict';
import { isCollection } from 'immutable';
import { type Actor, createActor } from 'xstate';
import { evolvePool, poolMachine } from '../../../src/machines/machines.ts';
import { EMPTY_POOL, type PoolState } from '../../../src/machines/pool.state.ts';
import type { AnswerParams, PoolEvent } from '../../../src/machines/pool.turn.ts';
import type { AgentChild, AgentNurseryCommand, AgentSpec, LeaseRequest, PoolFact } from '../../../src/machines/protocol/agent.ts';
import type { CoverageRecorder } from '../../../src/testing/coverage.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { hearing } from './hearing.ts';
import { BORN_AT } from './jobs.ts';

export const aSpec = (id: string, more: Partial<AgentSpec> = {}): AgentSpec => ({
  id,
  name: id,
  type: 'coder',
  capabilities: ['code'],
  maxConcurrentTasks: 1,
  languages: [],
  frameworks: [],
  metadata: {},
  ...more,
});

export const aRequest = (leaseId: string, more: Partial<LeaseRequest> = {}): LeaseRequest => ({
  leaseId,
  holder: `holder of ${leaseId}`,
  capabilities: ['code'],
  exclude: [],
  priority: 5,
  ...more,
});

/** A pool as a live actor, with a nursery that only notes what it is told. */
export class LivePool {
  readonly clock: VirtualClock;
  readonly facts: PoolFact[] = [];
  readonly answers: AnswerParams[] = [];
  readonly told: AgentNurseryCommand[] = [];
  readonly stale: string[] = [];
  readonly actor: Actor<typeof poolMachine>;
  #folded: PoolState;
  #foldedFacts = 0;
  #checked: PoolState | undefined;
  #error: unknown;

  constructor(recorder?: CoverageRecorder, restored?: PoolState, at = BORN_AT) {
    this.clock = new VirtualClock(at);
    const chart = poolMachine.provide({
      actors: { nursery: hearing<AgentNurseryCommand, undefined>((command) => void this.told.push(command)) },
      actions: {
        commit: (_, { facts }) => void this.facts.push(...(facts as readonly PoolFact[])),
        answer: (_, params) => void this.answers.push(params),
        countStale: (_, { message }) => void this.stale.push(message),
      },
    });
    this.#folded = restored ?? EMPTY_POOL;
    this.actor = createActor(chart, {
      input: { at, ...(restored && { restored }) },
      clock: this.clock as never,
      ...(recorder && { inspect: recorder.inspect }),
    });
    this.actor.subscribe({ error: (error) => (this.#error = error) });
    this.actor.start();
  }

  get state(): PoolState {
    return this.actor.getSnapshot().context.state;
  }

  get started(): readonly AgentChild[] {
    return this.told.flatMap((command) => (command.type === 'child.start' ? command.children : []));
  }

  hear(event: PoolEvent): void {
    this.actor.send(event);
    this.check();
  }

  /** Throws unless everything holds that must hold between two events. */
  check(): void {
    assert.equal(this.#error, undefined);
    assert.equal(this.actor.getSnapshot().value, this.state.phase);
    for (const fact of this.facts.slice(this.#foldedFacts)) {
      assert.ok(fact.at >= this.#folded.at, `${fact.type} goes back in time`);
      this.#folded = evolvePool(this.#folded, JSON.parse(JSON.stringify(fact)) as PoolFact);
    }
    this.#foldedFacts = this.facts.length;
    if (this.state !== this.#checked) assert.deepEqual(plain(this.#folded), plain(this.state), 'the facts do not fold to the state');
    this.#checked = this.state;
  }
}

/** Collections as plain data, however they came to be. */
export const plain = (state: object): object =>
  Object.fromEntries(Object.entries(state).map(([key, value]) => [key, isCollection(value) ? sorted(value.toJS()) : value]));

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string') ? value.toSorted() : value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, sorted(item)]));
};
