/** Supervisors for charts under test. */

import assert from 'node:assert/strict';
import { type Actor, type AnyActorRef, createActor, type EventObject } from 'xstate';
import { evolveSupervisor, supervisorMachine } from '../../../src/machines/machines.ts';
import type { SupervisedCommand, SupervisedSpec, SupervisorFact, SupervisorSpec } from '../../../src/machines/protocol/supervisor.ts';
import { childAt, isLive, type SupervisedRecord, type SupervisorState, UNBORN_SUPERVISOR } from '../../../src/machines/supervisor.state.ts';
import type { SupervisorAnswer, SupervisorEvent } from '../../../src/machines/supervisor.turn.ts';
import type { CoverageRecorder } from '../../../src/testing/coverage.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { plain } from './agents.ts';
import { hearing } from './hearing.ts';
import { BORN_AT } from './jobs.ts';

export const aChild = (id: string, more: Partial<SupervisedSpec> = {}): SupervisedSpec => ({
  id,
  src: 'worker',
  restart: 'permanent',
  shutdown: 1_000,
  type: 'worker',
  significant: false,
  input: null,
  ...more,
});

export const aSupervisor = (more: Partial<SupervisorSpec> = {}): SupervisorSpec => ({
  name: 'supervisor',
  strategy: 'one-for-one',
  intensity: { maxRestarts: 1, withinMs: 60_000 },
  autoShutdown: 'never',
  children: [],
  maxChildren: 10,
  ...more,
});

/** In the order of their starts. */
export function childrenOf(state: SupervisorState): readonly SupervisedRecord[] {
  const found: SupervisedRecord[] = [];
  for (let record = childAt(state, state.first); record; record = childAt(state, record.after)) found.push(record);
  return found;
}

interface Relaying {
  _relay(source: AnyActorRef | undefined, target: AnyActorRef, event: EventObject): void;
}

/** A supervisor as a live actor, with a port that only notes what it is told. What it calls for next comes when the path says so. */
export class LiveSupervisor {
  readonly clock = new VirtualClock(BORN_AT);
  readonly facts: SupervisorFact[] = [];
  readonly told: SupervisedCommand[] = [];
  readonly answers: SupervisorAnswer[] = [];
  readonly actor: Actor<typeof supervisorMachine>;
  readonly asked = new Set<string>();
  #held: (() => void)[] = [];
  #folded = UNBORN_SUPERVISOR;
  #foldedFacts = 0;
  #requests = 0;
  #error: unknown;

  constructor(spec: SupervisorSpec, recorder?: CoverageRecorder) {
    const chart = supervisorMachine.provide({
      actors: { children: hearing<SupervisedCommand, { readonly name: string }>((command) => void this.told.push(command)) },
      actions: {
        commit: (_, { facts }) => void this.facts.push(...facts),
        answer: (_, params) => void this.answers.push(params),
      },
    });
    const input = { spec, at: BORN_AT };
    this.actor = createActor(chart, { input, clock: this.clock as never, ...(recorder && { inspect: recorder.inspect }) });
    const system = this.actor.system as unknown as Relaying;
    const relay = system._relay.bind(system);
    system._relay = (source, target, event) => {
      if (event.type === 'supervisor.next') this.#held.push(() => relay(source, target, event));
      else relay(source, target, event);
    };
    this.actor.subscribe({ error: (error) => (this.#error = error) });
    this.actor.start();
    this.check();
  }

  get state(): SupervisorState {
    return this.actor.getSnapshot().context.state;
  }

  /** @param isKnown What holds after it has been checked, on another path that began alike. */
  hear(event: SupervisorEvent, isKnown = false): void {
    if (this.actor.getSnapshot().status !== 'active') return;
    if (event.type === 'supervisor.next') this.#held.shift()?.();
    else if ('requestId' in event) {
      const requestId = `r${++this.#requests}`;
      this.asked.add(requestId);
      this.actor.send({ ...event, requestId });
    } else this.actor.send(event);
    if (!isKnown) this.check();
  }

  /** Lets it do all that waits. */
  goOn(): void {
    while (this.#held.length > 0 && this.actor.getSnapshot().status === 'active') this.hear({ type: 'supervisor.next' });
  }

  /** Throws unless everything holds that must hold between two events. */
  check(): void {
    assert.equal(this.#error, undefined);
    const { value, context } = this.actor.getSnapshot();
    const { state, deferred } = context;
    assert.equal(pathOf(value), state.phase, 'the phase is not the state');
    for (const fact of this.facts.slice(this.#foldedFacts)) {
      assert.ok(fact.at >= this.#folded.at, `${fact.type} goes back in time`);
      this.#folded = evolveSupervisor(this.#folded, JSON.parse(JSON.stringify(fact)) as SupervisorFact);
    }
    this.#foldedFacts = this.facts.length;
    assert.deepEqual(plain(this.#folded), plain(state), 'the facts do not fold to the state');
    const isWaiting = state.phase === 'supervising.idle' && deferred.size > 0;
    if (!state.outcome) assert.equal(this.#held.length, isWaiting ? 1 : 0, 'what waits is called for once');
    this.#checkChildren(state);
    this.#checkAnswers();
  }

  #checkChildren(state: SupervisorState): void {
    const children = childrenOf(state);
    const ordinals = children.map(({ ordinal }) => ordinal);
    assert.deepEqual(
      ordinals,
      state.children
        .keySeq()
        .toArray()
        .toSorted((a, b) => a - b),
      'the list is not all children, in order',
    );
    assert.deepEqual(new Set(children.map(({ spec }) => spec.id)), new Set(state.ordinals.keys()));
    assert.equal(state.live, children.filter(isLive).length);
    assert.equal(state.significant, children.filter(({ spec, status }) => spec.significant && status !== 'absent').length);
    assert.ok(state.restarts.size <= (state.spec?.intensity.maxRestarts ?? 0), 'more restarts than its intensity');
    const isBusy = state.phase.startsWith('supervising.idle') || state.phase === 'stopped' || state.phase === 'escalated';
    if (isBusy) assert.equal(state.current, undefined, 'busy with a child, yet idle');
    if (state.phase === 'stopped' || state.phase === 'escalated') assert.equal(state.live, 0, 'a child survives its supervisor');
  }

  #checkAnswers(): void {
    const answered = this.answers.map(({ requestId }) => requestId);
    assert.equal(new Set(answered).size, answered.length, 'a request is answered twice');
    const { context, status } = this.actor.getSnapshot();
    const open = [...this.asked].filter((requestId) => !answered.includes(requestId));
    const waiting = [...context.deferred, context.asked].filter((event) => event && 'requestId' in event);
    assert.equal(open.length, waiting.length, 'a request is lost');
    if (status === 'done') assert.equal(open.length, 0, 'a request is never answered');
  }
}

const pathOf = (value: unknown): string =>
  typeof value === 'string' ? value : (Object.entries(value as object).map(([key, inner]) => `${key}.${pathOf(inner)}`)[0] ?? '');
