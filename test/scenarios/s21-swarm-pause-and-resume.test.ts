/**
 * S21 (the swarm): pausing a swarm pauses its runs and their steps; resuming goes on exactly where they were.
 * Proves CON-5, CON-6 and RUN-17 through three tiers.
 */

import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/testing/testing.ts';
import { startRuntime } from '../support/start-runtime.ts';
import { slowTool } from '../support/tools.ts';

const fourSteps = {
  id: 'four',
  steps: [1, 2, 3, 4].map((n) => ({ id: `step-${n}`, tool: 'work', timeout: 30_000, ...(n > 2 && { dependencies: [`step-${n - 2}`] }) })),
};
const definition = {
  id: 'pair',
  goal: 'do both',
  agents: ['a', 'b'].map((id) => ({ id, capabilities: ['work'] })),
  routines: { work: fourSteps },
  tasks: ['first', 'second'].map((id) => ({ id, requiredCapabilities: ['work'] })),
};

async function twoTasks(onPause: 'finish' | 'suspend') {
  const clock = new VirtualClock();
  const work = slowTool(clock, 'work', 20_000, { onPause });
  const world = await startRuntime({ clock, tools: [work.tool] });
  const swarm = world.runtime.swarm(definition, { context: { executionId: 'swarm' } });
  await clock.advanceAsync(10_000);
  const statuses = () => ['swarm', 'swarm/first/1', 'swarm/second/1'].map((id) => world.runtime.tier1.getExecutionStatus(id));
  return { ...world, clock, work, swarm, statuses, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

describe('S21: pause and resume of a swarm', () => {
  it('pauses both runs and their steps, and an hour of pause costs nothing', async () => {
    await using world = await twoTasks('suspend');
    expect(world.statuses()).toEqual(['running', 'running', 'running']);
    expect(await world.swarm.pause()).toBe(true);
    await world.clock.advanceAsync(1_000);
    expect(world.statuses()).toEqual(['paused', 'paused', 'paused']);
    const starts = world.work.starts.length;
    await world.clock.advanceAsync(3_600_000);
    expect(world.work.starts).toHaveLength(starts);
    expect(await world.swarm.pause()).toBe(true);

    expect(await world.swarm.resume()).toBe(true);
    expect(await world.swarm.resume()).toBe(true);
    await world.clock.advanceAsync(60_000);
    expect(await world.swarm.result()).toMatchObject({ success: true });
    expect(world.work.starts).toHaveLength(8);
    expect(new Set(world.work.starts).size).toBe(8);
    const types = (await world.checkInvariants('swarm')).map(({ type }) => type);
    expect(types.filter((type) => type === 'tier1/swarm/resumed')).toHaveLength(1);
    expect(types.filter((type) => type === 'tier2/routine/resumed')).toHaveLength(2);
  });

  it('is paused only when every step that cannot be suspended has ended', async () => {
    await using world = await twoTasks('finish');
    await world.swarm.pause();
    await world.clock.advanceAsync(5_000);
    expect(world.statuses()).toEqual(['pausing', 'pausing', 'pausing']);
    await world.clock.advanceAsync(10_000);
    expect(world.statuses()).toEqual(['paused', 'paused', 'paused']);
    await world.swarm.resume();
    await world.clock.advanceAsync(60_000);
    expect(await world.swarm.result()).toMatchObject({ success: true });
    await world.checkInvariants('swarm');
  });

  it('pauses one run of it, and the other one completes; a paused swarm takes both', async () => {
    await using world = await twoTasks('suspend');
    expect(await world.runtime.tier2.pause('swarm/first/1')).toBe(true);
    await world.clock.advanceAsync(60_000);
    expect(world.statuses()).toEqual(['running', 'paused', 'completed']);
    expect(await world.swarm.pause()).toBe(true);
    await world.clock.advanceAsync(1_000);
    expect(world.swarm.status).toBe('paused');
    expect(await world.runtime.tier2.resume('swarm/first/1')).toBe(false);
    await world.swarm.resume();
    await world.clock.advanceAsync(60_000);
    expect(await world.swarm.result()).toMatchObject({ success: true });
    await world.checkInvariants('swarm');
  });

  it('cancels a paused swarm: both runs are cancelled first, and nothing starts afterwards', async () => {
    await using world = await twoTasks('suspend');
    await world.swarm.pause();
    await world.clock.advanceAsync(1_000);
    expect(await world.swarm.cancel('enough')).toBe(true);
    expect(await world.swarm.result()).toMatchObject({ status: 'cancelled', error: { tier: 'tier1', context: { reason: 'enough' } } });
    const types = (await world.checkInvariants('swarm')).map(({ type }) => type);
    expect(types.at(-1)).toBe('tier1/swarm/coordination_cancelled');
    expect(types.filter((type) => type === 'tier2/routine/cancelled')).toHaveLength(2);
    expect(await world.swarm.pause()).toBe(false);
  });

  it('cancels one run of it: that task has failed, and with it the swarm', async () => {
    await using world = await twoTasks('suspend');
    expect(await world.runtime.tier2.cancelExecution('swarm/first/1', 'not needed')).toBe(true);
    await world.clock.advanceAsync(60_000);
    expect(await world.swarm.result()).toMatchObject({ success: false, error: { code: 'CANCELLED' } });
    await world.checkInvariants('swarm');
  });
});
