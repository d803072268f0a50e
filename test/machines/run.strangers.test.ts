import { describe, expect, it } from 'vitest';
import type { EventObject } from 'xstate';
import { LiveChart } from './paths/live-chart.ts';
import { aRun, run } from './paths/runs.ts';

const cause = { name: 'Error', message: 'boom' };

describe('a run that hears of a child that it does not have', () => {
  it.each([
    { type: 'child.done', output: { status: 'completed', output: 1, attempts: 1 } },
    { type: 'child.crashed', cause },
    { type: 'execution.waiting' },
    { type: 'execution.continued' },
    { type: 'execution.paused', epoch: 0 },
  ])('$type: nothing comes of it, whatever its last step is at', (report) => {
    const live = new LiveChart(run, aRun([{}, { after: [0] }, {}]));
    const known = live.facts.length;
    for (const id of ['nobody', 's0/undo', 'constructor']) {
      const heard: EventObject = Object.assign({}, report, { id, incarnation: 1, at: live.clock.now() });
      live.hear(heard);
    }
    live.check();
    expect(live.facts).toHaveLength(known);
  });
});
