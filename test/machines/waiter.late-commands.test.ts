import { describe, expect, it } from 'vitest';
import { BORN_AT } from './paths/jobs.ts';
import { LiveChart } from './paths/live-chart.ts';
import { waiter } from './paths/waiters.ts';

describe('a waiter', () => {
  it('that hears of a pause and of its end only after both are over, waits no shorter for it', () => {
    const [timer] = waiter.inputs;
    if (!timer) throw new Error('no timer');
    const live = new LiveChart(waiter, timer);
    // Sent before it was born: the machine was asleep in between.
    live.hear({ type: 'execution.pause', at: BORN_AT - 86_400_000, epoch: 1 } as never);
    live.hear({ type: 'execution.resume', at: BORN_AT - 86_000_000 } as never);
    live.check();
    expect(live.state.dueAt).toBe(BORN_AT + 5_000);
    live.wait(4_999);
    expect(live.isSettled).toBe(false);
    live.wait(1);
    expect(live.isSettled).toBe(true);
  });
});
