/** What a run's transitions record. Each function opens on the folded state and an event, and adds to the turn. */

import { Map as PersistentMap } from 'immutable';
import { leastOrdinal } from './ordinal-set.ts';
import { executionError } from './protocol/errors.ts';
import { type ExecutionError, type Json, NO_USAGE, type ResourceUsage } from './protocol/execution.ts';
import type { PlanStep } from './protocol/plan.ts';
import type { RunCommand, RunReport } from './protocol/run.ts';
import { childExecutionId, childSpec, exhausted, reservation } from './run.jobs.ts';
import { failStep, isDoomed, settleGroup, settleStep } from './run.settle.ts';
import type { RunState } from './run.state.ts';
import { childContext, type RunContext, type RunTurn, runTimeout, runUsage } from './run.turn.ts';
import { timerAt } from './timers.ts';

export type RunEvent = RunCommand | RunReport;
type Of<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>;

/** How a run ended; the output of its actor. */
export interface RunOutcome {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly result: Json;
  readonly error?: ExecutionError;
  readonly reason?: string;
  readonly usage: ResourceUsage;
  /** From start to settlement, pauses included. Milliseconds. */
  readonly duration: number;
}

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
    },
  });
  turn.starts.push(spec.value);
  return true;
}

/** After a restart: every step that was running gets an executor again, with the same identity, and hears what the run is up to. */
export function restartChildren(turn: RunTurn, { bornAt: at }: RunContext): void {
  const doomed: PlanStep[] = [];
  const given: RunState['variables'] = PersistentMap(Object.entries(turn.job.input));
  turn.state.records.forEach((record, ordinal) => {
    if (record.childExecutionId === undefined) return;
    const { step } = turn.at(ordinal);
    const { iteration, reserved, variables = given } = record;
    const spec = childSpec(turn.state, turn.job, step, record, { iteration, reserved, at, variables });
    if (spec.ok) turn.starts.push(spec.value);
    else failStep(turn, step, { error: spec.error, attempts: 0, usage: NO_USAGE }, at);
    if (isDoomed(turn, step)) doomed.push(step);
  });
  for (const step of doomed) turn.tell(step, { type: 'execution.cancel', at, reason: 'sibling-failed' });
  const { phase, pauseEpoch: epoch, reason } = turn.state;
  if (phase === 'running') turn.tellAll({ type: 'execution.resume', at });
  if (phase === 'pausing') turn.tellAll({ type: 'execution.pause', at, epoch });
  if (phase === 'cancelling') turn.tellAll({ type: 'execution.cancel', at, reason: reason ?? '' });
  if (phase === 'failing') turn.tellAll({ type: 'execution.cancel', at, reason: 'run-failed' });
  turn.hasMore = phase === 'running' && turn.state.ready.size > 0 && turn.state.failure === undefined;
}

export function settleChild(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { id, output, at } = event as Of<'child.done'>;
  settleStep(turn, stepById(turn, id), output, at);
  dispatch(turn, at);
}

/** A child that threw has no last word: the run books its end, then treats it as a failed step. */
export function settleCrash(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { id, cause, at } = event as Of<'child.crashed'>;
  const step = stepById(turn, id);
  const { record } = turn.at(step.ordinal);
  const error = executionError('ACTOR_CRASHED', `The executor of step "${id}" crashed: ${cause.message}`, 'tier3', { cause });
  turn.obituaries.push({
    execution: childContext(turn.job, record.childExecutionId ?? id, at),
    fact: { type: 'tier3/execution/failed', at, payload: { stepId: id, error, attempts: 1, usage: NO_USAGE } },
  });
  settleStep(turn, step, { status: 'failed', output: null, error, attempts: 1, usage: NO_USAGE }, at);
  dispatch(turn, at);
}

export function startMore(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  dispatch(turn, (event as Of<'children.started'>).at);
}

export function recordPausing(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { at } = event as Of<'execution.pause'>;
  const epoch = turn.state.pauseEpoch + 1;
  turn.record({ type: 'tier2/routine/pausing', at, payload: { epoch } });
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
  turn.record({ type: 'tier2/routine/waiting', at: turn.state.at, payload: { steps: turn.state.escalated } });
}

/** A person settled an escalated step; a waiting run goes on with it. */
export function recordDecision(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { stepId, decision, at } = event as Of<'run.decide'>;
  const step = stepById(turn, stepId);
  const { record } = turn.at(step.ordinal);
  if (turn.state.phase === 'waiting') turn.record({ type: 'tier2/routine/resumed', at, payload: {} });
  turn.record({ type: 'tier2/step/decided', at, payload: { stepId, ordinal: step.ordinal, ...decision } });
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
  const error = failure ?? runTimeout(turn.job);
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
  if (state.phase === 'cancelled') return { status: 'cancelled', result: null, reason: state.reason ?? '', usage, duration };
  return { status: 'failed', result: null, ...(state.failure && { error: state.failure }), usage, duration };
}

/** Whether a message of a child is of its present life. */
export function isCurrentChild({ state, job }: RunContext, event: RunEvent): boolean {
  if (event.type !== 'child.done' && event.type !== 'child.crashed' && event.type !== 'execution.paused') return true;
  const record = state.records.get(job.plan.ordinals[event.id] ?? -1);
  if (record?.childExecutionId === undefined) return false;
  return event.type === 'execution.paused' ? event.epoch === state.pauseEpoch : event.incarnation === record.iteration;
}

export function isEscalated({ state, job }: RunContext, event: RunEvent): boolean {
  if (event.type !== 'run.decide' || !Object.hasOwn(job.plan.ordinals, event.stepId)) return false;
  const ordinal = job.plan.ordinals[event.stepId] ?? -1;
  const isGroup = (job.plan.steps[ordinal]?.children.length ?? 0) > 0;
  return state.records.get(ordinal)?.status === 'waiting' && !(isGroup && event.decision.decision === 'retry');
}

function stepById(turn: RunTurn, id: string): PlanStep {
  return turn.at(turn.plan.ordinals[id] ?? -1).step;
}

/** One sink: its result; several: a map by id. */
function aggregate(turn: RunTurn): Json {
  const { sinks } = turn.plan;
  if (sinks.length === 1) return turn.at(sinks[0] ?? 0).record.output;
  return Object.fromEntries(sinks.map((ordinal) => [turn.at(ordinal).step.id, turn.at(ordinal).record.output]));
}
