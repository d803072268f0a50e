import { describe, expect, it } from 'vitest';
import { startRuntime } from '../../support/start-runtime.ts';
import { wait } from '../../support/tools.ts';

const workflow = {
  id: 'w',
  input: { who: { type: 'string' as const } },
  steps: [
    { id: 'before', tool: 'slow', parameters: { who: '{{who}}' } },
    { id: 'after', tool: 'slow', parameters: { who: '{{who}}' }, dependencies: ['before'] },
  ],
};

async function startSlow() {
  const heard: unknown[] = [];
  const world = await startRuntime();
  world.runtime.tools.register({
    name: 'slow',
    run: async ({ who }: { readonly who: string }, { signal, stepId }) => {
      heard.push([stepId, who]);
      await wait(world.clock, 1_000, signal);
      return who;
    },
  });
  return { ...world, heard, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

describe('a variable that is set while a run goes on', () => {
  it('is seen by steps that start later, and in the snapshot', async () => {
    await using world = await startSlow();
    const run = world.runtime.run(workflow, { input: { who: 'Ada' } });
    await world.clock.advanceAsync(500);
    expect(await run.setVariable('who', 'Grace')).toBe(true);
    expect((await run.snapshot()).variables).toEqual({ who: 'Grace' });
    await world.clock.advanceAsync(5_000);
    expect(await run.result()).toMatchObject({ success: true, result: 'Grace' });
    expect(world.heard).toEqual([
      ['before', 'Ada'],
      ['after', 'Grace'],
    ]);
    expect(await run.setVariable('who', 'nobody')).toBe(false);
    await world.checkInvariants(run.executionId);
  });

  it('does not change what an interrupted step is given after a restart, whether set before or after its start', async () => {
    await using first = await startSlow();
    const run = first.runtime.run(workflow, { input: { who: 'Ada' } });
    await first.clock.advanceAsync(500);
    await run.setVariable('who', 'Grace');
    const duringBefore = await first.journal.read(run.executionId);
    await first.clock.advanceAsync(1_000);
    await run.setVariable('who', 'Barbara');
    const duringAfter = await first.journal.read(run.executionId);
    await first.clock.advanceAsync(5_000);
    for (const [facts, heard] of [
      [
        duringBefore,
        [
          ['before', 'Ada'],
          ['after', 'Grace'],
        ],
      ],
      [duringAfter, [['after', 'Grace']]],
    ] as const) {
      await using again = await startSlow();
      const restored = await again.runtime.restore(facts);
      await again.clock.advanceAsync(10_000);
      expect(await restored.result()).toMatchObject({ success: true, result: 'Grace' });
      expect(again.heard).toEqual(heard);
    }
  });
});
