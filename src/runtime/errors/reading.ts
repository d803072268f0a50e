/** What the facts say, as far as they can be believed: they may come from another version. */

import { ERROR_CLASSES, type ErrorClass, executionError } from '../../machines/protocol/errors.ts';
import type { ExecutionError } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { Plan } from '../../machines/protocol/plan.ts';

/** Any of them may be missing. */
export interface Payload {
  readonly stepId?: string;
  readonly taskId?: string;
  readonly ordinal?: number;
  readonly attempt?: number;
  readonly fatal?: boolean;
  readonly error?: unknown;
  readonly cause?: { readonly name: string; readonly message: string };
  readonly kind?: string;
  readonly target?: string;
  readonly job?: { readonly plan?: Plan };
  readonly childExecutionId?: string;
  readonly agentId?: string | null;
  readonly leaseId?: string;
  readonly normId?: string;
  readonly mission?: string;
  readonly decision?: string;
}

export const payloadOf = ({ payload }: Fact): Payload => (payload ?? {}) as Payload;

export const hasError = (error: unknown): error is ExecutionError =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' && 'message' in error;

/** The fact's error; also of one that has only a cause, such as a crash. */
export function errorIn(fact: Fact): ExecutionError {
  const { tier, type } = fact;
  const { error, cause } = payloadOf(fact);
  if (hasError(error)) return { ...error, errorClass: classIn(error) };
  if (cause) return executionError('ACTOR_CRASHED', String(cause.message), tier, { cause });
  return executionError('EXECUTION_FAILED', `${type} gives no reason`, tier);
}

const classIn = ({ errorClass, code }: ExecutionError): ErrorClass => errorClass ?? ERROR_CLASSES[code] ?? 'permanent';
export const normIn = ({ context }: ExecutionError): string | undefined => {
  const normId = context?.['normId'];
  return typeof normId === 'string' ? normId : undefined;
};
