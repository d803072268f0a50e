/** Tasks that no agent could do, and for which another plan is wanted. */

import type { ExecutionError } from './protocol/execution.ts';
import type { Replan, SwarmTask } from './protocol/swarm.ts';
import type { SwarmState } from './swarm.state.ts';

export const mustReplan = ({ unsolved, isReplanned }: SwarmState): boolean => unsolved > 0 && !isReplanned;

/** Nothing that has begun is left, so that a planner may be asked. */
export const mayRequestPlan = ({ hasHelper, live, leasing, leased, ready }: SwarmState): boolean =>
  !hasHelper && live + leasing + leased + ready.size === 0;

export function unsolvedIn({ plan, records }: SwarmState): readonly { readonly task: SwarmTask; readonly error: ExecutionError }[] {
  return (plan?.tasks ?? []).flatMap((task) => {
    const { status, error } = records.get(task.ordinal) ?? {};
    return status === 'unsolved' && error ? [{ task, error }] : [];
  });
}

/** What a planner is told besides the goal. Nothing before the first plan. */
export function replanIn(state: SwarmState): Replan | undefined {
  const { cause, stage, round } = state;
  if (stage !== 'replanning' || !cause) return undefined;
  const failures = unsolvedIn(state).map(({ task, error }) => ({ taskId: task.id, error }));
  const kept = (state.plan?.tasks ?? []).filter(({ ordinal }) => state.records.get(ordinal)?.status === 'completed');
  const completed = Object.fromEntries(kept.map(({ id, ordinal }) => [id, state.records.get(ordinal)?.result ?? null]));
  return { round, failure: cause, failures, kept, completed };
}
