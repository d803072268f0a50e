/** How far an execution is. Proves EVT-12 and EVT-13. */

import { describe, expect, it } from 'vitest';
import type { AnyTool, JsonObject, Progress } from '../../../src/index.ts';
import { progressOf } from '../../../src/runtime/execution/progress.ts';
import { settlePromises, VirtualClock } from '../../../src/testing/testing.ts';
import { collectAll } from '../../support/collect-all.ts';
import { startRuntime } from '../../support/start-runtime.ts';
import { slowTool } from '../../support/tools.ts';

const line = ({ percent, status, completedSteps, totalSteps, step }: Progress) =>
  `${percent} % ${completedSteps}/${totalSteps} ${status}${step ? ` ${step.id} ${step.status}` : ''}`;
const fail: AnyTool = {
  name: 'fail',
  run: () => {
    throw new Error('no');
  },
};
const echo = (id: string, dependencies: readonly string[] = []) => ({ id, tool: 'echo', parameters: { message: id }, dependencies });

describe('the progress of an execution', () => {
  it('is that of its steps, each change of which is told', async () => {
    await using world = await startRuntime();
    const run = world.runtime.run({ id: 'w', steps: [echo('a'), echo('b', ['a']), echo('c', ['b'])] });
    expect((await collectAll(run.progress())).map(line)).toEqual([
      '0 % 0/3 running',
      '0 % 0/3 running a running',
      '33 % 1/3 running a completed',
      '33 % 1/3 running b running',
      '66 % 2/3 running b completed',
      '66 % 2/3 running c running',
      '99 % 3/3 running c completed',
      '100 % 3/3 completed',
    ]);
    expect((await collectAll(run.progress())).map(line), 'as often as one likes').toHaveLength(8);
  });

  it('is told while it happens, with pauses', async () => {
    const clock = new VirtualClock();
    const { tool } = slowTool(clock, 'slow', 1_000);
    await using world = await startRuntime({ clock, tools: [tool] });
    const run = world.runtime.run({ id: 'w', steps: [{ id: 's', tool: 'slow' }, echo('t', ['s'])] });
    const told: string[] = [];
    const start = clock.now();
    const all = (async () => {
      for await (const progress of run.progress()) told.push(`${line(progress)} at ${progress.at - start}`);
    })();
    await clock.advanceAsync(500);
    await run.pause();
    await clock.advanceAsync(1_000);
    expect(told.slice(2)).toEqual(['0 % 0/2 pausing at 500', '50 % 1/2 pausing s completed at 1000', '50 % 1/2 paused at 1000']);
    await run.resume();
    await clock.advanceAsync(0);
    await all;
    expect(told.at(-1)).toBe('100 % 2/2 completed at 1500');
  });

  it('is never 100 for what has not completed', async () => {
    await using world = await startRuntime({ tools: [fail] });
    const run = world.runtime.run({ id: 'w', steps: [{ id: 's', tool: 'fail' }] });
    expect((await collectAll(run.progress())).map(line).at(-1)).toBe('99 % 1/1 failed');
  });

  it('counts the steps of its own, not those of a run within, and what is skipped is done with', async () => {
    await using world = await startRuntime();
    const inner = { id: 'inner', steps: [echo('x'), echo('y')] };
    world.runtime.createWorkflow(inner);
    const steps = [
      { id: 'sub', type: 'workflow', workflow: 'inner' },
      { id: 'either', type: 'conditional', condition: '1 > 2', then: [echo('yes')], else: [echo('no')] },
    ];
    const run = world.runtime.run({ id: 'w', steps } as JsonObject);
    const { status } = await run.result();
    const last = (await collectAll(run.progress())).at(-1) as Progress;
    expect([status, line(last)]).toEqual(['completed', '100 % 4/4 completed']);
  });

  it('of a swarm is that of its tasks', async () => {
    await using world = await startRuntime();
    const swarm = world.runtime.swarm({
      id: 's',
      goal: 'do it',
      agents: [{ id: 'ann', capabilities: ['work'] }],
      tasks: ['one', 'two'].map((id) => ({
        id,
        description: id,
        requiredCapabilities: ['work'],
        tool: 'echo',
        parameters: { message: id },
      })),
    });
    await swarm.result();
    const told = (await collectAll(swarm.progress())).map(line);
    expect(told.at(-1)).toBe('100 % 2/2 completed');
    expect(told).toContain('0 % 0/2 running');
    expect(told.filter((each) => each.endsWith('one completed'))).toHaveLength(1);
  });

  it('of a step on its own is all or nothing', async () => {
    await using world = await startRuntime();
    const { context } = await world.runtime.tier3.execute({ input: { stepId: 's', toolName: 'echo', parameters: { message: '' } } });
    const { executionId } = context;
    async function* facts() {
      yield* await world.journal.read(executionId);
    }
    expect((await collectAll(progressOf(executionId, facts()))).map(line)).toEqual(['0 % 0/1 running', '100 % 1/1 completed']);
  });
});

describe('the facts of a tier', () => {
  it('are heard at its own door, and no others', async () => {
    await using world = await startRuntime();
    const heard: string[] = [];
    const tiers = { tier1: world.runtime.tier1, tier2: world.runtime.tier2, tier3: world.runtime.tier3 };
    for (const [name, tier] of Object.entries(tiers)) tier.on('**', ({ tier: its }) => void heard.push(`${name} ${its}`));
    await world.runtime.run({ id: 'w', steps: [echo('a')] }).result();
    await world.runtime.events.emit({ type: 'order/placed', tier: 'tier1' });
    await settlePromises();
    expect([...new Set(heard)].sort()).toEqual(['tier1 tier1', 'tier2 tier2', 'tier3 tier3']);
  });
});
