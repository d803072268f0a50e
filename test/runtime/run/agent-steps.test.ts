/** Agent steps: a tool is called under a lease on a capable agent. Proves AGT-8 and RUN-3's agent kind. */

import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../src/testing/testing.ts';
import { startRuntime } from '../../support/start-runtime.ts';
import { wait } from '../../support/tools.ts';

const reviews = (count: number, more: object = {}) => ({
  id: 'reviews',
  steps: Array.from({ length: count }, (_, n) => ({
    id: `review-${n}`,
    type: 'agent' as const,
    capabilities: ['review'],
    tool: 'work',
    parameters: { n },
    ...more,
  })),
});
const reviewers = ['ann', 'bob'].map((id) => ({ id, capabilities: ['review'], maxConcurrentTasks: 2 }));

async function startWorld(agents: readonly { id: string; capabilities: string[]; maxConcurrentTasks?: number }[] = reviewers) {
  const clock = new VirtualClock();
  const calls: { readonly agent: string | undefined; readonly key: string }[] = [];
  let most = 0;
  let now = 0;
  const work = {
    name: 'work',
    run: async (
      parameters: unknown,
      { agent, signal, idempotencyKey }: { agent?: { id: string }; signal: AbortSignal; idempotencyKey: string },
    ) => {
      calls.push({ agent: agent?.id, key: idempotencyKey });
      most = Math.max(most, ++now);
      try {
        await wait(clock, 5_000, signal);
      } finally {
        now--;
      }
      return parameters;
    },
  };
  const world = await startRuntime({ clock, tools: [work], agents, faults: {} });
  const loads = () => world.runtime.agents.list().map(({ currentLoad }) => currentLoad);
  return { ...world, clock, calls, loads, most: () => most, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

describe('an agent step', () => {
  it('calls its tool as the least loaded capable agent, never above what that takes at once, and gives it back', async () => {
    await using world = await startWorld();
    const run = world.runtime.run(reviews(6), { allocation: { maxConcurrentSteps: 10 } });
    await world.clock.advanceAsync(1_000);
    expect(world.loads()).toEqual([2, 2]);
    await world.clock.advanceAsync(20_000);
    expect(await run.result()).toMatchObject({ success: true });
    expect(world.most()).toBe(4);
    expect(world.calls.map(({ agent }) => agent).sort()).toEqual(['ann', 'ann', 'ann', 'bob', 'bob', 'bob']);
    expect(world.loads()).toEqual([0, 0]);
    await world.checkInvariants(run.executionId);
  });

  it('may name its agent', async () => {
    await using world = await startWorld();
    const run = world.runtime.run(reviews(2, { agent: 'bob' }));
    await world.clock.advanceAsync(20_000);
    expect(await run.result()).toMatchObject({ success: true });
    expect(world.calls.map(({ agent }) => agent)).toEqual(['bob', 'bob']);
  });

  it('fails with NO_CAPABLE_AGENT, named, when nobody could ever do it', async () => {
    await using world = await startWorld();
    const run = world.runtime.run(reviews(1, { capabilities: ['quantum'] }));
    await world.clock.advanceAsync(1_000);
    const { error } = await run.result();
    expect(error).toMatchObject({ code: 'NO_CAPABLE_AGENT' });
    expect(error?.message).toContain('quantum');
    expect(world.calls).toEqual([]);
    await world.checkInvariants(run.executionId);
  });

  it('is done again by another agent when its own is lost, under the same idempotency key', async () => {
    await using world = await startWorld();
    const run = world.runtime.run(reviews(1));
    await world.clock.advanceAsync(1_000);
    world.runtime.agents.crash('ann');
    await world.clock.advanceAsync(20_000);
    expect(await run.result()).toMatchObject({ success: true });
    expect(world.calls).toHaveLength(2);
    expect(new Set(world.calls.map(({ key }) => key)).size).toBe(1);
    await world.checkInvariants(run.executionId);
  });

  it('waits for an agent no longer than its timeout, and withdraws its request', async () => {
    await using world = await startWorld([{ id: 'ann', capabilities: ['review'] }]);
    const run = world.runtime.run(reviews(2, { timeout: 3_000 }), { allocation: { maxConcurrentSteps: 2 } });
    await world.clock.advanceAsync(20_000);
    expect(await run.result()).toMatchObject({ success: false, error: { code: 'STEP_TIMEOUT' } });
    expect(world.loads()).toEqual([0]);
    await world.checkInvariants(run.executionId);
  });

  it('keeps its agent no longer than its attempt lasts, whatever its tool does', async () => {
    const deaf = { name: 'deaf', run: () => new Promise(() => {}) };
    await using world = await startRuntime({ tools: [deaf], agents: reviewers });
    const run = world.runtime.run(reviews(1, { tool: 'deaf', timeout: 3_000, retry: 0 }));
    await world.clock.advanceAsync(20_000);
    expect(await run.result()).toMatchObject({ success: false, error: { code: 'STEP_TIMEOUT' } });
    expect(world.runtime.agents.list().map(({ currentLoad }) => currentLoad)).toEqual([0, 0]);
  });

  it("of a task is done by the task's own agent, if that can do it, without a second lease", async () => {
    await using world = await startWorld([{ id: 'ann', capabilities: ['review'] }]);
    const swarm = world.runtime.swarm({
      id: 'paper',
      goal: 'review',
      routines: { review: reviews(2) },
      tasks: [{ id: 'task', requiredCapabilities: ['review'] }],
    });
    await world.clock.advanceAsync(1_000);
    expect(world.loads()).toEqual([1]);
    await world.clock.advanceAsync(20_000);
    expect(await swarm.result()).toMatchObject({ success: true });
    expect(world.calls.map(({ agent }) => agent)).toEqual(['ann', 'ann']);
    await world.checkInvariants(swarm.executionId);
  });

  it('gives its agent back when its run is cancelled', async () => {
    await using world = await startWorld();
    const run = world.runtime.run(reviews(6), { allocation: { maxConcurrentSteps: 10 } });
    await world.clock.advanceAsync(1_000);
    await run.cancel('enough');
    await world.clock.advanceAsync(10_000);
    expect(await run.result()).toMatchObject({ status: 'cancelled' });
    expect(world.loads()).toEqual([0, 0]);
    await world.checkInvariants(run.executionId);
  });
});
