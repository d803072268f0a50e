/** What an executor's transitions record. Each function opens on the folded state and an event, and adds facts to the turn. */

import { backoffMs, retryPolicy } from './backoff.ts';
import { type ExecutorState, pausedUntil, usageIn, withUsage } from './executor.fold.ts';
import { freeOf, lacking, NONE } from './ledger.ts';
import { executionError } from './protocol/errors.ts';
import { type ExecutionContext, type ExecutionError, NO_USAGE, type ResourceUsage } from './protocol/execution.ts';
import type { AttemptReply, AttemptUsage, StepCommand, StepFact, StepJob, TimedOutcome } from './protocol/step.ts';
import { timerAt } from './timers.ts';
import type { Turn } from './turn.ts';

/** How long aborted work may take to clean up before it is abandoned. Milliseconds. */
export const ABORT_GRACE_MS = 5_000;

export interface ExecutorContext {
  readonly execution: ExecutionContext;
  readonly job: StepJob;
  readonly state: ExecutorState;
  /** Time at which the actor was created, for the first fact. */
  readonly bornAt: number;
}

export type ExecutorTurn = Turn<ExecutorState, StepFact>;
export type ExecutorEvent = StepCommand | AttemptReply | { readonly type: 'xstate.error.actor.attempt'; readonly error: unknown };
type Settled = Extract<ExecutorEvent, { type: 'attempt.settled' }>;

const NOTHING: AttemptUsage = { credits: '0', memoryMB: 0 };

export function recordStarted(turn: ExecutorTurn, { execution, job, bornAt }: ExecutorContext): void {
  const root = execution.parentExecutionId === undefined && { root: { execution, job } };
  turn.record({
    type: 'tier3/execution/started',
    at: bornAt,
    payload: {
      stepId: job.stepId,
      kind: job.work.kind,
      target: targetOf(job),
      idempotencyKey: job.idempotencyKey,
      maxCredits: job.allocation.maxCredits,
      ...(job.allocation.maxTokens !== undefined && { maxTokens: job.allocation.maxTokens }),
      dueAt: bornAt + job.timeoutMs,
      ...root,
    },
  });
}

/**
 * After a restart the attempt that was under way is made again from its beginning, with its whole time. The first try is taken to have used what
 * it declares, as far as that leaves enough for the second. What else it had booked is known to nobody. One that was suspended is lost once,
 * however often there is a restart before it begins anew.
 */
export function recordInterrupted(turn: ExecutorTurn, context: ExecutorContext): void {
  const { job, state, bornAt } = context;
  if (state.isLost) return;
  const at = Math.max(bornAt, state.at);
  const payload = { stepId: job.stepId, attempt: state.attempt, usage: abandonedCost(context, 2), dueAt: at + job.timeoutMs };
  turn.record({ type: 'tier3/attempt/interrupted', at, payload });
}

/** A request that was refused: the execution exists, and has failed without an attempt. */
export function refuseStep(turn: ExecutorTurn, context: ExecutorContext): void {
  recordStarted(turn, context);
  const { job, bornAt: at } = context;
  const error = job.refusal ?? executionError('INVALID_INPUT', `Step "${job.stepId}" was refused`, 'tier3');
  turn.record({ type: 'tier3/execution/failed', at, payload: { stepId: job.stepId, error, attempts: 0, usage: NO_USAGE } });
}

export function recordNextAttempt(turn: ExecutorTurn, context: ExecutorContext): void {
  const { job, state } = context;
  const at = timerAt(context);
  turn.record({
    type: 'tier3/attempt/started',
    at,
    payload: { stepId: job.stepId, attempt: state.attempt + 1, dueAt: at + job.timeoutMs },
  });
}

