/** The nursery of all executions is a service like any other: when it crashes, each of them goes on where its facts end. */

import { afterEach, describe, expect, it, vi } from 'vitest';
import { startRuntime } from '../../support/start-runtime.ts';
import { wait } from '../../support/tools.ts';

/** How many of the next messages of the root nursery bring it down. */
const poison = vi.hoisted(() => ({ left: 0 }));

vi.mock('../../../src/actors/nursery.ts', async (original) => {
  const real = await original<typeof import('../../../src/actors/nursery.ts')>();
  class FragileNursery extends real.Nursery {
    override hear(message: Parameters<InstanceType<typeof real.Nursery>['hear']>[0]): void {
      if (message.type === 'child.start' && poison.left-- > 0) throw new Error('broken');
      super.hear(message);
    }
  }
  return { ...real, Nursery: FragileNursery };
});

afterEach(() => {
  poison.left = 0;
});

async function startWorld() {
  const calls: string[] = [];
  const world = await startRuntime();
  world.runtime.tools.register({
    name: 'slow',
    run: async (_: unknown, { idempotencyKey, signal }) => {
      calls.push(idempotencyKey);
      await wait(world.clock, 10_000, signal);
      return idempotencyKey;
    },
  });
  const chain = {
    id: 'chain',
    steps: [
      { id: 'one', tool: 'slow' },
      { id: 'two', tool: 'slow', dependencies: ['one'] },
    ],
  };
  return { ...world, calls, chain, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

describe('the nursery of all executions', () => {
  it('that crashes is started again, and every execution goes on: committed steps are not done again', async () => {
    await using world = await startWorld();
    const first = world.runtime.run(world.chain);
    const swarm = world.runtime.swarm({
      id: 'team',
      goal: 'work',
      agents: [{ id: 'ann', capabilities: ['work'] }],
      routines: { work: world.chain },
      tasks: [{ id: 'task', requiredCapabilities: ['work'] }],
    });
    await world.clock.advanceAsync(15_000);
    poison.left = 1;
    const second = world.runtime.run(world.chain);
    await world.clock.advanceAsync(60_000);
    for (const execution of [first, swarm, second]) {
      expect(await execution.result()).toMatchObject({ success: true });
      await world.checkInvariants(execution.executionId);
    }
    expect(world.calls.filter((key) => key === 'run-1/one/1')).toHaveLength(1);
    expect(world.calls.filter((key) => key === 'run-1/two/1')).toHaveLength(2);
    expect(world.calls.filter((key) => key === 'run-2/task/1/one/1')).toHaveLength(1);
    expect(await world.runtime.supervisor.countChildren()).toEqual({ ok: { specs: 3, active: 3, supervisors: 0, workers: 3 } });
  });

  it('that crashes again and again ends every execution with its reason', async () => {
    await using world = await startWorld();
    const run = world.runtime.run(world.chain);
    await world.clock.advanceAsync(5_000);
    poison.left = 99;
    const other = world.runtime.run(world.chain);
    await world.clock.advanceAsync(1_000);
    for (const each of [run, other]) expect(await each.result()).toMatchObject({ status: 'failed', error: { code: 'ACTOR_CRASHED' } });
  });
});
