/** The clock of tests: stands still until it is moved. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/testing/testing.ts';

describe('the virtual clock', () => {
  it('stands still, and fires what is due when it is moved', () => {
    const clock = new VirtualClock(1_000);
    const fired: string[] = [];
    clock.setTimeout(() => fired.push(`at ${clock.now()}`), 10);
    expect([clock.now(), clock.pending, clock.nextDueAt]).toEqual([1_000, 1, 1_010]);
    clock.advance(9);
    expect(fired).toEqual([]);
    clock.advance(100);
    expect(fired).toEqual(['at 1010']);
    expect([clock.now(), clock.pending, clock.nextDueAt]).toEqual([1_109, 0, undefined]);
    expect(clock.fireNext()).toBe(false);
  });

  it('fires timers by their due time, and those due together in the order in which they were set', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 20 })), fc.nat(30), (delays, ms) => {
        const clock = new VirtualClock(0);
        const fired: number[] = [];
        for (const [index, delay] of delays.entries()) clock.setTimeout(() => fired.push(index), delay);
        clock.advance(ms);
        const expected = delays
          .map((delay, index) => ({ dueAt: Math.max(0, delay), index }))
          .filter(({ dueAt }) => dueAt <= ms)
          .sort((a, b) => a.dueAt - b.dueAt || a.index - b.index);
        expect(fired).toEqual(expected.map(({ index }) => index));
        expect(clock.now()).toBe(ms);
      }),
    );
  });

  it('fires on its way also what its timers set, each at its own time', () => {
    const clock = new VirtualClock(0);
    const at: number[] = [];
    const again = () => {
      at.push(clock.now());
      clock.setTimeout(again, 100);
    };
    clock.setTimeout(again, 100);
    clock.advance(450);
    expect(at).toEqual([100, 200, 300, 400]);
  });

  it('does not fire what was cleared, also by a timer that is due at the same time', () => {
    const clock = new VirtualClock(0);
    const fired: string[] = [];
    const handles: number[] = [];
    clock.setTimeout(() => {
      fired.push('first');
      for (const handle of handles) clock.clearTimeout(handle);
    }, 5);
    handles.push(clock.setTimeout(() => fired.push('second'), 5));
    clock.clearTimeout(undefined);
    clock.advance(10);
    expect(fired).toEqual(['first']);
  });

  it('lets promises settle between timers when it is asked to', async () => {
    const clock = new VirtualClock(0);
    const story: string[] = [];
    const sleep = (ms: number) => new Promise<void>((resolve) => void clock.setTimeout(resolve, ms));
    const work = async () => {
      for (let n = 0; n < 3; n++) {
        await sleep(10);
        story.push(`${clock.now()}`);
      }
    };
    void work();
    await clock.advanceAsync(25);
    expect(story).toEqual(['10', '20']);
    await clock.advanceAsync(5);
    expect(story).toEqual(['10', '20', '30']);
  });
});
