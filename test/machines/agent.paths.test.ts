import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Actor, type AnyMachineSnapshot, createActor, type EventObject } from 'xstate';
import type { AgentPhase } from '../../src/machines/agent.fold.ts';
import { UNBORN } from '../../src/machines/agent.fold.ts';
import { type AgentInput, agentMachine, evolveAgent } from '../../src/machines/machines.ts';
import type { AgentLife, AgentReport, BodyCommand, BodyInput } from '../../src/machines/protocol/agent.ts';
import { CoverageRecorder, coverage } from '../../src/testing/coverage.ts';
import { generatePaths, timersOf } from '../../src/testing/paths.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { aSpec } from './paths/agents.ts';
import { hearing } from './paths/hearing.ts';
import { BORN_AT } from './paths/jobs.ts';

const withLife = (life?: Partial<AgentLife>): AgentInput => ({
  spec: aSpec('ann', life && { life: { hasBody: true, readyTimeoutMs: 30_000, restart: { maxRestarts: 3, withinMs: 60_000 }, ...life } }),
  incarnation: 1,
  at: BORN_AT,
});
const BARE = withLife();
const WATCHED = withLife({ heartbeat: { intervalMs: 1_000, timeoutMs: 500, misses: 3 } });
const STRICT = withLife({ heartbeat: { intervalMs: 1_000, timeoutMs: 500, misses: 1 } });
const INPUTS = [BARE, withLife({}), WATCHED, STRICT];

class LiveAgent {
  readonly clock = new VirtualClock(BORN_AT);
  readonly reports: AgentReport[] = [];
  readonly told: BodyCommand[] = [];
  readonly actor: Actor<typeof agentMachine>;
  readonly #input: AgentInput;

  constructor(input: AgentInput, recorder: CoverageRecorder) {
    this.#input = input;
    const chart = agentMachine.provide({
      actors: { body: hearing<BodyCommand, BodyInput>((command) => void this.told.push(command)) },
      actions: { report: (_, { reports }) => void this.reports.push(...reports) },
    });
    this.actor = createActor(chart, { input, clock: this.clock as never, inspect: recorder.inspect }).start();
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

function eventsIn(snapshot: AnyMachineSnapshot, at: number): readonly EventObject[] {
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

describe('an agent', () => {
  it('keeps its promises on generated paths that take every transition', () => {
    const recorder = new CoverageRecorder();
    const paths = generatePaths(agentMachine, {
      inputs: INPUTS,
      events: (snapshot) => eventsIn(snapshot, snapshot.context.state.at + 1) as never,
      key: ({ context: { state } }) => `${state.load} ${state.missed}`,
    });
    for (const { input, events } of paths) {
      const live = new LiveAgent(input, recorder);
      for (const event of events) live.hear(event);
      live.actor.stop();
      expect(live.clock.pending).toBe(0);
    }
    const report = coverage(agentMachine, recorder);
    expect(report.isComplete, report.table).toBe(true);
  });

  it('keeps its promises whatever it hears', () => {
    const strides = fc.array(fc.record({ wait: fc.nat(1_500), pick: fc.nat(1_000) }), { maxLength: 40, size: 'max' });
    fc.assert(
      fc.property(fc.constantFrom(...INPUTS), strides, (input, steps) => {
        const live = new LiveAgent(input, new CoverageRecorder());
        for (const { wait, pick } of steps) {
          live.clock.advance(wait);
          live.check();
          const events = eventsIn(live.actor.getSnapshot(), live.clock.now());
          const event = events[pick % events.length];
          if (event) live.hear(event);
        }
        live.actor.stop();
      }),
      { numRuns: 300 },
    );
  });

  it('is suspect after one miss, ready again after a heartbeat in time, and lost after as many in a row as its policy says', () => {
    const live = new LiveAgent(WATCHED, new CoverageRecorder());
    const phases: AgentPhase[] = [];
    const goTo = (ms: number) => {
      live.clock.advance(BORN_AT + ms - live.clock.now());
      live.check();
      phases.push(live.state.phase);
    };
    live.hear({ type: 'body.ready', at: BORN_AT } as never);
    goTo(1_000);
    goTo(1_500);
    goTo(2_500);
    live.hear({ type: 'body.alive', beat: 2, at: BORN_AT + 2_600 } as never);
    goTo(2_700);
    for (const ms of [4_100, 5_600, 7_100]) goTo(ms);
    expect(phases).toEqual([
      'ready.checking',
      'suspect.resting',
      'suspect.checking',
      'ready.resting',
      'suspect.resting',
      'suspect.resting',
      'lost',
    ]);
    expect(live.actor.getSnapshot().output).toEqual({ end: 'lost' });
    expect(live.told.map((command) => ('beat' in command ? command.beat : command.type))).toEqual([1, 2, 3, 4, 5]);
  });
});
