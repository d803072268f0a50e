import type { Plan } from '../../machines/protocol/plan.ts';

/** How much a plan holds in all: itself, its bodies, and the workflows that it calls as often as it calls them. */
export interface Extent {
  readonly steps: number;
  /** Levels of nesting: 1 for steps side by side. */
  readonly levels: number;
}

const measured = new WeakMap<Plan, Extent>();

/** Looks at each plan once, however many call it. */
export function extentOf(plan: Plan): Extent {
  const known = measured.get(plan);
  if (known) return known;
  let { length: steps } = plan.steps;
  let levels = 0;
  const level: number[] = [];
  for (const { ordinal, parent, work } of plan.steps) {
    const own = (parent === undefined ? 0 : (level[parent] ?? 0)) + 1;
    const inner = 'plan' in work ? extentOf(work.plan) : { steps: 0, levels: 0 };
    level[ordinal] = own;
    steps += inner.steps;
    levels = Math.max(levels, own + inner.levels);
  }
  const extent = { steps, levels };
  measured.set(plan, extent);
  return extent;
}
