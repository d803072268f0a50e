/** What a waiter's transitions record. Each function opens on the folded state and an event, and adds facts to the turn. */

import { executionError } from './protocol/errors.ts';
import type { ExecutionContext, ExecutionError, Json, ResourceUsage } from './protocol/execution.ts';
import type { TimedOutcome } from './protocol/step.ts';
import type { ResolvedWait, WaitCommand, WaitFact, WaitJob } from './protocol/wait.ts';
import { timerAt } from './timers.ts';
import type { Turn } from './turn.ts';
import { pausedUntil, type WaiterState } from './waiter.fold.ts';

export interface WaiterContext {
  readonly execution: ExecutionContext;
  readonly job: WaitJob;
  readonly state: WaiterState;
  /** Time at which the actor was created, for the first fact. */
  readonly bornAt: number;
}

export type WaiterTurn = Turn<WaiterState, WaitFact>;
type Of<Type extends WaitCommand['type']> = Extract<WaitCommand, { type: Type }>;

export function recordStarted(turn: WaiterTurn, { job, bornAt: at }: WaiterContext): void {
  turn.record({ type: 'tier3/wait/started', at, payload: { stepId: job.stepId, for: job.for, dueAt: dueAt(job.for, at) } });
}

export function recordPaused(turn: WaiterTurn, { job }: WaiterContext, event: WaitCommand): void {
  const { at, epoch } = event as Of<'execution.pause'>;
  turn.record({ type: 'tier3/wait/paused', at, payload: { stepId: job.stepId, epoch } });
}

export function recordResumed(turn: WaiterTurn, { job, state }: WaiterContext, event: WaitCommand): void {
  const { at } = event;
  const frozenMs = job.for.type === 'timer' ? Math.max(0, at - state.pausedAt) : 0;
  turn.record({ type: 'tier3/wait/resumed', at, payload: { stepId: job.stepId, dueAt: state.dueAt + frozenMs } });
}

/** Its timer or its moment has come. */
export function recordElapsed(turn: WaiterTurn, context: WaiterContext): void {
  complete(turn, context, null, timerAt(context));
}

/** Nobody answered in time. */
export function recordExpired(turn: WaiterTurn, context: WaiterContext): void {
  fail(turn, context, expired(context.job), timerAt(context));
}

export function recordAnswered(turn: WaiterTurn, context: WaiterContext, event: WaitCommand): void {
  const { answer, at } = event as Of<'wait.answered'>;
  complete(turn, context, answer.kind === 'value' ? answer.value : null, at);
}

export function recordRejected(turn: WaiterTurn, context: WaiterContext, event: WaitCommand): void {
  const { answer, at } = event as Of<'wait.answered'>;
  const who = (answer.kind === 'rejected' ? answer.by : undefined) ?? 'a person';
  fail(turn, context, executionError('REJECTED_BY_HUMAN', `Step "${context.job.stepId}" was rejected by ${who}`, 'tier3'), at);
}

export function recordCancelled(turn: WaiterTurn, { job, state }: WaiterContext, event: WaitCommand): void {
  const { at, reason } = event as Of<'execution.cancel'>;
  const payload = { stepId: job.stepId, reason, attempts: 1, usage: usageAt(state, at) };
  turn.record({ type: 'tier3/execution/cancelled', at, payload });
}

/** What the waiter hands to its run when it is done. */
export function outcomeOf({ state }: WaiterContext): TimedOutcome {
  const common = { output: state.output, attempts: 1, usage: usageAt(state, state.at), duration: state.at - state.startedAt };
  if (state.phase === 'completed') return { ...common, status: 'completed' };
  if (state.phase === 'cancelled') return { ...common, status: 'cancelled', reason: state.reason ?? '' };
  return { ...common, status: 'failed', ...(state.error && { error: state.error }) };
}

function complete(turn: WaiterTurn, { job, state }: WaiterContext, output: Json, at: number): void {
  const payload = { stepId: job.stepId, output, skipped: false, attempts: 1, usage: usageAt(state, at) };
  turn.record({ type: 'tier3/execution/completed', at, payload });
}

function fail(turn: WaiterTurn, { job, state }: WaiterContext, error: ExecutionError, at: number): void {
  turn.record({ type: 'tier3/execution/failed', at, payload: { stepId: job.stepId, error, attempts: 1, usage: usageAt(state, at) } });
}

const usageAt = (state: WaiterState, at: number): ResourceUsage => ({
  creditsUsed: '0',
  durationMs: Math.max(0, at - state.startedAt - pausedUntil(state, at)),
  memoryUsedMB: 0,
  stepsExecuted: 1,
});

function dueAt(wait: ResolvedWait, at: number): number {
  switch (wait.type) {
    case 'timer':
      return at + wait.durationMs;
    case 'time':
      return wait.at;
    default:
      return at + wait.timeoutMs;
  }
}

function expired({ stepId, for: wait }: WaitJob): ExecutionError {
  const whom = wait.type === 'signal' ? `the signal "${wait.name}"` : 'a decision';
  const timeout = 'timeoutMs' in wait ? wait.timeoutMs : 0;
  return executionError('STEP_TIMEOUT', `Step "${stepId}" waited ${timeout} ms for ${whom}`, 'tier3', { context: { stepId, timeout } });
}
