/** The real clock: never goes back, and waits for longer than a timer of the platform can. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/runtime/system-clock.ts';

const LONGEST_TIMER = 2 ** 31 - 1;

describe('the system clock', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }));
  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  it('is the time of day when it is made, in whole milliseconds', () => {
    const clock = systemClock();
    expect(clock.now()).toBe(Date.UTC(2026, 0, 1));
    vi.advanceTimersByTime(1_234);
    expect(clock.now()).toBe(Date.UTC(2026, 0, 1) + 1_234);
  });

  it('does not go back when somebody sets the time of day back', () => {
    const clock = systemClock();
    vi.advanceTimersByTime(1_000);
    const before = clock.now();
    vi.setSystemTime(Date.UTC(2020, 0, 1));
    expect(clock.now()).toBeGreaterThanOrEqual(before);
    vi.advanceTimersByTime(5);
    expect(clock.now()).toBe(before + 5);
  });

  it.each([1, LONGEST_TIMER, LONGEST_TIMER + 1, 2 ** 31 + 5, 90 * 24 * 3_600_000])('waits for %i ms, no more and no less', (delayMs) => {
    const delays = vi.spyOn(globalThis, 'setTimeout');
    let fired = 0;
    systemClock().setTimeout(() => fired++, delayMs);
    vi.advanceTimersByTime(delayMs - 1);
    expect(fired).toBe(0);
    vi.advanceTimersByTime(1);
    expect(fired).toBe(1);
    vi.advanceTimersByTime(2 * LONGEST_TIMER);
    expect(fired).toBe(1);
    for (const [, ms] of delays.mock.calls) expect(ms).toBeLessThanOrEqual(LONGEST_TIMER);
  });

  it('fires in the next turn when the time is already past', () => {
    let fired = 0;
    systemClock().setTimeout(() => fired++, -5);
    expect(fired).toBe(0);
    vi.advanceTimersByTime(0);
    expect(fired).toBe(1);
  });

  it('forgets a timer in any part of its wait', () => {
    const clock = systemClock();
    let fired = 0;
    const timers = Array.from({ length: 3 }, () => clock.setTimeout(() => fired++, 3 * LONGEST_TIMER));
    for (const timer of timers) {
      clock.clearTimeout(timer);
      vi.advanceTimersByTime(LONGEST_TIMER - 1);
    }
    clock.clearTimeout(undefined);
    vi.advanceTimersByTime(10 * LONGEST_TIMER);
    expect(fired).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
