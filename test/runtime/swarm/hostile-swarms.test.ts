/** Swarms among others that have their names, before journals that fail, and asked for in ways that make no sense. */

import { describe, expect, it } from 'vitest';
import { type Fact, MemoryJournal, type SwarmDefinition } from '../../../src/index.ts';
import { startRuntime } from '../../support/start-runtime.ts';

const oneTask = (tool: string): SwarmDefinition => ({
  id: 'swarm',
  goal: 'work',
  agents: [{ id: 'ann', capabilities: ['work'] }],
  routines: { work: { id: 'routine', steps: [{ id: 'step', tool }] } },
  tasks: [{ id: 'task', requiredCapabilities: ['work'] }],
});
const tools = ['mine', 'other'].map((name) => ({ name, run: () => name }));
const asS = { context: { executionId: 's' } };

class FailingJournal extends MemoryJournal {
  isReadable = true;
  isWritable = true;

  override append(stream: string, expectedSeq: number, facts: readonly Fact[]): undefined {
    if (!this.isWritable) throw new Error('the disk is full');
    super.append(stream, expectedSeq, facts);
  }

  override read(stream: string, from?: number): Promise<readonly Fact[]> {
    return this.isReadable ? super.read(stream, from) : Promise.reject(new Error('the disk is gone'));
  }
}

describe('a swarm', () => {
  it('follows its own definition, although another one was refused under its id', async () => {
    await using world = await startRuntime({ tools });
    const swarm = world.runtime.swarm(oneTask('mine'), asS);
    expect(() => world.runtime.swarm(oneTask('other'), asS)).toThrow(expect.objectContaining({ code: 'DUPLICATE_EXECUTION' }));
    expect(await swarm.result()).toMatchObject({ success: true, result: { tasks: { task: 'mine' } } });
  });

  it('is refused when somebody has an agent of the name that one of its own would have, who keeps theirs', async () => {
    await using world = await startRuntime({ tools });
    await world.runtime.agents.register({ id: 's/ann', capabilities: ['work'] });
    const swarm = world.runtime.swarm(oneTask('mine'), asS);
    expect(await swarm.result()).toMatchObject({ success: false, error: { code: 'DUPLICATE_AGENT' } });
    await world.clock.advanceAsync(10_000);
    expect(world.runtime.agents.get('s/ann')).toMatchObject({ status: 'ready' });
  });

  it('uses its own agent and never that of everybody with the same name', async () => {
    const calls: unknown[] = [];
    const mine = {
      name: 'mine',
      run: (_: unknown, { agent }: { readonly agent?: { readonly id: string; readonly description?: string } }) => {
        calls.push(agent?.description ?? agent?.id);
        if (agent?.id === 'bob') throw new Error('not by bob');
        return null;
      },
    };
    const agents = [
      { id: 'ann', capabilities: ['work'], description: 'of everybody' },
      { id: 'bob', capabilities: ['work'] },
    ];
    await using world = await startRuntime({ tools: [mine], agents });
    const own = [{ id: 'ann', capabilities: ['work'], description: 'of the swarm' }];
    const swarm = world.runtime.swarm({ ...oneTask('mine'), agents: own }, { options: { retryPolicy: { maxRetries: 0 } } });
    await world.clock.advanceAsync(10_000);
    expect(await swarm.result()).toMatchObject({ success: true });
    expect(calls).toEqual(['bob', 'of the swarm']);
  });

  it('completes although its journal cannot be read', async () => {
    const journal = new FailingJournal();
    await using world = await startRuntime({ tools, journal });
    journal.isReadable = false;
    const swarm = world.runtime.swarm(oneTask('mine'));
    expect(await swarm.result()).toMatchObject({ success: true });
    await world.clock.advanceAsync(10_000);
    expect(world.runtime.agents.list()).toEqual([]);
  });

  it('has failed, and so have its runs, when its journal cannot be written; its agents are gone', async () => {
    const journal = new FailingJournal();
    const never = { name: 'mine', run: () => new Promise(() => {}) };
    await using world = await startRuntime({ tools: [never], journal });
    const swarm = world.runtime.swarm(oneTask('mine'), asS);
    await world.clock.advanceAsync(1_000);
    expect(world.runtime.tier2.getExecutionStatus('s/task/1')).toBe('running');
    journal.isWritable = false;
    await expect(swarm.pause()).rejects.toMatchObject({ code: 'JOURNAL_FAILED' });
    expect(await swarm.result()).toMatchObject({ success: false, error: { code: 'JOURNAL_FAILED' } });
    await world.clock.advanceAsync(10_000);
    expect(world.runtime.tier1.getExecutionStatus('s')).toBe('failed');
    expect(world.runtime.tier2.getExecutionStatus('s/task/1')).toBe('failed');
    expect(world.runtime.agents.list()).toEqual([]);
  });

  it.each([
    ['null', null],
    ['a number', 5],
    ['a text', 'x'],
    ['a list', []],
  ])('is not started with options that are %s', async (_, options) => {
    await using world = await startRuntime({ tools });
    expect(() => world.runtime.swarm(oneTask('mine'), options as never)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
    expect(world.runtime.agents.list()).toEqual([]);
  });
});
