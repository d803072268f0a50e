/** A body again and again, until a condition holds or often enough. */

import { describe, expect, it } from 'vitest';
import type { WorkflowDefinition } from '../../../src/index.ts';
import { HOUR, startWorld, storyOf } from './start-world.ts';

const work = (id: string, parameters: object = {}, more: object = {}) => ({ id, tool: 'work', parameters, ...more });
const loop = (steps: object[], more: object = {}) => ({ id: 'again', type: 'loop', maxIterations: 3, steps, ...more });
const asSteps = (steps: object[]) => steps as unknown as WorkflowDefinition['steps'];
const count = [work('a', { value: '{{iteration}}' })];

describe('a loop', () => {
  it('without a condition ends after its last iteration', async () => {
    await using world = await startWorld();
    const { result, facts } = await world.finish(world.run(asSteps([loop(count)])));
    expect(result).toMatchObject({ success: true, duration: 3_000, result: { iterations: 3, result: 3 } });
    expect(world.calls.map(({ key }) => key)).toEqual(['run-1/again/1/a/1', 'run-1/again/2/a/1', 'run-1/again/3/a/1']);
    expect(storyOf(facts, /^tier2\/step\/iterated/)).toEqual(['iterated again', 'iterated again']);
  });

  it('reads what the iteration before it came to', async () => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run(asSteps([loop([work('a', { value: ['{{previous}}', '{{iteration}}'] })])])));
    expect(result.result).toEqual({ iterations: 3, result: [[[null, 1], 2], 3] });
  });

  it('ends as soon as its condition holds, which reads the steps of the body', async () => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run(asSteps([loop(count, { until: 'steps.a.result >= 2', maxIterations: 10 })])));
    expect(result.result).toEqual({ iterations: 2, result: 2 });
  });

  it('gives a map by id when its body has several ends', async () => {
    await using world = await startWorld();
    const body = [work('a', { value: '{{iteration}}' }), work('b')];
    const { result } = await world.finish(world.run(asSteps([loop(body, { until: 'steps.a.result == 1' })])));
    expect(result.result).toEqual({ iterations: 1, result: { a: 1, b: 'b' } });
  });

  it('fails with LOOP_EXHAUSTED when its condition never holds', async () => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run(asSteps([loop(count, { until: 'false' })])));
    expect(result.error).toMatchObject({ code: 'LOOP_EXHAUSTED', context: { stepId: 'again', iterations: 3 } });
    expect(world.calls).toHaveLength(3);
  });

  it('fails with the first iteration that does', async () => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run(asSteps([loop([work('a', { failures: 1 })])])));
    expect(result.error?.code).toBe('EXECUTION_FAILED');
    expect(world.calls).toHaveLength(1);
  });

  it('starts no iteration in a pause, and counts on afterwards', async () => {
    await using world = await startWorld();
    const run = world.run(asSteps([loop(count)]));
    await world.clock.advanceAsync(500);
    expect(await run.pause()).toBe(true);
    await world.clock.advanceAsync(HOUR);
    expect(run.status).toBe('paused');
    expect(world.calls).toHaveLength(1);
    await run.resume();
    const { result } = await world.finish(run);
    expect(result.result).toEqual({ iterations: 3, result: 3 });
  });

  it('goes on after a restart with the iteration that was interrupted', async () => {
    await using world = await startWorld();
    const { facts } = await world.finish(world.run(asSteps([loop([work('a', { value: ['{{previous}}', '{{iteration}}'] })])])));
    for (let length = 1; length < facts.length; length++) {
      await using again = await startWorld();
      const { result } = await again.finish(await again.runtime.restore(facts.slice(0, length)));
      expect(result.result, `${length} facts`).toEqual({ iterations: 3, result: [[[null, 1], 2], 3] });
    }
  });
});
