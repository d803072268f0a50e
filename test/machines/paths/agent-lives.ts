/** Agents' lives for charts under test. */

import assert from 'node:assert/strict';
import { type Actor, type AnyMachineSnapshot, createActor, type EventObject } from 'xstate';
import { UNBORN } from '../../../src/machines/agent.fold.ts';
import { type AgentInput, agentMachine, evolveAgent } from '../../../src/machines/machines.ts';
import type { AgentLife, AgentReport, BodyCommand, BodyInput } from '../../../src/machines/protocol/agent.ts';
import type { CoverageRecorder } from '../../../src/testing/coverage.ts';
import { timersOf } from '../../../src/testing/paths.ts';
import type { Pick } from '../../../src/testing/random.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { aSpec } from './agents.ts';
import { hearing } from './hearing.ts';
import { again, type Interleaving, telling, wait } from './interleavings.ts';
import { BORN_AT } from './jobs.ts';

const withLife = (life?: Partial<AgentLife>): AgentInput => ({
  spec: aSpec('ann', life && { life: { hasBody: true, readyTimeoutMs: 30_000, restart: { maxRestarts: 3, withinMs: 60_000 }, ...life } }),
  incarnation: 1,
  at: BORN_AT,
});
const BARE = withLife();
export const WATCHED = withLife({ heartbeat: { intervalMs: 1_000, timeoutMs: 500, misses: 3 } });
const STRICT = withLife({ heartbeat: { intervalMs: 1_000, timeoutMs: 500, misses: 1 } });
export const INPUTS = [BARE, withLife({}), WATCHED, STRICT];

/** One life of an agent as a live actor, with a body that only notes what it is told. */
export class LiveAgent {
  readonly clock = new VirtualClock(BORN_AT);
  readonly reports: AgentReport[] = [];
  readonly told: BodyCommand[] = [];
  readonly actor: Actor<typeof agentMachine>;
  readonly #input: AgentInput;

  constructor(input: AgentInput, recorder?: CoverageRecorder) {
    this.#input = input;
    const chart = agentMachine.provide({
      actors: { body: hearing<BodyCommand, BodyInput>((command) => void this.told.push(command)) },
      actions: { report: (_, { reports }) => void this.reports.push(...reports) },
    });
    this.actor = createActor(chart, { input, clock: this.clock as never, ...(recorder && { inspect: recorder.inspect }) }).start();
    this.check();
  }

  get state() {
    return this.actor.getSnapshot().context.state;
  }

  hear(event: EventObject & { readonly at?: number }): void {
    if (this.actor.getSnapshot().status !== 'active') return;
    if (event.type.startsWith('xstate.after.')) this.clock.fireNext();
    else {
      this.clock.advance(Math.max(0, (event.at ?? 0) - this.clock.now()));
      this.actor.send(event as never);
    }
    this.check();
  }

  check(): void {
    const { status, value, children } = this.actor.getSnapshot();
    assert.notEqual(status, 'error');
    const { phase, dueAt, load } = this.state;
    assert.equal(phase, pathOf(value), 'the phase is not the state');
    assert.deepEqual(this.reports.reduce(evolveAgent, UNBORN), this.state, 'the reports do not fold to the state');
    const waits = status === 'active' && dueAt > 0;
    assert.equal(this.clock.nextDueAt, waits ? dueAt : undefined, `the timer in ${phase}`);
    assert.ok(load >= 0);
    if (this.#input === BARE) assert.deepEqual(Object.keys(children), [], 'an agent without hooks has no body');
    const times = this.reports.map(({ at }) => at);
    assert.deepEqual(times, times.toSorted(), 'time goes back');
  }
}

const pathOf = (value: unknown): string =>
  typeof value === 'string' ? value : (Object.entries(value as object).map(([key, inner]) => `${key}.${pathOf(inner)}`)[0] ?? '');

/** What may be heard, of this beat and of an earlier one. */
export function eventsIn(snapshot: AnyMachineSnapshot, at: number): readonly EventObject[] {
  const { beat, load } = snapshot.context.state as { readonly beat: number; readonly load: number };
  const assigns = load < 2 ? [{ type: 'agent.assign', leaseId: 'l', at }] : [];
  const replies = [
    { type: 'body.ready', at },
    { type: 'body.alive', beat, at },
    { type: 'body.alive', beat: beat - 1, at },
    { type: 'body.disposed', at },
  ];
  return [...assigns, { type: 'agent.release', leaseId: 'l', at }, { type: 'agent.drain', at }, ...replies, ...timersOf(snapshot)];
}

/** One interleaving: an agent is not durable, so a crash is the end of its life. */
export const tellAgent = (pick: Pick): Interleaving =>
  telling((told) => {
    const live = new LiveAgent(INPUTS[pick(INPUTS.length)] ?? BARE);
    for (let strides = 5 + pick(30); strides > 0; strides--) {
      const passed = wait(pick, 3_000);
      told.heard.push(`${passed} ms pass`);
      live.clock.advance(passed);
      live.check();
      const events = eventsIn(live.actor.getSnapshot(), live.clock.now()).filter(({ type }) => type !== 'agent.drain' || pick(4) === 3);
      const event = pick(5) === 4 ? again(pick, told.heard, live.clock.now()) : events[pick(events.length)];
      if (!event) continue;
      told.heard.push(event);
      live.hear(event);
    }
    live.actor.stop();
    assert.equal(live.clock.pending, 0, 'timers after the end');
  });
