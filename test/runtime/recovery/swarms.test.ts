/** A swarm in the journal goes on: its runs under new leases, its agents with the right loads, its budget as it was. */

import { describe, expect, it } from 'vitest';
import type { SwarmHandle } from '../../../src/index.ts';
import { VirtualClock } from '../../../src/testing/testing.ts';
import { leftBehind } from '../../support/second-life.ts';
import { startRuntime } from '../../support/start-runtime.ts';
import { wait } from '../../support/tools.ts';

const agents = [
  { id: 'ann', capabilities: ['draw'], maxConcurrentTasks: 2 },
  { id: 'bob', capabilities: ['write'], maxConcurrentTasks: 1 },
];
const task = (id: string, capability: string, dependencies: readonly string[] = []) => ({
  id,
  description: id,
  requiredCapabilities: [capability],
  dependencies: [...dependencies],
});
const swarm = {
  id: 'crew',
  goal: 'A book',
  tasks: [task('cover', 'draw'), task('plates', 'draw'), task('text', 'write'), task('bind', 'draw', ['cover', 'plates', 'text'])],
  routines: { draw: { id: 'drawing', steps: [{ id: 'do', tool: 'do' }] }, write: { id: 'writing', steps: [{ id: 'do', tool: 'do' }] } },
};

async function startWorld(options: object = {}, startAt?: number) {
  const clock = new VirtualClock(startAt);
  const calls: string[] = [];
  const tool = {
    name: 'do',
    credits: '10',
    run: async (_: unknown, { idempotencyKey, signal }: { readonly idempotencyKey: string; readonly signal: AbortSignal }) => {
      calls.push(idempotencyKey);
      await wait(clock, idempotencyKey.includes('/cover/') ? 1_000 : 5_000, signal);
      return idempotencyKey;
    },
  };
  const world = await startRuntime({ clock, tools: [tool], agents, ...options });
  const loads = () => Object.fromEntries(world.runtime.agents.list().map(({ spec, currentLoad }) => [spec.id, currentLoad]));
  return { ...world, clock, calls, loads, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

describe('a swarm that a crash interrupted', () => {
  it('goes on: tasks that were done are not done again, and each run has a lease again', async () => {
    await using world = await startWorld();
    const { executionId } = world.runtime.swarm(swarm);
    await world.clock.advanceAsync(2_000);
    expect(world.loads()).toEqual({ ann: 1, bob: 1 });
    await using again = await startWorld({ journal: await leftBehind(world.journal) }, world.clock.now());
    const handle = again.runtime.executions.get(executionId) as SwarmHandle;
    await again.clock.advanceAsync(2_000);
    expect(again.loads()).toEqual({ ann: 1, bob: 1 });
    await again.clock.advanceAsync(60_000);
    expect(await handle.result()).toMatchObject({ status: 'completed', resourcesUsed: { stepsExecuted: 4 } });
    expect(again.loads()).toEqual({ ann: 0, bob: 0 });
    const interrupted = world.calls.filter((key) => !key.includes('/cover/'));
    expect(again.calls.slice(0, 2).sort()).toEqual(interrupted.sort());
    expect(again.calls.some((key) => key.includes('/cover/'))).toBe(false);
    await again.checkInvariants(executionId);
  });

  it('that was paused stays paused, and holds no agent', async () => {
    await using world = await startWorld();
    const first = world.runtime.swarm(swarm);
    await world.clock.advanceAsync(2_000);
    await first.pause();
    await world.clock.advanceAsync(60_000);
    await using again = await startWorld({ journal: await leftBehind(world.journal) }, world.clock.now());
    const handle = again.runtime.executions.get(first.executionId) as SwarmHandle;
    await again.clock.advanceAsync(60_000);
    expect(handle.status).toBe('paused');
    expect(again.calls).toEqual([]);
    await handle.resume();
    await again.clock.advanceAsync(60_000);
    expect((await handle.result()).status).toBe('completed');
    expect(again.loads()).toEqual({ ann: 0, bob: 0 });
  });
});
