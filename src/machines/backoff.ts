/** Retry decisions: whether, and after how long. Pure: jitter comes from a hash of the execution, so that a replay waits as long. */

import type { ExecutionError } from './protocol/execution.ts';
import type { Backoff, RetryPolicy } from './protocol/plan.ts';
import type { StepJob } from './protocol/step.ts';

/**
 * The policy for an error: the step's own, else that of the error's class. None for what is not retryable.
 *
 * Source: Execution Layer Architecture, "Recovery Strategies".
 */
export function retryPolicy(job: StepJob, error: ExecutionError): RetryPolicy | undefined {
  if (!error.retryable) return undefined;
  return job.retry ?? job.recovery[error.errorClass];
}

/** Milliseconds to wait after the n-th failed attempt (from 1). */
export function backoffMs(backoff: Backoff, failures: number, seed: string): number {
  const raw = {
    fixed: backoff.baseMs,
    linear: backoff.baseMs * failures,
    exponential: backoff.baseMs * backoff.factor ** (failures - 1),
  }[backoff.strategy];
  const spread = 1 + backoff.jitter * (2 * fraction(`${seed}/${failures}`) - 1);
  return Math.round(Math.min(Math.min(raw, backoff.maxMs) * spread, backoff.maxMs));
}

/** A number in [0, 1) from a text: FNV-1a with a final mix. */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}
