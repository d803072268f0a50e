/** The real clock: monotonic within the process, and able to wait for longer than a timer of the platform can. */

import type { Clock } from '../actors/clock.ts';

/** A longer delay would make Node's timer fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface LongTimer {
  handle: NodeJS.Timeout;
}

export function systemClock(): Clock {
  const origin = Date.now() - performance.now();
  const now = () => Math.round(origin + performance.now());
  const wait = (timer: LongTimer, callback: () => void, delayMs: number): void => {
    const slice = Math.min(delayMs, MAX_TIMER_MS);
    timer.handle = setTimeout(() => (slice < delayMs ? wait(timer, callback, delayMs - slice) : callback()), slice);
  };
  return {
    now,
    setTimeout(callback, delayMs) {
      const timer = {} as LongTimer;
      wait(timer, callback, Math.max(0, delayMs));
      return timer;
    },
    clearTimeout(timer) {
      clearTimeout((timer as LongTimer | undefined)?.handle);
    },
  };
}
