/** A step that is a run of its own: its input, its budget, its end, and what it hears of those above it. */

import { describe, expect, it } from 'vitest';
import type { WorkflowDefinition } from '../../../src/index.ts';
import { HOUR, payloadOf, startWorld, storyOf } from './start-world.ts';

const work = (id: string, more: object = {}, parameters: object = {}) => ({ id, tool: 'work', parameters, ...more });
const nested = (id: string, steps: object[], more: object = {}, workflow: object = {}) => ({
  id,
  type: 'workflow' as const,
  workflow: { id: `${id}-flow`, steps, ...workflow } as unknown as WorkflowDefinition,
  ...more,
});
const asWorkflow = (steps: object[]) => steps as unknown as WorkflowDefinition['steps'];

describe('a nested run', () => {
  it('does its steps as a run of its own and gives its result to the step', async () => {
    await using world = await startWorld();
    const inner = nested('inner', [work('a'), work('b', { dependencies: ['a'] }, { value: '{{who}}-${a.result}' })]);
    const { result, facts } = await world.finish(
      world.run(asWorkflow([inner, work('after', {}, { value: '${inner.result}!' })]), { input: { who: 'Ann' } }),
    );
    expect(result).toMatchObject({ success: true, result: 'Ann-a!', resourcesUsed: { stepsExecuted: 3 } });
    expect(world.timeline()).toEqual(['a 0-1000', 'b 1000-2000', 'after 2000-3000']);
    expect(payloadOf(facts, 'tier2/step/started', 'inner')).toMatchObject({ childExecutionId: 'run-1/inner/1' });
    expect(world.calls[0]?.key).toBe('run-1/inner/1/a/1');
  });

  it('gets only what its workflow declares, with parameters over variables and defaults beneath', async () => {
    await using world = await startWorld();
    const input = { who: { type: 'string' }, greeting: { type: 'string', default: 'hello' } };
    const inner = nested('inner', [work('a', {}, { value: '{{greeting}} {{who}}' })], { parameters: { who: '{{name}}' } }, { input });
    const { result, facts } = await world.finish(world.run(asWorkflow([inner]), { input: { name: 'Ann', who: 'nobody' } }));
    expect(result.result).toBe('hello Ann');
    const started = facts.filter(({ type }) => type === 'tier2/routine/started').map(({ payload }) => payload);
    expect(started[1]).toMatchObject({ job: { input: { who: 'Ann', greeting: 'hello' } } });
  });

  it('fails its step with INVALID_INPUT and every problem when what it is given does not fit', async () => {
    await using world = await startWorld();
    const input = { count: { type: 'number' }, who: { type: 'string' } };
    const inner = nested(
      'inner',
      [work('a', {}, { value: '{{count}}{{who}}' })],
      { parameters: { count: '{{text}}', who: '{{text}}' } },
      { input },
    );
    const { result } = await world.finish(world.run(asWorkflow([inner]), { input: { text: ['no number'] } }));
    expect(result.error).toMatchObject({ code: 'INVALID_INPUT', tier: 'tier2', context: { stepId: 'inner' } });
    expect(result.error?.context?.['issues']).toHaveLength(2);
    expect(world.calls).toEqual([]);
  });

  it('fails its step with the innermost error, to which the step answers as to any', async () => {
    await using world = await startWorld();
    const broken = nested('inner', [work('bad', {}, { failures: 9 })], {
      fallbacks: [{ on: 'any', action: 'use-value', value: 'instead' }],
    });
    const { result, facts } = await world.finish(world.run(asWorkflow([broken, work('after', {}, { value: '${inner.result}' })])));
    expect(result).toMatchObject({ success: true, result: 'instead' });
    expect(payloadOf(facts, 'tier2/step/fell_back', 'inner')).toMatchObject({ error: { code: 'EXECUTION_FAILED', tier: 'tier3' } });
  });

  it('runs no longer than the step may take, by its own clock', async () => {
    await using world = await startWorld();
    const slow = nested('inner', [work('a', {}, { ms: 20_000 })], { timeout: 5_000 });
    const { result } = await world.finish(world.run(asWorkflow([slow])));
    expect(result).toMatchObject({ duration: 5_000, error: { code: 'RUN_TIMEOUT' } });
  });

  it('may use what its step has reserved, and books it on the step', async () => {
    await using world = await startWorld();
    const costly = (id: string) => work(id, { credits: '3' });
    const { result, facts } = await world.finish(
      world.run(asWorkflow([nested('inner', [costly('a'), costly('b')]), costly('c')]), { allocation: { maxCredits: '9' } }),
    );
    expect(result).toMatchObject({ success: true, resourcesUsed: { creditsUsed: '9' } });
    expect(payloadOf(facts, 'tier2/step/completed', 'inner')).toMatchObject({ attempts: 1, usage: { creditsUsed: '6' } });
  });

  it('asks its conditions first, and is skipped without them', async () => {
    await using world = await startWorld();
    const inner = (id: string, condition: string) => nested(id, [work(`${id}-a`)], { when: condition });
    const { result, facts } = await world.finish(
      world.run(asWorkflow([inner('yes', 'input.wanted'), inner('no', '!input.wanted')]), { input: { wanted: true } }),
    );
    expect(result.result).toEqual({ yes: 'yes-a', no: null });
    expect(storyOf(facts)).toEqual(expect.arrayContaining(['admitted yes', 'completed yes', 'skipped no']));
    expect(world.calls.map(({ step }) => step)).toEqual(['yes-a']);
  });
});

