/** What a run does about its completed steps when it fails or is cancelled. */

import { describe, expect, it } from 'vitest';
import type { WorkflowDefinition } from '../../../src/index.ts';
import { payloadOf, startWorld, storyOf } from './start-world.ts';

const undo = (parameters: object = {}) => ({ tool: 'other', parameters });
const done = (id: string, more: object = {}, compensate: object = undo()) => ({ id, tool: 'work', compensate, ...more });
const broken = (id: string, more: object = {}) => ({ id, tool: 'work', parameters: { failures: 9 }, ...more });
const asSteps = (steps: object[]) => steps as unknown as WorkflowDefinition['steps'];
const chain = asSteps([done('a'), done('b', { dependencies: ['a'] }), broken('c', { dependencies: ['b'] })]);
const undone = /^tier2\/(step\/compensat|routine\/compensat)/;

describe('a run with compensations', () => {
  it('undoes its completed steps one at a time, the last one first, and fails as it had to', async () => {
    await using world = await startWorld();
    const { result, facts } = await world.finish(world.run(chain));
    expect(result).toMatchObject({ status: 'failed', error: { code: 'EXECUTION_FAILED', message: 'attempt 1 failed as told' } });
    expect(storyOf(facts, /^tier2\/step\/compensated/)).toEqual(['compensated b', 'compensated a']);
    expect(world.calls.slice(3).map(({ key, from }) => [key, from])).toEqual([
      ['run-1/b/undo', 3_000],
      ['run-1/a/undo', 4_000],
    ]);
    expect(facts.at(-1)?.type).toBe('tier2/routine/failed');
  });

  it('does so too when it is cancelled, after everything has ended', async () => {
    await using world = await startWorld();
    const run = world.run(asSteps([done('a'), done('b', { dependencies: ['a'], parameters: { ms: 9_000 } })]));
    await world.clock.advanceAsync(2_000);
    await run.cancel('enough');
    await world.clock.advanceAsync(500);
    expect(run.status).toBe('compensating');
    expect(await run.pause()).toBe(false);
    expect(await run.cancel()).toBe(false);
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED', context: { reason: 'enough' } } });
    expect(storyOf(facts, /^tier2\/step\/compensated/)).toEqual(['compensated a']);
    expect(payloadOf(facts, 'tier2/routine/compensating')).toEqual({ steps: 1, ending: 'cancelled' });
  });

  it('leaves a run alone that completes', async () => {
    await using world = await startWorld();
    const { result, facts } = await world.finish(world.run(asSteps([done('a')])));
    expect(result.success).toBe(true);
    expect(facts.filter(({ type }) => undone.test(type))).toEqual([]);
  });

  it('hands a compensation the results and variables as they are', async () => {
    await using world = await startWorld({
      tools: [{ name: 'note', run: (given: unknown) => given as never }],
    });
    const compensate = { tool: 'note', parameters: { id: '${a.result.id}', who: '{{who}}' } };
    const steps = asSteps([done('a', { parameters: { value: { id: 7 } } }, compensate), broken('c', { dependencies: ['a'] })]);
    const { facts } = await world.finish(world.run(steps, { input: { who: 'Ann' } }));
    const end = facts.find(({ type, executionId }) => type === 'tier3/execution/completed' && executionId === 'run-1/a/undo');
    expect(end?.payload).toMatchObject({ output: { id: 7, who: 'Ann' } });
  });

  it('goes on when one fails, and the error names it beside the first cause', async () => {
    await using world = await startWorld();
    const steps = asSteps([done('a'), done('b', { dependencies: ['a'] }, undo({ failures: 9 })), broken('c', { dependencies: ['b'] })]);
    const { result, facts } = await world.finish(world.run(steps));
    expect(storyOf(facts, /^tier2\/step\/compensat/)).toEqual(['compensation_failed b', 'compensated a']);
    expect(result.error).toMatchObject({
      message: 'attempt 1 failed as told',
      context: { compensationsFailed: 1, compensationFailures: [{ stepId: 'b', code: 'EXECUTION_FAILED' }] },
    });
  });

  it('compensates within a nested run before the outer one ends, and undoes a nested run that completed by its step', async () => {
    await using world = await startWorld();
    const inner = (id: string, last: object) => ({
      id,
      type: 'workflow',
      workflow: { id: `${id}-flow`, steps: [done(`${id}-a`), { ...last, dependencies: [`${id}-a`] }] },
    });
    const steps = asSteps([
      { ...inner('good', { id: 'fine', tool: 'work' }), compensate: undo() },
      { ...inner('bad', broken('x')), dependencies: ['good'] },
    ]);
    const { result, facts } = await world.finish(world.run(steps));
    expect(result.status).toBe('failed');
    expect(world.calls.map(({ key }) => key).filter((key) => key.endsWith('/undo'))).toEqual(['run-1/bad/1/bad-a/undo', 'run-1/good/undo']);
    const ends = facts.filter(({ type }) => type === 'tier2/routine/failed').map(({ executionId }) => executionId);
    expect(ends).toEqual(['run-1/bad/1', 'run-1']);
  });

  it('compensates in a nested run while the outer one is cancelled', async () => {
    await using world = await startWorld();
    const steps = [done('a'), { id: 'slow', tool: 'work', parameters: { ms: 20_000 }, dependencies: ['a'] }];
    const run = world.run(asSteps([{ id: 'inner', type: 'workflow', workflow: { id: 'flow', steps } }]));
    await world.clock.advanceAsync(2_000);
    await run.cancel('enough');
    const { result } = await world.finish(run);
    expect(result.status).toBe('cancelled');
    expect(world.calls.at(-1)).toMatchObject({ key: 'run-1/inner/1/a/undo', from: 2_000, to: 3_000 });
  });

  it('goes on from any prefix of its facts, and undoes nothing twice', async () => {
    await using world = await startWorld();
    const { facts } = await world.finish(world.run(chain));
    for (let length = 1; length < facts.length; length++) {
      const prefix = facts.slice(0, length);
      await using again = await startWorld();
      const { result, facts: told } = await again.finish(await again.runtime.restore(prefix));
      expect(result, `${length} facts`).toMatchObject({ status: 'failed', error: { code: 'EXECUTION_FAILED' } });
      expect(storyOf(told, /^tier2\/step\/compensated/)).toEqual(['compensated b', 'compensated a']);
      const ended = new Set(prefix.flatMap(({ type, executionId }) => (type === 'tier3/execution/completed' ? [executionId] : [])));
      expect(again.calls.filter(({ key }) => ended.has(key))).toEqual([]);
    }
  });
});
