/** A body once for each item of a list. */

import { describe, expect, it } from 'vitest';
import { loadWorkflow, type WorkflowDefinition } from '../../../src/index.ts';
import { payloadOf, startWorld } from './start-world.ts';

const work = (id: string, parameters: object = {}, more: object = {}) => ({ id, tool: 'work', parameters, ...more });
const each = (over: unknown, steps: object[], more: object = {}) => ({ id: 'each', type: 'map', over, steps, ...more });
const asSteps = (steps: object[]) => steps as unknown as WorkflowDefinition['steps'];
const double = [work('a', { value: '{{item}}-{{index}}', ms: 1_000 })];

describe('a map', () => {
  it('gives the results of its items in their order, whoever is first', async () => {
    await using world = await startWorld();
    const body = [work('a', { ms: '{{item}}', value: '{{index}}: {{item}} of {{who}}' })];
    const { result } = await world.finish(world.run(asSteps([each([3_000, 1_000, 2_000], body)]), { input: { who: 'Ann' } }));
    expect(result).toMatchObject({ success: true, duration: 3_000, resourcesUsed: { stepsExecuted: 3 } });
    expect(result.result).toEqual(['0: 3000 of Ann', '1: 1000 of Ann', '2: 2000 of Ann']);
  });

  it('takes its list from a reference, and items as they are: what looks like a reference in one is text', async () => {
    await using world = await startWorld();
    const list = work('list', { value: '{{names}}' });
    const body = [work('a', { value: '{{name}}' })];
    const { result } = await world.finish(
      world.run(asSteps([list, each('${list.result}', body, { as: 'name' })]), { input: { names: ['x', '{{secret}}', '${list.result}'] } }),
    );
    expect(result.result).toEqual(['x', '{{secret}}', '${list.result}']);
  });

  it('works at no more items at once than it may', async () => {
    await using world = await startWorld();
    await world.finish(world.run(asSteps([each([1, 2, 3, 4, 5], double, { maxConcurrency: 2 })])));
    expect(world.calls.map(({ from }) => from)).toEqual([0, 0, 1_000, 1_000, 2_000]);
  });

  it('of nothing is an empty list', async () => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run(asSteps([each([], double), work('after', { value: '${each.result}' })])));
    expect(result.result).toEqual([]);
    expect(world.calls.map(({ step }) => step)).toEqual(['after']);
  });

  it('collects: the other items finish, then it has failed and names those that did', async () => {
    await using world = await startWorld();
    const body = [work('a', { ms: 1_000, failures: '{{item}}' })];
    const { result } = await world.finish(world.run(asSteps([each([0, 9, 0, 9], body)])));
    expect(result.error).toMatchObject({ code: 'BRANCH_FAILED', context: { branches: [{ stepId: 'each:1' }, { stepId: 'each:3' }] } });
    expect(result.error?.message).toMatch(/^2 of 4 branches of "each" failed/);
    expect(world.calls).toHaveLength(4);
  });

  it('fails fast: what runs is aborted, and the rest never starts', async () => {
    await using world = await startWorld();
    const body = [work('a', { ms: '{{item}}', failures: 9 })];
    const more = { onBranchFailure: 'fail-fast', maxConcurrency: 2 };
    const { result } = await world.finish(world.run(asSteps([each([1_000, 9_000, 1_000], body, more)])));
    expect(result).toMatchObject({ duration: 1_000, error: { code: 'BRANCH_FAILED' } });
    expect(world.calls.map(({ aborted }) => aborted)).toEqual([undefined, 'CANCELLED']);
  });

  it.each([
    { what: 'text', list: 'text', code: 'INVALID_PARAMETER_TYPE' },
    { what: 'an object', list: { length: 1 }, code: 'INVALID_PARAMETER_TYPE' },
    { what: '10,001 items', list: Array.from({ length: 10_001 }, () => 0), code: 'LIMIT_EXCEEDED' },
  ])('over $what fails with $code', async ({ list, code }) => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run(asSteps([each('{{list}}', double)]), { input: { list } as never }));
    expect(result.error).toMatchObject({ code, context: { stepId: 'each' } });
  });

  it('splits its budget evenly among its items', async () => {
    await using world = await startWorld();
    const body = [work('a', {}, { credits: '2' })];
    const { result } = await world.finish(world.run(asSteps([each([1, 2, 3], body)]), { allocation: { maxCredits: '6' } }));
    expect(result).toMatchObject({ success: true, resourcesUsed: { creditsUsed: '6' } });
  });

  it('writes its body once for all items, not once for each, into its own first fact', async () => {
    await using world = await startWorld();
    const { facts } = await world.finish(world.run(asSteps([each([1, 2, 3], double)])));
    const own = facts.filter(({ executionId }) => executionId === 'run-1/each/1');
    const { job } = payloadOf(own, 'tier2/routine/started') as unknown as { job: { plan: { items: object; steps: { work: object }[] } } };
    expect(job.plan.items).toMatchObject({ steps: [{ id: 'a' }] });
    expect(job.plan.steps.map((step) => step.work)).toEqual([
      { kind: 'group' },
      ...[1, 2, 3].map((item, index) => ({ kind: 'item', parameters: { item, index } })),
    ]);
  });

  it('goes on after a restart without the items that are done', async () => {
    await using world = await startWorld();
    const definition = { id: 'wf', steps: asSteps([each([1, 2, 3, 4], double, { maxConcurrency: 2 })]) };
    const { facts } = await world.finish(world.runtime.run(loadWorkflow(definition)));
    const second = facts.findIndex(({ type, at }) => type === 'tier3/execution/completed' && at > (facts[0]?.at ?? 0) + 1_000);
    await using again = await startWorld();
    const { result } = await again.finish(await again.runtime.restore(facts.slice(0, second)));
    expect(result.result).toEqual(['1-0', '2-1', '3-2', '4-3']);
    expect(again.calls.map(({ key }) => key)).toEqual(['run-1/each/1/each:2/1/a/1', 'run-1/each/1/each:3/1/a/1']);
  });
});
