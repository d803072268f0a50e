/** A group that fails fast, by the messages of its run's chart: ends of children that were on their way when a sibling failed. */

import { expect, it } from 'vitest';
import { initialTransition, transition } from 'xstate';
import { executionError } from '../../src/machines/protocol/errors.ts';
import { DEFAULT_ALLOCATION, NO_USAGE } from '../../src/machines/protocol/execution.ts';
import type { StepOutcome } from '../../src/machines/protocol/step.ts';
import { runMachine } from '../../src/machines/run.machine.ts';
import { loadWorkflow } from '../../src/runtime/workflow/load.ts';

const execution = { executionId: 'r', swarmId: 'r', userId: 'u', timestamp: 0, correlationId: 'r' };
const failed: StepOutcome = {
  status: 'failed',
  output: null,
  attempts: 1,
  usage: NO_USAGE,
  error: executionError('EXECUTION_FAILED', 'as told', 'tier3'),
};
const held: StepOutcome = { status: 'completed', output: true, attempts: 1, usage: NO_USAGE };

/** Starts a run of one fail-fast group, and hears its children's ends. Returns each turn's messages to the nursery, and the last state. */
function play(steps: readonly object[], ends: readonly (readonly [string, StepOutcome])[]) {
  const { plan } = loadWorkflow({ id: 'wf', steps: [{ id: 'group', type: 'parallel', onBranchFailure: 'fail-fast', steps }] } as never);
  const allocation = { ...DEFAULT_ALLOCATION, maxConcurrentSteps: 100 };
  let [snapshot] = initialTransition(runMachine, { execution, at: 0, job: { execution, plan, input: {}, allocation, recovery: {} } });
  const sent = ends.map(([id, output]) => {
    const [next, actions] = transition(runMachine, snapshot, { type: 'child.done', id, incarnation: 1, output, at: 1 });
    snapshot = next;
    return actions.flatMap(({ type, params }) =>
      type === 'xstate.sendTo' ? [(params as { readonly event: { readonly type: string } }).event.type] : [],
    );
  });
  return { sent, state: snapshot.context.state, plan };
}

it('tells each sibling once, however many fail with the first', () => {
  const ids = Array.from({ length: 20 }, (_, n) => `s${n}`);
  const { sent } = play(
    ids.map((id) => ({ id, tool: 'work' })),
    ids.slice(0, 3).map((id) => [id, failed] as const),
  );
  expect(sent[0]).toEqual(Array.from({ length: 19 }, () => 'child.tell'));
  expect(sent.slice(1)).toEqual([[], []]);
});

it('lets nobody in any more when a condition within it holds too late', () => {
  const choice = {
    id: 'choice',
    type: 'conditional',
    condition: { type: 'expression', expression: 'true' },
    then: [{ id: 'within', tool: 'work' }],
  };
  const steps = [{ id: 'bad', tool: 'work' }, choice];
  const { sent, state, plan } = play(steps, [
    ['bad', failed],
    ['choice', held],
  ]);
  const statusOf = (id: string) => state.records.get(plan.ordinals[id] ?? -1)?.status;
  expect(sent[1]).toEqual([]);
  expect([statusOf('choice'), statusOf('within'), statusOf('group')]).toEqual(['cancelled', 'skipped', 'failed']);
});
