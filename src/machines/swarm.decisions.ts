/** What a swarm's transitions record. Each function opens on the folded state and an event, and adds to the turn. */

import type { ControlReport } from './protocol/control.ts';
import { executionError } from './protocol/errors.ts';
import { type ExecutionError, NO_USAGE } from './protocol/execution.ts';
import type { ChildReport } from './protocol/run.ts';
import type { SwarmCommand, SwarmJob, SwarmReport, SwarmTask } from './protocol/swarm.ts';
import type { RunOutcome } from './run.decisions.ts';
import { isEnding } from './swarm.ladder.ts';
import { activeMsAt, isAtWork, type SwarmState, type TaskRecord } from './swarm.state.ts';
import { dispatch, refuseTask, reviveToEnd, runContext, settleTask, startLeased } from './swarm.tasks.ts';
import { isHelper, type SwarmContext, type SwarmTurn, swarmTimeout, swarmUsage } from './swarm.turn.ts';
import { timerAt } from './timers.ts';
import type { Expiry } from './votes.ts';

export type SwarmEvent = SwarmCommand | SwarmReport | ControlReport | ChildReport<unknown> | Expiry;
type Of<Type extends SwarmEvent['type']> = Extract<SwarmEvent, { type: Type }>;

export type SwarmOutcome = RunOutcome;

export function settleRun(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { id, output, at } = event as Of<'child.done'>;
  goOn(turn, at);
  settleTask(turn, taskById(turn, id), output as RunOutcome, at);
  dispatch(turn, at);
}

/** A run that threw has no last word: the swarm books its end, then treats it as a failed one. */
export function settleCrash(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { id, cause, at, usage = NO_USAGE } = event as Of<'child.crashed'>;
  const task = taskById(turn, id);
  const { record } = turn.at(task.ordinal);
  const error = executionError('ACTOR_CRASHED', `The run of task "${id}" crashed: ${cause.message}`, 'tier2', { cause });
  turn.obituaries.push({
    execution: runContext(turn, record.childExecutionId ?? id, at),
    fact: { type: 'tier2/routine/failed', at, payload: { routineId: task.plan.id, error, usage } },
  });
  goOn(turn, at);
  settleTask(turn, task, { status: 'failed', result: null, error, usage, duration: 0 }, at);
  dispatch(turn, at);
}

/** An agent for a task: held while the swarm is paused, put to work otherwise. */
export function recordGranted(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { leaseId, at, ...granted } = event as Of<'lease.granted'>;
  const agentId = ownId(turn.job, granted.agentId);
  const { task } = turn.at(ordinalOfLease(turn.state, turn.job.execution.executionId, leaseId));
  turn.record({ type: 'tier1/lease/granted', at, payload: { taskId: task.id, ordinal: task.ordinal, leaseId, agentId } });
  if (isAtWork(turn.state)) startLeased(turn, task.ordinal, at);
  dispatch(turn, at);
}

export function recordRefused(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { leaseId, error, at } = event as Of<'lease.refused'>;
  const { task } = turn.at(ordinalOfLease(turn.state, turn.job.execution.executionId, leaseId));
  refuseTask(turn, task, error, at);
  dispatch(turn, at);
}

/** The agent is gone: its run stops where it is, and goes on from its facts under the next lease. */
export function recordLeaseLost(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { leaseId, error, at, ...lost } = event as Of<'lease.lost'>;
  const agentId = ownId(turn.job, lost.agentId);
  const { task, record } = turn.at(ordinalOfLease(turn.state, turn.job.execution.executionId, leaseId));
  goOn(turn, at);
  turn.record({ type: 'tier1/lease/lost', at, payload: { taskId: task.id, ordinal: task.ordinal, leaseId, agentId, error } });
  if (record.isLive) turn.messages.push({ type: 'child.stop', id: task.id });
  dispatch(turn, at);
}

/** A run without an agent has stopped: it is given to the next one, or lives again to end with its swarm. */
export function recordSuspended(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { id, at } = event as Of<'child.stopped'>;
  const { ordinal } = taskById(turn, id);
  turn.record({ type: 'tier1/task/suspended', at, payload: { taskId: id, ordinal } });
  if (isEnding(turn)) reviveToEnd(turn, ordinal, turn.state.reason ?? 'swarm-failed', at);
  dispatch(turn, at);
}

/** A lease that nobody waits for any more goes back. */
export function returnStale(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { leaseId, at } = event as Of<'lease.granted'>;
  turn.requests.push({ type: 'lease.return', leaseId, at });
}

export function recordRunPaused(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { id, epoch, at } = event as Of<'execution.paused'>;
  turn.record({ type: 'tier1/task/paused', at, payload: { taskId: id, ordinal: taskById(turn, id).ordinal, epoch } });
}

