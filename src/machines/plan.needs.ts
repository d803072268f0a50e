/** What the steps of a plan are known to need together, so that a run of it can be promised that much. */

import type { Plan, PlanStep } from './protocol/plan.ts';
import type { RunJob } from './protocol/run.ts';

export interface Needs {
  /** One attempt at each step; a map counts as nothing, since nobody knows its items. */
  readonly credits: string;
  readonly tokens: number;
  readonly steps: number;
  /** Of the step that holds most: with less the plan cannot be done. */
  readonly memoryMB: number;
  /** Of all steps at once. */
  readonly allMemoryMB: number;
}

export const NO_NEEDS: Needs = { credits: '0', tokens: 0, steps: 0, memoryMB: 0, allMemoryMB: 0 };

const known = new WeakMap<Plan, Needs>();

/** O(steps) for the first time that a plan is seen, else O(1). */
export function needsOf(plan: Plan): Needs {
  const before = known.get(plan);
  if (before) return before;
  let credits = 0n;
  let tokens = 0;
  let steps = 0;
  let memoryMB = 0;
  let allMemoryMB = 0;
  for (const step of plan.steps) {
    const inner = innerPlan(plan, step);
    const own = inner && needsOf(inner);
    const isCounted = step.work.kind !== 'map';
    credits += BigInt(step.credits) + BigInt((isCounted && own?.credits) || 0);
    tokens += (step.tokens ?? 0) + ((isCounted && own?.tokens) || 0);
    steps += stepsOf(step) + ((isCounted && own?.steps) || 0);
    const held = Math.max(memoryOf(step), own?.memoryMB ?? 0);
    memoryMB = Math.max(memoryMB, held);
    allMemoryMB += own && held > 0 && !isCounted ? Number.POSITIVE_INFINITY : Math.max(memoryOf(step), own?.allMemoryMB ?? 0);
  }
  const needs: Needs = { credits: credits.toString(), tokens, steps, memoryMB, allMemoryMB };
  known.set(plan, needs);
  return needs;
}

/** What a run of a plan that holds memory shall have: enough for the fallbacks of errors' classes too, where there can be as much. */
export function memoryWanted({ memoryMB }: Needs, { recovery, allocation }: Pick<RunJob, 'recovery' | 'allocation'>): number {
  if (memoryMB === 0) return 0;
  const held = Object.values(recovery).map(({ fallback }) => (fallback?.action === 'use-tool' ? (fallback.memoryMB ?? 0) : 0));
  return Math.max(memoryMB, ...held.filter((each) => each <= allocation.maxMemoryMB));
}

function innerPlan(plan: Plan, { work }: PlanStep): Plan | undefined {
  if (work.kind === 'workflow' || work.kind === 'loop' || work.kind === 'map') return work.plan;
  return work.kind === 'item' ? plan.items : undefined;
}

/** Executors and waits; what has conditions and is neither has them asked by an executor. */
function stepsOf({ work, when }: PlanStep): number {
  const isAsked = when.length > 0 ? 1 : 0;
  if (work.kind === 'wait') return 1 + isAsked;
  return work.kind === 'tool' || work.kind === 'module-operation' || work.kind === 'condition' ? 1 : isAsked;
}

/** Of one step, by whichever of its works holds most. */
function memoryOf({ memoryMB = 0, fallbacks, compensation }: PlanStep): number {
  const others = fallbacks.map((fallback) => (fallback.action === 'use-tool' ? (fallback.memoryMB ?? 0) : 0));
  return Math.max(memoryMB, compensation?.memoryMB ?? 0, ...others);
}
