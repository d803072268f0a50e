/** The stream of one call of a scripted model. */

import type { ModelStreamPart } from './language-model.ts';
import { errorOf, type ModelCall, type ModelFailure } from './model-answers.ts';

/** A call as its model notes it. */
export type Noted = { -readonly [Key in keyof ModelCall]: ModelCall[Key] };

interface Flow {
  /** After the parts nothing more comes, and no end. */
  readonly stalls: boolean;
  /** After the parts: what the provider says is its last part, any other error breaks the line. */
  readonly error: ModelFailure | Error | undefined;
  /** Passes before each part after the first. */
  readonly pass: () => Promise<void>;
}

/** Breaks with the signal's reason when that is aborted. Notes how the call ended. */
export function streamed(call: Noted, parts: readonly ModelStreamPart[], { stalls, error, pass }: Flow): ReadableStream<ModelStreamPart> {
  const { signal } = call;
  let next = 0;
  let onAbort = (): void => {};
  const end = (outcome: NonNullable<ModelCall['outcome']>): void => {
    call.outcome ??= outcome;
    signal?.removeEventListener('abort', onAbort);
  };
  return new ReadableStream<ModelStreamPart>({
    start: (controller) => {
      onAbort = () => {
        end('aborted');
        controller.error(signal?.reason);
      };
      if (signal?.aborted) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    },
    pull: async (controller) => {
      if (next > 0) await pass();
      if (call.outcome !== undefined) return;
      const part = parts[next++];
      if (part) controller.enqueue(part);
      else if (stalls) await new Promise(() => {});
      else {
        end(error === undefined ? 'answered' : 'failed');
        if (error instanceof Error) throw error;
        if (error) controller.enqueue({ type: 'error', error: errorOf(error) });
        controller.close();
      }
    },
    cancel: () => end('aborted'),
  });
}

/** As the promise, or rejects with the signal's reason as soon as that is aborted. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