export function recordRunWaiting(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { id, at } = event as Of<'execution.waiting'>;
  turn.record({ type: 'tier1/task/waiting', at, payload: { taskId: id, ordinal: taskById(turn, id).ordinal } });
  // A task that waited for the memory which this one may give back no longer counts on it.
  dispatch(turn, at);
}

export function recordRunContinued(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { id, at } = event as Of<'execution.continued'>;
  goOn(turn, at);
  turn.record({ type: 'tier1/task/woken', at, payload: { taskId: id, ordinal: taskById(turn, id).ordinal } });
  dispatch(turn, at);
}

export function recordUnmet(turn: SwarmTurn, { bornAt }: SwarmContext): void {
  const at = timerAt({ state: turn.state, bornAt });
  recordOpen(turn, at, activeMsAt(turn.state, at));
}

/** Every task has settled, and a mission is not completed: it never will be, whatever its deadline. */
export function recordForfeit(turn: SwarmTurn): void {
  recordOpen(turn, turn.state.at, Number.POSITIVE_INFINITY);
}

function recordOpen(turn: SwarmTurn, at: number, active: number): void {
  for (const { normId, role, mission, tasks, status, dueActiveMs } of turn.state.obligations.values()) {
    if (status !== 'open' || dueActiveMs > active) continue;
    const open = tasks.filter((id) => turn.at(turn.state.plan?.ordinals[id] ?? -1).record.status !== 'completed');
    turn.record({ type: 'tier1/obligation/unmet', at, payload: { normId, role, mission, open } });
  }
}

export function recordDecision(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { normId, decision, by, at } = event as Of<'swarm.decide'>;
  goOn(turn, at);
  turn.record({ type: 'tier1/obligation/decided', at, payload: { normId, decision, ...(by !== undefined && { by }) } });
}

export function recordPausing(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { at } = event as Of<'execution.pause'>;
  const epoch = turn.state.pauseEpoch + 1;
  turn.record({ type: 'tier1/swarm/pausing', at, payload: { epoch } });
  turn.tellAll({ type: 'execution.pause', at, epoch });
}

export function recordPaused(turn: SwarmTurn): void {
  turn.record({ type: 'tier1/swarm/paused', at: turn.state.at, payload: {} });
}

export function recordWaiting(turn: SwarmTurn): void {
  turn.record({ type: 'tier1/swarm/waiting', at: turn.state.at, payload: {} });
}

export function recordCancelling(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const command = event as Of<'execution.cancel'> | Of<'swarm.decide'> | Of<'swarm.decideTask'>;
  const { at } = command;
  const by = command.type === 'swarm.decideTask' ? command.decision.by : command.type === 'swarm.decide' ? command.by : undefined;
  const reason = command.type === 'execution.cancel' ? command.reason : `aborted by ${by ?? 'a person'}`;
  turn.stopHelper();
  turn.record({ type: 'tier1/swarm/cancelling', at, payload: { reason } });
  endAll(turn, reason, at);
}

export function recordFailing(turn: SwarmTurn): void {
  fail(turn, turn.state.failure ?? swarmTimeout(turn.job), turn.state.at);
}

export function recordTimedOut(turn: SwarmTurn, { bornAt }: SwarmContext): void {
  fail(turn, swarmTimeout(turn.job), timerAt({ state: turn.state, bornAt }));
}

export function recordRejected(turn: SwarmTurn, context: SwarmContext, event: SwarmEvent): void {
  const { normId, by, at } = event as Of<'swarm.decide'>;
  recordDecision(turn, context, event);
  const message = `Obligation "${normId}" was not met in time, and ${by ?? 'a person'} did not accept that`;
  fail(turn, executionError('OBLIGATION_UNMET', message, 'tier1', { context: { normId } }), at);
}

export function fail(turn: SwarmTurn, error: ExecutionError, at: number): void {
  turn.stopHelper();
  turn.record({ type: 'tier1/swarm/failing', at, payload: { error } });
  endAll(turn, 'swarm-failed', at);
}

/** Whatever lives is told to end; requests are withdrawn; what lost its agent lives again to end in order, under its next lease if it has one. */
function endAll(turn: SwarmTurn, reason: string, at: number): void {
  turn.tellAll({ type: 'execution.cancel', at, reason });
  turn.state.records.forEach((record, ordinal) => {
    const { status, childExecutionId } = record;
    if (status === 'leasing' || (status === 'leased' && childExecutionId === undefined)) turn.returnLease(record, at);
    reviveToEnd(turn, ordinal, reason, at);
  });
}

