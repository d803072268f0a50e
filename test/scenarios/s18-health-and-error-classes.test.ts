/**
 * S18: the health of agents, and what follows from the class of an error.
 * Proves AGT-10 and RSL-1: heartbeats, error rates, load and restarts decide who gets work; the class decides about retries.
 */

import { describe, expect, it } from 'vitest';
import { type AgentDefinition, type Fact, type RuntimeOptions, SwarmchartError, type ToolContext } from '../../src/index.ts';
import { VirtualClock } from '../../src/testing/testing.ts';
import { startRuntime } from '../support/start-runtime.ts';
import { slowTool, wait } from '../support/tools.ts';

async function withAgents(definitions: readonly AgentDefinition[], options: RuntimeOptions = {}) {
  const clock = (options.clock as VirtualClock | undefined) ?? new VirtualClock();
  const world = await startRuntime({ ...options, clock });
  const facts: Fact[] = [];
  world.runtime.events.subscribe('agent/**', (fact) => void facts.push(fact));
  await world.runtime.agents.register(definitions);
  const told = (agentId: string) =>
    facts.filter(({ payload }) => (payload as { agentId?: string }).agentId === agentId).map(({ type }) => type.replace('agent/', ''));
  return { ...world, clock, told, agents: world.runtime.agents, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}
const worker = (id: string, more: Partial<AgentDefinition> = {}): AgentDefinition => ({ id, capabilities: ['work'], ...more });

describe('S18: health', () => {
  it('heartbeat 1 s, timeout 0.5 s, 3 misses: unhealthy, not discoverable, its task reassigned; it returns, and is healthy', async () => {
    let isDeaf = false;
    const check = () => (isDeaf ? new Promise(() => {}) : undefined);
    const clock = new VirtualClock();
    const work = slowTool(clock, 'work', 8_000);
    const heartbeat = { intervalMs: 1_000, timeoutMs: 500, misses: 3, check };
    await using world = await withAgents([worker('ann', { heartbeat }), worker('bob')], { clock, tools: [work.tool] });
    const task = { id: 't', requiredCapabilities: ['work'], tool: 'work' };
    const swarm = world.runtime.swarm({ id: 's', goal: 'g', tasks: [task] }, { context: { executionId: 's' } });
    await clock.advanceAsync(500);
    expect(world.agents.get('ann')).toMatchObject({ currentLoad: 1, health: 'healthy' });

    isDeaf = true;
    await clock.advanceAsync(1_000);
    expect(world.agents.get('ann')).toMatchObject({ status: 'suspect', health: 'unhealthy', currentLoad: 1 });
    expect(world.agents.discover().map(({ spec }) => spec.id)).toEqual(['bob']);
    expect(world.agents.get('bob')?.currentLoad, 'one miss is not enough to reassign').toBe(0);
    await clock.advanceAsync(2_999);
    expect(world.told('ann')).not.toContain('lost');
    await clock.advanceAsync(1);
    expect(world.told('ann')).toContain('lost');
    expect(world.agents.get('bob')?.currentLoad).toBe(1);

    isDeaf = false;
    await clock.advanceAsync(1_000);
    expect(world.agents.get('ann')).toMatchObject({ status: 'ready', health: 'healthy', incarnation: 2 });
    expect(world.agents.discover().map(({ spec }) => spec.id)).toEqual(['ann', 'bob']);
    await clock.advanceAsync(20_000);
    expect(await swarm.result()).toMatchObject({ success: true });
    const facts = await world.checkInvariants('s');
    expect(facts.find(({ type }) => type === 'tier1/task/completed')).toMatchObject({ payload: { agentId: 'bob' } });
  });

  it('a heartbeat that returns in time makes a suspect healthy again, and costs it nothing', async () => {
    let isDeaf = false;
    const check = () => (isDeaf ? new Promise(() => {}) : undefined);
    await using world = await withAgents([worker('ann', { heartbeat: { intervalMs: 1_000, timeoutMs: 500, check } })]);
    isDeaf = true;
    await world.clock.advanceAsync(1_500);
    expect(world.agents.get('ann')?.health).toBe('unhealthy');
    isDeaf = false;
    await world.clock.advanceAsync(1_000);
    expect(world.agents.get('ann')).toMatchObject({ health: 'healthy', status: 'ready', incarnation: 1, restarts: 0 });
  });

  it('an error rate of 0.4 makes an agent degraded: it receives work only if no healthy one has room', async () => {
    await using world = await withAgents([worker('ann', { maxConcurrentTasks: 3 }), worker('bob')]);
    const work = async (outcome: 'succeeded' | 'failed') => (await world.agents.lease({ agents: ['ann'] })).release(outcome);
    for (let n = 0; n < 10; n++) {
      await work(n % 5 < 2 ? 'failed' : 'succeeded');
      await world.clock.advanceAsync(0);
    }
    expect(world.agents.get('ann')).toMatchObject({ health: 'degraded', errorRate: 0.4, circuit: 'closed', status: 'ready' });
    const given = [await world.agents.lease(), await world.agents.lease(), await world.agents.lease()];
    expect(given.map(({ agentId }) => agentId)).toEqual(['bob', 'ann', 'ann']);
    for (const lease of given) lease.release();
    await work('succeeded');
    await world.clock.advanceAsync(0);
    expect(world.agents.get('ann')?.health, '4 of 11').toBe('healthy');
  });

  it('of three equal agents with the loads 2, 0 and 1 the second gets the next task', async () => {
    await using world = await withAgents(['one', 'two', 'three'].map((id) => worker(id, { maxConcurrentTasks: 5 })));
    for (const id of ['one', 'one', 'three']) await world.agents.lease({ agents: [id] });
    expect(world.agents.list().map(({ currentLoad }) => currentLoad)).toEqual([2, 0, 1]);
    expect((await world.agents.lease()).agentId).toBe('two');
  });

  it('a crashing agent is restarted 3 times in 60 s; the fourth crash escalates', async () => {
    await using world = await withAgents([worker('ann', { initialize: () => undefined })]);
    for (let n = 0; n < 4; n++) {
      await world.clock.advanceAsync(15_000);
      expect(world.agents.crash('ann')).toBe(true);
      await world.clock.advanceAsync(0);
    }
    expect(world.told('ann').filter((fact) => fact === 'restarted')).toHaveLength(3);
    expect(world.told('ann').at(-1)).toBe('escalated');
    expect(world.agents.get('ann')).toMatchObject({ status: 'escalated', health: 'unhealthy' });
    await expect(world.agents.lease()).rejects.toMatchObject({ code: 'NO_CAPABLE_AGENT' });
  });
});

describe('S18: error classes', () => {
  it.each([
    ['transient', 'EXECUTION_FAILED', 3],
    ['timeout', 'STEP_TIMEOUT', 3],
    ['resource', 'RESOURCE_EXHAUSTED', 3],
    ['dependency', 'CIRCUIT_OPEN', 1],
    ['validation', 'INVALID_PARAMETERS', 1],
    ['permanent', 'PROCESS_FAILED', 1],
  ] as const)('an error of class %s with two retries left: %s makes %d attempts', async (errorClass, code, attempts) => {
    const clock = new VirtualClock();
    let calls = 0;
    const run = async (_: unknown, { signal }: ToolContext) => {
      calls++;
      if (code === 'STEP_TIMEOUT') await wait(clock, 60_000, signal);
      throw new SwarmchartError(code, 'as told');
    };
    await using world = await startRuntime({ clock, tools: [{ name: 'work', timeoutMs: 1_000, breaker: false, run }] });
    const execution = world.runtime.run({ id: 'wf', steps: [{ id: 'a', tool: 'work', retry: { maxRetries: 2 } }] });
    await clock.advanceAsync(60_000);
    expect((await execution.result()).error).toMatchObject({ code, errorClass });
    expect(calls).toBe(attempts);
    await world.checkInvariants(execution.executionId);
  });

  it('resource: what is short is waited for until it is released, then tried again', async () => {
    const clock = new VirtualClock();
    let free = 1;
    const starts: string[] = [];
    const run = async (_: unknown, { signal, stepId }: ToolContext) => {
      if (free === 0) throw new SwarmchartError('RESOURCE_EXHAUSTED', 'no connection is free');
      starts.push(`${stepId} ${clock.now() - began}`);
      free--;
      await wait(clock, 5_000, signal).finally(() => free++);
      return stepId;
    };
    const began = clock.now();
    await using world = await startRuntime({ clock, tools: [{ name: 'work', run }] });
    const retry = { maxRetries: 9, backoff: { strategy: 'fixed' as const, baseMs: 2_000 } };
    const execution = world.runtime.run({ id: 'wf', steps: ['a', 'b'].map((id) => ({ id, tool: 'work', retry })) });
    await clock.advanceAsync(60_000);
    expect((await execution.result()).success).toBe(true);
    expect(starts).toEqual(['a 0', 'b 6000']);
    await world.checkInvariants(execution.executionId);
  });

  it('resource: a task waits for an agent that has no room, and starts as soon as that is released', async () => {
    const clock = new VirtualClock();
    const work = slowTool(clock, 'work', 5_000);
    await using world = await withAgents([worker('ann')], { clock, tools: [work.tool] });
    const tasks = ['a', 'b'].map((id) => ({ id, requiredCapabilities: ['work'], tool: 'work' }));
    const swarm = world.runtime.swarm({ id: 's', goal: 'g', tasks });
    await clock.advanceAsync(4_999);
    expect(work.starts).toHaveLength(1);
    await clock.advanceAsync(1);
    expect(work.starts).toHaveLength(2);
    await clock.advanceAsync(5_000);
    expect((await swarm.result()).success).toBe(true);
  });

  it('dependency: its breaker opens, and the fallback does the work', async () => {
    let calls = 0;
    const run = () => {
      calls++;
      throw new Error('the map service is down');
    };
    await using world = await startRuntime({ tools: [{ name: 'map', provider: 'maps', run }] });
    const fallbacks = [{ on: 'dependency', action: 'use-value', value: 'an old map' }];
    const execution = () => world.runtime.run({ id: 'wf', steps: [{ id: 'a', tool: 'map', fallbacks }] } as never).result();
    for (let n = 0; n < 5; n++) expect(await execution()).toMatchObject({ error: { errorClass: 'transient' } });
    expect(await execution()).toMatchObject({ success: true, result: 'an old map' });
    expect(calls).toBe(5);
    expect(world.runtime.breakers.get('provider', 'maps')?.state).toBe('open');
  });
});
