/** Reruns under test: what a run takes over of another one, which is as it was when it was left. */

import type { RunInput } from '../../../src/machines/machines.ts';
import { envelope, type Fact, type FactBody } from '../../../src/machines/protocol/facts.ts';
import type { ReusedStep } from '../../../src/machines/protocol/run.ts';
import { namedStep } from '../../../src/runtime/rerun/named-step.ts';
import { selectionFrom } from '../../../src/runtime/rerun/selection.ts';
import { sourceOf } from '../../../src/runtime/rerun/source.ts';

/** What stands for these steps, each `completed` unless it says something else. */
export function reusing(input: RunInput, ...steps: readonly (Partial<ReusedStep> & { readonly ordinal: number })[]): RunInput {
  const reused = steps.map(
    (step): ReusedStep => ({
      stepId: `s${step.ordinal}`,
      status: 'completed',
      output: step.ordinal,
      from: { executionId: 'earlier', seq: step.ordinal + 2 },
      ...step,
    }),
  );
  return { ...input, reused };
}

/** The run again from its step of this number, after facts of an earlier life; undefined when that was never reached. */
export function rerunFrom(input: RunInput, bodies: readonly FactBody[], ordinal: number): RunInput | undefined {
  const { execution, job } = input;
  const facts = bodies.map((body, index): Fact => envelope(body, index + 1, execution.executionId, 'tier2', execution));
  const source = sourceOf(facts);
  const named = namedStep(source, job.plan.steps[ordinal]?.id ?? '');
  return 'problem' in named ? undefined : { ...input, reused: selectionFrom(source, named.step).reused };
}
