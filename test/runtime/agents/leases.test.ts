import { describe, expect, it } from 'vitest';
import { startAgents } from './start-agents.ts';

const ann = { id: 'ann', capabilities: ['code'] };

describe('a lease', () => {
  it('counts against the capacity of its agent until it is released, once', async () => {
    await using world = startAgents();
    await world.agents.register(ann);
    const lease = await world.agents.lease({ capabilities: ['code'] });
    expect(lease).toMatchObject({ agentId: 'ann', spec: { id: 'ann' } });
    expect(world.agents.get('ann')?.currentLoad).toBe(1);
    lease.release();
    lease.release();
    await world.settle();
    expect(world.agents.get('ann')?.currentLoad).toBe(0);
    expect(lease.signal.aborted).toBe(false);
    expect(world.counters.stale).toBe(0);
  });

  it('is released at the end of the block that uses it', async () => {
    await using world = startAgents();
    await world.agents.register(ann);
    {
      await using lease = await world.agents.lease();
      expect(lease.agentId).toBe('ann');
    }
    await world.settle();
    expect(world.agents.get('ann')?.currentLoad).toBe(0);
  });

  it('waits for room, and can be withdrawn meanwhile', async () => {
    await using world = startAgents();
    await world.agents.register(ann);
    const first = await world.agents.lease();
    const controller = new AbortController();
    const withdrawn = expect(world.agents.lease({ signal: controller.signal })).rejects.toThrow('never mind');
    const patient = world.agents.lease();
    await world.settle();
    controller.abort(new Error('never mind'));
    await withdrawn;
    first.release();
    expect((await patient).agentId).toBe('ann');
    await expect(world.agents.lease({ signal: controller.signal })).rejects.toThrow('never mind');
    await world.settle();
    expect(world.agents.get('ann')?.currentLoad).toBe(1);
  });

  it('is kept although the signal of its request is aborted later', async () => {
    await using world = startAgents();
    await world.agents.register(ann);
    const controller = new AbortController();
    const lease = await world.agents.lease({ signal: controller.signal });
    controller.abort();
    await world.settle();
    expect(lease.signal.aborted).toBe(false);
    expect(world.agents.get('ann')?.currentLoad).toBe(1);
  });

  it('expires after an hour, or after the time that was asked for', async () => {
    await using world = startAgents();
    await world.agents.register({ ...ann, maxConcurrentTasks: 2 });
    const long = await world.agents.lease();
    const short = await world.agents.lease({ ttlMs: 1_000 });
    await world.clock.advanceAsync(1_000);
    expect(short.signal.reason).toMatchObject({ code: 'LEASE_EXPIRED' });
    await world.clock.advanceAsync(3_598_999);
    expect(long.signal.aborted).toBe(false);
    await world.clock.advanceAsync(1);
    expect(long.signal.aborted).toBe(true);
    short.release();
    await world.settle();
    expect(world.agents.get('ann')?.currentLoad).toBe(0);
  });

  it('is given to a step of a swarm from everybody and from the swarm, or by name', async () => {
    await using world = startAgents();
    await world.agents.register([ann, { id: 'bob', capabilities: ['test'] }]);
    const execution = { executionId: 'e', swarmId: 's', userId: 'u', timestamp: 0, correlationId: 'c' };
    const { signal } = new AbortController();
    const byName = await world.agents.hold({ capabilities: [], agent: 'bob' }, execution, signal);
    const byCapability = await world.agents.hold({ capabilities: ['code'] }, execution, signal);
    expect([byName.spec.id, byCapability.spec.id]).toEqual(['bob', 'ann']);
    await expect(world.agents.hold({ capabilities: ['code'], agent: 'bob' }, execution, signal)).rejects.toMatchObject({
      code: 'NO_CAPABLE_AGENT',
    });
    byName.release();
    byCapability.release();
  });

  it.each([{ priority: 0.5 }, { ttlMs: 0 }, { ttlMs: Number.NaN }, { capabilities: 'code' }, { exclude: [7] }])(
    'is refused for %j',
    async (options) => {
      await using world = startAgents();
      await expect(world.agents.lease(options as never)).rejects.toMatchObject({ code: 'INVALID_VALUE' });
    },
  );

  it('is lost when the runtime stops, and whoever waits is told', async () => {
    const world = startAgents();
    await world.agents.register(ann);
    const lease = await world.agents.lease();
    const waiting = expect(world.agents.lease()).rejects.toMatchObject({ code: 'RUNTIME_STOPPED' });
    const starting = world.agents.register({ id: 'bob', capabilities: ['x'], initialize: () => new Promise(() => {}) });
    const rejected = expect(starting).rejects.toMatchObject({ code: 'RUNTIME_STOPPED' });
    await world.settle();
    await world[Symbol.asyncDispose]();
    await waiting;
    await rejected;
    expect(lease.signal.reason).toMatchObject({ code: 'RUNTIME_STOPPED' });
    await expect(world.agents.lease()).rejects.toMatchObject({ code: 'RUNTIME_STOPPED' });
    await expect(world.agents.register(ann)).rejects.toMatchObject({ code: 'RUNTIME_STOPPED' });
    expect(await world.agents.unregister('ann')).toBe(false);
  });

  it('waits at the end for agents that dispose of themselves, but not for ever', async () => {
    const world = startAgents();
    const seen: string[] = [];
    await world.agents.register([
      { id: 'quick', capabilities: ['x'], dispose: async () => void seen.push('quick') },
      { id: 'stuck', capabilities: ['x'], dispose: () => new Promise(() => {}) },
      { id: 'broken', capabilities: ['x'], dispose: () => Promise.reject(new Error('no')) },
    ]);
    const stopped = world.agents.stop().then(() => seen.push('stopped'));
    await world.clock.advanceAsync(4_999);
    expect(seen).toEqual(['quick']);
    expect(world.warnings).toMatchObject([{ agentId: 'broken' }]);
    await world.clock.advanceAsync(1);
    await stopped;
    expect(seen).toEqual(['quick', 'stopped']);
    expect(world.pendingTimers()).toBe(0);
    expect(world.clock.pending).toBe(0);
  });
});
