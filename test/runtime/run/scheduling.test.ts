/** RUN-4, K14: when a step starts, and which one goes first. */

import { describe, expect, it } from 'vitest';
import { startWorld, statesOf } from './start-world.ts';

const work = (id: string, ms: number, ...dependencies: string[]) => ({ id, tool: 'work', parameters: { ms }, dependencies });

describe('when a step starts', () => {
  it('starts as soon as its own dependencies have settled, not when their batch has', async () => {
    await using world = await startWorld();
    const run = world.run([work('quick', 1_000), work('slow', 10_000), work('after-quick', 1_000, 'quick'), work('last', 1_000, 'slow')]);
    const { result } = await world.finish(run);
    expect(result.success).toBe(true);
    expect(world.timeline()).toEqual(['quick 0-1000', 'slow 0-10000', 'after-quick 1000-2000', 'last 10000-11000']);
  });

  it('waits for the union of its own dependencies, the list of the workflow and what it refers to', async () => {
    await using world = await startWorld();
    const joined = { id: 'joined', tool: 'work', dependencies: ['own'], parameters: { ms: 1_000, value: '${read.result}' } };
    const run = world.run(
      [work('own', 1_000), work('listed', 2_000), work('read', 3_000), joined],
      {},
      { dependencies: [{ step: 'joined', dependsOn: ['listed'] }] },
    );
    const { result } = await world.finish(run);
    expect(result.success).toBe(true);
    expect(world.startsOf('joined')).toEqual([3_000]);
    for (const awaited of [1_000, 2_000, 3_000]) expect(world.startsOf('joined')[0]).toBeGreaterThanOrEqual(awaited);
  });

  it('waits for each part of that union on its own', async () => {
    for (const slow of ['own', 'listed', 'read']) {
      await using world = await startWorld();
      const joined = { id: 'joined', tool: 'work', dependencies: ['own'], parameters: { value: '${read.result}' } };
      const run = world.run(
        [...['own', 'listed', 'read'].map((id) => work(id, id === slow ? 9_000 : 1_000)), joined],
        {},
        { dependencies: [{ step: 'joined', dependsOn: 'listed' }] },
      );
      await world.finish(run);
      expect(world.startsOf('joined')).toEqual([9_000]);
    }
  });

  it('starts a diamond’s end once, after both sides', async () => {
    await using world = await startWorld();
    const run = world.run([work('a', 1_000), work('b', 2_000, 'a'), work('c', 5_000, 'a'), work('d', 1_000, 'b', 'c')]);
    await world.finish(run);
    expect(world.startsOf('d')).toEqual([6_000]);
  });
});

describe('which step goes first', () => {
  it('takes ready steps by priority, then in the order of declaration', async () => {
    await using world = await startWorld();
    const step = (id: string, priority?: 'critical' | 'high' | 'low' | 'background' | number) => ({
      id,
      tool: 'work',
      ...(priority !== undefined && { priority }),
    });
    const run = world.run(
      [
        step('plain-1'),
        step('low', 'low'),
        step('seven', 7),
        step('high', 'high'),
        step('plain-2'),
        step('critical', 'critical'),
        step('background', 'background'),
      ],
      { allocation: { maxConcurrentSteps: 1 } },
    );
    await world.finish(run);
    expect(world.calls.map(({ step }) => step)).toEqual(['critical', 'high', 'seven', 'plain-1', 'plain-2', 'low', 'background']);
  });

  it('gives a freed place to the ready step of the highest priority, also when that became ready last', async () => {
    await using world = await startWorld();
    const run = world.run(
      [work('gate', 1_000), work('x', 2_000), work('y', 1_000), { ...work('urgent', 1_000, 'gate'), priority: 'critical' as const }],
      { allocation: { maxConcurrentSteps: 2 } },
    );
    await world.finish(run);
    expect(world.timeline()).toEqual(['gate 0-1000', 'x 0-2000', 'urgent 1000-2000', 'y 2000-3000']);
  });
});

describe('how many steps run at once', () => {
  it.each([1, 3, 7])('never runs more than maxConcurrentSteps = %i, and never fewer than it could', async (maxConcurrentSteps) => {
    await using world = await startWorld();
    const run = world.run(
      Array.from({ length: 20 }, (_, n) => work(`s${n}`, 1_000)),
      { allocation: { maxConcurrentSteps } },
    );
    const { facts } = await world.finish(run);
    expect(Math.max(...statesOf(facts).map(({ live }) => live))).toBe(maxConcurrentSteps);
    for (const { from } of world.calls) {
      const together = world.calls.filter((other) => other.from <= from && (other.to ?? 0) > from).length;
      expect(together).toBeLessThanOrEqual(maxConcurrentSteps);
    }
    expect(Math.max(...world.calls.map(({ to }) => to ?? 0))).toBe(Math.ceil(20 / maxConcurrentSteps) * 1_000);
  });

  it('counts steps within groups against the same limit', async () => {
    await using world = await startWorld();
    const branches = (name: string) => ({
      id: name,
      type: 'parallel' as const,
      steps: Array.from({ length: 4 }, (_, n) => work(`${name}-${n}`, 1_000)),
    });
    const run = world.run([branches('left'), branches('right'), work('beside', 1_000)], { allocation: { maxConcurrentSteps: 2 } });
    const { facts, result } = await world.finish(run);
    expect(result.success).toBe(true);
    expect(Math.max(...statesOf(facts).map(({ live }) => live))).toBe(2);
    expect(result.duration).toBe(5_000);
  });

  it('lets more steps be ready than one turn starts', async () => {
    await using world = await startWorld();
    const steps = Array.from({ length: 400 }, (_, n) => work(`s${n}`, 1_000));
    const { result } = await world.finish(world.run(steps, { allocation: { maxConcurrentSteps: 1_000 } }));
    expect(result).toMatchObject({ success: true, resourcesUsed: { stepsExecuted: 400 }, duration: 1_000 });
  });
});

describe('what ends a run early', () => {
  it('fails the run at a failed step: nothing new starts, what runs is cancelled', async () => {
    await using world = await startWorld();
    const run = world.run([
      { id: 'broken', tool: 'work', parameters: { failures: 9 } },
      work('beside', 20_000),
      work('after', 1_000, 'broken'),
      work('later', 1_000, 'beside'),
    ]);
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ success: false, status: 'failed', error: { code: 'EXECUTION_FAILED', tier: 'tier3' } });
    expect(world.timeline()).toEqual(['broken 0-1000', 'beside 0-1000']);
    expect(world.calls[1]?.aborted).toBe('CANCELLED');
  });

  it('goes on after a failed step with onFailure continue; its dependents see null', async () => {
    await using world = await startWorld();
    const run = world.run([
      { id: 'broken', tool: 'work', parameters: { failures: 9 }, onFailure: 'continue' },
      {
        id: 'after',
        tool: 'work',
        parameters: { value: { result: '${broken.result}', status: '${broken.status}', code: '${broken.error.code}' } },
      },
    ]);
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ success: true, result: { result: null, status: 'failed', code: 'EXECUTION_FAILED' } });
  });
});
