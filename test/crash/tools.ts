/** The tools of the process that is to crash: each acts on the outside by a line in the ledger. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { AnyTool, Json, ToolContext } from '../../src/index.ts';
import { effectHappened } from './assassin.ts';
import type { Ledger } from './ledger.ts';

interface Parameters {
  readonly of: Json;
  readonly failures?: number;
}

export function toolsOf(ledger: Ledger): readonly AnyTool[] {
  const act = async ({ of }: Parameters, { idempotencyKey: key, execution, stepId: step, attempt, signal }: ToolContext) => {
    // Something happens between the start of an attempt and its effect, and between the effect and its end.
    await sleep(key.length % 3, undefined, { signal });
    ledger.write({ what: 'effect', key, execution: execution.executionId, step, attempt });
    effectHappened();
    await sleep(attempt % 3, undefined, { signal });
    return { of };
  };
  return [
    { name: 'work', breaker: false, run: act },
    {
      name: 'suspendable',
      breaker: false,
      onPause: 'suspend',
      run: async (parameters: Parameters, context) => {
        const result = await act(parameters, context);
        await context.checkpoint();
        return result;
      },
    },
    {
      name: 'flaky',
      breaker: false,
      run: async (parameters: Parameters, context) => {
        const result = await act(parameters, context);
        if (context.attempt <= (parameters.failures ?? 0)) throw new Error(`fails ${parameters.failures} times`);
        return result;
      },
    },
  ];
}