describe('the controls of nested runs', () => {
  const deep = nested('outer', [nested('inner', [work('a', {}, { ms: 5_000 }), work('b', { dependencies: ['a'] })])]);

  it('reach every depth: a paused run is paused once every run below it is', async () => {
    await using world = await startWorld();
    const run = world.run(asWorkflow([deep]));
    await world.clock.advanceAsync(1_000);
    expect(await run.pause()).toBe(true);
    expect(run.status).toBe('pausing');
    await world.clock.advanceAsync(HOUR);
    expect(run.status).toBe('paused');
    const order = (await world.journal.read(run.executionId))
      .filter(({ type }) => type === 'tier2/routine/paused')
      .map(({ executionId }) => executionId);
    expect(order).toEqual(['run-1/outer/1/inner/1', 'run-1/outer/1', 'run-1']);
    expect(world.calls).toHaveLength(1);
    expect(await run.run('outer')?.resume()).toBe(false);
    expect(await run.resume()).toBe(true);
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ success: true, result: 'b' });
  });

  it('pause a nested run alone, and let it go on alone', async () => {
    await using world = await startWorld();
    const run = world.run(asWorkflow([deep, work('beside', {}, { ms: 20_000 })]));
    await world.clock.advanceAsync(1_000);
    const inner = run.run('outer')?.run('inner');
    expect(inner?.executionId).toBe('run-1/outer/1/inner/1');
    expect(await inner?.pause()).toBe(true);
    await world.clock.advanceAsync(10_000);
    expect(world.runtime.tier2.getExecutionStatus('run-1/outer/1/inner/1')).toBe('paused');
    expect(run.status).toBe('running');
    expect(await inner?.resume()).toBe(true);
    const { result } = await world.finish(run);
    expect(result.success).toBe(true);
    expect(world.startsOf('b')).toEqual([11_000]);
  });

  it('cancel everything below before the run is cancelled', async () => {
    await using world = await startWorld();
    const run = world.run(asWorkflow([deep]));
    await world.clock.advanceAsync(1_000);
    expect(await run.cancel('enough')).toBe(true);
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ status: 'cancelled', error: { context: { reason: 'enough' } } });
    const ends = facts.filter(({ type }) => /cancelled$/.test(type)).map(({ type, executionId }) => `${type} ${executionId}`);
    expect(ends.at(0)).toBe('tier3/execution/cancelled run-1/outer/1/inner/1/a/1');
    expect(ends.at(-1)).toBe('tier2/routine/cancelled run-1');
  });
});

describe('a nested run after a restart', () => {
  it('goes on from any prefix of its facts, and committed steps are not done again', async () => {
    await using world = await startWorld();
    const inner = nested('inner', [work('a'), work('b', { dependencies: ['a'] })]);
    const { facts } = await world.finish(world.run(asWorkflow([inner, work('after', { dependencies: ['inner'] })])));
    for (let length = 1; length < facts.length; length++) {
      const prefix = facts.slice(0, length);
      await using again = await startWorld();
      const { result } = await again.finish(await again.runtime.restore(prefix));
      expect(result, `${length} facts`).toMatchObject({ success: true, result: 'after' });
      const done = new Set(prefix.flatMap(({ type, executionId }) => (type === 'tier3/execution/completed' ? [executionId] : [])));
      expect(again.calls.filter(({ key }) => done.has(key))).toEqual([]);
    }
  });
});
