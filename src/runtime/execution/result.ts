/** From a chart's outcome to the result that a caller gets. */

import { executionError } from '../../machines/protocol/errors.ts';
import {
  type ExecutionContext,
  type ExecutionError,
  type ExecutionResult,
  NO_USAGE,
  type Tier,
} from '../../machines/protocol/execution.ts';
import type { TimedOutcome } from '../../machines/protocol/step.ts';
import type { RunOutcome } from '../../machines/run.decisions.ts';

export function toResult(outcome: RunOutcome | TimedOutcome, tier: Tier, context: ExecutionContext): ExecutionResult {
  const resourcesUsed = outcome.usage;
  const common = { resourcesUsed, duration: outcome.duration, context };
  const value = 'result' in outcome ? outcome.result : outcome.output;
  if (outcome.status === 'completed' || outcome.status === 'skipped')
    return { ...common, success: true, status: 'completed', result: value };
  if (outcome.status === 'failed') return { ...common, success: false, status: 'failed', ...(outcome.error && { error: outcome.error }) };
  const error = executionError('CANCELLED', `Cancelled: ${outcome.reason ?? ''}`, tier, {
    context: { reason: outcome.reason ?? '' },
  });
  return { ...common, success: false, status: 'cancelled', error: outcome.error ?? error };
}

export const failedResult = (error: ExecutionError, context: ExecutionContext): ExecutionResult => ({
  success: false,
  status: 'failed',
  error,
  resourcesUsed: NO_USAGE,
  duration: 0,
  context,
});
