/** What is recorded of a root execution by the runtime around it. Says nothing to the charts. */

import type { Fact, FactBody } from './facts.ts';

export type RecoveryFact =
  /** It goes on after a restart. So many times now without progress since. */
  | FactBody<'execution/recovered', { readonly recoveries: number }>
  /** It was recovered so often without progress that it waits for somebody who says that it is to go on. */
  | FactBody<'execution/dead_lettered', { readonly recoveries: number }>
  /** Its process stopped on purpose while something of it was at work: that is no crash. */
  | FactBody<'execution/drained', Record<string, never>>
  /** It is paused with all others, and goes on when they do. */
  | FactBody<'execution/held', Record<string, never>>
  | FactBody<'execution/released', Record<string, never>>;

/** After so many in a row without progress it goes on alone: of several that were at work when their process ended, one has done it. */
export const SUSPECT_RECOVERIES = 3;

/** After so many recoveries in a row without progress an execution is not recovered again by itself. */
export const MOST_RECOVERIES = 10;

/** What is recorded again and again of one that always ends its process. */
const NO_PROGRESS =
  /^(execution\/\w+|tier3\/(attempt\/(started|interrupted)|execution\/started|wait\/started)|tier2\/(routine\/started|step\/(started|restarted))|tier1\/((lease|blackboard)\/\w+|task\/(started|continued|suspended)|swarm\/(coordination_started|plan_requested)))$/;

/** Whether a fact says that its execution has got somewhere. */
export const isProgress = ({ type }: Pick<Fact, 'type'>): boolean => !NO_PROGRESS.test(type);

/** What may have ended a process: work that began, or was begun again. */
const ACTS = /^tier3\/(attempt\/(started|interrupted)|execution\/started)$/;

/**
 * How often a stream was recovered since it last got anywhere. Not counted is the last time, when it has done nothing since: what only waits
 * is recovered as often as it takes.
 *
 * @param isHelped A helper works for it, such as a planner, of which no fact tells.
 */
export function recoveriesIn(facts: readonly Fact[], isHelped = false): number {
  let hasActed = isHelped;
  for (let index = facts.length - 1; index >= 0; index--) {
    const { type, payload } = facts[index] as Fact<RecoveryFact>;
    if (type === 'execution/recovered') return (payload as { readonly recoveries: number }).recoveries - (hasActed ? 0 : 1);
    if (type === 'execution/drained' || isProgress({ type })) return 0;
    hasActed ||= ACTS.test(type);
  }
  return 0;
}

/** Whether an execution was paused with all others when its stream ended. */
export function isHeldIn(facts: readonly Fact[]): boolean {
  const last = facts.findLast(({ type, executionId, stream }) => executionId === stream && /^execution\/(held|released)$/.test(type));
  return last?.type === 'execution/held';
}
