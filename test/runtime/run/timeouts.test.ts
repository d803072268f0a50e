/** RUN-10, and the figures of S05: time limits of steps and of whole runs. */

import { describe, expect, it } from 'vitest';
import { HOUR, payloadOf, startWorld, storyOf } from './start-world.ts';

const deaf = (id: string, more: object = {}) => ({ id, tool: 'work', parameters: { deaf: true }, ...more });

describe('the time limit of a step', () => {
  it('is 30 s when nobody names one', async () => {
    await using world = await startWorld();
    const run = world.run([{ id: 'long', tool: 'work', parameters: { ms: 60_000 } }]);
    await world.clock.advanceAsync(29_999);
    expect(run.status).toBe('running');
    const { result } = await world.finish(run);
    expect(result).toMatchObject({
      success: false,
      duration: 30_000,
      error: { code: 'STEP_TIMEOUT', errorClass: 'timeout', tier: 'tier3', context: { stepId: 'long', timeout: 30_000 } },
    });
    expect(world.calls).toMatchObject([{ to: 30_000, aborted: 'STEP_TIMEOUT' }]);
  });

  it.each([
    ['the step', { timeout: 1_000 }, { timeout: 2_000 }, 3_000, 1_000],
    ['its tool', {}, { timeout: 2_000 }, 3_000, 3_000],
    ['its workflow', {}, { timeout: 2_000 }, undefined, 2_000],
  ])('is that of %s before any wider one', async (_what, step, workflow, timeoutMs, expected) => {
    await using world = await startWorld({}, timeoutMs === undefined ? {} : { timeoutMs });
    const { result } = await world.finish(world.run([{ id: 'long', tool: 'work', parameters: { ms: 60_000 }, ...step }], {}, workflow));
    expect(result).toMatchObject({
      error: { code: 'STEP_TIMEOUT', context: { timeout: expected } },
      resourcesUsed: { durationMs: expected },
    });
  });

  it('leaves no timer behind, whether the step ends in time or not', async () => {
    await using world = await startWorld();
    const run = world.run([{ id: 'quick', tool: 'work' }, deaf('deaf', { timeout: 2_000, onFailure: 'continue' })]);
    await world.clock.advanceAsync(1_500);
    expect(world.runtime.vitals.actorsWithTimers).toBe(2);
    await world.finish(run);
    expect(world.clock.pending).toBe(0);
  });

  it('starts anew with each attempt', async () => {
    await using world = await startWorld();
    const retry = { maxRetries: 1, backoff: { baseMs: 500 } };
    const run = world.run([{ id: 'long', tool: 'work', parameters: { ms: 60_000 }, timeout: 1_000, retry }]);
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ error: { code: 'STEP_TIMEOUT' }, resourcesUsed: { durationMs: 2_500 } });
    expect(world.timeline()).toEqual(['long 0-1000', 'long 1500-2500']);
  });

  it('is recorded as the status timed_out', async () => {
    await using world = await startWorld();
    const run = world.run([
      { id: 'long', tool: 'work', parameters: { ms: 60_000 }, timeout: 1_000, onFailure: 'continue' },
      { id: 'after', tool: 'work', parameters: { value: '${long.status}' } },
    ]);
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: 'timed_out' });
  });

  it('cannot exceed the time that is left of the run', async () => {
    await using world = await startWorld();
    const run = world.run(
      [
        { id: 'first', tool: 'work', parameters: { ms: 4_000 } },
        { id: 'long', tool: 'work', dependencies: ['first'], parameters: { ms: 60_000 } },
      ],
      { options: { timeout: 10_000 } },
    );
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: false, resourcesUsed: { durationMs: 10_000 } });
    const started = facts.find(({ type, executionId }) => type === 'tier3/execution/started' && executionId.includes('/long/'));
    expect(started).toMatchObject({ payload: { dueAt: (started?.at ?? 0) + 6_000 } });
  });
});

