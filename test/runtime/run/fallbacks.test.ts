/** RUN-11, K8, RSL-6: what happens to a step that failed for good, and how a person settles it. */

import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../src/index.ts';
import { HOUR, payloadOf, startWorld, storyOf } from './start-world.ts';

const broken = (fallbacks: object[], more: object = {}) => ({
  id: 'a',
  tool: 'work',
  parameters: { failures: 99 },
  fallbacks: fallbacks as [],
  ...more,
});
const reader = { id: 'z', tool: 'work', dependencies: ['a'], parameters: { value: { result: '${a.result}', status: '${a.status}' } } };
const ESCALATE = { on: 'timeout', action: 'escalate-to-human' };

describe('a fallback', () => {
  it('gives a value in place of the result', async () => {
    await using world = await startWorld();
    const { result, facts } = await world.finish(world.run([broken([{ action: 'use-value', value: { n: 1 } }]), reader]));
    expect(result).toMatchObject({ success: true, result: { result: { n: 1 }, status: 'completed' } });
    expect(storyOf(facts).filter((line) => line.endsWith(' a'))).toEqual(['started a', 'fell_back a', 'completed a']);
  });

  it('costs what its own tool declares', async () => {
    await using world = await startWorld({ tools: [{ name: 'dear', credits: '50', run: () => 'done' }] });
    const steps = [broken([{ action: 'use-tool', tool: 'dear' }], { credits: '1' })];
    const afforded = await world.finish(world.run(steps, { allocation: { maxCredits: '51' } }));
    expect(afforded.result).toMatchObject({ success: true, resourcesUsed: { creditsUsed: '51' } });
    const refused = await world.finish(world.run(steps, { allocation: { maxCredits: '50' } }));
    expect(refused.result).toMatchObject({
      success: false,
      error: { code: 'RESOURCE_EXHAUSTED', context: { credits: '50', creditsUsed: '1' } },
      resourcesUsed: { creditsUsed: '1' },
    });
  });

  it('runs another tool, with parameters of its own or those of the step', async () => {
    await using world = await startWorld({ tools: [{ name: 'mirror', run: ({ message }: { message: string }) => message }] });
    const run = world.run(
      [
        broken([{ action: 'use-tool', tool: 'other', parameters: { value: 'from {{who}}' } }]),
        broken([{ action: 'use-tool', tool: 'mirror' }], { id: 'b', parameters: { failures: 99, message: 'same' } }),
      ],
      { input: { who: 'another' } },
    );
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ success: true, result: { a: 'from another', b: 'same' } });
    expect(world.calls.filter(({ step }) => step === 'a').map(({ key }) => key)).toEqual(['run-1/a/1', 'run-1/a/2']);
  });

  it('may read the error that it makes up for', async () => {
    await using world = await startWorld();
    const run = world.run([broken([{ action: 'use-tool', tool: 'other', parameters: { value: '${a.error.code}' } }])]);
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: 'EXECUTION_FAILED' });
  });

  it('skips the step; dependents go on with null', async () => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run([broken([{ action: 'skip' }]), reader]));
    expect(result).toMatchObject({ success: true, result: { result: null, status: 'skipped' } });
  });

  it('fails the step when it says so, whatever comes after it', async () => {
    await using world = await startWorld();
    const run = world.run([broken([{ action: 'fail' }, { action: 'use-value', value: 1 }])]);
    expect((await world.finish(run)).result).toMatchObject({ success: false, error: { code: 'EXECUTION_FAILED' } });
  });

  it.each([
    ['its class', 'timeout', 'first'],
    ['its code', 'STEP_TIMEOUT', 'first'],
    ['any error', 'any', 'first'],
    ['another class', 'transient', 'second'],
    ['another code', 'CIRCUIT_OPEN', 'second'],
  ])('is the first that names the error by %s', async (_how, on, expected) => {
    await using world = await startWorld();
    const run = world.run([
      {
        id: 'a',
        tool: 'work',
        timeout: 1_000,
        parameters: { ms: 9_000 },
        fallbacks: [
          { on: on as 'any', action: 'use-value', value: 'first' },
          { action: 'use-value', value: 'second' },
        ],
      },
    ]);
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: expected });
  });

  it('leaves an error alone that none names', async () => {
    await using world = await startWorld();
    const run = world.run([broken([{ on: 'timeout', action: 'use-value', value: 1 }])]);
    expect((await world.finish(run)).result).toMatchObject({ success: false, error: { code: 'EXECUTION_FAILED' } });
  });

  it('comes only after the last retry, and its own work has retries again', async () => {
    await using world = await startWorld();
    const fallback = { action: 'use-tool', tool: 'other', parameters: { failures: 1, ms: 0 } };
    const run = world.run([
      broken([fallback], { retry: { maxRetries: 2, backoff: { baseMs: 100 } }, parameters: { failures: 99, ms: 0 } }),
    ]);
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: true, result: 'a' });
    expect(world.calls.map(({ key, attempt }) => `${key} ${attempt}`)).toEqual([
      ...['run-1/a/1 1', 'run-1/a/1 2', 'run-1/a/1 3'],
      ...['run-1/a/2 1', 'run-1/a/2 2'],
    ]);
    expect(payloadOf(facts, 'tier2/step/fell_back', 'a')).toMatchObject({ attempts: 3, fallback: 0 });
  });

  it('that fails, too, hands over to the next one that matches', async () => {
    await using world = await startWorld();
    const run = world.run([
      broken([
        { on: 'transient', action: 'use-tool', tool: 'other', parameters: { failures: 99, code: 'PROCESS_FAILED' } },
        { on: 'transient', action: 'use-value', value: 'not this' },
        { on: 'PROCESS_FAILED', action: 'use-value', value: 'this' },
      ]),
    ]);
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: 'this' });
  });

  it('that fails as the last one fails the step with its own error', async () => {
    await using world = await startWorld();
    const run = world.run([broken([{ action: 'use-tool', tool: 'other', parameters: { failures: 99, code: 'PROCESS_FAILED' } }])]);
    expect((await world.finish(run)).result).toMatchObject({ success: false, error: { code: 'PROCESS_FAILED' } });
  });

  it('of the workflow serves every step that has none of its own', async () => {
    await using world = await startWorld();
    const run = world.run(
      [{ id: 'a', tool: 'work', parameters: { failures: 9 } }, broken([{ action: 'use-value', value: 'own' }], { id: 'b' })],
      {},
      { fallbacks: [{ action: 'use-value', value: 'shared' }] },
    );
    expect((await world.finish(run)).result).toMatchObject({ result: { a: 'shared', b: 'own' } });
  });

  it('makes up for a whole group', async () => {
    await using world = await startWorld();
    const group = {
      id: 'a',
      type: 'parallel' as const,
      steps: [broken([], { id: 'in' })],
      fallbacks: [{ action: 'use-value' as const, value: 'made up' }],
    };
    expect((await world.finish(world.run([group, reader]))).result).toMatchObject({ success: true, result: { result: 'made up' } });
  });

  it('runs another tool in place of a whole group', async () => {
    await using world = await startWorld();
    const fallbacks = [{ action: 'use-tool' as const, tool: 'other', parameters: { value: 'made up' } }];
    const steps = [broken([], { id: 'in' }), { id: 'good', tool: 'work' }];
    const run = world.run([{ id: 'a', type: 'parallel' as const, steps, fallbacks }, reader]);
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ success: true, result: { result: 'made up' } });
    expect(world.calls.map(({ step }) => step)).toEqual(['in', 'good', 'a', 'z']);
  });

  it('is not used once the run ends', async () => {
    await using world = await startWorld();
    const run = world.run([broken([{ action: 'use-tool', tool: 'other' }], { parameters: { ms: 20_000, failures: 9 } })], {
      options: { timeout: 5_000 },
    });
    expect((await world.finish(run)).result).toMatchObject({ error: { code: 'RUN_TIMEOUT' } });
    expect(world.calls).toHaveLength(1);
  });
});

