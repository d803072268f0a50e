/** When two goals are the same, and when a goal is what a playbook is for. */

import { matcherOf } from './wildcard.ts';

const LONGEST_SHOWN = 200;

/** In lower case, with single spaces, without a full stop at the end. */
export function normalizeGoal(goal: string): string {
  const text = goal.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
  let end = text.length;
  while (end > 0 && '.!? '.includes(text[end - 1] ?? '')) end--;
  return end === 0 ? text : text.slice(0, end);
}

/** Whether a goal is one of these, in which `*` stands for any text. No pattern at all: every goal is. */
export function goalMatcher(patterns: readonly string[] | undefined): (goal: string) => boolean {
  if (patterns === undefined) return () => true;
  const matches = matcherOf(patterns.map(normalizeGoal));
  return (goal) => matches(normalizeGoal(goal));
}

/** A goal in a message. */
export const showGoal = (goal: string): string => (goal.length <= LONGEST_SHOWN ? `"${goal}"` : `"${goal.slice(0, LONGEST_SHOWN)}…"`);
