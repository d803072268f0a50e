/** RSL-1, RSL-2, RSL-3, RUN-11, K8: what is tried again, how often, and after how long. */

import { describe, expect, it } from 'vitest';
import type { Fact, RetryPolicy } from '../../../src/index.ts';
import { SwarmchartError } from '../../../src/index.ts';
import { DEFAULT_BACKOFF } from '../../../src/machines/protocol/plan.ts';
import { HOUR, startWorld } from './start-world.ts';

const NO_BREAKER = { breaker: false };
const retries = (maxRetries: number): RetryPolicy => ({ maxRetries, backoff: { ...DEFAULT_BACKOFF, strategy: 'fixed', baseMs: 100 } });
const failing = (more: object = {}) => ({ id: 'a', tool: 'work', parameters: { ms: 0, failures: 99 }, ...more });

const waitsOf = (facts: readonly Fact[]): number[] =>
  facts.filter(({ type }) => type === 'tier3/attempt/failed').map(({ payload }) => (payload as { backoffMs: number }).backoffMs);

describe('how often a step is tried', () => {
  it.each([0, 1, 3, 10])('makes N + 1 attempts for %i retries', async (maxRetries) => {
    await using world = await startWorld({}, NO_BREAKER);
    const { result, facts } = await world.finish(world.run([failing({ retries: maxRetries })]));
    expect(result).toMatchObject({ success: false, error: { code: 'EXECUTION_FAILED' }, resourcesUsed: { stepsExecuted: 1 } });
    expect(world.calls.map(({ attempt }) => attempt)).toEqual(Array.from({ length: maxRetries + 1 }, (_, n) => n + 1));
    expect(facts.find(({ type }) => type === 'tier3/execution/failed')).toMatchObject({ payload: { attempts: maxRetries + 1 } });
  });

  it('stops trying as soon as an attempt succeeds', async () => {
    await using world = await startWorld();
    const run = world.run([{ id: 'a', tool: 'work', retries: 5, parameters: { failures: 2 } }]);
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: 'a' });
    expect(world.calls).toHaveLength(3);
  });

  it('tries once when nobody says anything about retries', async () => {
    await using world = await startWorld();
    await world.finish(world.run([failing()]));
    expect(world.calls).toHaveLength(1);
  });

  it.each([
    ['the call', 4, { call: 4, step: 3, workflow: 2, tool: 1, recovery: 0 }],
    ['the step', 3, { step: 3, workflow: 2, tool: 1, recovery: 0 }],
    ['the workflow', 2, { workflow: 2, tool: 1, recovery: 0 }],
    ['the tool', 1, { tool: 1, recovery: 3 }],
    ['the error class', 3, { recovery: 3 }],
    ['the call, also when it says none', 0, { call: 0, step: 3, workflow: 2 }],
    ['the step, also when it says none', 0, { step: 0, workflow: 2, tool: 1 }],
  ] as const)(
    'obeys %s before anyone wider',
    async (_who, expected, said: { call?: number; step?: number; workflow?: number; tool?: number; recovery?: number }) => {
      await using world = await startWorld(
        { ...(said.recovery !== undefined && { recovery: { transient: retries(said.recovery) } }) },
        { ...NO_BREAKER, ...(said.tool !== undefined && { retry: retries(said.tool) }) },
      );
      const run = world.run(
        [failing(said.step === undefined ? {} : { retry: { maxRetries: said.step } })],
        said.call === undefined ? {} : { options: { retryPolicy: { maxRetries: said.call } } },
        said.workflow === undefined ? {} : { retry: { maxRetries: said.workflow } },
      );
      await world.finish(run);
      expect(world.calls).toHaveLength(expected + 1);
    },
  );

  it('keeps the policies of error classes apart', async () => {
    const recovery = { timeout: retries(2), transient: retries(1) };
    await using world = await startWorld({ recovery });
    const run = world.run([
      { id: 'slow', tool: 'work', timeout: 50, parameters: { ms: 1_000 }, onFailure: 'continue' },
      { id: 'broken', tool: 'work', parameters: { failures: 99 }, onFailure: 'continue' },
    ]);
    await world.finish(run);
    expect([world.startsOf('slow').length, world.startsOf('broken').length]).toEqual([3, 2]);
  });

  it.each(['INVALID_PARAMETERS', 'MISSING_PARAMETER', 'PROCESS_FAILED', 'REJECTED_BY_HUMAN', 'INVALID_OUTPUT'] as const)(
    'never retries %s',
    async (code) => {
      await using world = await startWorld();
      const run = world.run([failing({ retries: 5, parameters: { failures: 99, code } })]);
      expect((await world.finish(run)).result).toMatchObject({ error: { code, retryable: false } });
      expect(world.calls).toHaveLength(1);
    },
  );

  it.each(['validation', 'permanent', 'dependency'] as const)(
    'takes no retries for errors of class %s: there are never any',
    async (errorClass) => {
      const message = expect.stringContaining(`Errors of class ${errorClass} are never tried again`);
      await expect(startWorld({ recovery: { [errorClass]: retries(5) } })).rejects.toMatchObject({ code: 'INVALID_VALUE', message });
    },
  );

  it('does not retry a tool whose result cannot be kept', async () => {
    let calls = 0;
    await using world = await startWorld({ tools: [{ name: 'bad', run: () => [++calls, 1n] }] });
    const { result } = await world.finish(world.run([{ id: 'a', tool: 'bad', retries: 3 }]));
    expect(result).toMatchObject({ error: { code: 'INVALID_OUTPUT' } });
    expect(calls).toBe(1);
  });

  it('lets a classifier say what an error is: permanent is not retried, transient is', async () => {
    const classify = (error: unknown) => {
      if (error instanceof SwarmchartError) return error.code === 'PROCESS_FAILED' ? ('transient' as const) : undefined;
      return error instanceof Error && error.message.includes('as told') ? ('permanent' as const) : undefined;
    };
    await using world = await startWorld({ classify });
    const run = world.run([
      failing({ id: 'plain', retries: 2, onFailure: 'continue' }),
      failing({ id: 'process', retries: 2, onFailure: 'continue', parameters: { failures: 99, code: 'PROCESS_FAILED' } }),
    ]);
    const { facts } = await world.finish(run);
    expect([world.startsOf('plain').length, world.startsOf('process').length]).toEqual([1, 3]);
    const failed = facts.filter(({ type }) => type === 'tier2/step/failed').map(({ payload }) => (payload as { error: object }).error);
    expect(failed).toMatchObject([
      { errorClass: 'permanent', retryable: false },
      { errorClass: 'transient', retryable: true },
    ]);
  });

  it('ignores a classifier that throws', async () => {
    const classify = () => {
      throw new Error('not mine');
    };
    await using world = await startWorld({ classify });
    const run = world.run([failing({ retries: 1 })]);
    expect((await world.finish(run)).result).toMatchObject({ error: { code: 'EXECUTION_FAILED', errorClass: 'transient' } });
    expect(world.calls).toHaveLength(2);
  });

  it('hands the same idempotency key to every attempt, and another one to every step and run', async () => {
    await using world = await startWorld();
    const steps = [
      { id: 'a', tool: 'work', retries: 2, parameters: { failures: 2 } },
      { id: 'b', tool: 'work' },
    ];
    for (const executionId of ['one', 'two']) await world.finish(world.run(steps, { context: { executionId } }));
    const keys = world.calls.map(({ step, key }) => `${step} ${key}`);
    expect(new Set(keys)).toEqual(new Set(['a one/a/1', 'b one/b/1', 'a two/a/1', 'b two/b/1']));
    expect(keys).toHaveLength(8);
  });
});

