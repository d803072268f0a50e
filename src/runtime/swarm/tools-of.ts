import type { Plan, PlanStep } from '../../machines/protocol/plan.ts';

const known = new WeakMap<Plan, readonly string[]>();

/** Every tool that a plan can call, sorted: of its steps, their fallbacks and compensations, and of the plans within. */
export function toolsOf(plan: Plan): readonly string[] {
  const before = known.get(plan);
  if (before) return before;
  const tools = new Set<string>();
  const open: Plan[] = [plan];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const step of next.steps) {
      for (const tool of ownTools(step)) tools.add(tool);
      if ('plan' in step.work) open.push(step.work.plan);
    }
  }
  const sorted = [...tools].sort();
  known.set(plan, sorted);
  return sorted;
}

function ownTools({ work, fallbacks, compensation }: PlanStep): readonly string[] {
  const replacing = fallbacks.flatMap((fallback) => (fallback.action === 'use-tool' ? [fallback.tool] : []));
  return [...(work.kind === 'tool' ? [work.tool] : []), ...replacing, ...(compensation ? [compensation.tool] : [])];
}
