/** What a run's transitions record. Each function opens on the folded state and an event, and adds to the turn. */

import { Map as PersistentMap } from 'immutable';
import { leastOrdinal } from './ordinal-set.ts';
import { executionError } from './protocol/errors.ts';
import { type ExecutionError, type Json, NO_USAGE } from './protocol/execution.ts';
import type { PlanStep } from './protocol/plan.ts';
import type { RunCommand, RunOutcome, RunReport } from './protocol/run.ts';
import type { StepOutcome } from './protocol/step.ts';
import { undoNext, withUndoFailures } from './run.compensation.ts';
import { childExecutionId, childKind, childSpec, exhausted, mustBeAsked, reservation, workOf } from './run.jobs.ts';
import { cancelLeaving, failStep, isDoomed, isEnding, settleGroup, settleStep } from './run.settle.ts';
import { MOST_SIGNALS, type RunState } from './run.state.ts';
import { iterationOf, stepOutcome } from './run.subruns.ts';
import { childContext, type RunContext, type RunTurn, runTimeout, runUsage } from './run.turn.ts';
import { timerAt } from './timers.ts';

export type RunEvent = RunCommand | RunReport;
type Of<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>;

export type { RunOutcome } from './protocol/run.ts';

/** Facts that one turn may record while it starts steps; the rest waits for the nursery, so that no turn blocks the loop. */
const FACTS_PER_TURN = 32;

export function recordStarted(turn: RunTurn, { job, bornAt }: RunContext): void {
  turn.record({ type: 'tier2/routine/started', at: bornAt, payload: { routineId: job.plan.id, stepCount: job.plan.steps.length, job } });
}

export function startRun(turn: RunTurn, context: RunContext): void {
  recordStarted(turn, context);
  dispatch(turn, context.bornAt);
}

/** A definition that was refused: the run exists, and has failed. */
export function refuseRun(turn: RunTurn, context: RunContext): void {
  recordStarted(turn, context);
  const { job, bornAt: at } = context;
  const error = job.refusal ?? executionError('WORKFLOW_INVALID', `Workflow "${job.plan.id}" was refused`, 'tier2');
  turn.record({ type: 'tier2/routine/failed', at, payload: { routineId: job.plan.id, error, usage: NO_USAGE } });
}

/** Starts ready steps, the smallest rank first, while there is room and budget. */
export function dispatch(turn: RunTurn, at: number): void {
  const { maxConcurrentSteps } = turn.job.allocation;
  while (turn.state.phase === 'running' && turn.state.failure === undefined) {
    const rank = leastOrdinal(turn.state.ready);
    if (rank === undefined) return;
    const { step, record } = turn.at(turn.plan.byRank[rank] ?? -1);
    const isGroup = step.type === 'parallel' && record.fallback === undefined && step.when.length === 0;
    if (!isGroup && turn.state.live >= maxConcurrentSteps) return;
    if (turn.facts.length >= FACTS_PER_TURN) {
      turn.hasMore = true;
      return;
    }
    if (isGroup) startGroup(turn, step, at);
    else if (!startStep(turn, step, at)) return;
  }
}

function startGroup(turn: RunTurn, step: PlanStep, at: number): void {
  turn.record({ type: 'tier2/step/started', at, payload: { stepId: step.id, ordinal: step.ordinal, iteration: 1, reserved: '0' } });
  settleGroup(turn, step, at);
}

/** False: it must wait for budget that running steps hold. */
function startStep(turn: RunTurn, step: PlanStep, at: number): boolean {
  const { record } = turn.at(step.ordinal);
  const reserved = reservation(turn.state, turn.job, step, record);
  if (reserved === 'wait') return false;
  if (reserved === 'exhausted') {
    failStep(turn, step, { error: exhausted(turn.job, step, turn.state, record), attempts: 0, usage: NO_USAGE }, at);
    return true;
  }
  const iteration = record.iteration + 1;
  const spec = childSpec(turn.state, turn.job, step, record, { iteration, reserved, at, variables: turn.state.variables });
  if (!spec.ok) {
    failStep(turn, step, { error: spec.error, attempts: 0, usage: NO_USAGE }, at);
    return true;
  }
  if (spec.value === 'nothing') {
    settleStep(turn, step, { status: 'completed', output: [], attempts: 0, usage: NO_USAGE }, at);
    return true;
  }
  const { job } = spec.value.input;
  turn.record({
    type: 'tier2/step/started',
    at,
    payload: {
      stepId: step.id,
      ordinal: step.ordinal,
      childExecutionId: childExecutionId(turn.job, step, iteration),
      iteration,
      reserved,
      ...(record.fallback !== undefined && { fallback: record.fallback }),
      ...('for' in job && { waitsFor: job.for }),
    },
  });
  turn.starts.push(spec.value);
  if ('for' in job && job.for.type === 'signal') takeSignal(turn, job.for.name, at);
  return true;
}