describe('how long it waits before the next attempt', () => {
  it.each([
    ['fixed', { strategy: 'fixed', baseMs: 1_000 }, [1_000, 1_000, 1_000, 1_000]],
    ['linear', { strategy: 'linear', baseMs: 1_000 }, [1_000, 2_000, 3_000, 4_000]],
    ['exponential', { strategy: 'exponential', baseMs: 1_000, factor: 2 }, [1_000, 2_000, 4_000, 8_000]],
    ['exponential by another factor', { strategy: 'exponential', baseMs: 100, factor: 10, maxMs: HOUR }, [100, 1_000, 10_000, 100_000]],
    ['capped', { strategy: 'exponential', baseMs: 1_000, maxMs: 3_000 }, [1_000, 2_000, 3_000, 3_000]],
    ['given by name', 'linear', [1_000, 2_000, 3_000, 4_000]],
    ['not given', undefined, [1_000, 2_000, 4_000, 8_000]],
  ] as const)('is, when %s, exact on the clock', async (_name, backoff, waits) => {
    await using world = await startWorld({}, NO_BREAKER);
    const { facts } = await world.finish(world.run([failing({ retry: { maxRetries: 4, ...(backoff && { backoff }) } })]));
    expect(waitsOf(facts)).toEqual(waits);
    let at = 0;
    expect(world.startsOf('a')).toEqual([0, ...waits.map((ms) => (at += ms))]);
  });

  it('stays at most 30 s by default', async () => {
    await using world = await startWorld({}, NO_BREAKER);
    const { facts } = await world.finish(world.run([failing({ retries: 8 })]));
    expect(waitsOf(facts)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('is spread by jitter within its bounds, differs between runs, and is the same when a run is told again', async () => {
    const tell = async (executionId: string) => {
      await using world = await startWorld({}, NO_BREAKER);
      const retry = { maxRetries: 20, backoff: { strategy: 'fixed' as const, baseMs: 10_000, jitter: 0.25 } };
      const { facts } = await world.finish(world.run([failing({ retry })], { context: { executionId } }));
      return waitsOf(facts);
    };
    const [first, again, other] = [await tell('first'), await tell('first'), await tell('other')];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    for (const ms of [...first, ...other]) {
      expect(ms).toBeGreaterThanOrEqual(7_500);
      expect(ms).toBeLessThanOrEqual(12_500);
    }
    expect(new Set(first).size).toBeGreaterThan(10);
  });

  it('is the same after a restart in the middle of it', async () => {
    const steps = [failing({ retry: { maxRetries: 2, backoff: { strategy: 'fixed', baseMs: 10_000, jitter: 0.5 } } })];
    await using whole = await startWorld();
    const { facts } = await whole.finish(whole.run(steps));
    const cut = facts.findIndex(({ type }) => type === 'tier3/attempt/failed') + 1;
    await using again = await startWorld();
    const restored = await again.runtime.restore(facts.slice(0, cut));
    expect(waitsOf((await again.finish(restored)).facts)).toEqual(waitsOf(facts));
    expect(again.calls.map(({ attempt }) => attempt)).toEqual([2, 3]);
  });
});

describe('an attempt that a restart interrupted', () => {
  it('is made again with its whole time, however long nothing ran', async () => {
    await using world = await startWorld();
    const run = world.run([{ id: 'a', tool: 'work', timeout: 30_000, parameters: { ms: 25_000 } }]);
    await world.clock.advanceAsync(20_000);
    const facts = await world.journal.read(run.executionId);
    await using again = await startWorld();
    await again.clock.advanceAsync(HOUR);
    const { result } = await again.finish(await again.runtime.restore(facts));
    expect(result).toMatchObject({ status: 'completed' });
    expect(again.calls.map(({ key, attempt }) => [key, attempt])).toEqual([[`${run.executionId}/a/1`, 1]]);
  });

  it('times out when it takes too long again', async () => {
    await using world = await startWorld();
    const run = world.run([{ id: 'a', tool: 'work', timeout: 30_000, parameters: { ms: 90_000 } }]);
    await world.clock.advanceAsync(20_000);
    const facts = await world.journal.read(run.executionId);
    await using again = await startWorld();
    await again.clock.advanceAsync(HOUR);
    const { result } = await again.finish(await again.runtime.restore(facts));
    expect(result).toMatchObject({ status: 'failed', error: { code: 'STEP_TIMEOUT' } });
  });
});

describe('while a step waits for its next attempt', () => {
  const retry = { maxRetries: 3, backoff: { strategy: 'fixed' as const, baseMs: 10_000 } };

  it('is cancelled at once', async () => {
    await using world = await startWorld();
    const run = world.run([failing({ retry })]);
    await world.clock.advanceAsync(4_000);
    expect(await run.cancel('enough')).toBe(true);
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ status: 'cancelled', resourcesUsed: { durationMs: 4_000 } });
    expect(world.calls).toHaveLength(1);
  });

  it('keeps the rest of its wait over a pause', async () => {
    await using world = await startWorld();
    const run = world.run([{ id: 'a', tool: 'work', retry, parameters: { ms: 0, failures: 1 } }]);
    await world.clock.advanceAsync(4_000);
    await run.pause();
    expect(run.status).toBe('paused');
    await world.clock.advanceAsync(HOUR);
    expect(world.calls).toHaveLength(1);
    await run.resume();
    await world.clock.advanceAsync(5_999);
    expect(world.calls).toHaveLength(1);
    await world.clock.advanceAsync(1);
    expect(world.startsOf('a')).toEqual([0, HOUR + 10_000]);
    expect((await world.finish(run)).result).toMatchObject({ success: true, resourcesUsed: { durationMs: 10_000 } });
  });

  it('keeps the whole wait when the attempt fails after the pause was asked for', async () => {
    await using world = await startWorld();
    const run = world.run([{ id: 'a', tool: 'work', retry, parameters: { ms: 2_000, failures: 1 } }]);
    await world.clock.advanceAsync(1_000);
    await run.pause();
    expect(run.status).toBe('pausing');
    await world.clock.advanceAsync(HOUR);
    expect(run.status).toBe('paused');
    await run.resume();
    expect((await world.finish(run)).result).toMatchObject({ success: true });
    expect(world.startsOf('a')).toEqual([0, 1_000 + HOUR + 10_000]);
  });

  it('keeps its place among the steps that run at once', async () => {
    await using world = await startWorld();
    const run = world.run([failing({ retry: { maxRetries: 1, backoff: { baseMs: 5_000 } } }), { id: 'b', tool: 'work' }], {
      allocation: { maxConcurrentSteps: 1 },
    });
    await world.clock.advanceAsync(4_999);
    expect(world.startsOf('b')).toEqual([]);
    await world.finish(run);
  });
});
