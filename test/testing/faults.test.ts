/** Faults beyond those of every story: slow and late tools, replies that come twice, a clock that jumps; and invariants of the user's own. */

import { describe, expect, it } from 'vitest';
import { type Control, type Pick, type Story, scripted, search, simulate } from '../../src/testing/testing.ts';
import { everyKind, runsWithinRuns } from '../simulation/stories.ts';
import { wholeSwarm } from '../simulation/swarm-stories.ts';

const CONTROLS: readonly Control[] = ['jump', 'pause', 'resume', 'jump', 'cancel'];
const SEEDS = 200;

/** The same story under more faults. */
const faulty =
  (storyOf: (pick: Pick) => Story) =>
  (pick: Pick): Story => ({
    ...storyOf(pick),
    tools: (world) => [
      world.tool('work', ['succeed', 'slow', 'late', 'succeed', 'fail', 'slow', 'late'], { timeoutMs: 30_000 }),
      world.tool('suspendable', ['succeed', 'checkpoint', 'slow', 'late'], { onPause: 'suspend', timeoutMs: 30_000 }),
      world.tool('undo', ['succeed', 'slow', 'fail'], { timeoutMs: 30_000 }),
    ],
    controls: Array.from({ length: pick(5) }, () => CONTROLS[pick(CONTROLS.length)] ?? 'pause'),
    repeats: REPLIES,
  });

/** What carries an attempt's or an incarnation's number, so that the second of two is stale. */
const REPLIES = [
  'attempt.settled',
  'attempt.suspended',
  'child.done',
  'child.failed',
  'child.crashed',
  'execution.paused',
  'execution.waiting',
];

describe('a story with faults', () => {
  it.each([everyKind, runsWithinRuns, wholeSwarm])(
    `%o keeps every invariant through slow and late tools, replies that come twice and a clock that jumps (seeds 1 to ${SEEDS})`,
    async (storyOf) => {
      const seen = new Set<string>();
      const finding = await search(
        async (pick) => {
          const report = await simulate(pick, faulty(storyOf)(pick));
          for (const { payload } of report.facts) seen.add((payload as { error?: { code: string } }).error?.code ?? '');
          for (const label of report.trace) seen.add(label.replace(/^.* → .*: /, ''));
          return report;
        },
        { runs: SEEDS },
      );
      expect(finding?.text).toBeUndefined();
      for (const fault of ['client: jump', 'STEP_TIMEOUT', 'attempt.settled, again', 'child.done, again']) expect(seen).toContain(fault);
    },
    120_000,
  );

  it("is held to its author's invariants, and shrunk to what breaks them", async () => {
    const cautious = (pick: Pick): Story => ({
      ...faulty(everyKind)(pick),
      invariants: {
        'no tool is called a third time for one step': ({ calls }) => calls.every(({ context }) => context.attempt < 3),
        'what is completed has a result': ({ result: { status, result } }) => status !== 'completed' || result !== undefined,
      },
    });
    const finding = await search((pick) => simulate(pick, cautious(pick)), { runs: SEEDS, maxTries: 200 });
    expect(finding?.report.violations).toEqual(['no tool is called a third time for one step']);
    expect(finding?.report.trace.length).toBeLessThan(finding?.first.trace.length ?? 0);
    const pick = scripted(finding?.choices ?? []);
    expect(await simulate(pick, cautious(pick))).toEqual(finding?.report);
  }, 60_000);
});
