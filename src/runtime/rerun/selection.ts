/** Which steps a rerun does again, and what it takes over of the others. One walk over the plan: O(steps and their dependencies). */

import type { PlanStep } from '../../machines/protocol/plan.ts';
import type { ReusedStep } from '../../machines/protocol/run.ts';
import { canBeEntered, hasOutcome, isUnconditional, isUndone, type Source } from './source.ts';

export interface Selection {
  /** Ordinals of the steps that run again. */
  readonly again: ReadonlySet<number>;
  readonly reused: readonly ReusedStep[];
}

/**
 * `from` runs again, with all that depends on it; so does what was undone, or has no outcome, with all that depends on that. A group of which only
 * some steps run again is entered once more, without asking its conditions; everything else stays as it was.
 */
export function selectionFrom(source: Source, from: PlanStep): Selection {
  const { steps } = source.job.plan;
  const marks = new Marks(steps);
  marks.runAgain(from);
  for (const step of steps) if (isUndone(source, step)) marks.runAgain(step);
  // A group comes before its steps: whether it is entered is known when they are looked at.
  for (const step of steps) {
    const isInside = step.parent !== undefined && !marks.entered.has(step.parent);
    if (isInside || marks.has(step) || hasOutcome(source, step)) continue;
    if (canBeEntered(source, step)) marks.enter(step);
    else marks.runAgain(step);
  }
  return { again: marks.again, reused: steps.flatMap((step) => (marks.again.has(step.ordinal) ? [] : reusedStep(source, step, marks))) };
}

class Marks {
  readonly again = new Set<number>();
  /** Groups of which some steps run again, and others do not. One that runs again as a whole may be among them. */
  readonly entered = new Set<number>();
  readonly #steps: readonly PlanStep[];

  constructor(steps: readonly PlanStep[]) {
    this.#steps = steps;
  }

  has({ ordinal }: PlanStep): boolean {
    return this.again.has(ordinal) || this.entered.has(ordinal);
  }

  runAgain(step: PlanStep): void {
    this.#spread([step.ordinal]);
  }

  /** Its result will be another one. */
  enter(group: PlanStep): void {
    this.#spread(this.#entering(group.ordinal));
  }

  #spread(open: number[]): void {
    for (let ordinal = open.pop(); ordinal !== undefined; ordinal = open.pop()) {
      const step = this.#steps[ordinal];
      if (!step || this.again.has(ordinal)) continue;
      this.again.add(ordinal);
      const isWithGroup = step.parent === undefined || this.again.has(step.parent);
      for (const next of [...step.children, ...step.dependents, ...(isWithGroup ? [] : this.#entering(step.parent))]) open.push(next);
    }
  }

  /** Enters a group and all around it; returns what depends on them. */
  #entering(group: number | undefined): number[] {
    const dependents: number[] = [];
    for (let ordinal = group; ordinal !== undefined && !this.entered.has(ordinal); ordinal = this.#steps[ordinal]?.parent) {
      this.entered.add(ordinal);
      dependents.push(...(this.#steps[ordinal]?.dependents ?? []));
    }
    return dependents;
  }
}

function reusedStep(source: Source, step: PlanStep, { entered }: Marks): ReusedStep[] {
  const { executionId, state, settledBy, enteredBy, skippedFor } = source;
  const { ordinal, id: stepId } = step;
  const record = state.records.get(ordinal);
  const { branch, output = null, error, fatal } = record ?? {};
  if (entered.has(ordinal)) {
    const from = { executionId, seq: enteredBy.get(ordinal) ?? 0 };
    return isUnconditional(step) ? [] : [{ stepId, ordinal, status: 'entered', output: null, ...(branch && { branch }), from }];
  }
  const status = record?.status;
  const seq = settledBy.get(ordinal);
  // What never settled, within a group that failed before it let anything in, is left as it was.
  const isSettled =
    status === 'completed' || status === 'skipped' || status === 'failed' || status === 'timed_out' || status === 'cancelled';
  if (!isSettled || seq === undefined) return [];
  const reason = status === 'skipped' ? skippedFor.get(ordinal) : undefined;
  const more = { ...(error && { error }), ...(fatal && { fatal: true as const }), ...(branch && { branch }), ...(reason && { reason }) };
  return [{ stepId, ordinal, status, output, ...more, from: { executionId, seq } }];
}