/** After a restart: every step that was running gets an executor again, with the same identity, and hears what the run is up to. */
export function restartChildren(turn: RunTurn, { bornAt, state }: RunContext): void {
  const at = Math.max(bornAt, state.at);
  const doomed: PlanStep[] = [];
  const given: RunState['variables'] = PersistentMap(Object.entries(turn.job.input));
  turn.state.records.forEach((record, ordinal) => {
    if (record.childExecutionId === undefined) return;
    const { step } = turn.at(ordinal);
    const { iteration, reserved, variables = given } = record;
    const spec = childSpec(turn.state, turn.job, step, record, { iteration, reserved, at, variables });
    if (spec.ok && spec.value !== 'nothing') turn.starts.push(spec.value);
    else if (spec.ok) settleStep(turn, step, { status: 'completed', output: [], attempts: 0, usage: NO_USAGE }, at);
    else failStep(turn, step, { error: spec.error, attempts: 0, usage: NO_USAGE }, at);
    if (record.answer) turn.tell(step, { type: 'wait.answered', at, answer: record.answer });
    if (isDoomed(turn, step)) doomed.push(step);
  });
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
  const { id, output, at } = event as Of<'child.done'>;
  wake(turn, at);
  settleOutcome(turn, stepById(turn, id), output, at);
  dispatch(turn, at);
}

