/** Tools whose work takes time on a virtual clock. */

import type { AnyTool, ToolContext } from '../../src/index.ts';
import type { VirtualClock } from '../../src/testing/testing.ts';

/** Resolves after a time on the clock; rejects as soon as the signal is aborted. */
export function wait(clock: VirtualClock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    const onAbort = () => {
      clock.clearTimeout(timer);
      reject(new Error('aborted'));
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Works for `ms`, one second at a time, with a checkpoint after each. Counts its starts by step. */
export function slowTool(clock: VirtualClock, name: string, ms: number, more: Partial<AnyTool> = {}) {
  const starts: string[] = [];
  const tool: AnyTool = {
    name,
    ...more,
    run: async (parameters: unknown, context: ToolContext) => {
      starts.push(context.idempotencyKey);
      for (let done = 0; done < ms; done += 1_000) {
        await context.checkpoint();
        await wait(clock, 1_000, context.signal);
      }
      return parameters;
    },
  };
  return { tool, starts };
}
