/** The life of what takes facts one after the other: a route, a trigger. */

import type { Clock } from '../../actors/clock.ts';
import { asCause } from '../../actors/failure.ts';
import type { Logger } from '../../actors/tool.ts';
import { isBookkeeping, type Passed, type Reader } from './reader.ts';
import { pause } from './waiting.ts';

export interface FollowOptions {
  /** Reads from where it is. */
  readonly read: () => Reader;
  /** Takes each of them, one after the other, until it rejects or the signal is aborted. */
  readonly take: (passed: Passed) => Promise<void>;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Logger;
  /** For the log. */
  readonly who: object;
}

const RETRY_MS = 1_000;

/** Resolves when the signal is aborted or the journal is closed. A journal that cannot be read is tried again. Never rejects. */
export async function follow({ read, take, signal, clock, log, who }: FollowOptions): Promise<void> {
  while (!signal.aborted) {
    const reader = read();
    const close = () => reader.close();
    signal.addEventListener('abort', close, { once: true });
    try {
      for await (const passed of reader) {
        if (!passed.fact || !isBookkeeping(passed.fact)) await take(passed);
        if (signal.aborted) return;
      }
      return;
    } catch (thrown) {
      log.error({ err: asCause(thrown), ...who }, 'the journal could not be followed');
      await pause(clock, RETRY_MS, signal);
    } finally {
      signal.removeEventListener('abort', close);
    }
  }
}