/** What a child's end means for its step: a condition that was asked first, one of many iterations, or the step's own end. */
function settleOutcome(turn: RunTurn, step: PlanStep, outcome: StepOutcome | RunOutcome, at: number): void {
  const { record } = turn.at(step.ordinal);
  const work = workOf(step, record);
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

/** A child that threw has no last word: the run books its end, then treats it as a failed step. */
export function settleCrash(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { id, cause, at } = event as Of<'child.crashed'>;
  wake(turn, at);
  const step = stepById(turn, id);
  const { record } = turn.at(step.ordinal);
  const error = executionError('ACTOR_CRASHED', `The executor of step "${id}" crashed: ${cause.message}`, 'tier3', { cause });
  const execution = childContext(turn.job, record.childExecutionId ?? id, at);
  if (childKind(step, record) === 'run') {
    const payload = { routineId: id, error, usage: NO_USAGE };
    turn.obituaries.push({ execution, tier: 'tier2', fact: { type: 'tier2/routine/failed', at, payload } });
  } else {
    const payload = { stepId: id, error, attempts: 1, usage: NO_USAGE };
    turn.obituaries.push({ execution, tier: 'tier3', fact: { type: 'tier3/execution/failed', at, payload } });
  }
  settleStep(turn, step, { status: 'failed', output: null, error, attempts: 1, usage: NO_USAGE }, at);
  dispatch(turn, at);
}

export function startMore(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  dispatch(turn, (event as Of<'children.started'>).at);
}

export function recordPausing(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { at, epoch: asked } = event as Of<'execution.pause'>;
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
  const { name, value, at } = event as Of<'run.set'>;
  turn.record({ type: 'tier2/routine/variable_set', at, payload: { name, value } });
}

export function recordPaused(turn: RunTurn): void {
  turn.record({ type: 'tier2/routine/paused', at: turn.state.at, payload: {} });
}

export function recordStepPaused(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { id, epoch, at } = event as Of<'execution.paused'>;
  const step = stepById(turn, id);
  turn.record({ type: 'tier2/step/paused', at, payload: { stepId: id, ordinal: step.ordinal, epoch } });
}

export function recordResumed(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { at } = event as Of<'execution.resume'>;
  turn.record({ type: 'tier2/routine/resumed', at, payload: {} });
  turn.tellAll({ type: 'execution.resume', at });
  dispatch(turn, at);
}

export function recordCancelling(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const command = event as Of<'execution.cancel'> | Of<'run.decide'>;
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

export function recordWaiting(turn: RunTurn): void {
  const { escalated, idle, at } = turn.state;
  turn.record({ type: 'tier2/routine/waiting', at, payload: { steps: escalated + idle } });
}

export function recordStepWaiting(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { id, at } = event as Of<'execution.waiting'>;
  turn.record({ type: 'tier2/step/waiting', at, payload: { stepId: id, ordinal: stepById(turn, id).ordinal } });
}

export function recordStepContinued(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { id, at } = event as Of<'execution.continued'>;
  wake(turn, at);
  turn.record({ type: 'tier2/step/continued', at, payload: { stepId: id, ordinal: stepById(turn, id).ordinal } });
}

/** A waiting run goes on. */
function wake(turn: RunTurn, at: number): void {
  if (turn.state.phase === 'waiting') turn.record({ type: 'tier2/routine/resumed', at, payload: {} });
}

export function recordSignal(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { name, payload, at } = event as Of<'run.signal'>;
  turn.record({ type: 'tier2/routine/signalled', at, payload: { name, payload } });
  takeSignal(turn, name, at);
}

/** The oldest signal of a name goes to the first step that waits for it, by rank. */
function takeSignal(turn: RunTurn, name: string, at: number): void {
  const signals = turn.state.signals.get(name);
  const listeners = turn.state.listeners.get(name);
  const rank = listeners && leastOrdinal(listeners);
  if (!signals || rank === undefined) return;
  const { step } = turn.at(turn.plan.byRank[rank] ?? -1);
  const [payload = null] = signals;
  turn.record({ type: 'tier2/step/signal_taken', at, payload: { stepId: step.id, ordinal: step.ordinal, name, payload } });
  turn.tell(step, { type: 'wait.answered', at, answer: { kind: 'value', value: payload } });
}

/** A person settled an escalated step, and a waiting run goes on with it; or answered one that waits for an approval, which then ends. */
export function recordDecision(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { stepId, decision, at } = event as Of<'run.decide'>;
  const step = stepById(turn, stepId);
  const { record } = turn.at(step.ordinal);
  if (record.childExecutionId === undefined) wake(turn, at);
  turn.record({ type: 'tier2/step/decided', at, payload: { stepId, ordinal: step.ordinal, ...decision } });
  const { answer } = turn.at(step.ordinal).record;
  if (answer) {
    turn.tell(step, { type: 'wait.answered', at, answer });
    return;
  }
  if (decision.decision === 'approve') {
    settleStep(turn, step, { status: 'completed', output: decision.value ?? null, attempts: 0, usage: NO_USAGE }, at);
  } else if (decision.decision === 'reject') {
    const who = decision.by ?? 'a person';
    const error = executionError('REJECTED_BY_HUMAN', `Step "${stepId}" was rejected by ${who}`, 'tier2', {
      ...(record.error && { cause: { name: record.error.code, message: record.error.message } }),
    });
    failStep(turn, step, { error, attempts: 0, usage: NO_USAGE }, at);
  }
  dispatch(turn, at);
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

export function outcomeOf({ state }: RunContext): RunOutcome {
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

/** Whether a message of a child is of its present life. */
export function isCurrentChild({ state, job }: RunContext, event: RunEvent): boolean {
  if (event.type !== 'child.done' && event.type !== 'child.crashed' && event.type !== 'execution.paused') return true;
  const record = state.records.get(job.plan.ordinals[event.id] ?? -1);
  if (record?.childExecutionId === undefined) return false;
  return event.type === 'execution.paused' ? event.epoch === state.pauseEpoch : event.incarnation === record.iteration;
}

/** Whether a living child says what was not known: that it waits, or that it goes on. */
export function isNewsOfWaiting({ state, job }: RunContext, event: RunEvent): boolean {
  if (event.type !== 'execution.waiting' && event.type !== 'execution.continued') return false;
  const record = state.records.get(job.plan.ordinals[event.id] ?? -1);
  return record?.childExecutionId !== undefined && record.isWaiting === (event.type === 'execution.continued');
}

/** Whether a decision is for a step that was escalated, or that waits for an approval and has none. */
export function isEscalated({ state, job }: Pick<RunContext, 'state' | 'job'>, event: RunEvent): boolean {
  if (event.type !== 'run.decide' || !Object.hasOwn(job.plan.ordinals, event.stepId)) return false;
  const ordinal = job.plan.ordinals[event.stepId] ?? -1;
  const record = state.records.get(ordinal);
  const isRetry = event.decision.decision === 'retry';
  if (record?.waitsFor?.type === 'approval') return record.answer === undefined && !isRetry;
  const isGroup = (job.plan.steps[ordinal]?.children.length ?? 0) > 0;
  return record?.status === 'waiting' && !(isGroup && isRetry);
}

/** Whether a decision is for a step that lives and waits for it. */
export function isForApproval(context: RunContext, event: RunEvent): boolean {
  if (event.type !== 'run.decide' || !isEscalated(context, event)) return false;
  return context.state.records.get(context.job.plan.ordinals[event.stepId] ?? -1)?.waitsFor?.type === 'approval';
}

/** Whether a signal of that name is taken at once or kept; a run keeps no more than MOST_SIGNALS. */
export const canTakeSignal = ({ state }: Pick<RunContext, 'state'>, name: string): boolean =>
  state.keptSignals < MOST_SIGNALS || state.listeners.has(name);

function stepById(turn: RunTurn, id: string): PlanStep {
  return turn.at(turn.plan.ordinals[id] ?? -1).step;
}

/** One sink: its result; several: a map by id. */
function aggregate(turn: RunTurn): Json {
  const { sinks } = turn.plan;
  if (sinks.length === 1) return turn.at(sinks[0] ?? 0).record.output;
  return Object.fromEntries(sinks.map((ordinal) => [turn.at(ordinal).step.id, turn.at(ordinal).record.output]));
}
