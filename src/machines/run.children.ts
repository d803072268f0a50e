/** What a run does about its children: how they live again after a restart, and what their ends mean for its steps. */

import { Map as PersistentMap } from 'immutable';
import { executionError } from './protocol/errors.ts';
import { type ExecutionError, NO_USAGE } from './protocol/execution.ts';
import type { PlanStep } from './protocol/plan.ts';
import type { RunOutcome } from './protocol/run.ts';
import type { StepOutcome } from './protocol/step.ts';
import { undoNext } from './run.compensation.ts';
import { dispatch } from './run.dispatch.ts';
import { childKind, childSpec, mustBeAsked, workOf } from './run.jobs.ts';
import { cancelLeaving, failStep, isDoomed, isEnding, settleStep } from './run.settle.ts';
import type { RunState, StepRecord } from './run.state.ts';
import { iterationOf, stepOutcome } from './run.subruns.ts';
import { childContext, type EventOf, type RunContext, type RunEvent, type RunTurn, stepById } from './run.turn.ts';
import { restartExpiries, wake } from './run.waits.ts';

/** After a restart: every step that was running gets an executor again, with the same identity, and hears what the run is up to. */
export function restartChildren(turn: RunTurn, { bornAt, state }: RunContext): void {
  const at = Math.max(bornAt, state.at);
  const doomed: PlanStep[] = [];
  turn.state.records.forEach((record, ordinal) => {
    if (record.childExecutionId === undefined) return;
    const { step } = turn.at(ordinal);
    startAgain(turn, step, record, at);
    if (isDoomed(turn, step)) doomed.push(step);
  });
  restartExpiries(turn);
  for (const step of doomed) turn.tell(step, { type: 'execution.cancel', at, reason: 'sibling-failed' });
  const { phase, pauseEpoch: epoch, reason } = turn.state;
  if (phase === 'running') turn.tellAll({ type: 'execution.resume', at });
  if (phase === 'pausing') turn.tellAll({ type: 'execution.pause', at, epoch });
  if (phase === 'cancelling') turn.tellAll({ type: 'execution.cancel', at, reason: reason ?? '' });
  if (phase === 'failing') turn.tellAll({ type: 'execution.cancel', at, reason: 'run-failed' });
  if (phase === 'compensating') undoNext(turn, at);
  turn.hasMore = phase === 'running' && turn.state.ready.size > 0 && turn.state.failure === undefined;
}

export function settleChild(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { id, output, at } = event as EventOf<'child.done'>;
  wake(turn, at);
  settleOutcome(turn, stepById(turn, id), output, at);
  dispatch(turn, at);
}

/** What a child's end means for its step: a condition that was asked first, one of many iterations, or the step's own end. */
function settleOutcome(turn: RunTurn, step: PlanStep, outcome: StepOutcome | RunOutcome, at: number): void {
  const { record } = turn.at(step.ordinal);
  const work = workOf(turn.job, step, record);
  const { usage } = outcome;
  const isLeaving = isEnding(turn) || isDoomed(turn, step);
  const mark = { stepId: step.id, ordinal: step.ordinal };
  if (outcome.status === 'completed' && mustBeAsked(step, record)) {
    if (isLeaving) cancelLeaving(turn, step, usage, at);
    else turn.record({ type: 'tier2/step/admitted', at, payload: { ...mark, usage } });
    return;
  }
  const ended = stepOutcome(work, outcome);
  if (ended.status !== 'completed' || work.kind !== 'loop') {
    settleStep(turn, step, ended, at);
    return;
  }
  const iteration = (record.loop?.iterations ?? 0) + 1;
  const { ending, result } = iterationOf(work, iteration, ended.output);
  if (ending === 'over') settleStep(turn, step, { ...ended, output: { iterations: iteration, result } }, at);
  else if (ending === 'exhausted') failStep(turn, step, { error: loopExhausted(step, iteration), attempts: 1, usage }, at);
  else if (isLeaving) cancelLeaving(turn, step, usage, at);
  else turn.record({ type: 'tier2/step/iterated', at, payload: { ...mark, iteration, result, usage } });
}

