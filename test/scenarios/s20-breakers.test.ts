/**
 * S20: breakers of an agent, a module and the whole system.
 * Proves RSL-4: a failing agent is left alone, a failing module fails fast, a failing system is paused until a person resets it.
 */

import { describe, expect, it } from 'vitest';
import type { Fact, ToolContext } from '../../src/index.ts';
import { VirtualClock } from '../../src/testing/testing.ts';
import { startRuntime } from '../support/start-runtime.ts';
import { slowTool, wait } from '../support/tools.ts';

const agents = ['agent-1', 'agent-2'].map((id) => ({ id, capabilities: ['work'] }));
const tasks = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ id: `t${n + 1}`, requiredCapabilities: ['work'], tool: 'work' }));

describe('S20: an agent that fails', () => {
  it('agent-1 fails 5 tasks: its breaker opens, the tasks move to agent-2, and the swarm succeeds', async () => {
    const clock = new VirtualClock();
    const calls: string[] = [];
    const work = {
      name: 'work',
      breaker: false as const,
      run: async (_: unknown, { agent, signal }: ToolContext) => {
        calls.push(agent?.id ?? '');
        await wait(clock, 1_000, signal);
        if (agent?.id === 'agent-1') throw new Error('as always');
        return agent?.id;
      },
    };
    await using world = await startRuntime({ clock, tools: [work] });
    const facts: Fact[] = [];
    world.runtime.events.subscribe('**', (fact) => void facts.push(fact));
    const definition = { id: 's', goal: 'do it', agents, tasks: tasks(12), maxConcurrentTasks: 12 };
    const swarm = world.runtime.swarm(definition, { context: { executionId: 's' } });
    await clock.advanceAsync(5_000);
    expect(world.runtime.breakers.get('agent', 's/agent-1')).toMatchObject({ state: 'open', failures: 5 });
    await clock.advanceAsync(20_000);
    const { success, result } = await swarm.result();
    expect(success).toBe(true);
    const { tasks: done } = result as { readonly tasks: Record<string, string> };
    expect(Object.values(done)).toEqual(Array(12).fill('agent-2'));
    expect(calls.filter((id) => id === 'agent-1')).toHaveLength(5);
    expect(calls.filter((id) => id === 'agent-2')).toHaveLength(12);
    await world.checkInvariants('s');
    await clock.advanceAsync(0);
    expect(world.runtime.breakers.list(), 'gone with the agents of the swarm').toEqual([]);
    const opened = facts.findIndex(({ type }) => type === 'breaker/opened');
    expect(opened).toBeGreaterThan(0);
    const later = facts.slice(opened).filter(({ type }) => type === 'agent/leased');
    expect(later.map(({ payload }) => (payload as { agentId: string }).agentId)).not.toContain('s/agent-1');
  });
});

describe('S20: a module that fails', () => {
  it('module plan is open: its operation fails fast, and the workflow’s fallback runs', async () => {
    let calls = 0;
    const make = () => {
      calls++;
      throw new Error('no plan');
    };
    const echoed = { on: 'CIRCUIT_OPEN', action: 'use-tool', tool: 'echo', parameters: { message: 'the old plan' } };
    await using world = await startRuntime({ modules: { plan: { make } } });
    const step = { id: 'a', type: 'module-operation', module: 'plan', operation: 'make' };
    const run = () => world.runtime.run({ id: 'wf', fallbacks: [echoed], steps: [step] } as never);
    for (let n = 0; n < 5; n++) expect(await run().result()).toMatchObject({ error: { code: 'EXECUTION_FAILED' } });
    const last = run();
    expect(await last.result()).toMatchObject({ success: true, result: 'the old plan' });
    expect(calls).toBe(5);
    const facts = await world.checkInvariants(last.executionId);
    expect(facts.find(({ type }) => type === 'tier2/step/fell_back')).toMatchObject({ payload: { error: { code: 'CIRCUIT_OPEN' } } });
  });
});