const slow = (more: object = {}) => ({
  id: 'a',
  tool: 'work',
  timeout: 1_000,
  parameters: { ms: 5_000 },
  fallbacks: [ESCALATE] as unknown as [],
  ...more,
});

async function waiting(more: object = {}, beside: { id: string; tool: string; parameters?: object }[] = []) {
  const world = await startWorld();
  const run = world.run([slow(more), reader, ...(beside as [])]);
  await world.clock.advanceAsync(30_000);
  expect(run.status).toBe('waiting');
  return { ...world, run, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

describe('a step that was escalated to a person', () => {
  it('waits only after its retries, while the run’s own clock stands still', async () => {
    await using world = await startWorld();
    const run = world.run([slow({ retry: { maxRetries: 2, backoff: { strategy: 'fixed', baseMs: 1_000 } } })], {
      options: { timeout: 10_000 },
    });
    await world.clock.advanceAsync(4_999);
    expect(run.status).toBe('running');
    await world.clock.advanceAsync(1);
    expect(run.status).toBe('waiting');
    expect(world.startsOf('a')).toEqual([0, 2_000, 4_000]);
    await world.clock.advanceAsync(HOUR);
    expect(run.status).toBe('waiting');
    expect(await run.decide('a', { decision: 'approve', value: 7 })).toBe(true);
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: 7, resourcesUsed: { durationMs: 5_000 } });
  });

  it('lets everything else go on; the run waits only when nothing else can', async () => {
    await using world = await startWorld();
    const run = world.run([slow(), reader, { id: 'beside', tool: 'work', parameters: { ms: 20_000 } }]);
    await world.clock.advanceAsync(19_999);
    expect(run.status).toBe('running');
    await world.clock.advanceAsync(1);
    expect(run.status).toBe('waiting');
    await run.decide('a', { decision: 'approve' });
    expect((await world.finish(run)).result).toMatchObject({
      success: true,
      result: { z: { result: null, status: 'completed' }, beside: 'beside' },
    });
  });

  it('may be settled while other steps still run', async () => {
    await using world = await startWorld();
    const run = world.run([slow(), reader, { id: 'beside', tool: 'work', parameters: { ms: 20_000 } }]);
    await world.clock.advanceAsync(2_000);
    expect(await run.decide('a', { decision: 'approve', value: 'early' })).toBe(true);
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: true, result: { z: { result: 'early' } }, resourcesUsed: { durationMs: 20_000 } });
    expect(facts.map(({ type }) => type)).not.toContain('tier2/routine/waiting');
  });

  it('counts as completed with the value of an approval', async () => {
    await using world = await waiting();
    expect(await world.run.decide('a', { decision: 'approve', value: { by: 'hand' }, by: 'ann' })).toBe(true);
    const { result, facts } = await world.finish(world.run);
    expect(result).toMatchObject({ success: true, result: { result: { by: 'hand' }, status: 'completed' } });
    expect(payloadOf(facts, 'tier2/step/decided', 'a')).toMatchObject({ decision: 'approve', by: 'ann' });
  });

  it('runs again when told to retry, with a key of its own', async () => {
    await using world = await waiting();
    expect(await world.run.decide('a', { decision: 'retry' })).toBe(true);
    const { result } = await world.finish(world.run);
    expect(world.calls.map(({ key }) => key)).toEqual(['run-1/a/1', 'run-1/a/2']);
    expect(result).toMatchObject({ success: false, error: { code: 'STEP_TIMEOUT' } });
  });

  it('fails when rejected, and says who rejected it and why it was asked', async () => {
    await using world = await waiting();
    expect(await world.run.decide('a', { decision: 'reject', by: 'ann' })).toBe(true);
    const { result } = await world.finish(world.run);
    expect(result).toMatchObject({
      success: false,
      status: 'failed',
      error: { code: 'REJECTED_BY_HUMAN', cause: { name: 'STEP_TIMEOUT' } },
    });
    expect(result.error?.message).toContain('ann');
  });

  it('goes to the next fallback when rejected', async () => {
    await using world = await waiting({ fallbacks: [ESCALATE, { action: 'use-value', value: 'instead' }] });
    await world.run.decide('a', { decision: 'reject' });
    expect((await world.finish(world.run)).result).toMatchObject({ success: true, result: { result: 'instead' } });
  });

  it('cancels the run on abort', async () => {
    await using world = await waiting();
    expect(await world.run.decide('a', { decision: 'abort', by: 'ann' })).toBe(true);
    const { result } = await world.finish(world.run);
    expect(result).toMatchObject({ status: 'cancelled', error: { context: { reason: 'aborted by ann' } } });
  });

  it.each(['unknown', 'z', 'a', '__proto__', 'constructor'])(
    'is the only one that can be decided: %j is not, before and after',
    async (stepId) => {
      await using world = await startWorld();
      const run = world.run([slow(), reader]);
      await world.clock.advanceAsync(500);
      expect(await run.decide(stepId, { decision: 'approve' })).toBe(false);
      await world.clock.advanceAsync(1_000);
      if (stepId !== 'a') expect(await run.decide(stepId, { decision: 'approve' })).toBe(false);
      expect(await run.decide('a', { decision: 'approve' })).toBe(true);
      expect(await run.decide('a', { decision: 'approve' })).toBe(false);
      await world.finish(run);
      expect(await run.decide(stepId, { decision: 'approve' })).toBe(false);
    },
  );

  it.each<Decision['decision']>(['approve', 'retry', 'reject', 'abort'])(
    'may be decided once: %s, whoever else answers at the same time',
    async (decision) => {
      await using world = await waiting();
      const answers = await Promise.all([world.run.decide('a', { decision }), world.run.decide('a', { decision: 'approve' })]);
      expect(answers).toEqual([true, false]);
      await world.finish(world.run);
    },
  );

  it('can be paused, resumed and cancelled with its run', async () => {
    await using world = await waiting();
    expect(await world.run.pause()).toBe(true);
    expect(world.run.status).toBe('paused');
    await world.clock.advanceAsync(HOUR);
    expect(await world.run.resume()).toBe(true);
    await world.clock.advanceAsync(0);
    expect(world.run.status).toBe('waiting');
    expect(await world.run.cancel('enough')).toBe(true);
    expect((await world.finish(world.run)).result).toMatchObject({ status: 'cancelled' });
  });

  it('decided during a pause, goes on after it', async () => {
    await using world = await waiting();
    await world.run.pause();
    expect(await world.run.decide('a', { decision: 'approve', value: 1 })).toBe(true);
    await world.clock.advanceAsync(HOUR);
    expect(world.startsOf('z')).toEqual([]);
    await world.run.resume();
    expect((await world.finish(world.run)).result).toMatchObject({ success: true, result: { result: 1 } });
  });

  it('still waits after a restart', async () => {
    await using world = await waiting();
    const facts = await world.journal.read(world.run.executionId);
    await using again = await startWorld();
    const run = await again.runtime.restore(facts);
    await again.clock.advanceAsync(1_000);
    expect(run.status).toBe('waiting');
    expect(await run.decide('a', { decision: 'approve', value: 5 })).toBe(true);
    expect((await again.finish(run)).result).toMatchObject({ success: true, result: { result: 5 } });
    expect(again.startsOf('a')).toEqual([]);
  });
});

