import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AgentPhase } from '../../src/machines/agent.fold.ts';
import { CoverageRecorder, coverage } from '../../src/testing/coverage.ts';
import { generatePaths } from '../../src/testing/paths.ts';
import { eventsIn, INPUTS, LiveAgent, WATCHED } from './paths/agent-lives.ts';
import { EVERY_CHART } from './paths/every-chart.ts';
import { BORN_AT } from './paths/jobs.ts';

const { machine } = EVERY_CHART.agent;

describe('an agent', () => {
  it('keeps its promises on generated paths that take every transition', () => {
    const recorder = new CoverageRecorder();
    const paths = generatePaths(machine, {
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
    const report = coverage(machine, recorder);
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