describe('S20: a system that fails', () => {
  it('five layer failures pause 4 runs, new ones are refused, an operator resets it, one run is admitted, all go on', async () => {
    const clock = new VirtualClock();
    const work = slowTool(clock, 'work', 20_000);
    await using world = await startRuntime({ clock, tools: [work.tool] });
    const { breakers } = world.runtime;
    const steps = [1, 2, 3].map((n) => ({ id: `s${n}`, tool: 'work', ...(n > 1 && { dependencies: [`s${n - 1}`] }) }));
    const runs = [1, 2, 3].map((n) => world.runtime.run({ id: 'wf', steps }, { context: { executionId: `r${n}` } }));
    const definition = { id: 's', goal: 'do it', agents: agents.slice(0, 1), tasks: tasks(3) };
    const swarm = world.runtime.swarm(definition, { context: { executionId: 'r4' } });
    const statuses = () => [...runs, swarm].map(({ status }) => status);
    await clock.advanceAsync(10_000);
    expect(statuses()).toEqual(Array(4).fill('running'));

    const fail = () => breakers.guard({ scope: 'layer', key: 'L2' }, () => Promise.reject(new Error('the layer is down')));
    for (let n = 0; n < 5; n++) await expect(fail()).rejects.toThrow('the layer is down');
    expect(breakers.get('system')).toMatchObject({ state: 'held', failures: 5 });
    await clock.advanceAsync(60_000);
    expect(statuses()).toEqual(Array(4).fill('paused'));
    expect(work.starts).toHaveLength(4);
    const { tasks: waiting } = await swarm.snapshot();
    expect(
      waiting.map(({ status }) => status),
      'queued tasks are retained',
    ).toEqual(['completed', 'pending', 'pending']);
    const refused = world.runtime.run({ id: 'wf', steps });
    expect((await refused.result()).error?.code).toBe('SYSTEM_PAUSED');

    expect(breakers.reset('system', { by: 'operator' })).toBe(true);
    const probe = world.runtime.run({ id: 'wf', steps: steps.slice(0, 1) }, { context: { executionId: 'probe' } });
    const second = world.runtime.run({ id: 'wf', steps });
    expect((await second.result()).error?.code).toBe('SYSTEM_PAUSED');
    await clock.advanceAsync(10_000);
    expect([probe.status, ...statuses()]).toEqual(['running', ...Array(4).fill('paused')]);
    await clock.advanceAsync(10_000);
    expect((await probe.result()).success).toBe(true);
    expect(breakers.get('system')?.state).toBe('closed');

    await clock.advanceAsync(600_000);
    expect(statuses()).toEqual(Array(4).fill('completed'));
    expect(work.starts).toHaveLength(3 * 3 + 3 + 1);
    expect(new Set(work.starts).size, 'every step is executed once').toBe(work.starts.length);
    for (const id of ['r1', 'r2', 'r3', 'r4', 'probe', refused.executionId, second.executionId]) await world.checkInvariants(id);
  });
});

describe('S20: by hand', () => {
  it('forceOpen and forceClose work per key, and each is on record with who did it', async () => {
    const clock = new VirtualClock();
    const tools = ['a', 'b'].map((name) => ({ name, run: () => name }));
    await using world = await startRuntime({ clock, tools, agents });
    const audit: unknown[] = [];
    world.runtime.events.subscribe('breaker/**', ({ type, payload }) => {
      const { scope, key, by } = payload as { scope: string; key: string; by?: string };
      audit.push([type, `${scope} ${key}`, by]);
    });
    const { breakers } = world.runtime;
    const call = async (tool: string) => (await world.runtime.run({ id: 'wf', steps: [{ id: 's', tool }] }).result()).error?.code ?? 'ok';
    await clock.advanceAsync(0);
    expect(breakers.forceOpen('tool', 'a', { by: 'ann' })).toBe(true);
    expect(breakers.forceOpen('agent', 'agent-1', { by: 'bob' })).toBe(true);
    expect([await call('a'), await call('b')]).toEqual(['CIRCUIT_OPEN', 'ok']);
    await clock.advanceAsync(0);
    expect(world.runtime.agents.list().map(({ circuit }) => circuit)).toEqual(['open', 'closed']);
    expect(breakers.forceClose('tool', 'a', { by: 'eve' })).toBe(true);
    expect(breakers.forceClose('agent', 'agent-1', { by: 'eve' })).toBe(true);
    expect([await call('a'), await call('b')]).toEqual(['ok', 'ok']);
    expect(audit).toEqual([
      ['breaker/opened', 'tool a', 'ann'],
      ['breaker/opened', 'agent agent-1', 'bob'],
      ['breaker/closed', 'tool a', 'eve'],
      ['breaker/closed', 'agent agent-1', 'eve'],
    ]);
  });
});
