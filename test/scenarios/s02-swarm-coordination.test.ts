/**
 * S02: a swarm decomposes a goal, gives each task to a capable agent, and puts the results together, as the Implementation Guide's
 * "Integration Test Example" wants it. Proves SWM-1, SWM-2 (its port, with a scripted planner), SWM-4, SWM-6 to SWM-9, AGT-4 and AGT-8.
 */

import { describe, expect, it } from 'vitest';
import type { Fact } from '../../src/index.ts';
import { VirtualClock } from '../../src/testing/testing.ts';
import { startRuntime } from '../support/start-runtime.ts';
import { wait } from '../support/tools.ts';

const agents = [
  { id: 'agent-1', name: 'Data Analyst', capabilities: ['data_analysis', 'visualization'], maxConcurrentTasks: 3 },
  { id: 'agent-2', name: 'Report Writer', capabilities: ['content_generation', 'formatting'], maxConcurrentTasks: 2 },
];
const allocation = { maxCredits: '5000', maxDurationMs: 300_000, maxMemoryMB: 2_048, maxConcurrentSteps: 8 };
const goal = 'Analyze sales data and create a summary report';

/** As the source document's model answers. */
const subTasks = [
  {
    id: 'task_1',
    description: 'Analyze sales data',
    dependencies: [],
    requiredCapabilities: ['data_analysis'],
    estimatedComplexity: 5,
    priority: 'high',
  },
  {
    id: 'task_2',
    description: 'Write the summary',
    dependencies: ['task_1'],
    requiredCapabilities: ['content_generation'],
    estimatedComplexity: 3,
    priority: 'medium',
  },
];
const routines = {
  data_analysis: { id: 'analysis', steps: [{ id: 'analyse', tool: 'analyse' }] },
  content_generation: { id: 'writing', steps: [{ id: 'write', tool: 'write', parameters: { about: '{{results}}' } }] },
};

