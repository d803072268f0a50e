/**
 * S21 (runs and steps): pausing stops what has not started, lets in-flight work finish or suspends it, and freezes every timer.
 * Proves RUN-17, RUN-18, EXE-6, CON-5 and CON-6.
 */

import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/testing/testing.ts';
import { startRuntime } from '../support/start-runtime.ts';
import { slowTool } from '../support/tools.ts';

const fourSteps = {
  id: 'four',
  steps: [1, 2, 3, 4].map((n) => ({ id: `step-${n}`, tool: 'work', timeout: 30_000, ...(n > 2 && { dependencies: [`step-${n - 2}`] }) })),
};

async function twoRuns(onPause: 'finish' | 'suspend') {
  const clock = new VirtualClock();
  const work = slowTool(clock, 'work', 20_000, { onPause });
  const world = await startRuntime({ clock, tools: [work.tool] });
  const runs = ['run-a', 'run-b'].map((executionId) => world.runtime.run(fourSteps, { context: { executionId } }));
  const [first, second] = runs;
  if (!first || !second) throw new Error('two runs were started');
  await clock.advanceAsync(10_000);
  return { ...world, clock, work, first, second, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

describe('S21: pause and resume', () => {
  it('suspends work at its checkpoint, and an hour of pause costs it none of its time', async () => {
    await using world = await twoRuns('suspend');
    expect(await Promise.all([world.first.pause(), world.second.pause()])).toEqual([true, true]);
    await world.clock.advanceAsync(1_000);
    expect([world.first.status, world.second.status]).toEqual(['paused', 'paused']);
    const starts = world.work.starts.length;
    await world.clock.advanceAsync(3_600_000);
    expect(world.work.starts).toHaveLength(starts);
    expect(world.first.status).toBe('paused');

    await Promise.all([world.first.resume(), world.second.resume()]);
    await world.clock.advanceAsync(60_000);
    for (const run of [world.first, world.second]) {
      expect(await run.result()).toMatchObject({ success: true });
      await world.checkInvariants(run.executionId);
    }
    expect(world.work.starts).toHaveLength(8);
    expect(new Set(world.work.starts).size).toBe(8);
  });

  it('leaves a suspended step exactly the time that it had left', async () => {
    const clock = new VirtualClock();
    const { tool } = slowTool(clock, 'work', 60_000, { onPause: 'suspend' });
    await using world = await startRuntime({ clock, tools: [tool] });
    const run = world.runtime.run({ id: 'one', steps: [{ id: 'only', tool: 'work', timeout: 30_000 }] });
    await clock.advanceAsync(9_500);
    await run.pause();
    await clock.advanceAsync(3_600_000);
    expect(run.status).toBe('paused');
    await run.resume();
    await clock.advanceAsync(19_999);
    expect(run.status).toBe('running');
    await clock.advanceAsync(2);
    expect(await run.result()).toMatchObject({
      success: false,
      error: { code: 'STEP_TIMEOUT', context: { stepId: 'only', timeout: 30_000 } },
    });
    await world.checkInvariants(run.executionId);
  });

  it('lets work finish that cannot be suspended, then starts nothing', async () => {
    await using world = await twoRuns('finish');
    await world.first.pause();
    expect(world.first.status).toBe('pausing');
    await world.clock.advanceAsync(15_000);
    expect(world.first.status).toBe('paused');
    const completed = (await world.typesOf('run-a')).filter((type) => type === 'tier2/step/completed');
    expect(completed).toHaveLength(2);
    await world.first.resume();
    await world.clock.advanceAsync(60_000);
    expect(await world.first.result()).toMatchObject({ success: true });
    await world.checkInvariants('run-a');
  });

  it('pauses one run and lets the other one complete', async () => {
    await using world = await twoRuns('suspend');
    await world.first.pause();
    await world.clock.advanceAsync(60_000);
    expect(world.first.status).toBe('paused');
    expect(await world.second.result()).toMatchObject({ success: true });
    expect(await world.second.pause()).toBe(false);
    expect(await world.second.resume()).toBe(false);
    expect(await world.second.cancel()).toBe(false);
  });

  it('accepts a second pause and a second resume without doing anything twice', async () => {
    await using world = await twoRuns('suspend');
    expect(await world.first.pause()).toBe(true);
    expect(await world.first.pause()).toBe(true);
    await world.clock.advanceAsync(2_000);
    expect(await world.first.pause()).toBe(true);
    expect(await world.first.resume()).toBe(true);
    expect(await world.first.resume()).toBe(true);
    await world.clock.advanceAsync(60_000);
    const types = await world.typesOf('run-a');
    expect(types.filter((type) => type === 'tier2/routine/paused')).toHaveLength(1);
    expect(types.filter((type) => type === 'tier2/routine/resumed')).toHaveLength(1);
    await world.checkInvariants('run-a');
  });

  it('cancels a paused run; its work is aborted and nothing starts afterwards', async () => {
    await using world = await twoRuns('suspend');
    await world.first.pause();
    await world.clock.advanceAsync(1_000);
    expect(await world.first.cancel('enough')).toBe(true);
    expect(await world.first.result()).toMatchObject({
      success: false,
      status: 'cancelled',
      error: { code: 'CANCELLED', context: { reason: 'enough' } },
    });
    expect((await world.typesOf('run-a')).at(-1)).toBe('tier2/routine/cancelled');
    await world.checkInvariants('run-a');
  });

  it('pauses, resumes and cancels a single step by its execution id', async () => {
    await using world = await twoRuns('suspend');
    const stepId = 'run-a/step-1/1';
    expect(await world.runtime.tier3.pause(stepId)).toBe(true);
    await world.clock.advanceAsync(1_000);
    expect(world.runtime.tier3.getExecutionStatus(stepId)).toBe('paused');
    expect(world.first.status).toBe('running');
    expect(await world.runtime.tier3.resume(stepId)).toBe(true);
    expect(await world.runtime.tier3.cancelExecution(stepId, 'not needed')).toBe(true);
    expect(await world.first.result()).toMatchObject({ success: false, error: { code: 'CANCELLED', tier: 'tier3' } });
    await world.checkInvariants('run-a');
  });

  it('answers false for what it does not know', async () => {
    await using world = await startRuntime();
    expect(await world.runtime.tier2.pause('nobody')).toBe(false);
    expect(await world.runtime.tier3.cancelExecution('nobody')).toBe(false);
    expect(world.runtime.tier2.getExecutionStatus('nobody')).toBeUndefined();
  });
});