/** A failed attempt that will be tried again: now backing off, or parked when a pause was asked for. */
export function recordAttemptFailed(turn: ExecutorTurn, context: ExecutorContext, event: ExecutorEvent): void {
  const { job, state, execution } = context;
  const { error, usage, at } = failureOf(context, event);
  const policy = retryPolicy(job, error);
  turn.record({
    type: 'tier3/attempt/failed',
    at,
    payload: {
      stepId: job.stepId,
      attempt: state.attempt,
      error,
      usage,
      backoffMs: policy ? backoffMs(policy.backoff, state.attempt, execution.executionId) : 0,
      parked: state.pauseRequested,
    },
  });
}

export function recordTimingOut(turn: ExecutorTurn, context: ExecutorContext): void {
  const { job, state } = context;
  const at = timerAt(context);
  turn.record({
    type: 'tier3/execution/timing_out',
    at,
    payload: { stepId: job.stepId, attempt: state.attempt, graceUntil: at + ABORT_GRACE_MS },
  });
}

export function recordPausing(turn: ExecutorTurn, { job }: ExecutorContext, event: ExecutorEvent): void {
  const { at, epoch } = event as Extract<ExecutorEvent, { type: 'execution.pause' }>;
  turn.record({ type: 'tier3/execution/pausing', at, payload: { stepId: job.stepId, epoch } });
}

/** Parked between attempts: asked to pause while backing off. */
export function recordPaused(turn: ExecutorTurn, { job }: ExecutorContext, event: ExecutorEvent): void {
  const { at, epoch } = event as Extract<ExecutorEvent, { type: 'execution.pause' }>;
  turn.record({ type: 'tier3/execution/paused', at, payload: { stepId: job.stepId, epoch, suspended: false } });
}

/** Parked inside an attempt: the work reached a checkpoint. */
export function recordSuspended(turn: ExecutorTurn, { job, state }: ExecutorContext, event: ExecutorEvent): void {
  const { at } = event as Extract<ExecutorEvent, { type: 'attempt.suspended' }>;
  turn.record({ type: 'tier3/execution/paused', at, payload: { stepId: job.stepId, epoch: state.pauseEpoch, suspended: true } });
}

export function recordResumed(turn: ExecutorTurn, { job }: ExecutorContext, event: ExecutorEvent): void {
  const { at } = event as Extract<ExecutorEvent, { type: 'execution.resume' }>;
  turn.record({ type: 'tier3/execution/resumed', at, payload: { stepId: job.stepId } });
}

export function recordCancelling(turn: ExecutorTurn, { job }: ExecutorContext, event: ExecutorEvent): void {
  const { at, reason } = event as Extract<ExecutorEvent, { type: 'execution.cancel' }>;
  turn.record({ type: 'tier3/execution/cancelling', at, payload: { stepId: job.stepId, reason, graceUntil: at + ABORT_GRACE_MS } });
}

/** Cancelled while nothing was in flight, after the work settled, or when its grace period ended. */
export function recordCancelled(turn: ExecutorTurn, context: ExecutorContext, event: ExecutorEvent): void {
  const { job, state } = context;
  const settled = event.type === 'attempt.settled';
  const hasTime = settled || event.type === 'execution.cancel';
  const at = hasTime ? event.at : event.type === 'xstate.error.actor.attempt' ? state.at : timerAt(context);
  const reason = event.type === 'execution.cancel' ? event.reason : (state.reason ?? '');
  const spent = settled ? event.outcome.usage : state.phase === 'attempting.cancelling' ? abandonedCost(context) : NOTHING;
  const usage = usageAt(state, at, spent);
  turn.record({ type: 'tier3/execution/cancelled', at, payload: { stepId: job.stepId, reason, attempts: state.attempt, usage } });
}

export function recordCompleted(turn: ExecutorTurn, { job, state }: ExecutorContext, event: ExecutorEvent): void {
  const { outcome, at } = event as Settled;
  const skipped = outcome.kind === 'skipped';
  turn.record({
    type: 'tier3/execution/completed',
    at,
    payload: {
      stepId: job.stepId,
      output: outcome.kind === 'succeeded' ? outcome.output : null,
      skipped,
      attempts: state.attempt,
      usage: usageAt({ ...state, skipped }, at, outcome.usage),
    },
  });
}