async function startWorld(planner: (request: { readonly attempt: number }) => unknown = () => ({ subTasks })) {
  const clock = new VirtualClock();
  const calls: { readonly tool: string; readonly agent: string | undefined; readonly parameters: unknown }[] = [];
  const tool = (name: string, result: unknown) => ({
    name,
    credits: '100',
    run: async (parameters: unknown, { agent, signal }: { readonly agent?: { readonly id: string }; readonly signal: AbortSignal }) => {
      calls.push({ tool: name, agent: agent?.id, parameters });
      await wait(clock, 1_000, signal);
      return result;
    },
  });
  const tools = [tool('analyse', { total: 42 }), tool('write', 'Sales were 42.')];
  const world = await startRuntime({ clock, tools, planner });
  return { ...world, clock, calls, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

const indexOf = (facts: readonly Fact[], type: string, taskId: string): number =>
  facts.findIndex((fact) => fact.type === type && (fact.payload as { readonly taskId?: string }).taskId === taskId);

describe('S02: a swarm is coordinated', () => {
  it('does each task with the agent that can, in order, and books the sum of the runs', async () => {
    await using world = await startWorld();
    const loads: [string, number][] = [];
    world.runtime.events.subscribe('agent/*', ({ type, payload }) => {
      const { agentId, load } = payload as { readonly agentId: string; readonly load: number };
      // Of two swarms each may have an agent-1: the pool knows them by their swarm's name, too.
      if (type === 'agent/leased' || type === 'agent/released') loads.push([agentId.replace('run-1/', ''), load]);
    });
    const swarm = world.runtime.swarm({ id: 'sales', goal, agents, routines }, { allocation });
    await world.clock.advanceAsync(5_000);
    const result = await swarm.result();
    expect(result).toMatchObject({ success: true, resourcesUsed: { creditsUsed: '200', stepsExecuted: 2 } });
    expect(result.result).toMatchObject({ goal, tasks: { task_1: { total: 42 }, task_2: 'Sales were 42.' } });
    expect(world.calls).toEqual([
      { tool: 'analyse', agent: 'agent-1', parameters: {} },
      { tool: 'write', agent: 'agent-2', parameters: { about: { task_1: { total: 42 } } } },
    ]);
    const facts = await world.checkInvariants(swarm.executionId);
    expect(indexOf(facts, 'tier1/task/completed', 'task_1')).toBeLessThan(indexOf(facts, 'tier1/task/started', 'task_2'));
    expect(loads).toEqual([
      ['agent-1', 1],
      ['agent-1', 0],
      ['agent-2', 1],
      ['agent-2', 0],
    ]);
  });

  it('has the same surface as the other tiers', async () => {
    await using world = await startWorld();
    const context = { executionId: 'swarm-1', swarmId: 'swarm-1', userId: 'test-user', correlationId: 'c-1' };
    const pending = world.runtime.tier1.execute({ context, allocation, input: { id: 'sales', goal, agents, routines } });
    await world.clock.advanceAsync(500);
    expect(world.runtime.tier1.getExecutionStatus('swarm-1')).toBe('running');
    expect(await world.runtime.tier1.pause('swarm-1')).toBe(true);
    expect(await world.runtime.tier1.resume('swarm-1')).toBe(true);
    await world.clock.advanceAsync(5_000);
    expect(await pending).toMatchObject({ success: true, context });
    expect(world.runtime.tier1.getExecutionStatus('swarm-1')).toBe('completed');
    expect(await world.runtime.tier1.cancelExecution('swarm-1')).toBe(false);
    await world.checkInvariants('swarm-1');
  });

  it('asks a planner once more when its answer makes no sense, with what was wrong, and takes the second', async () => {
    const asked: unknown[] = [];
    await using world = await startWorld((request) => {
      asked.push(request);
      return request.attempt === 1 ? 'Sure! First I would analyze the data.' : { subTasks };
    });
    const swarm = world.runtime.swarm({ id: 'sales', goal, agents, routines }, { allocation });
    await world.clock.advanceAsync(5_000);
    expect(await swarm.result()).toMatchObject({ success: true });
    expect(asked).toMatchObject([{ attempt: 1 }, { attempt: 2, issues: [{ code: expect.any(String) }] }]);
    expect(await world.typesOf(swarm.executionId)).toContain('tier1/swarm/plan_refused');
  });

  it('fails with DECOMPOSITION_FAILED when the second answer makes no sense either', async () => {
    await using world = await startWorld(() => ({ subTasks: [{ ...subTasks[0], dependencies: ['task_1'] }] }));
    const swarm = world.runtime.swarm({ id: 'sales', goal, agents, routines }, { allocation });
    expect(await swarm.result()).toMatchObject({ success: false, error: { code: 'DECOMPOSITION_FAILED', tier: 'tier1' } });
    await world.checkInvariants(swarm.executionId);
  });

  it('names the capability that nobody has, before any tool is called', async () => {
    const quantum = { ...subTasks[0], id: 'q', requiredCapabilities: ['quantum'], tool: 'analyse' };
    await using world = await startWorld(() => ({ subTasks: [...subTasks, quantum] }));
    const swarm = world.runtime.swarm({ id: 'sales', goal, agents, routines }, { allocation });
    const { error } = await swarm.result();
    expect(error).toMatchObject({ code: 'NO_CAPABLE_AGENT', tier: 'tier1' });
    expect(error?.message).toContain('quantum');
    expect(world.calls).toEqual([]);
    await world.checkInvariants(swarm.executionId);
  });

  it('leaves its agents with nobody: they are gone when the swarm has ended', async () => {
    await using world = await startWorld();
    const swarm = world.runtime.swarm({ id: 'sales', goal, agents, routines }, { allocation });
    await world.clock.advanceAsync(5_000);
    await swarm.result();
    await world.clock.advanceAsync(1_000);
    expect(world.runtime.agents.list()).toEqual([]);
  });
});
