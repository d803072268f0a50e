/** What people decide about tasks that no agent could do. */

import { executionError } from './protocol/errors.ts';
import { NO_USAGE } from './protocol/execution.ts';
import { goOn, type SwarmEvent } from './swarm.decisions.ts';
import { failTask } from './swarm.ladder.ts';
import type { SwarmState, TaskRecord } from './swarm.state.ts';
import { dispatch } from './swarm.tasks.ts';
import type { SwarmContext, SwarmTurn } from './swarm.turn.ts';
import { judge, type Verdict, voteOf } from './votes.ts';

type Of<Type extends SwarmEvent['type']> = Extract<SwarmEvent, { type: Type }>;

/** What an answer means for the task that it is for. */
export function verdictOn({ state }: Pick<SwarmContext, 'state'>, event: SwarmEvent): Verdict {
  if (event.type !== 'swarm.decideTask') return 'ignored';
  const record = recordNamed(state, event.taskId);
  return record?.status === 'escalated' ? judge(record.asked ?? {}, record.votes ?? [], event.decision) : 'ignored';
}

/** Whether an expiry is that of the question that is open now. */
export function isExpired({ state }: Pick<SwarmContext, 'state'>, event: SwarmEvent): boolean {
  if (event.type !== 'decision.expired') return false;
  const record = recordNamed(state, event.subject);
  return record?.status === 'escalated' && record.asked?.expiresAt === event.expiresAt;
}

/** One of several people who must agree. */
export function recordVote(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { taskId, decision, at } = event as Of<'swarm.decideTask'>;
  turn.record({ type: 'tier1/task/voted', at, payload: { taskId, ordinal: turn.ordinalOf(taskId), ...voteOf(decision) } });
}

/** A person has done it (the value is its result), wants it tried again by any agent, or lets it fail. */
export function recordTaskDecision(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { taskId, decision, at } = event as Of<'swarm.decideTask'>;
  const { task, record } = turn.at(turn.ordinalOf(taskId));
  const mark = { taskId, ordinal: task.ordinal };
  goOn(turn, at);
  turn.disarmExpiry(task);
  turn.record({ type: 'tier1/task/decided', at, payload: { ...mark, ...decision } });
  if (decision.decision === 'approve') {
    turn.record({ type: 'tier1/task/completed', at, payload: { ...mark, agentId: '', result: decision.value ?? null, usage: NO_USAGE } });
  } else if (decision.decision === 'reject') {
    const message = `Task "${taskId}" was rejected by ${decision.by ?? 'a person'}`;
    failTask(turn, task, executionError('REJECTED_BY_HUMAN', message, 'tier1', causeIn(record)), NO_USAGE, at);
  }
  dispatch(turn, at);
}

/** Nobody has decided in time. */
export function recordTaskExpired(turn: SwarmTurn, { bornAt }: SwarmContext, event: SwarmEvent): void {
  const { subject: taskId, expiresAt } = event as Of<'decision.expired'>;
  const { task, record } = turn.at(turn.ordinalOf(taskId));
  const at = Math.max(expiresAt, turn.state.at, bornAt);
  goOn(turn, at);
  turn.record({ type: 'tier1/task/expired', at, payload: { taskId, ordinal: task.ordinal } });
  const message = `Nobody decided about task "${taskId}" in time`;
  const error = executionError('APPROVAL_EXPIRED', message, 'tier1', { ...causeIn(record), context: { taskId } });
  failTask(turn, task, error, NO_USAGE, at);
  dispatch(turn, at);
}

/** After a restart an expiry is due when it was: what came due meanwhile, at once. */
export function restartExpiries(turn: SwarmTurn): void {
  if (turn.state.escalated > 0) for (const task of turn.state.plan?.tasks ?? []) turn.armExpiry(task);
}

const causeIn = ({ error }: TaskRecord) => ({ ...(error && { cause: { name: error.code, message: error.message } }) });

const recordNamed = ({ plan, records }: SwarmState, id: string): TaskRecord | undefined =>
  plan && Object.hasOwn(plan.ordinals, id) ? records.get(plan.ordinals[id] ?? -1) : undefined;
