/** A runtime that stops for a while: what is under way may finish, nothing new begins, and nothing is cancelled. */

import { describe, expect, it } from 'vitest';
import { createRuntime, MemoryJournal, type WorkflowDefinition } from '../../../src/index.ts';
import { leftBehind } from '../../support/second-life.ts';
import { HOUR, startWorld } from '../run/start-world.ts';

type World = Awaited<ReturnType<typeof startWorld>>;
type Steps = WorkflowDefinition['steps'];
const work = (id: string, parameters: object = {}, more: object = {}) =>
  ({ id, type: 'tool', tool: 'work', parameters, ...more }) as Steps[number];

const nextLife = async (world: World) => startWorld({ journal: await leftBehind(world.journal) }, {}, world.clock.now());

async function drained(world: World, graceMs: number, afterMs: number): Promise<boolean> {
  let isOver = false;
  const over = world.runtime.drain({ graceMs }).then(() => {
    isOver = true;
  });
  await world.clock.advanceAsync(afterMs);
  const was = isOver;
  await world.clock.advanceAsync(graceMs);
  await over;
  return was;
}

describe('a drain', () => {
  it('waits for the work that is under way, commits how it ended, and begins nothing after it', async () => {
    const world = await startWorld();
    const run = world.run([work('a', { ms: 3_000 }), work('b', {}, { dependencies: ['a'] })]);
    await world.clock.advanceAsync(1_000);
    expect(await drained(world, 10_000, 2_000)).toBe(true);
    expect(world.calls.map(({ step, to }) => [step, to])).toEqual([['a', 3_000]]);
    expect(await run.result()).toMatchObject({ status: 'failed', error: { code: 'RUNTIME_STOPPED' } });
    expect((await world.typesOf(run.executionId)).filter((type) => /cancel|failed|paus/.test(type))).toEqual([]);
    await using again = await nextLife(world);
    await again.clock.advanceAsync(HOUR);
    expect(again.calls.map(({ step }) => step)).toEqual(['b']);
    expect((await again.checkInvariants(run.executionId)).at(-1)).toMatchObject({ type: 'tier2/routine/completed' });
  });

  it('leaves what does not finish in time, which is done again under the same key', async () => {
    const world = await startWorld();
    const { executionId } = world.run([work('slow', { ms: 25_000 })]);
    await world.clock.advanceAsync(1_000);
    expect(await drained(world, 10_000, 9_999)).toBe(false);
    await using again = await nextLife(world);
    await again.clock.advanceAsync(HOUR);
    expect(again.calls.map(({ key, attempt }) => [key, attempt])).toEqual([[`${executionId}/slow/1`, 1]]);
  });

  it('is no crash: what takes longer than any of its processes lives is not given up', async () => {
    let world = await startWorld();
    const { executionId } = world.run([work('slow', { ms: 60_000 }, { timeout: HOUR })]);
    for (let life = 0; life < 15; life++) {
      await world.clock.advanceAsync(1_000);
      await drained(world, 5_000, 0);
      world = await nextLife(world);
    }
    await using last = world;
    expect(last.runtime.executions.outcome.recovered).toEqual([executionId]);
    await last.clock.advanceAsync(HOUR);
    expect((await last.checkInvariants(executionId)).at(-1)).toMatchObject({ type: 'tier2/routine/completed' });
  });

  it('is over at once when nothing is at work: what backs off, waits or is paused keeps still', async () => {
    const world = await startWorld();
    const paused = world.run([work('a'), work('b', {}, { dependencies: ['a'] })]);
    world.run([work('failing', { ms: 0, failures: 1 }, { retry: { maxRetries: 1, backoff: { strategy: 'fixed', baseMs: 20_000 } } })]);
    world.run([{ id: 'ask', type: 'wait', approval: true } as never]);
    await paused.pause();
    await world.clock.advanceAsync(5_000);
    expect(await drained(world, 10_000, 0)).toBe(true);
    await using again = await nextLife(world);
    expect(again.runtime.executions.outcome.recovered).toHaveLength(3);
    expect(again.runtime.executions.get(paused.executionId)?.status).toBe('paused');
    await again.runtime.stop({ graceMs: 0 });
  });

  it('does not wait for a tool that stands at its checkpoint', async () => {
    const standing = {
      name: 'standing',
      onPause: 'suspend' as const,
      run: async (_: unknown, { checkpoint }: { checkpoint: () => Promise<void> }) => {
        for (;;) {
          await world.sleep(1_000);
          await checkpoint();
        }
      },
    };
    const base = await startWorld({ tools: [standing as never] });
    const world = { ...base, sleep: (ms: number) => new Promise<void>((resolve) => void base.clock.setTimeout(resolve, ms)) };
    const run = base.run([{ id: 'a', type: 'tool', tool: 'standing', timeout: HOUR } as never]);
    await base.clock.advanceAsync(1_500);
    await run.pause();
    await base.clock.advanceAsync(1_500);
    expect(run.status).toBe('paused');
    expect(await drained(base, 10_000, 0)).toBe(true);
  });

  it('takes no new work, and is what the end of a scope does to a runtime whose journal survives', async () => {
    class Surviving extends MemoryJournal {
      override readonly isDurable = true;
    }
    const journal = new Surviving();
    let executionId = '';
    {
      await using runtime = await createRuntime({ journal, tools: [{ name: 'forever', run: () => new Promise(() => {}) }] });
      const run = runtime.run({ id: 'wf', steps: [{ id: 'ask', type: 'wait', approval: true }] });
      executionId = run.executionId;
      await run.snapshot();
      const over = runtime.drain();
      expect(() => runtime.run({ id: 'wf', steps: [] })).toThrow(expect.objectContaining({ code: 'RUNTIME_STOPPED' }));
      await over;
    }
    expect(await journal.find(executionId)).toMatchObject({ status: 'unsettled' });
  });

  it.each([[{ graceMs: -1 }], [{ graceMs: 'soon' }], [7]])('refuses %j', async (options) => {
    await using world = await startWorld();
    await expect(world.runtime.drain(options as never)).rejects.toMatchObject({ code: 'INVALID_VALUE' });
  });
});
