/** Plans written down in advance, each for the goals that it names, and the planner that looks them up. */

import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { Json } from '../../machines/protocol/execution.ts';
import { didYouMean } from '../workflow/suggest.ts';
import { goalMatcher, normalizeGoal, showGoal } from './goal.ts';
import type { Planner } from './planner.ts';

/** A playbook that was checked. */
export interface Playbook {
  readonly id: string;
  /** The goals it was written for; absent: every one. */
  readonly goals?: readonly string[];
  /** As its author wrote them. */
  readonly tasks: Json;
}

const LISTED = 20;

/**
 * The planner that needs no model: the first playbook that fits the goal, else what the knowledge base has for the very same goal. Asked for another
 * plan, it gives the next playbook that fits, as long as there is one.
 * Throws DECOMPOSITION_FAILED, naming the goal and the playbooks there are. The same request always gets the same answer.
 */
export function playbookPlanner({ playbooks }: { readonly playbooks: readonly Playbook[] }): Planner {
  const ready = playbooks.map(({ id, goals, tasks }) => ({ id, tasks, fits: goalMatcher(goals) }));
  return ({ goal, knowledge, round }) => {
    const playbook = ready.filter(({ fits }) => fits(goal))[round];
    if (playbook) return { source: playbook.id, tasks: playbook.tasks };
    if (round > 0) throw new SwarmchartError('DECOMPOSITION_FAILED', `No other playbook fits the goal ${showGoal(goal)}.`);
    const same = normalizeGoal(goal);
    const prior = knowledge.find((known) => normalizeGoal(known.goal) === same);
    if (prior) return fromKnowledge(prior.decomposition);
    throw new SwarmchartError('DECOMPOSITION_FAILED', `No playbook fits the goal ${showGoal(goal)}${listed(goal, playbooks)}`);
  };
}

const fromKnowledge = (decomposition: Json): Json =>
  typeof decomposition === 'object' && decomposition !== null && !Array.isArray(decomposition)
    ? { ...decomposition, source: 'knowledge' }
    : { source: 'knowledge', tasks: decomposition };

function listed(goal: string, playbooks: readonly Playbook[]): string {
  if (playbooks.length === 0) return ': the swarm has no playbooks or tasks, and no planner made any.';
  const names = playbooks.slice(0, LISTED).map(({ id, goals = [] }) => `"${id}" (${goals.slice(0, 3).map(showGoal).join(', ')})`);
  const more = playbooks.length > LISTED ? ` and ${playbooks.length - LISTED} more` : '';
  return `. There are: ${names.join(', ')}${more}.${didYouMean(
    goal,
    playbooks.flatMap(({ goals = [] }) => goals),
  )}`;
}