export function recordFailed(turn: SwarmTurn): void {
  const { at, failure } = turn.state;
  const error = failure ?? swarmTimeout(turn.job);
  turn.record({ type: 'tier1/swarm/coordination_failed', at, payload: { error, usage: swarmUsage(turn.state, at) } });
  turn.returnAll(at);
}

export function recordCancelled(turn: SwarmTurn): void {
  const { at, reason = '' } = turn.state;
  turn.record({ type: 'tier1/swarm/coordination_cancelled', at, payload: { reason, usage: swarmUsage(turn.state, at) } });
  turn.returnAll(at);
}

export function outcomeOf({ state }: Pick<SwarmContext, 'state'>): SwarmOutcome {
  const { usage, result } = state;
  const duration = state.at - state.startedAt;
  if (state.phase === 'completed') return { status: 'completed', result, usage, duration };
  if (state.phase === 'cancelled') return { status: 'cancelled', result: null, reason: state.reason ?? '', usage, duration };
  return { status: 'failed', result: null, ...(state.failure && { error: state.failure }), usage, duration };
}

/** A swarm that waited goes on, before anything else is recorded. */
export function goOn(turn: SwarmTurn, at: number): void {
  if (turn.state.phase === 'waiting') turn.record({ type: 'tier1/swarm/resumed', at, payload: {} });
}

/** Whether a message of a run is of its present life, or a message of the pool is about the lease that is asked for or held. */
export function isCurrent({ state, job }: SwarmContext, event: SwarmEvent): boolean {
  switch (event.type) {
    case 'child.done':
    case 'child.crashed': {
      const record = recordOf(state, event.id);
      return !isHelper(event.id) && record?.isLive === true && record.incarnation === event.incarnation;
    }
    case 'child.stopped': {
      const record = recordOf(state, event.id);
      return record?.status === 'stopping' && record.incarnation === event.incarnation;
    }
    case 'execution.paused':
      return isRunning(recordOf(state, event.id)) && event.epoch === state.pauseEpoch;
    case 'execution.waiting':
      return isRunning(recordOf(state, event.id)) && recordOf(state, event.id)?.status !== 'waiting';
    case 'execution.continued':
      return recordOf(state, event.id)?.status === 'waiting';
    case 'lease.granted':
    case 'lease.refused':
    case 'lease.lost': {
      const record = state.records.get(ordinalOfLease(state, job.execution.executionId, event.leaseId));
      return record?.leaseId === event.leaseId && (record.status === 'leasing') === (event.type !== 'lease.lost');
    }
    default:
      return true;
  }
}

/** The end of a run with which an obligation may be met, so that the timer is due at another time. */
export const mayMeetObligation = (context: SwarmContext, event: SwarmEvent): boolean =>
  event.type === 'child.done' &&
  !context.state.obligations.isEmpty() &&
  isCurrent(context, event) &&
  (event.output as RunOutcome).status === 'completed';

const isRunning = (record: TaskRecord | undefined): boolean => record?.isLive === true && record.status !== 'stopping';

export const isEscalated = ({ state }: SwarmContext, event: SwarmEvent): boolean =>
  event.type === 'swarm.decide' && state.obligations.get(event.normId)?.status === 'escalated';

export const hasOpenObligations = ({ obligations }: SwarmState): boolean => obligations.some(({ status }) => status === 'open');

/** Obligations that were not met in time, and that nobody has decided about. */
export const hasEscalations = ({ obligations }: SwarmState): boolean => obligations.some(({ status }) => status === 'escalated');

/** The swarm's name for an agent that the pool knows by another one. */
export function ownId({ execution }: SwarmJob, agentId: string): string {
  const prefix = poolPrefix(execution.executionId);
  return agentId.startsWith(prefix) ? agentId.slice(prefix.length) : agentId;
}

/** What the pool's name of a swarm's own agent begins with. */
export const poolPrefix = (executionId: string): string => `${executionId}/`;

const recordOf = ({ plan, records }: SwarmState, id: string) =>
  plan && Object.hasOwn(plan.ordinals, id) ? records.get(plan.ordinals[id] ?? -1) : undefined;

function taskById(turn: SwarmTurn, id: string): SwarmTask {
  return turn.at(turn.state.plan?.ordinals[id] ?? -1).task;
}

/** The id of a lease holds that of its task: `<swarm>/<task>#<number>`. */
function ordinalOfLease({ plan }: SwarmState, executionId: string, leaseId: string): number {
  const id = leaseId.slice(executionId.length + 1, leaseId.lastIndexOf('#'));
  return plan && Object.hasOwn(plan.ordinals, id) ? (plan.ordinals[id] ?? -1) : -1;
}
