/**
 * S01: a routine with one echo step, end to end, as the Implementation Guide's "Integration Test Example" wants it.
 * Proves CON-1 to CON-4, EXE-1, EXE-2, EXE-4, RUN-3, RUN-14 to RUN-16, and that live state is what the facts fold to.
 */

import { describe, expect, it } from 'vitest';
import type { RunState } from '../../src/machines/machines.ts';
import { foldStream } from '../../src/runtime/journal/restoration.ts';
import { startRuntime } from '../support/start-runtime.ts';

const context = {
  executionId: 'test-exec-1',
  swarmId: 'test-swarm-1',
  userId: 'test-user',
  correlationId: 'test-correlation-1',
  timestamp: new Date('2026-01-01T00:00:00Z'),
};
const allocation = { maxCredits: '1000', maxDurationMs: 60_000, maxMemoryMB: 512, maxConcurrentSteps: 4 };
const routine = (toolName = 'echo', strategy = 'DETERMINISTIC') => ({
  routineId: 'test-routine',
  parameters: { input: 'Hello World' },
  workflow: {
    id: 'test-routine',
    steps: [{ id: 'step-1', name: 'Echo', toolName, parameters: { message: '{{input}}' }, strategy }],
    dependencies: [],
  },
});

describe('S01: echo, end to end', () => {
  it('returns the resolved message and books one step', async () => {
    await using world = await startRuntime();
    const result = await world.runtime.tier2.execute({ context, allocation, input: routine() });
    expect(result).toMatchObject({ success: true, result: 'Hello World', resourcesUsed: { stepsExecuted: 1 } });
    expect(result.context).toMatchObject({ ...context, timestamp: context.timestamp.getTime() });
    expect(world.runtime.tier2.getExecutionStatus('test-exec-1')).toBe('completed');
  });

  it('tells its story in order, and gives the only step the whole budget', async () => {
    await using world = await startRuntime();
    await world.runtime.tier2.execute({ context, allocation, input: routine() });
    const facts = await world.checkInvariants('test-exec-1');
    const told = ['tier2/routine/started', 'tier3/execution/started', 'tier3/execution/completed', 'tier2/routine/completed'];
    expect(facts.map(({ type }) => type).filter((type) => told.includes(type))).toEqual(told);
    const started = facts.find(({ type }) => type === 'tier3/execution/started');
    expect(started).toMatchObject({
      payload: { maxCredits: '1000' },
      parentExecutionId: 'test-exec-1',
      correlationId: 'test-correlation-1',
    });
  });

  it("leaves the result on the swarm's blackboard", async () => {
    await using world = await startRuntime();
    await world.runtime.tier2.execute({ context, allocation, input: routine() });
    expect(world.runtime.blackboard('test-swarm-1').get('test-routine')).toMatchObject({
      value: 'Hello World',
      version: 1,
      by: 'test-exec-1',
    });
  });

  it.each([
    ['strategy', routine('echo', 'psychic'), 'UNKNOWN_STRATEGY'],
    ['tool', routine('nope'), 'TOOL_NOT_FOUND'],
  ])('resolves with a typed error for an unknown %s, and the run still has started and failed', async (_what, input, code) => {
    await using world = await startRuntime();
    const result = await world.runtime.tier2.execute({ context, allocation, input });
    expect(result).toMatchObject({ success: false, status: 'failed', error: { code, retryable: false } });
    expect(await world.typesOf('test-exec-1')).toEqual(['tier2/routine/started', 'tier2/routine/failed']);
  });

  it.each([
    ['conversational', 'MODEL_NOT_CONFIGURED'],
    ['reasoning', 'MODEL_NOT_CONFIGURED'],
  ])('refuses the strategy %s clearly while no model is configured', async (strategy, code) => {
    await using world = await startRuntime();
    const result = await world.runtime.tier2.execute({ context, allocation, input: routine('echo', strategy) });
    expect(result).toMatchObject({ success: false, error: { code, tier: 'tier3' } });
    await world.checkInvariants('test-exec-1');
  });

  it('goes on from every prefix of its facts, and never does committed work again', async () => {
    await using first = await startRuntime();
    await first.runtime.tier2.execute({ context, allocation, input: routine() });
    const facts = await first.checkInvariants('test-exec-1');
    for (let length = 1; length <= facts.length; length++) {
      const calls: string[] = [];
      await using world = await startRuntime();
      const prefix = facts.slice(0, length);
      const execution = await world.runtime.restore(prefix);
      world.runtime.events.subscribe('tier3/execution/started', ({ executionId }) => calls.push(executionId));
      expect(await execution.result()).toMatchObject({ success: true, result: 'Hello World' });
      const all = await world.checkInvariants('test-exec-1');
      expect(all.slice(0, length)).toEqual(prefix);
      expect((foldStream(all).get('test-exec-1') as RunState).phase).toBe('completed');
      if (prefix.some(({ type }) => type === 'tier3/execution/started')) expect(calls).toEqual([]);
    }
  });
});
