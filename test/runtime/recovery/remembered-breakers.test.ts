/** Circuit breakers after a restart: how they were, with what is left of their time; and what the system's breaker had paused. */

import { describe, expect, it } from 'vitest';
import type { RuntimeOptions } from '../../../src/index.ts';
import { leftBehind } from '../../support/second-life.ts';
import { HOUR, startWorld } from '../run/start-world.ts';

type World = Awaited<ReturnType<typeof startWorld>>;
const boom = () => Promise.reject(new Error('down'));
const maps = { scope: 'provider' as const, key: 'maps' };
const withMaps: RuntimeOptions = { tools: [{ name: 'route', provider: 'maps', run: () => 'there' }] };

async function nextLife(world: World, downMs: number, options: RuntimeOptions = withMaps) {
  return startWorld({ ...options, journal: await leftBehind(world.journal) }, {}, world.clock.now() + downMs);
}

async function opened(): Promise<World> {
  const world = await startWorld(withMaps);
  for (let n = 0; n < 5; n++) await world.runtime.breakers.guard(maps, boom).catch(() => undefined);
  expect(world.runtime.breakers.get('provider', 'maps')?.state).toBe('open');
  return world;
}

describe('after a restart a circuit breaker', () => {
  it('that was open stays open for what is left of its time', async () => {
    await using world = await opened();
    await world.clock.advanceAsync(10_000);
    await using again = await nextLife(world, 5_000);
    expect(again.runtime.breakers.get('provider', 'maps')).toMatchObject({ state: 'open', failures: 5 });
    await again.clock.advanceAsync(14_999);
    await expect(again.runtime.breakers.guard(maps, () => 'in')).rejects.toMatchObject({ code: 'CIRCUIT_OPEN' });
    await again.clock.advanceAsync(1);
    expect(await again.runtime.breakers.guard(maps, () => 'in')).toBe('in');
  });

  it('whose time passed meanwhile is half-open at once', async () => {
    await using world = await opened();
    await using again = await nextLife(world, HOUR);
    await again.clock.advanceAsync(0);
    expect(again.runtime.breakers.get('provider', 'maps')?.state).toBe('halfOpen');
  });

  it('remembers the failures that it had counted', async () => {
    await using world = await startWorld(withMaps);
    for (let n = 0; n < 4; n++) await world.runtime.breakers.guard(maps, boom).catch(() => undefined);
    await using again = await nextLife(world, 0);
    await again.runtime.breakers.guard(maps, boom).catch(() => undefined);
    expect(again.runtime.breakers.get('provider', 'maps')?.state).toBe('open');
    const seqs = (await again.journal.read('breaker/provider/maps')).map(({ seq }) => seq);
    expect(seqs).toEqual([1, 2, 3, 4, 5]);
  });

  it('has no probe under way: whoever made it is gone', async () => {
    await using world = await opened();
    await world.clock.advanceAsync(30_000);
    void world.runtime.breakers.guard(maps, () => new Promise(() => {})).catch(() => undefined);
    expect(world.runtime.breakers.get('provider', 'maps')).toMatchObject({ isProbing: true });
    await using again = await nextLife(world, 0);
    expect(again.runtime.breakers.get('provider', 'maps')).toMatchObject({ state: 'halfOpen', isProbing: false });
    expect(await again.runtime.breakers.guard(maps, () => 'in')).toBe('in');
    expect(await again.runtime.breakers.guard(maps, () => 'in')).toBe('in');
    expect(again.runtime.breakers.get('provider', 'maps')?.state).toBe('closed');
  });

  it('of an agent keeps it from getting work', async () => {
    const agents = [{ id: 'ann', capabilities: ['draw'] }];
    await using world = await startWorld({ agents });
    expect(world.runtime.breakers.forceOpen('agent', 'ann')).toBe(true);
    await world.clock.advanceAsync(0);
    await using again = await nextLife(world, 0, { agents });
    await again.clock.advanceAsync(1_000);
    expect(again.runtime.breakers.get('agent', 'ann')?.state).toBe('held');
    const asked = new AbortController();
    const leases: unknown[] = [];
    const leasing = again.runtime.agents.lease({ capabilities: ['draw'], signal: asked.signal }).then(
      (lease) => leases.push(lease),
      () => undefined,
    );
    await again.clock.advanceAsync(HOUR);
    expect(leases).toEqual([]);
    asked.abort();
    await leasing;
    void again.runtime.agents.unregister('ann');
    await again.clock.advanceAsync(1_000);
    await using later = await nextLife(again, 0, { agents });
    await later.clock.advanceAsync(1_000);
    expect(later.runtime.breakers.get('agent', 'ann')?.state).toBe('closed');
  });
});

describe('what the breaker of the system had paused', () => {
  const steps = ['a', 'b'].map(
    (id, n) => ({ id, type: 'tool', tool: 'work', parameters: {}, ...(n > 0 && { dependencies: ['a'] }) }) as never,
  );

  it('stays paused after a restart, and goes on when it is closed', async () => {
    await using world = await startWorld();
    const run = world.run(steps);
    await world.clock.advanceAsync(500);
    world.runtime.breakers.forceOpen('system');
    await world.clock.advanceAsync(5_000);
    await using again = await nextLife(world, HOUR, {});
    await again.clock.advanceAsync(HOUR);
    const handle = again.runtime.executions.get(run.executionId);
    expect(handle?.status).toBe('paused');
    expect(await handle?.resume()).toBe(false);
    again.runtime.breakers.forceClose('system');
    await again.clock.advanceAsync(HOUR);
    expect((await handle?.result())?.status).toBe('completed');
    expect(again.calls.map(({ step }) => step)).toEqual(['b']);
  });

  it('goes on by itself when that breaker is gone', async () => {
    await using world = await startWorld();
    const run = world.run(steps);
    await world.clock.advanceAsync(500);
    world.runtime.breakers.forceOpen('system');
    await world.clock.advanceAsync(5_000);
    await using again = await nextLife(world, 0, { breakers: { system: false } });
    await again.clock.advanceAsync(HOUR);
    expect((await again.checkInvariants(run.executionId)).at(-1)).toMatchObject({ type: 'tier2/routine/completed' });
  });

  it('stays paused when its caller had asked for that, too', async () => {
    await using world = await startWorld();
    const run = world.run(steps);
    await world.clock.advanceAsync(500);
    world.runtime.breakers.forceOpen('system');
    await world.clock.advanceAsync(5_000);
    expect(await run.pause()).toBe(true);
    await world.clock.advanceAsync(0);
    await using again = await nextLife(world, 0, { breakers: { system: false } });
    await again.clock.advanceAsync(HOUR);
    expect(again.runtime.executions.get(run.executionId)?.status).toBe('paused');
  });
});
