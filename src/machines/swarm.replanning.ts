/** How a swarm gets another plan: nothing begins any more, what has begun ends, and then a planner is asked with all that is known. */

import { NO_USAGE } from './protocol/execution.ts';
import type { SwarmEvent } from './swarm.decisions.ts';
import { climbOn } from './swarm.ladder.ts';
import { helperError, startHelper } from './swarm.stages.ts';
import { dispatch } from './swarm.tasks.ts';
import type { SwarmContext, SwarmTurn } from './swarm.turn.ts';
import { unsolvedIn } from './swarm.unsolved.ts';

/** A task that no agent could do wants another plan. Agents that were asked for runs that have not begun are not needed; those that are to go on get theirs. */
export function recordReplanning(turn: SwarmTurn): void {
  const { at, round } = turn.state;
  const [first] = unsolvedIn(turn.state);
  for (const task of turn.state.plan?.tasks ?? []) {
    const { record } = turn.at(task.ordinal);
    const { leaseId, childExecutionId, status } = record;
    if (status === 'escalated') turn.disarmExpiry(task);
    if (status !== 'leasing' || childExecutionId !== undefined || leaseId === undefined) continue;
    turn.returnLease(record, at);
    turn.record({ type: 'tier1/lease/withdrawn', at, payload: { taskId: task.id, ordinal: task.ordinal, leaseId } });
  }
  if (first) turn.record({ type: 'tier1/swarm/replanning', at, payload: { round: round + 1, taskId: first.task.id, error: first.error } });
  dispatch(turn, at);
}

/** Every run has ended. */
export function requestPlan(turn: SwarmTurn): void {
  const { at, round, planAttempt: attempt } = turn.state;
  turn.record({ type: 'tier1/swarm/plan_requested', at, payload: { round, attempt } });
  startHelper(turn);
}

/** The planner has no other plan that makes sense: the old one goes on, and the next rung is that of the people. */
export function recordReplanningFailed(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { error, at } = helperError(turn, event);
  turn.record({ type: 'tier1/swarm/replanning_failed', at, payload: { round: turn.state.round, error } });
}

/** What another plan should have solved takes the next rung. */
export function climbFromPlan(turn: SwarmTurn): void {
  const { at } = turn.state;
  for (const { task, error } of unsolvedIn(turn.state)) climbOn(turn, task, error, NO_USAGE, at);
  dispatch(turn, at);
}
