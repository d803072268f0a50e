/** What an execution came to, told by a later life of its runtime; and those that somebody gives up. */

import { describe, expect, it } from 'vitest';
import type { ExecutionResult } from '../../../src/index.ts';
import { leftBehind } from '../../support/second-life.ts';
import { HOUR, startWorld } from '../run/start-world.ts';

type World = Awaited<ReturnType<typeof startWorld>>;

const work = (id: string, parameters: object = {}, more: object = {}) => ({ id, type: 'tool', tool: 'work', parameters, ...more }) as never;
const nextLife = async (world: World, options: object = {}) =>
  startWorld({ journal: await leftBehind(world.journal), ...options }, {}, world.clock.now());

async function ended(world: World): Promise<Map<string, ExecutionResult>> {
  const cancelled = world.run([work('slow', { ms: 60_000 })]);
  const all = [
    world.run([work('a'), work('b', {}, { dependencies: ['a'], credits: '7' })]),
    world.run([work('bad', { failures: 9 })]),
    world.run([work('late', { ms: 60_000 }, { timeout: 1_000 })]),
    world.runtime.run('no such workflow'),
    world.runtime.swarm({
      id: 'crew',
      goal: 'g',
      agents: [{ id: 'ann', capabilities: ['w'] }],
      tasks: [{ id: 't', steps: [work('x')] }],
    } as never),
    cancelled,
  ];
  const single = world.runtime.tier3.execute({ context: { executionId: 'single' }, input: { stepId: 's', toolName: 'work' } });
  await world.clock.advanceAsync(500);
  await cancelled.cancel('enough');
  await world.clock.advanceAsync(HOUR);
  const results = await Promise.all(all.map(async (each) => [each.executionId, await each.result()] as const));
  return new Map([...results, ['single', await single]]);
}

describe('how an execution ended', () => {
  it('is told by a later life as its caller heard it, however it ended', async () => {
    await using world = await startWorld();
    const results = await ended(world);
    expect(new Set([...results.values()].map(({ status }) => status))).toEqual(new Set(['completed', 'failed', 'cancelled']));
    await using again = await nextLife(world);
    for (const [id, result] of results) expect(await again.runtime.executions.result(id), id).toEqual(result);
  });

  it('is awaited of one that lives, and unknown of one that does not and has not ended', async () => {
    await using world = await startWorld();
    const { executionId } = world.run([work('a')]);
    await world.clock.advanceAsync(500);
    await using again = await nextLife(world, { recover: false });
    expect(await again.runtime.executions.result(executionId)).toBeUndefined();
    await again.runtime.executions.resume(executionId);
    const result = again.runtime.executions.result(executionId);
    await again.clock.advanceAsync(HOUR);
    expect(await result).toMatchObject({ status: 'completed' });
  });
});

describe('an execution that somebody gives up', () => {
  it('goes on only when it is named', async () => {
    await using world = await startWorld();
    const { executionId } = world.run([work('a')]);
    await world.clock.advanceAsync(500);
    await using again = await nextLife(world, { recover: false });
    expect(await again.runtime.executions.giveUp(executionId)).toBe(true);
    expect(await again.runtime.executions.giveUp(executionId)).toBe(false);
    await using later = await nextLife(again);
    expect(later.runtime.executions.outcome).toMatchObject({ recovered: [], deadLetters: [] });
    expect(await later.journal.find(executionId)).toMatchObject({ status: 'dead' });
    await later.runtime.executions.resume(executionId);
    expect(await later.runtime.executions.giveUp(executionId)).toBe(false);
    await later.clock.advanceAsync(HOUR);
    expect(await later.runtime.executions.result(executionId)).toMatchObject({ status: 'completed' });
  });
});
