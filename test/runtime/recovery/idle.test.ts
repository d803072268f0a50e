/** Restarts without end: what waits, or is paused, has done nothing wrong; what has ended its process every time is given up. */

import { expect, it } from 'vitest';
import type { AnyTool, ExecutionHandle } from '../../../src/index.ts';
import { MOST_RECOVERIES } from '../../../src/machines/protocol/recovery.ts';
import { leftBehind } from '../../support/second-life.ts';
import { wait } from '../../support/tools.ts';
import { startWorld } from '../run/start-world.ts';

type World = Awaited<ReturnType<typeof startWorld>>;

/** The process ends `times` times, each time after `ms`. */
async function restarted(first: World, times: number, ms: number): Promise<World> {
  let world = first;
  for (let time = 0; time < times; time++) {
    await world.clock.advanceAsync(ms);
    world = await startWorld({ journal: await leftBehind(world.journal) }, {}, world.clock.now());
  }
  return world;
}

const STEPS = [
  { id: 'ask', type: 'wait', approval: true },
  { id: 'go', type: 'wait', signal: 'go' },
  { id: 'nap', type: 'wait', duration: 86_400_000 },
  { id: 'work', tool: 'work' },
] as never;

it('what waits for somebody or for a time, and what is paused, is recovered as often as it takes', async () => {
  const first = await startWorld();
  const waiting = first.run(STEPS);
  const paused = first.run(STEPS);
  await first.clock.advanceAsync(10_000);
  await paused.pause();
  const last = await restarted(first, 3 * MOST_RECOVERIES, 1_000);
  const recovered = [waiting.executionId, paused.executionId];
  expect(last.runtime.executions.outcome).toEqual({ recovered, deadLetters: [], troubles: [], waiting: [] });
  expect(recovered.map((id) => last.runtime.executions.get(id)?.status)).toEqual(['waiting', 'paused']);
});

it('a tool that stands at its checkpoint is recovered as often as it takes, and pays for one try that was lost', async () => {
  const patient = (world: () => World): AnyTool => ({
    name: 'patient',
    onPause: 'suspend',
    credits: '10',
    run: async (_: unknown, { checkpoint, signal }) => {
      await wait(world().clock, 1_000, signal);
      await checkpoint();
      return 'done';
    },
  });
  let world: World = await startWorld();
  world.runtime.tools.register(patient(() => world));
  const { executionId, pause } = world.run([{ id: 'a', type: 'tool', tool: 'patient' }] as never);
  await world.clock.advanceAsync(500);
  await pause();
  await world.clock.advanceAsync(10_000);
  for (let life = 0; life < 3 * MOST_RECOVERIES; life++) {
    world = await startWorld({ journal: await leftBehind(world.journal), tools: [patient(() => world)] }, {}, world.clock.now());
    await world.clock.advanceAsync(1_000);
  }
  const run = world.runtime.executions.get(executionId) as ExecutionHandle;
  expect(run.status).toBe('paused');
  await run.resume();
  expect((await world.finish(run)).result).toMatchObject({ status: 'completed', result: 'done', resourcesUsed: { creditsUsed: '20' } });
});

it('what was at work each time that the process ended is given up', async () => {
  const first = await startWorld();
  const { executionId } = first.run([{ id: 'work', tool: 'work', parameters: { ms: 60_000 } }] as never);
  const last = await restarted(first, MOST_RECOVERIES, 1_000);
  expect(last.runtime.executions.outcome.recovered).toEqual([executionId]);
  const { runtime } = await restarted(last, 1, 1_000);
  expect(runtime.executions.outcome).toEqual({ recovered: [], deadLetters: [executionId], troubles: [], waiting: [] });
});
