/** An agent is lost while it works: its run goes on from its facts under the next lease, and nothing committed is done again. */

import { describe, expect, it } from 'vitest';
import type { AgentFault, RuntimeOptions } from '../../../src/index.ts';
import { VirtualClock } from '../../../src/testing/testing.ts';
import { startRuntime } from '../../support/start-runtime.ts';
import { wait } from '../../support/tools.ts';

const threeSteps = {
  id: 'three',
  steps: [
    { id: 'one', tool: 'work' },
    { id: 'two', tool: 'work', dependencies: ['one'] },
    { id: 'three', tool: 'work', dependencies: ['two'] },
  ],
};
const swarmOf = (ids: readonly string[]) => ({
  id: 'swarm',
  goal: 'work',
  agents: ids.map((id) => ({ id, capabilities: ['work'] })),
  routines: { work: threeSteps },
  tasks: [{ id: 'task', requiredCapabilities: ['work'] }],
});

async function startWorld(faults: RuntimeOptions['faults'] = {}) {
  const clock = new VirtualClock();
  const calls: { readonly key: string; readonly agent: string | undefined; aborted: boolean }[] = [];
  const work = {
    name: 'work',
    run: async (_: unknown, { idempotencyKey, agent, signal }: { idempotencyKey: string; agent?: { id: string }; signal: AbortSignal }) => {
      const call = { key: idempotencyKey, agent: agent?.id, aborted: false };
      calls.push(call);
      signal.addEventListener('abort', () => {
        call.aborted = true;
      });
      await wait(clock, 10_000, signal);
      return null;
    },
  };
  const world = await startRuntime({ clock, tools: [work], faults });
  const start = (ids: readonly string[]) => world.runtime.swarm(swarmOf(ids), { context: { executionId: 's' } });
  return { ...world, clock, calls, start, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

const leaseFacts = (types: readonly string[]) => types.filter((type) => type.startsWith('tier1/lease/') || type.startsWith('tier1/task/'));

describe('an agent that is lost', () => {
  it('is replaced by another one: the run goes on, the interrupted step is done again, the committed one is not', async () => {
    await using world = await startWorld();
    const swarm = world.start(['a', 'b']);
    await world.clock.advanceAsync(15_000);
    expect(world.runtime.agents.crash('s/a')).toBe(true);
    await world.clock.advanceAsync(60_000);
    expect(await swarm.result()).toMatchObject({ success: true });
    expect(world.calls).toEqual([
      { key: 's/task/1/one/1', agent: 'a', aborted: false },
      { key: 's/task/1/two/1', agent: 'a', aborted: true },
      { key: 's/task/1/two/1', agent: expect.any(String), aborted: false },
      { key: 's/task/1/three/1', agent: expect.any(String), aborted: false },
    ]);
    const types = (await world.checkInvariants('s')).map(({ type }) => type);
    expect(leaseFacts(types)).toEqual([
      'tier1/lease/requested',
      'tier1/lease/granted',
      'tier1/task/started',
      'tier1/lease/lost',
      'tier1/task/suspended',
      'tier1/lease/requested',
      'tier1/lease/granted',
      'tier1/task/continued',
      'tier1/task/completed',
    ]);
    expect(types.filter((type) => type === 'tier2/routine/started')).toHaveLength(1);
  });

  it('is restarted, and goes on with the run itself when there is nobody else', async () => {
    await using world = await startWorld();
    const swarm = world.start(['a']);
    await world.clock.advanceAsync(15_000);
    world.runtime.agents.crash('s/a');
    await world.clock.advanceAsync(60_000);
    expect(await swarm.result()).toMatchObject({ success: true });
    expect(world.calls.map(({ agent }) => agent)).toEqual(['a', 'a', 'a', 'a']);
    await world.checkInvariants('s');
  });

  it('fails the task, named, when it has crashed too often and nobody else can do it; the run that had begun ends first', async () => {
    await using world = await startWorld({
      agent: ({ at, incarnation }: AgentFault) => {
        if (at === 'assigned') throw new Error(`crash ${incarnation}`);
      },
    });
    const swarm = world.start(['a']);
    await world.clock.advanceAsync(60_000);
    const { error } = await swarm.result();
    expect(error).toMatchObject({ code: 'NO_CAPABLE_AGENT', tier: 'tier1' });
    expect(error?.message).toContain('No agent offers "work"; "s/a" was given up: Agent "s/a" crashed: crash 4');
    const facts = await world.checkInvariants('s');
    expect(facts.filter(({ type }) => type === 'tier1/lease/lost')).toHaveLength(4);
    expect(world.runtime.agents.list()).toEqual([]);
  });

  it('does not let a paused swarm go on; resumed, the run goes on under a new lease', async () => {
    await using world = await startWorld();
    const swarm = world.start(['a', 'b']);
    await world.clock.advanceAsync(15_000);
    await swarm.pause();
    await world.clock.advanceAsync(10_000);
    expect(swarm.status).toBe('paused');
    world.runtime.agents.crash('s/a');
    await world.clock.advanceAsync(60_000);
    expect(swarm.status).toBe('paused');
    expect(world.calls).toHaveLength(2);
    await swarm.resume();
    await world.clock.advanceAsync(60_000);
    expect(await swarm.result()).toMatchObject({ success: true });
    expect(world.calls.map(({ key }) => key)).toEqual(['s/task/1/one/1', 's/task/1/two/1', 's/task/1/three/1']);
    await world.checkInvariants('s');
  });

  it('costs a cancelled swarm nothing: the run without an agent ends in order', async () => {
    await using world = await startWorld();
    const swarm = world.start(['a']);
    await world.clock.advanceAsync(15_000);
    await swarm.pause();
    world.runtime.agents.crash('s/a');
    await world.clock.advanceAsync(1_000);
    expect(world.runtime.tier2.getExecutionStatus('s/task/1')).toBe('waiting');
    expect(await swarm.cancel('enough')).toBe(true);
    await world.clock.advanceAsync(10_000);
    expect(await swarm.result()).toMatchObject({ status: 'cancelled' });
    const facts = await world.checkInvariants('s');
    expect(facts.filter(({ type }) => type === 'tier2/routine/cancelled')).toHaveLength(1);
  });

  it('is nothing that two swarms share: each has its own agent of the same name', async () => {
    await using world = await startWorld();
    const swarms = ['x', 'y'].map((executionId) => world.runtime.swarm(swarmOf(['a']), { context: { executionId } }));
    await world.clock.advanceAsync(15_000);
    world.runtime.agents.crash('x/a');
    await world.clock.advanceAsync(60_000);
    for (const swarm of swarms) expect(await swarm.result()).toMatchObject({ success: true });
    expect(world.calls.filter(({ key }) => key.startsWith('y/'))).toHaveLength(3);
    expect(world.calls.filter(({ key }) => key.startsWith('x/'))).toHaveLength(4);
  });
});
