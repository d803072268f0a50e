/** What a run that fails or is cancelled does about its completed steps: undoes those that say how, one at a time, the last one first. */

import { freeOf, limitsOf, NONE } from './ledger.ts';
import { executionError } from './protocol/errors.ts';
import { type ExecutionError, type Json, type JsonObject, NO_USAGE, type ResourceUsage } from './protocol/execution.ts';
import type { PlanStep } from './protocol/plan.ts';
import type { ChildSpec, RunJob, RunReport } from './protocol/run.ts';
import type { StepJob, StepOutcome } from './protocol/step.ts';
import type { RunState } from './run.state.ts';
import { childContext, type RunContext, type RunTurn } from './run.turn.ts';
import { type Result, referenceScope, resolve } from './run.values.ts';
import { sealed } from './secret-texts.ts';

type Of<Type extends RunReport['type']> = Extract<RunReport, { type: Type }>;

export function startCompensating(turn: RunTurn): void {
  const { undo, reason, at } = turn.state;
  const ending = reason === undefined ? 'failed' : 'cancelled';
  turn.record({ type: 'tier2/routine/compensating', at, payload: { steps: undo.size, ending } });
  undoNext(turn, at);
}

/** Starts the next compensation; one that cannot even start has failed, and does not stop the others. */
export function undoNext(turn: RunTurn, at: number): void {
  for (let ordinal = turn.state.undo.last(); ordinal !== undefined; ordinal = turn.state.undo.last()) {
    const { step } = turn.at(ordinal);
    const spec = undoSpec(turn, step, at);
    if (spec.ok) {
      turn.starts.push(spec.value);
      return;
    }
    recordFailure(turn, step, spec.error, NO_USAGE, at);
  }
}

export function settleUndo(turn: RunTurn, _context: RunContext, event: unknown): void {
  const { output, at } = event as Of<'child.done'>;
  const { status, usage, error, reason } = output as StepOutcome;
  const { step } = turn.at(turn.state.undo.last() ?? -1);
  if (status === 'completed' || status === 'skipped') {
    turn.record({ type: 'tier2/step/compensated', at, payload: { stepId: step.id, ordinal: step.ordinal, usage } });
  } else {
    const why = executionError('CANCELLED', `The compensation of step "${step.id}" was cancelled: ${reason ?? ''}`, 'tier3');
    recordFailure(turn, step, error ?? why, usage, at);
  }
  undoNext(turn, at);
}

export function settleUndoCrash(turn: RunTurn, _context: RunContext, event: unknown): void {
  const { cause, at, usage = NO_USAGE } = event as Of<'child.crashed'>;
  const { step } = turn.at(turn.state.undo.last() ?? -1);
  const error = executionError('ACTOR_CRASHED', `The compensation of step "${step.id}" crashed: ${cause.message}`, 'tier3', { cause });
  const execution = childContext(turn.job, undoExecutionId(turn, step), at);
  const payload = { stepId: step.id, error, attempts: 1, usage };
  turn.obituaries.push({ execution, tier: 'tier3', fact: { type: 'tier3/execution/failed', at, payload } });
  recordFailure(turn, step, error, usage, at);
  undoNext(turn, at);
}

/** Whether a child's end is that of the compensation under way. */
export function isPresentUndo({ state, job }: RunContext, event: { readonly type: string }): boolean {
  const step = job.plan.steps[state.undo.last() ?? -1];
  return 'id' in event && step !== undefined && event.id === undoId(step);
}

/** The first cause, and which compensations failed on the way out. */
export function withUndoFailures(error: ExecutionError, { undoFailed, undoFailures }: RunState): ExecutionError {
  if (undoFailed === 0) return error;
  const failures: Json = undoFailures.map(({ stepId, code, message }) => ({ stepId, code, message }));
  return { ...error, context: { ...error.context, compensationsFailed: undoFailed, compensationFailures: failures } };
}

function recordFailure(turn: RunTurn, step: PlanStep, error: ExecutionError, usage: ResourceUsage, at: number): void {
  turn.record({ type: 'tier2/step/compensation_failed', at, payload: { stepId: step.id, ordinal: step.ordinal, error, usage } });
}

/** No id of a step holds a slash, so nothing else has this name. */
const undoId = (step: PlanStep): string => `${step.id}/undo`;
const undoExecutionId = ({ job }: RunTurn, step: PlanStep): string => `${job.execution.executionId}/${undoId(step)}`;

/** All that is left, and no matter how many steps were executed. */
export function undoLimits({ usage }: RunState, { allocation: { maxSteps: _, ...given } }: Pick<RunJob, 'allocation'>) {
  const free = freeOf(given, usage, NONE);
  return limitsOf(given, { credits: free.credits, ...(given.maxTokens !== undefined && { tokens: free.tokens }) }, NONE);
}

function undoSpec(turn: RunTurn, step: PlanStep, at: number): Result<ChildSpec> {
  const { state, job } = turn;
  const { compensation } = step;
  if (!compensation) return { ok: false, error: executionError('INVALID_VALUE', `Step "${step.id}" has no compensation`, 'tier2') };
  const parameters = resolve(compensation.parameters, referenceScope(state, job, state.variables));
  if (!parameters.ok) return parameters;
  const { tool, timeoutMs, credits, tokens, memoryMB } = compensation;
  const retry = job.retry ?? compensation.retry;
  const idempotencyKey = undoExecutionId(turn, step);
  const undo: StepJob = {
    stepId: step.id,
    work: { kind: 'tool', tool, strategy: 'deterministic', parameters: parameters.value as JsonObject, ...sealed(parameters.secrets) },
    when: [],
    scope: { input: {}, steps: {} },
    timeoutMs,
    ...(retry && { retry }),
    recovery: job.recovery,
    credits,
    ...(tokens !== undefined && { tokens }),
    ...(memoryMB !== undefined && { memoryMB }),
    allocation: { ...undoLimits(state, job), maxDurationMs: timeoutMs, maxConcurrentSteps: 1 },
    idempotencyKey,
  };
  const input = { execution: childContext(job, idempotencyKey, at), job: undo };
  return { ok: true, value: { id: undoId(step), src: 'executor', incarnation: 1, input } };
}
