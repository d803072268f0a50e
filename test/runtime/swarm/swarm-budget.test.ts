/** SWM-8, EXE-5: a swarm's budget, from its definition or its call down to what its tools use. */

import { describe, expect, it } from 'vitest';
import type { ResourceAllocation } from '../../../src/index.ts';
import { startRuntime } from '../../support/start-runtime.ts';

const model = {
  name: 'model',
  credits: '1',
  tokens: 100,
  memoryMB: 200,
  run: (_: unknown, { spend }: { readonly spend: (usage: { readonly tokens: number }) => void }) => spend({ tokens: 20 }),
};
const step = (id: string) => ({ id, tool: 'model' });

async function outcomeOf(budget: object | undefined, allocation: Partial<ResourceAllocation> = {}) {
  await using world = await startRuntime({ tools: [model] });
  const swarm = world.runtime.swarm(
    {
      id: 'writers',
      goal: 'Write it',
      agents: ['ann', 'bob'].map((id) => ({ id, capabilities: ['write'] })),
      ...(budget && { budget }),
      tasks: [
        { id: 'draft', requiredCapabilities: ['write'], steps: [step('one'), step('two')], maxAgents: 1 },
        { id: 'notes', requiredCapabilities: ['write'], steps: [step('three')], maxAgents: 1 },
      ],
    },
    { allocation },
  );
  await world.clock.advanceAsync(60_000);
  const result = await swarm.result();
  const facts = await world.checkInvariants(swarm.executionId);
  return { result, facts };
}

describe('the budget of a swarm', () => {
  it('is what its tasks use together, in every kind', async () => {
    const { result } = await outcomeOf({ credits: 3, tokens: 600, steps: 3, memoryMB: 400 });
    expect(result).toMatchObject({
      success: true,
      resourcesUsed: { creditsUsed: '3', tokensUsed: 360, stepsExecuted: 3, memoryUsedMB: 200 },
    });
  });

  it.each([
    ['tokens', { tokens: 320 }],
    ['steps', { steps: 2 }],
    ['credits', { credits: 2 }],
    ['memory', { memoryMB: 150 }],
  ])('fails what would need more %s', async (_, budget) => {
    expect((await outcomeOf(budget)).result).toMatchObject({ success: false, error: { code: 'RESOURCE_EXHAUSTED' } });
  });

  it('of the call comes before that of the definition', async () => {
    expect((await outcomeOf({ tokens: 1, steps: 1 }, { maxTokens: 600, maxSteps: 3 })).result.success).toBe(true);
    expect((await outcomeOf(undefined, { maxTokens: 100 })).result.success).toBe(false);
  });

  it('of memory lets one task after another be done where there is enough for one', async () => {
    const { result, facts } = await outcomeOf({ memoryMB: 200 });
    expect(result).toMatchObject({ success: true, resourcesUsed: { memoryUsedMB: 200 } });
    const story = facts
      .filter(({ type }) => /^tier1\/(lease\/requested|task\/completed)$/.test(type))
      .map(({ type }) => type.split('/').at(-1));
    expect(story).toEqual(['requested', 'completed', 'requested', 'completed']);
  });
});
