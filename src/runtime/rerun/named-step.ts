/** The step that a rerun is to begin with: it exists, can be named, and was reached; or why not. */

import type { Plan, PlanStep } from '../../machines/protocol/plan.ts';
import { didYouMean } from '../workflow/suggest.ts';
import { canBeEntered, hasOutcome, type Source } from './source.ts';

export type Named = { readonly step: PlanStep } | { readonly problem: string };

/** Steps that a message lists. */
const MOST_NAMES = 10;

export function namedStep(source: Source, from: string): Named {
  const { plan } = source.job;
  const step = stepOf(plan, from);
  if (!step) return { problem: unknownStep(source, from) };
  const problem = whyNotReached(source, step);
  return problem === undefined ? { step } : { problem };
}

const stepOf = ({ ordinals, steps }: Plan, id: string): PlanStep | undefined =>
  Object.hasOwn(ordinals, id) ? steps[ordinals[id] ?? -1] : undefined;

function unknownStep({ job: { plan, refusal }, executionId }: Source, from: string): string {
  if (plan.steps.length === 0) return `Run "${executionId}" has no steps${refusal ? `: it was refused (${refusal.message})` : ''}`;
  const holder = plan.steps.find(({ work }) => 'plan' in work && holds(work.plan, from));
  if (holder) return `Step "${from}" is part of the ${holder.type} "${holder.id}", which runs as a whole: rerun from "${holder.id}"`;
  const ids = plan.steps.map(({ id }) => id);
  return `Run "${executionId}" has no step "${from}".${didYouMean(from, ids)} It has ${listed(ids)}`;
}

/** Called workflows nest as deep as their definitions allow, which is bounded. */
const holds = (plan: Plan, id: string): boolean =>
  Object.hasOwn(plan.ordinals, id) || plan.steps.some(({ work }) => 'plan' in work && holds(work.plan, id));

function whyNotReached(source: Source, step: PlanStep): string | undefined {
  const { plan } = source.job;
  const around = groupsAround(plan, step);
  const missing = before(plan, [step, ...around]).filter((each) => !hasOutcome(source, each));
  const first = missing.find((each) => each.dependsOn.every((ordinal) => isSound(source, ordinal)));
  if (first) {
    const names = listed(missing.map(({ id }) => id));
    return `Step "${step.id}" was never reached: ${names} ${missing.length === 1 ? 'has' : 'have'} no committed result. Rerun from "${first.id}"`;
  }
  // From the outside in: a group that was not entered says nothing about those in it.
  for (const [index, group] of around.toReversed().entries()) {
    if (!canBeEntered(source, group))
      return `Step "${step.id}" was never reached: its group "${group.id}" was not entered. Rerun from "${group.id}"`;
    const inner = around.toReversed()[index + 1] ?? step;
    const { branch } = source.state.records.get(group.ordinal) ?? {};
    if (inner.branch !== branch)
      return `Step "${step.id}" was never reached: "${group.id}" took its branch "${branch}". Rerun from "${group.id}"`;
  }
  return undefined;
}

const isSound = (source: Source, ordinal: number): boolean => {
  const step = source.job.plan.steps[ordinal];
  return step !== undefined && hasOutcome(source, step);
};

/** The innermost first. */
function groupsAround({ steps }: Plan, { parent }: PlanStep): readonly PlanStep[] {
  const found: PlanStep[] = [];
  for (let group = steps[parent ?? -1]; group; group = steps[group.parent ?? -1]) found.push(group);
  return found;
}

/** All that these steps depend on, also by way of others, in the order of the plan. */
function before({ steps }: Plan, after: readonly PlanStep[]): readonly PlanStep[] {
  const found = new Set<number>();
  const open = after.flatMap(({ dependsOn }) => dependsOn);
  for (let ordinal = open.pop(); ordinal !== undefined; ordinal = open.pop()) {
    if (found.has(ordinal)) continue;
    found.add(ordinal);
    for (const next of steps[ordinal]?.dependsOn ?? []) open.push(next);
  }
  return steps.filter(({ ordinal }) => found.has(ordinal));
}

function listed(ids: readonly string[]): string {
  const named = ids.slice(0, MOST_NAMES).map((id) => `"${id}"`);
  const more = ids.length - named.length;
  return more > 0 ? `${named.join(', ')} and ${more} more` : named.join(', ');
}
