/** What a run does about those outside: children that wait for them, signals that they send, decisions that they take. */

import { executionError } from './protocol/errors.ts';
import { NO_USAGE } from './protocol/execution.ts';
import { dispatch, takeSignal } from './run.dispatch.ts';
import { failStep, isEnding, settleStep } from './run.settle.ts';
import { MOST_SIGNALS, type StepRecord } from './run.state.ts';
import { type EventOf, type RunContext, type RunEvent, type RunTurn, stepById } from './run.turn.ts';
import { judge, type Verdict, voteOf } from './votes.ts';

export function recordWaiting(turn: RunTurn): void {
  const { escalated, idle, at } = turn.state;
  turn.record({ type: 'tier2/routine/waiting', at, payload: { steps: escalated + idle } });
}

export function recordStepWaiting(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { id, at } = event as EventOf<'execution.waiting'>;
  turn.record({ type: 'tier2/step/waiting', at, payload: { stepId: id, ordinal: stepById(turn, id).ordinal } });
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
  turn.disarmExpiry(step);
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
    const error = executionError('REJECTED_BY_HUMAN', `Step "${stepId}" was rejected by ${who}`, 'tier2', causeIn(record));
    failStep(turn, step, { error, attempts: 0, usage: NO_USAGE }, at);
  }
  dispatch(turn, at);
}

/** One of several people who must agree. */
export function recordVote(turn: RunTurn, _context: RunContext, event: RunEvent): void {
  const { stepId, decision, at } = event as EventOf<'run.decide'>;
  const { ordinal } = stepById(turn, stepId);
  turn.record({ type: 'tier2/step/voted', at, payload: { stepId, ordinal, ...voteOf(decision) } });
}

/** Nobody has decided about an escalated step in time: it fails, and a waiting run goes on with that. */
export function recordExpired(turn: RunTurn, { bornAt }: RunContext, event: RunEvent): void {
  const { subject, expiresAt } = event as EventOf<'decision.expired'>;
  const step = stepById(turn, subject);
  const { record } = turn.at(step.ordinal);
  const at = Math.max(expiresAt, turn.state.at, bornAt);
  wake(turn, at);
  turn.record({ type: 'tier2/step/expired', at, payload: { stepId: subject, ordinal: step.ordinal } });
  const error = executionError('APPROVAL_EXPIRED', `Nobody decided about step "${subject}" in time`, 'tier2', {
    ...causeIn(record),
    context: { stepId: subject },
  });
  failStep(turn, step, { error, attempts: 0, usage: NO_USAGE }, at);
  dispatch(turn, at);
}

/** After a restart an expiry is due when it was: what came due meanwhile, at once. */
export function restartExpiries(turn: RunTurn): void {
  if (turn.state.escalated === 0 || isEnding(turn) || turn.state.phase === 'compensating') return;
  for (const step of turn.plan.steps) turn.armExpiry(step);
}

const causeIn = ({ error }: StepRecord) => ({ ...(error && { cause: { name: error.code, message: error.message } }) });

/** Whether a living child says what was not known: that it waits, or that it goes on. */
export function isNewsOfWaiting({ state, job }: RunContext, event: RunEvent): boolean {
  if (event.type !== 'execution.waiting' && event.type !== 'execution.continued') return false;
  const record = state.records.get(job.plan.ordinals[event.id] ?? -1);
  return record?.childExecutionId !== undefined && record.isWaiting === (event.type === 'execution.continued');
}

/** What an answer means for the step that it is for. */
export function verdictOn({ state, job }: Pick<RunContext, 'state' | 'job'>, event: RunEvent): Verdict {
  if (event.type !== 'run.decide' || !Object.hasOwn(job.plan.ordinals, event.stepId)) return 'ignored';
  const ordinal = job.plan.ordinals[event.stepId] ?? -1;
  const record = state.records.get(ordinal);
  const isRetry = event.decision.decision === 'retry';
  const votes = record?.votes ?? [];
  if (record?.waitsFor?.type === 'approval') {
    return record.answer === undefined && !isRetry ? judge(record.waitsFor, votes, event.decision) : 'ignored';
  }
  const isGroup = (job.plan.steps[ordinal]?.children.length ?? 0) > 0;
  return record?.status === 'waiting' && !(isGroup && isRetry) ? judge(record.asked ?? {}, votes, event.decision) : 'ignored';
}

/** Whether an expiry is that of the question that is open now. */
export function isExpired({ state, job }: Pick<RunContext, 'state' | 'job'>, event: RunEvent): boolean {
  if (event.type !== 'decision.expired') return false;
  const record = state.records.get(job.plan.ordinals[event.subject] ?? -1);
  return record?.status === 'waiting' && record.asked?.expiresAt === event.expiresAt;
}

/** Whether an answer is for a step that lives and waits for it. */
export function isForApproval(context: RunContext, event: RunEvent): boolean {
  if (event.type !== 'run.decide' || verdictOn(context, event) !== 'decision') return false;
  return context.state.records.get(context.job.plan.ordinals[event.stepId] ?? -1)?.waitsFor?.type === 'approval';
}

/** Whether a signal of that name is taken at once or kept; a run keeps no more than MOST_SIGNALS. */
export const canTakeSignal = ({ state }: Pick<RunContext, 'state'>, name: string): boolean =>
  state.keptSignals < MOST_SIGNALS || state.listeners.has(name);