export function recordFailed(turn: ExecutorTurn, context: ExecutorContext, event: ExecutorEvent): void {
  const { job, state } = context;
  const { error, usage, at } = failureOf(context, event);
  turn.record({
    type: 'tier3/execution/failed',
    at,
    payload: { stepId: job.stepId, error, attempts: state.attempt, usage: usageAt(state, at, usage) },
  });
}

/** The failure that an event means for the current attempt. While timing out every ending counts as the timeout. */
export function failureOf(context: ExecutorContext, event: ExecutorEvent) {
  const { state, job } = context;
  const settled = event.type === 'attempt.settled' ? event : undefined;
  const at = settled ? settled.at : state.phase === 'attempting.timingOut' ? timerAt(context) : state.at;
  const usage = settled ? settled.outcome.usage : abandonedCost(context);
  if (state.phase === 'attempting.timingOut') return { error: timeoutError(job), usage, at };
  if (settled?.outcome.kind === 'failed') return { error: settled.outcome.error, usage, at };
  return { error: crashError(job, event), usage, at };
}

export function hasRetryLeft(context: ExecutorContext, error: ExecutionError): boolean {
  const policy = retryPolicy(context.job, error);
  return policy !== undefined && context.state.attempt <= policy.maxRetries;
}

/** What the executor hands to its run when it is done. */
export function outcomeOf({ state }: Pick<ExecutorContext, 'state'>): TimedOutcome {
  const usage = usageAt(state, state.at, NOTHING);
  const common = { output: state.output, attempts: state.attempt, usage, duration: state.at - state.startedAt };
  if (state.phase === 'completed') return { ...common, status: state.skipped ? 'skipped' : 'completed' };
  if (state.phase === 'cancelled') return { ...common, status: 'cancelled', reason: state.reason ?? '' };
  return { ...common, status: 'failed', ...(state.error && { error: state.error }) };
}

export const targetOf = ({ work }: StepJob): string => {
  if (work.kind === 'tool') return work.tool;
  return work.kind === 'condition' ? work.condition.type : `${work.module}.${work.operation}`;
};

function usageAt(state: ExecutorState, at: number, attempt: AttemptUsage): ResourceUsage {
  return usageIn({ ...state, ...withUsage(state, attempt) }, Math.max(0, at - state.startedAt - pausedUntil(state, at)));
}

/** What an attempt may use, and what it declares. */
export type Costing = Pick<StepJob, 'credits' | 'tokens' | 'memoryMB' | 'allocation'>;

/** What an attempt counts as that never answered: what it declares, unless that is not there so many times. */
export function abandonedCost({ job, state }: { readonly job: Costing; readonly state: ExecutorState }, times = 1): AttemptUsage {
  const { credits, tokens = 0, memoryMB = 0, allocation } = job;
  const need = { credits: times === 1 ? credits : (BigInt(credits) * BigInt(times)).toString(), tokens: tokens * times, memoryMB };
  if (lacking(freeOf(allocation, usageAt(state, state.at, NOTHING), NONE), need)) return NOTHING;
  return { credits, memoryMB, ...(tokens > 0 && { tokens }) };
}

const timeoutError = (job: StepJob): ExecutionError =>
  executionError('STEP_TIMEOUT', `Step "${job.stepId}" (${targetOf(job)}) did not finish within ${job.timeoutMs} ms`, 'tier3', {
    context: { stepId: job.stepId, timeout: job.timeoutMs },
  });

function crashError(job: StepJob, event: ExecutorEvent): ExecutionError {
  const error = event.type === 'xstate.error.actor.attempt' ? event.error : undefined;
  const cause = error instanceof Error ? { name: error.name, message: error.message } : { name: 'Error', message: String(error) };
  return executionError('ACTOR_CRASHED', `The attempt of step "${job.stepId}" crashed: ${cause.message}`, 'tier3', { cause });
}
