/** Waiting on the runtime's clock: for a while, and for what may never come. */

import type { Clock } from '../../actors/clock.ts';
import { memberOf } from '../../actors/failure.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';

/** Also one of another realm, or of somebody's library: what an `await` would wait for. */
export const isPromise = (value: unknown): value is PromiseLike<unknown> => typeof memberOf(value, 'then') === 'function';

/** Resolves after the time, or as soon as the signal is aborted. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  const timer = signal.aborted ? undefined : clock.setTimeout(resolve, ms);
  const stop = () => resolve();
  signal.addEventListener('abort', stop, { once: true });
  return promise.finally(() => {
    if (timer !== undefined) clock.clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  });
}

/**
 * What `work` gives. Its signal is aborted when it takes too long, and then this rejects with an error of class timeout; it rejects at once when the
 * outer signal is aborted. What the work does afterwards is nobody's.
 */
export async function within<Result>(
  clock: Clock,
  ms: number,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Result | Promise<Result>,
): Promise<Result> {
  outer.throwIfAborted();
  const controller = new AbortController();
  const over = Promise.withResolvers<never>();
  const giveUp = (reason: unknown) => {
    controller.abort(reason);
    over.reject(reason);
  };
  const stop = () => giveUp(outer.reason);
  const late = () => new SwarmchartError('EXECUTION_FAILED', `did not finish within ${ms} ms`, { errorClass: 'timeout' });
  outer.addEventListener('abort', stop, { once: true });
  const timer = clock.setTimeout(() => giveUp(late()), ms);
  try {
    const begun = Promise.resolve().then(() => work(controller.signal));
    return await Promise.race([begun, over.promise]);
  } finally {
    clock.clearTimeout(timer);
    outer.removeEventListener('abort', stop);
  }
}
