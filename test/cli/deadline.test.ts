import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Deadline } from '../../src/cli/deadline.ts';

describe('the deadline of a run that waits', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const start = (ms?: number) => {
    const reasons: string[] = [];
    return { reasons, deadline: new Deadline(ms, (reason) => reasons.push(reason)) };
  };

  it('comes while it waits, once', () => {
    const { reasons, deadline } = start(50);
    deadline.waits();
    vi.advanceTimersByTime(49);
    expect([reasons, deadline.hasExpired]).toEqual([[], false]);
    vi.advanceTimersByTime(1_000);
    deadline.waits();
    expect([reasons, deadline.hasExpired]).toEqual([['50 ms have passed'], true]);
  });

  it('catches what begins to wait too late', () => {
    const { reasons, deadline } = start(50);
    vi.advanceTimersByTime(60);
    expect(reasons).toEqual([]);
    deadline.waits();
    expect(reasons).toHaveLength(1);
  });

  it('leaves what never waits to the runtime, and what has no limit alone', () => {
    const limited = start(50);
    const free = start();
    free.deadline.waits();
    vi.advanceTimersByTime(2 ** 31);
    expect([limited.reasons, free.reasons, vi.getTimerCount()]).toEqual([[], [], 0]);
  });

  it('never comes for what is over', () => {
    const { reasons, deadline } = start(50);
    deadline.waits();
    deadline.stop();
    vi.advanceTimersByTime(1_000);
    expect(reasons).toEqual([]);
  });
});
