/** What a run does about those outside: children that wait for them, signals that they send, decisions that they take. */

import { executionError } from './protocol/errors.ts';
import { NO_USAGE } from './protocol/execution.ts';
import { dispatch, takeSignal } from './run.dispatch.ts';
import { failStep, settleStep } from './run.settle.ts';
import { MOST_SIGNALS } from './run.state.ts';
import { type EventOf, type RunContext, type RunEvent, type RunTurn, stepById } from './run.turn.ts';

export function recordWaiting(turn: RunTurn): void {
  const { escalated, idle, at } = turn.state;
  turn.record({ type: 'tier2/routine/waiting', at, payload: { steps: escalated + idle } });
}

export function recordStepWaiting(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { id, at } = event as EventOf<'execution.waiting'>;
  turn.record({ type: 'tier2/step/waiting', at, payload: { stepId: id, ordinal: stepById(turn, id).ordinal } });
  // A step that waited for what this one may give back no longer counts on it.
  dispatch(turn, at);
}

export function recordStepContinued(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { id, at } = event as EventOf<'execution.continued'>;
  wake(turn, at);
  turn.record({ type: 'tier2/step/continued', at, payload: { stepId: id, ordinal: stepById(turn, id).ordinal } });
}

/** A waiting run goes on. */
export function wake(turn: RunTurn, at: number): void {
  if (turn.state.phase === 'waiting') turn.record({ type: 'tier2/routine/resumed', at, payload: {} });
}

export function recordSignal(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { name, payload, at } = event as EventOf<'run.signal'>;
  turn.record({ type: 'tier2/routine/signalled', at, payload: { name, payload } });
  takeSignal(turn, name, at);
}

/** A person settled an escalated step, and a waiting run goes on with it; or answered one that waits for an approval, which then ends. */
export function recordDecision(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { stepId, decision, at } = event as EventOf<'run.decide'>;
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

/** Whether a living child says what was not known: that it waits, or that it goes on. */
export function isNewsOfWaiting({ state, job }: RunContext, event: RunEvent): boolean {
  if (event.type !== 'execution.waiting' && event.type !== 'execution.continued') return false;
  const record = Object.hasOwn(job.plan.ordinals, event.id) ? state.records.get(job.plan.ordinals[event.id] ?? -1) : undefined;
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