describe('work that ignores its signal', () => {
  it('is abandoned 5 s after the abort; a late result changes nothing', async () => {
    let release = (_: unknown): void => undefined;
    const tool = { name: 'stubborn', run: () => new Promise((resolve) => (release = resolve)) };
    await using world = await startWorld({ tools: [tool] });
    const run = world.run([{ id: 'deaf', tool: 'stubborn', timeout: 1_000 }]);
    await world.clock.advanceAsync(5_999);
    expect(run.status).toBe('running');
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: false, duration: 6_000, error: { code: 'STEP_TIMEOUT' } });
    expect(world.runtime.vitals.abandoned).toBe(1);
    release('too late');
    await world.clock.advanceAsync(1);
    expect(world.runtime.vitals.lateResults).toBe(1);
    expect(await world.journal.read(run.executionId)).toEqual(facts);
  });

  it('is abandoned on cancel, too', async () => {
    await using world = await startWorld();
    const run = world.run([deaf('deaf')]);
    await world.clock.advanceAsync(1_000);
    expect(await run.cancel('enough')).toBe(true);
    expect(run.status).toBe('cancelling');
    await world.clock.advanceAsync(4_999);
    expect(run.status).toBe('cancelling');
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ status: 'cancelled', resourcesUsed: { durationMs: 1_000 } });
  });
});

describe('the time limit of a run', () => {
  it('fails the run with RUN_TIMEOUT and cancels its live steps', async () => {
    await using world = await startWorld();
    const run = world.run(
      [
        { id: 'quick', tool: 'work' },
        { id: 'long', tool: 'work', parameters: { ms: 60_000 }, timeout: 60_000 },
        { id: 'never', tool: 'work', dependencies: ['long'] },
      ],
      { options: { timeout: 10_000 } },
    );
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({
      success: false,
      duration: 10_000,
      error: { code: 'RUN_TIMEOUT', tier: 'tier2', context: { timeout: 10_000 } },
    });
    expect(world.timeline()).toEqual(['quick 0-1000', 'long 0-10000']);
    expect(world.calls[1]?.aborted).toBe('CANCELLED');
    expect(payloadOf(facts, 'tier3/execution/cancelled', 'long')['reason']).toBe('run-timeout');
  });

  it('ends a step that backs off', async () => {
    await using world = await startWorld();
    const retry = { maxRetries: 3, backoff: { baseMs: 20_000 } };
    const run = world.run([{ id: 'a', tool: 'work', retry, parameters: { failures: 9 } }], { options: { timeout: 10_000 } });
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ duration: 10_000, error: { code: 'RUN_TIMEOUT' } });
    expect(world.calls).toHaveLength(1);
  });

  it('does not run while the run is paused', async () => {
    await using world = await startWorld();
    const steps = ['a', 'b'].map((id, n) => ({ id, tool: 'work', parameters: { ms: 4_000 }, ...(n > 0 && { dependencies: ['a'] }) }));
    const run = world.run(steps, { options: { timeout: 10_000 } });
    await world.clock.advanceAsync(1_000);
    await run.pause();
    await world.clock.advanceAsync(HOUR);
    expect(run.status).toBe('paused');
    await run.resume();
    expect((await world.finish(run)).result).toMatchObject({ success: true });
  });
});

describe('S05: long tasks with limits of their own', () => {
  const optimisation = (widgetsMs: number) => [
    { id: 'analyze_performance', tool: 'work', timeout: 300_000, parameters: { ms: 200_000 } },
    { id: 'optimize_widgets', tool: 'work', timeout: 600_000, parameters: { ms: widgetsMs }, dependencies: ['analyze_performance'] },
    { id: 'run_tests', tool: 'work', timeout: 900_000, parameters: { ms: 800_000 }, dependencies: ['optimize_widgets'] },
  ];

  it('runs 200 s, 500 s and 800 s one after the other in 1500 s, although each exceeds the default', async () => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run(optimisation(500_000)));
    expect(result).toMatchObject({ success: true, resourcesUsed: { durationMs: 1_500_000 } });
    expect(world.timeline()).toEqual(['analyze_performance 0-200000', 'optimize_widgets 200000-700000', 'run_tests 700000-1500000']);
  });

  it('times the second one out at 600 s when it takes 601 s, and never starts the third', async () => {
    await using world = await startWorld();
    const { result, facts } = await world.finish(world.run(optimisation(601_000)));
    expect(result).toMatchObject({
      success: false,
      duration: 800_000,
      error: { code: 'STEP_TIMEOUT', context: { stepId: 'optimize_widgets', timeout: 600_000 } },
    });
    expect(storyOf(facts)).not.toContain('started run_tests');
  });
});
