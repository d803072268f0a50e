/** How an execution has ended, as its facts alone say: for a client who was not there. */

import { executionError } from '../machines/protocol/errors.ts';
import { type ExecutionError, type ExecutionResult, type Json, NO_USAGE, type ResourceUsage } from '../machines/protocol/execution.ts';
import type { Fact } from '../machines/protocol/facts.ts';
import { endsStream } from '../runtime/journal/journal.ts';

interface LastWords {
  readonly result?: Json;
  readonly output?: Json;
  readonly error?: ExecutionError;
  readonly reason?: string;
  readonly usage?: ResourceUsage;
}

/** Undefined while nothing says that it has ended. */
export function resultIn(facts: readonly Fact[]): ExecutionResult | undefined {
  const last = facts.find(endsStream);
  if (!last) return undefined;
  const { executionId, swarmId, correlationId, tier } = last;
  const context = { executionId, swarmId, correlationId, userId: '', timestamp: facts[0]?.at ?? 0 };
  const { result, output, error, reason = '', usage = NO_USAGE } = last.payload as LastWords;
  const common = { resourcesUsed: usage, duration: usage.durationMs, context };
  if (last.type.endsWith('completed')) return { ...common, success: true, status: 'completed', result: result ?? output ?? null };
  if (last.type.endsWith('failed')) return { ...common, success: false, status: 'failed', ...(error && { error }) };
  const cancelled = executionError('CANCELLED', `Cancelled: ${reason}`, tier, { context: { reason } });
  return { ...common, success: false, status: 'cancelled', error: cancelled };
}

/** What somebody was told must be what the facts say. */
export function unlike({ context, status, result = null }: ExecutionResult, facts: readonly Fact[]): string[] {
  const told = resultIn(facts);
  if (told?.status !== status) return [`${context.executionId} was told to be ${status}, and its facts say ${told?.status}`];
  const isSame = JSON.stringify(told.result ?? null) === JSON.stringify(result);
  return isSame ? [] : [`${context.executionId} was told another result than its facts say`];
}
