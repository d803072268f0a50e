/** What a run's transitions record. Each function opens on the folded state and an event, and adds to the turn. */

import { executionError } from './protocol/errors.ts';
import { type Json, NO_USAGE } from './protocol/execution.ts';
import type { RunOutcome } from './protocol/run.ts';
import { withUndoFailures } from './run.compensation.ts';
import { dispatch } from './run.dispatch.ts';
import { type EventOf, type RunContext, type RunEvent, type RunTurn, runTimeout, runUsage, stepById } from './run.turn.ts';
import { timerAt } from './timers.ts';

export type { RunOutcome } from './protocol/run.ts';
export type { RunEvent } from './run.turn.ts';

export function recordStarted(turn: RunTurn, { job, bornAt }: RunContext): void {
  turn.record({ type: 'tier2/routine/started', at: bornAt, payload: { routineId: job.plan.id, stepCount: job.plan.steps.length, job } });
}

export function startRun(turn: RunTurn, context: RunContext): void {
  recordStarted(turn, context);
  for (const payload of context.reused ?? []) turn.record({ type: 'tier2/step/reused', at: context.bornAt, payload });
  dispatch(turn, context.bornAt);
}

/** A definition that was refused: the run exists, and has failed. */
export function refuseRun(turn: RunTurn, context: RunContext): void {
  recordStarted(turn, context);
  const { job, bornAt: at } = context;
  const error = job.refusal ?? executionError('WORKFLOW_INVALID', `Workflow "${job.plan.id}" was refused`, 'tier2');
  turn.record({ type: 'tier2/routine/failed', at, payload: { routineId: job.plan.id, error, usage: NO_USAGE } });
}

export function recordPausing(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { at, epoch: asked } = event as EventOf<'execution.pause'>;
  if (turn.state.phase === 'pausing') {
    turn.record({ type: 'tier2/routine/pausing', at, payload: { epoch: turn.state.pauseEpoch, asked } });
    return;
  }
  const epoch = turn.state.pauseEpoch + 1;
  turn.record({ type: 'tier2/routine/pausing', at, payload: { epoch, asked } });
  turn.tellAll({ type: 'execution.pause', at, epoch });
}

/** Steps that start from now on see the new value; steps that started keep what they had. */
export function recordVariable(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { name, value, at } = event as EventOf<'run.set'>;
  turn.record({ type: 'tier2/routine/variable_set', at, payload: { name, value } });
}

export function recordPaused(turn: RunTurn): void {
  turn.record({ type: 'tier2/routine/paused', at: turn.state.at, payload: {} });
}

export function recordStepPaused(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { id, epoch, at } = event as EventOf<'execution.paused'>;
  const step = stepById(turn, id);
  turn.record({ type: 'tier2/step/paused', at, payload: { stepId: id, ordinal: step.ordinal, epoch } });
}

export function recordResumed(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { at } = event as EventOf<'execution.resume'>;
  turn.record({ type: 'tier2/routine/resumed', at, payload: {} });
  turn.tellAll({ type: 'execution.resume', at });
  dispatch(turn, at);
}

export function recordCancelling(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const command = event as EventOf<'execution.cancel'> | EventOf<'run.decide'>;
  const { at } = command;
  const reason = command.type === 'execution.cancel' ? command.reason : `aborted by ${command.decision.by ?? 'a person'}`;
  turn.record({ type: 'tier2/routine/cancelling', at, payload: { reason } });
  turn.tellAll({ type: 'execution.cancel', at, reason });
}

export function recordFailing(turn: RunTurn): void {
  const at = turn.state.at;
  const error = turn.state.failure ?? runTimeout(turn.job);
  turn.record({ type: 'tier2/routine/failing', at, payload: { error } });
  turn.tellAll({ type: 'execution.cancel', at, reason: 'run-failed' });
}

export function recordTimedOut(turn: RunTurn, { bornAt }: RunContext): void {
  const at = timerAt({ state: turn.state, bornAt });
  turn.record({ type: 'tier2/routine/failing', at, payload: { error: runTimeout(turn.job) } });
  turn.tellAll({ type: 'execution.cancel', at, reason: 'run-timeout' });
}

export function recordCompleted(turn: RunTurn): void {
  const { at } = turn.state;
  const payload = { routineId: turn.plan.id, result: aggregate(turn), usage: runUsage(turn.state, at) };
  turn.record({ type: 'tier2/routine/completed', at, payload });
}

export function recordFailed(turn: RunTurn): void {
  const { at, failure } = turn.state;
  const error = withUndoFailures(failure ?? runTimeout(turn.job), turn.state);
  turn.record({ type: 'tier2/routine/failed', at, payload: { routineId: turn.plan.id, error, usage: runUsage(turn.state, at) } });
}

export function recordCancelled(turn: RunTurn): void {
  const { at, reason } = turn.state;
  const payload = { routineId: turn.plan.id, reason: reason ?? '', usage: runUsage(turn.state, at) };
  turn.record({ type: 'tier2/routine/cancelled', at, payload });
}

export function outcomeOf({ state }: Pick<RunContext, 'state'>): RunOutcome {
  const { usage, result } = state;
  const duration = state.at - state.startedAt;
  if (state.phase === 'completed') return { status: 'completed', result, usage, duration };
  if (state.phase === 'cancelled') {
    const { reason = '' } = state;
    const error = executionError('CANCELLED', `Cancelled: ${reason}`, 'tier2', { context: { reason } });
    const more = state.undoFailed > 0 && { error: withUndoFailures(error, state) };
    return { status: 'cancelled', result: null, reason, usage, duration, ...more };
  }
  return { status: 'failed', result: null, ...(state.failure && { error: state.failure }), usage, duration };
}

/** One sink: its result; several: a map by id. */
function aggregate(turn: RunTurn): Json {
  const { sinks } = turn.plan;
  if (sinks.length === 1) return turn.at(sinks[0] ?? 0).record.output;
  return Object.fromEntries(sinks.map((ordinal) => [turn.at(ordinal).step.id, turn.at(ordinal).record.output]));
}