describe('a step that could not even start', () => {
  const unresolved = (fallbacks: object[]) => broken(fallbacks, { parameters: { value: '${first.result.missing}' } });

  it('is escalated, and settled by a person', async () => {
    await using world = await startWorld();
    const run = world.run([{ id: 'first', tool: 'work' }, unresolved([{ action: 'escalate-to-human' }]), reader]);
    await world.clock.advanceAsync(10_000);
    expect(run.status).toBe('waiting');
    expect(await run.decide('a', { decision: 'approve', value: 1 })).toBe(true);
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: { result: 1 } });
  });

  it('waits within a group without taking a place that is not its own', async () => {
    await using world = await startWorld();
    const escalated = { ...unresolved([{ action: 'escalate-to-human' }]), id: 'in-0' };
    const group = {
      id: 'a',
      type: 'parallel' as const,
      maxConcurrency: 1,
      steps: [escalated, ...[1, 2].map((n) => ({ id: `in-${n}`, tool: 'work' }))],
    };
    const run = world.run([{ id: 'first', tool: 'work' }, group]);
    await world.clock.advanceAsync(10_000);
    await run.decide('in-0', { decision: 'approve', value: 1 });
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ success: true, result: [{ value: 1 }, { value: 'in-1' }, { value: 'in-2' }] });
  });

  it('has its other fallbacks, too', async () => {
    await using world = await startWorld();
    const run = world.run([
      { id: 'first', tool: 'work' },
      unresolved([{ on: 'UNRESOLVED_REFERENCE', action: 'use-tool', tool: 'other', parameters: { value: 2 } }]),
    ]);
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: 2 });
  });

  it('is escalated for want of credits, and approved', async () => {
    await using world = await startWorld();
    const asked = broken([{ on: 'resource', action: 'escalate-to-human' }], { credits: '5', dependencies: ['first'] });
    const run = world.run([{ id: 'first', tool: 'work', credits: '5' }, asked], { allocation: { maxCredits: '8' } });
    await world.clock.advanceAsync(2_000);
    expect(run.status).toBe('waiting');
    expect(await run.decide('a', { decision: 'approve', value: 'paid otherwise' })).toBe(true);
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: 'paid otherwise' });
  });
});
