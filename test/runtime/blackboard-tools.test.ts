/** SWM-10: tools at the blackboard of their execution's swarm. */

import { describe, expect, it } from 'vitest';
import type { AnyTool, Blackboard, Fact, ToolContext } from '../../src/index.ts';
import { settlePromises } from '../../src/testing/testing.ts';
import { startRuntime } from '../support/start-runtime.ts';

const counting: AnyTool = {
  name: 'count',
  run: async (_: unknown, { blackboard }: ToolContext) => (await blackboard.increment('count')).value,
};
const workflow = {
  id: 'counting',
  steps: [
    { id: 'one', tool: 'count' },
    { id: 'two', tool: 'count', dependencies: ['one'] },
  ],
};

describe('a tool', () => {
  it('shares the board of its swarm with the tools of other runs, and its writes bear its execution', async () => {
    await using world = await startRuntime({ tools: [counting] });
    const run = (swarmId: string) => world.runtime.run(workflow, { context: { swarmId } }).result();
    expect(await run('swarm')).toMatchObject({ success: true, result: 2 });
    expect(await run('swarm')).toMatchObject({ success: true, result: 4 });
    expect(await run('elsewhere')).toMatchObject({ success: true, result: 2 });
    await settlePromises();
    const board = world.runtime.blackboard('swarm');
    expect(board.get('count')).toMatchObject({ value: 4, version: 4, by: expect.stringMatching(/^run-2/) });
    expect(board.get('counting')).toMatchObject({ value: 4, version: 2, by: 'run-2' });
  });

  it('writes facts that subscribers hear, with their numbers in order', async () => {
    await using world = await startRuntime({ tools: [counting] });
    const heard: Fact[] = [];
    world.runtime.events.subscribe('tier1/blackboard/*', (fact) => void heard.push(fact));
    await world.runtime.run(workflow, { context: { swarmId: 'swarm' } }).result();
    await settlePromises();
    expect(heard.map(({ seq, swarmId, payload }) => ({ seq, swarmId, payload }))).toMatchObject([
      { seq: 1, swarmId: 'swarm', payload: { key: 'count', operation: 'increment', value: 1, version: 1 } },
      { seq: 2, swarmId: 'swarm', payload: { key: 'count', operation: 'increment', value: 2, version: 2 } },
      { seq: 3, swarmId: 'swarm', payload: { key: 'counting', operation: 'set', value: 2, version: 1 } },
    ]);
  });

  it('without a swarm has the board of its own run', async () => {
    await using world = await startRuntime({ tools: [counting] });
    await world.runtime.run(workflow, { context: { executionId: 'alone' } }).result();
    expect(world.runtime.blackboard('alone').get('count')?.value).toBe(2);
  });

  it('that was aborted writes no more', async () => {
    let board: Blackboard | undefined;
    const stubborn: AnyTool = {
      name: 'stubborn',
      run: (_: unknown, { blackboard }: ToolContext) => {
        board = blackboard;
        return new Promise(() => undefined);
      },
    };
    await using world = await startRuntime({ tools: [stubborn] });
    const run = world.runtime.run({ id: 'wf', steps: [{ id: 'a', tool: 'stubborn', timeout: 1_000 }] }, { context: { swarmId: 'swarm' } });
    await world.clock.advanceAsync(60_000);
    expect(await run.result()).toMatchObject({ success: false });
    await expect(board?.set('late', 1)).rejects.toMatchObject({ code: 'STEP_TIMEOUT' });
    expect(world.runtime.blackboard('swarm').entries().size).toBe(0);
  });

  it('that is refused a write fails as it does for any other error', async () => {
    const wrong: AnyTool = { name: 'wrong', run: (_: unknown, { blackboard }: ToolContext) => blackboard.append('text', 1) };
    await using world = await startRuntime({ tools: [wrong] });
    await world.runtime.blackboard('swarm').set('text', 'x');
    const run = world.runtime.run({ id: 'wf', steps: [{ id: 'a', tool: 'wrong' }] }, { context: { swarmId: 'swarm' } });
    expect(await run.result()).toMatchObject({ success: false, error: { code: 'BLACKBOARD_TYPE_MISMATCH', errorClass: 'validation' } });
  });
});

describe('a result that cannot be left on the blackboard', () => {
  it('is still the result, and the log says so', async () => {
    const warnings: object[] = [];
    const ignore = () => undefined;
    const logger = { debug: ignore, info: ignore, error: ignore, warn: (fields: object) => void warnings.push(fields) };
    const large: AnyTool = { name: 'large', run: () => 'x'.repeat(1_100_000) };
    await using world = await startRuntime({ tools: [large], logger });
    const run = world.runtime.run({ id: 'wf', steps: [{ id: 'a', tool: 'large' }] }, { context: { swarmId: 'swarm' } });
    expect(await run.result()).toMatchObject({ success: true });
    await settlePromises();
    expect(world.runtime.blackboard('swarm').get('wf')).toBeUndefined();
    expect(warnings).toMatchObject([{ swarm: 'swarm', key: 'wf', err: { code: 'LIMIT_EXCEEDED' } }]);
  });
});