const loopExhausted = ({ id }: PlanStep, iterations: number): ExecutionError =>
  executionError('LOOP_EXHAUSTED', `Loop "${id}" has not ended after ${iterations} iterations`, 'tier2', {
    context: { stepId: id, iterations },
  });

/**
 * A child that threw is started again where its facts end, as often as its retry policy allows. One more crash, and it has no last word: the
 * run books its end, then treats it as a failed step.
 */
export function settleCrash(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { id, cause, at, usage = NO_USAGE } = event as EventOf<'child.crashed'>;
  wake(turn, at);
  const step = stepById(turn, id);
  const { record } = turn.at(step.ordinal);
  const error = executionError('ACTOR_CRASHED', `The executor of step "${id}" crashed: ${cause.message}`, 'tier3', { cause });
  if (mayRestart(turn, step, record, error)) return restart(turn, step, cause, at);
  const execution = childContext(turn.job, record.childExecutionId ?? id, at);
  // It may have crashed before it did anything.
  const attempts = Math.min(1, usage.stepsExecuted);
  if (childKind(turn.job, step, record) === 'run') {
    const payload = { routineId: id, error, usage };
    turn.obituaries.push({ execution, tier: 'tier2', fact: { type: 'tier2/routine/failed', at, payload } });
  } else {
    const payload = { stepId: id, error, attempts, usage };
    turn.obituaries.push({ execution, tier: 'tier3', fact: { type: 'tier3/execution/failed', at, payload } });
  }
  settleStep(turn, step, { status: 'failed', output: null, error, attempts, usage }, at);
  dispatch(turn, at);
}

/** Each crash takes one of its step's retries. What is on its way out is not started again. */
function mayRestart(turn: RunTurn, step: PlanStep, record: StepRecord, error: ExecutionError): boolean {
  if (isEnding(turn) || isDoomed(turn, step)) return false;
  const { retry, recovery } = turn.job;
  const policy = retry ?? step.retry ?? recovery[error.errorClass];
  return policy !== undefined && record.crashes < policy.maxRetries;
}

function restart(turn: RunTurn, step: PlanStep, cause: EventOf<'child.crashed'>['cause'], at: number): void {
  const { iteration, crashes } = turn.at(step.ordinal).record;
  const incarnation = iteration + crashes + 1;
  turn.record({ type: 'tier2/step/restarted', at, payload: { stepId: step.id, ordinal: step.ordinal, incarnation, cause } });
  startAgain(turn, step, turn.at(step.ordinal).record, at);
  const { phase, pauseEpoch: epoch } = turn.state;
  if (phase === 'running') turn.tell(step, { type: 'execution.resume', at });
  if (phase === 'pausing') turn.tell(step, { type: 'execution.pause', at, epoch });
}

/** The same execution, with the same values; what it was told already it is told again. */
function startAgain(turn: RunTurn, step: PlanStep, record: StepRecord, at: number): void {
  const given: RunState['variables'] = PersistentMap(Object.entries(turn.job.input));
  const { iteration, reserved, variables = given } = record;
  const spec = childSpec(turn.state, turn.job, step, record, { iteration, reserved, at, variables });
  if (spec.ok && spec.value !== 'nothing') turn.starts.push(spec.value);
  else if (spec.ok) settleStep(turn, step, { status: 'completed', output: [], attempts: 0, usage: NO_USAGE }, at);
  else failStep(turn, step, { error: spec.error, attempts: 0, usage: NO_USAGE }, at);
  if (record.answer) turn.tell(step, { type: 'wait.answered', at, answer: record.answer });
}

export function startMore(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { at } = event as EventOf<'children.started'>;
  wake(turn, at);
  dispatch(turn, at);
}

/** Whether a message of a child is of its present life. */
export function isCurrentChild({ state, job }: RunContext, event: RunEvent): boolean {
  if (event.type !== 'child.done' && event.type !== 'child.crashed' && event.type !== 'execution.paused') return true;
  // A vector takes -1 for its last place: of a stranger there is no record.
  const record = Object.hasOwn(job.plan.ordinals, event.id) ? state.records.get(job.plan.ordinals[event.id] ?? -1) : undefined;
  if (record?.childExecutionId === undefined) return false;
  return event.type === 'execution.paused' ? event.epoch === state.pauseEpoch : event.incarnation === record.iteration + record.crashes;
}
