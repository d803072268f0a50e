/** EXE-5, RUN-16: tokens are used up, steps are counted, memory is held and given back; and what a restart does to the books. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fact, JsonObject, ResourceAllocation, RuntimeOptions, WorkflowDefinition } from '../../../src/index.ts';
import { freeOf } from '../../../src/machines/ledger.ts';
import { DEFAULT_ALLOCATION } from '../../../src/machines/protocol/execution.ts';
import { payloadOf, startWorld, statesOf } from './start-world.ts';

type Steps = WorkflowDefinition['steps'];

const work = (id: string, parameters: JsonObject = {}, more: object = {}) => ({
  id,
  tool: 'work',
  parameters,
  ...more,
});
const chain = (length: number): Steps => Array.from({ length }, (_, n) => work(`s${n}`, {}, n > 0 ? { dependencies: [`s${n - 1}`] } : {}));
const inner = (id: string, steps: Steps, more: object = {}) => ({
  id,
  type: 'workflow' as const,
  workflow: { id: `${id}-plan`, steps },
  ...more,
});

async function outcomeOf(steps: Steps, allocation: Partial<ResourceAllocation>, options: RuntimeOptions = {}) {
  await using world = await startWorld(options, {});
  const { result, facts } = await world.finish(world.run(steps, { allocation }));
  expectWithin(facts, allocation);
  return { result, facts, timeline: world.timeline(), calls: world.calls };
}

/** At any fact: what is reserved and what is used is within the budget; at the end nothing is reserved. */
function expectWithin(facts: readonly Fact[], allocation: Partial<ResourceAllocation>): void {
  const states = statesOf(facts);
  for (const { usage, reserved } of states) {
    const { credits, tokens, steps, memoryMB } = freeOf({ ...DEFAULT_ALLOCATION, ...allocation }, usage, reserved);
    expect(BigInt(credits) >= 0n && Math.min(tokens, steps, memoryMB) >= 0).toBe(true);
  }
  expect(states.at(-1)?.reserved).toEqual({ credits: '0' });
}

describe('tokens', () => {
  it('are counted where nothing limits them, and not spoken of where there are none', async () => {
    const { result } = await outcomeOf([work('a', { tokens: 700 }), work('b', { tokens: 11 }), inner('c', [work('d', { tokens: 5 })])], {});
    expect(result.resourcesUsed.tokensUsed).toBe(716);
    expect((await outcomeOf(chain(2), {})).result.resourcesUsed).not.toHaveProperty('tokensUsed');
  });

  it('are reserved for every attempt that may be made, and given back', async () => {
    const retry = { maxRetries: 2, backoff: { baseMs: 100 } };
    const { result, facts } = await outcomeOf(
      [work('a', { failures: 1 }, { tokens: 100, retry }), work('b', { tokens: 50 }, { tokens: 100, dependencies: ['a'] })],
      { maxTokens: 350 },
    );
    expect(payloadOf(facts, 'tier2/step/started', 'a')['reserved']).toMatchObject({ tokens: 300 });
    expect(payloadOf(facts, 'tier2/step/started', 'b')['reserved']).toMatchObject({ tokens: 150 });
    expect(result).toMatchObject({ success: true, resourcesUsed: { tokensUsed: 350 } });
  });

  it('are no more than a step was given: the attempt is aborted, and made no more', async () => {
    const steps = [work('a', { tokens: 501 }, { retry: 3, onFailure: 'continue' }), work('b', { tokens: 400 }, { dependencies: ['a'] })];
    const { result, calls } = await outcomeOf(steps, { maxTokens: 1_000 });
    expect(calls).toMatchObject([{ step: 'a', aborted: 'RESOURCE_EXHAUSTED' }, { step: 'b' }]);
    expect(result).toMatchObject({ success: true, resourcesUsed: { tokensUsed: 400 } });
  });

  it('that are used up fail the next step that costs some', async () => {
    const { result } = await outcomeOf([work('a', { tokens: 40 }), work('b', {}, { tokens: 80, dependencies: ['a'] })], { maxTokens: 100 });
    expect(result).toMatchObject({
      success: false,
      error: { code: 'RESOURCE_EXHAUSTED', tier: 'tier2', context: { stepId: 'b', tokens: 80, maxTokens: 100, tokensUsed: 40 } },
    });
  });

  it('that a tool declares count as those of its steps, and as those of a fallback', async () => {
    const model = (name: string, tokens: number) => ({ name, tokens, run: () => name });
    const fallbacks = [{ action: 'use-tool' as const, tool: 'large' }];
    const steps = [{ id: 'a', tool: 'small' }, work('b', { failures: 1 }, { fallbacks })];
    const { result } = await outcomeOf(steps, { maxTokens: 500 }, { tools: [model('small', 20), model('large', 300)] });
    expect(result).toMatchObject({ success: true, resourcesUsed: { tokensUsed: 320 } });
  });

  it.each([
    ['tokens', { tokens: 11 }, { maxTokens: 10 }, 'costs 11 tokens, and the run may use 10'],
    ['memory', { memoryMB: 65 }, { maxMemoryMB: 64 }, 'holds 65 MB of memory, and the run may use 64'],
  ])('or %s that nobody could ever pay are refused before anything runs', async (_, more, allocation, message) => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run([work('a', {}, more), work('b', {}, more)], { allocation }));
    expect(result).toMatchObject({ success: false, error: { code: 'WORKFLOW_INVALID' } });
    expect(JSON.stringify(result.error)).toContain(`Step \\"b\\" ${message}`);
    expect(world.calls).toEqual([]);
  });
});

describe('a limit of steps', () => {
  it('lets as many run, over all levels, and fails the next one', async () => {
    const { result, calls } = await outcomeOf(chain(4), { maxSteps: 3 });
    expect(calls).toHaveLength(3);
    expect(result).toMatchObject({
      success: false,
      error: { code: 'RESOURCE_EXHAUSTED', context: { stepId: 's3', maxSteps: 3, stepsExecuted: 3 } },
      resourcesUsed: { stepsExecuted: 3 },
    });
    expect((await outcomeOf(chain(4), { maxSteps: 4 })).result.success).toBe(true);
    expect((await outcomeOf([inner('a', chain(3)), work('b', {}, { dependencies: ['a'] })], { maxSteps: 4 })).result.success).toBe(true);
    expect((await outcomeOf([inner('a', chain(3)), work('b', {}, { dependencies: ['a'] })], { maxSteps: 3 })).result.success).toBe(false);
  });

  it('ends a loop', async () => {
    const loop = { id: 'again', type: 'loop' as const, maxIterations: 100, steps: [work('body')] };
    const { result } = await outcomeOf([loop], { maxSteps: 7 });
    expect(result).toMatchObject({ success: false, error: { code: 'RESOURCE_EXHAUSTED' }, resourcesUsed: { stepsExecuted: 7 } });
  });

  it('does not count what was skipped, nor what undoes a step', async () => {
    const steps = [work('a', {}, { compensate: { tool: 'other' } }), work('b', {}, { when: 'false' }), ...chain(2)];
    const { result, calls } = await outcomeOf(steps, { maxSteps: 2, maxConcurrentSteps: 1 });
    expect(result).toMatchObject({ success: false, error: { code: 'RESOURCE_EXHAUSTED' }, resourcesUsed: { stepsExecuted: 2 } });
    expect(calls.map(({ step }) => step)).toEqual(['a', 's0', 'a']);
  });

  it('makes a nested run wait for what running ones may give back', async () => {
    const steps = [inner('a', [work('short'), work('never', {}, { when: 'false' })]), inner('b', [work('p', {}), work('q', {})])];
    const { result, timeline } = await outcomeOf(steps, { maxSteps: 3 });
    expect(result.success).toBe(true);
    expect(timeline).toEqual(['short 0-1000', 'p 1000-2000', 'q 1000-2000']);
  });
});

describe('memory', () => {
  it('is held while a step runs, and a step that needs it waits until it is given back', async () => {
    const { result, facts, timeline } = await outcomeOf(
      [work('a', {}, { memoryMB: 300 }), work('b', { ms: 2_000 }, { memoryMB: 200 }), work('c', {}, { memoryMB: 300 })],
      { maxMemoryMB: 512 },
    );
    expect(timeline).toEqual(['a 0-1000', 'b 0-2000', 'c 1000-2000']);
    expect(payloadOf(facts, 'tier2/step/started', 'c')['reserved']).toMatchObject({ memoryMB: 300 });
    expect(result).toMatchObject({ success: true, resourcesUsed: { memoryUsedMB: 300 } });
  });

  it('is given back by a step that fails, too, and is held again for its fallback', async () => {
    const big = { name: 'big', memoryMB: 500, run: () => 'big' };
    const steps = [
      work('a', { failures: 1 }, { memoryMB: 300, fallbacks: [{ action: 'use-tool' as const, tool: 'big' }] }),
      work('b', {}, { memoryMB: 200, dependencies: ['a'] }),
    ];
    const { result, facts } = await outcomeOf(steps, { maxMemoryMB: 512 }, { tools: [big] });
    expect(result.success).toBe(true);
    const held = facts.filter(({ type }) => type === 'tier2/step/started').map(({ payload }) => (payload as { reserved: object }).reserved);
    expect(held).toMatchObject([{ memoryMB: 300 }, { memoryMB: 500 }, { memoryMB: 200 }]);
  });

  it('that a step takes is no more than it declares', async () => {
    const { result } = await outcomeOf([work('a', { memoryMB: 101 }, { memoryMB: 100 })], { maxMemoryMB: 512 });
    expect(result).toMatchObject({ success: false, error: { code: 'RESOURCE_EXHAUSTED' }, resourcesUsed: { memoryUsedMB: 100 } });
  });

  it('that a step takes which declares none is no more than was free when it started', async () => {
    const steps = (taken: number) => [work('holder', { ms: 2_000 }, { memoryMB: 300 }), work('free', { memoryMB: taken })];
    expect((await outcomeOf(steps(212), { maxMemoryMB: 512 })).result.success).toBe(true);
    expect((await outcomeOf(steps(213), { maxMemoryMB: 512 })).result).toMatchObject({ error: { code: 'RESOURCE_EXHAUSTED' } });
    expect((await outcomeOf([work('x', { memoryMB: 400 }), work('y', { memoryMB: 400 })], { maxMemoryMB: 512 })).result.success).toBe(true);
  });

  it('of a nested run is that of the step in it which holds most, and more where there is more', async () => {
    const nested = inner('in', [work('p', {}, { memoryMB: 200 }), work('q', {}, { memoryMB: 100 })]);
    const wide = await outcomeOf([nested], { maxMemoryMB: 512 });
    expect(payloadOf(wide.facts, 'tier2/step/started', 'in')['reserved']).toMatchObject({ memoryMB: 300 });
    expect(wide.timeline).toEqual(['p 0-1000', 'q 0-1000']);
    const narrow = await outcomeOf([nested, work('beside', { ms: 3_000 }, { memoryMB: 250 })], { maxMemoryMB: 512 });
    expect(payloadOf(narrow.facts, 'tier2/step/started', 'in')['reserved']).toMatchObject({ memoryMB: 256 });
    expect(narrow.timeline).toEqual(['beside 0-3000', 'p 0-1000', 'q 1000-2000']);
  });

  it('of a nested run is enough for the fallback of an error’s class, as for a step’s own', async () => {
    const heavy = { name: 'heavy', memoryMB: 300, run: () => 'done' };
    const fallback = { action: 'use-tool', tool: 'heavy' } as const;
    await using world = await startWorld({ tools: [heavy], recovery: { transient: { fallback } } });
    const inner = { id: 'inner', steps: [{ id: 'a', tool: 'work', memoryMB: 10, parameters: { failures: 9 } }] };
    const { result, facts } = await world.finish(world.run([{ id: 'in', type: 'workflow', workflow: inner } as never]));
    expect(result).toMatchObject({ success: true, resourcesUsed: { memoryUsedMB: 300 } });
    expect(payloadOf(facts, 'tier2/step/started', 'in')).toMatchObject({ reserved: { memoryMB: 300 } });
  });
});

describe('a step that waits for budget which others hold', () => {
  it('lets its run wait for people, when only they can make these go on', async () => {
    await using world = await startWorld();
    const asking = inner('asking', [
      work('first', {}, { credits: '1' }),
      { id: 'nod', type: 'wait' as const, approval: true, dependencies: ['first'] },
    ]);
    const run = world.run([asking, work('dear', {}, { credits: '8' })], { allocation: { maxCredits: '10' } });
    await world.clock.advanceAsync(2_000);
    expect(run.status).toBe('waiting');
    expect(world.timeline()).toEqual(['first 0-1000']);
    await run.run('asking')?.decide('nod', { decision: 'approve' });
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: true, resourcesUsed: { creditsUsed: '9' } });
    expectWithin(facts, { maxCredits: '10' });
  });

  it('holds nothing itself while it waits for a person', async () => {
    await using world = await startWorld();
    const run = world.run([{ id: 'nod', type: 'wait', approval: true }, work('dear', {}, { credits: '10' })], {
      allocation: { maxCredits: '10' },
    });
    await world.clock.advanceAsync(2_000);
    expect(world.timeline()).toEqual(['dear 0-1000']);
    await run.decide('nod', { decision: 'approve' });
    expect((await world.finish(run)).result.success).toBe(true);
  });
});

describe('fault 43: a budget that is crossed in the middle of parallel steps', () => {
  const kinds = fc.constantFrom('credits' as const, 'tokens' as const, 'memoryMB' as const);

  it('is never overspent, for it is reserved before a call; what was under way ends within its reservation', async () => {
    await fc.assert(
      fc.asyncProperty(
        kinds,
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 6 }),
        fc.nat(6),
        async (kind, most, cost, more) => {
          await using world = await startWorld();
          const spends = { credits: { spend: String(more) }, tokens: { tokens: more }, memoryMB: { memoryMB: more } }[kind];
          const step = (n: number) =>
            work(`s${n}`, { ms: 100 * n, ...spends }, { [kind]: kind === 'credits' ? String(cost) : cost, onFailure: 'continue' });
          const allocation = { credits: { maxCredits: String(most) }, tokens: { maxTokens: most }, memoryMB: { maxMemoryMB: most } }[kind];
          const group = { id: 'all', type: 'parallel' as const, steps: Array.from({ length: 6 }, (_, n) => step(n)) };
          const { result, facts } = await world.finish(world.run([group], { allocation }));
          if (cost > most) expect(result.error?.code).toMatch(/RESOURCE_EXHAUSTED|WORKFLOW_INVALID/);
          else expectWithin(facts, allocation);
          const { creditsUsed, tokensUsed = 0, memoryUsedMB } = result.resourcesUsed;
          expect({ credits: Number(creditsUsed), tokens: tokensUsed, memoryMB: memoryUsedMB }[kind]).toBeLessThanOrEqual(most);
          const affordable = kind === 'memoryMB' ? 6 : Math.floor(most / cost);
          expect(world.calls.length).toBeLessThanOrEqual(affordable);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('the books of an attempt that nobody heard of again', () => {
  it.each([
    ['its executor', 'tier3/execution/completed', 'run-1/a/1', { creditsUsed: '4', tokensUsed: 50, memoryUsedMB: 64 }],
    ['its run', 'tier2/routine/variable_set', 'run-1', { creditsUsed: '4', tokensUsed: 50, memoryUsedMB: 64 }],
    ['its executor, which undoes a step', 'tier3/execution/completed', 'run-1/b/undo', { creditsUsed: '3', tokensUsed: 7 }],
  ])('say what it declares, when %s crashed', async (_who, type, executionId, resourcesUsed) => {
    const fact = (recorded: { readonly type: string; readonly executionId: string }) => {
      if (recorded.type === type && recorded.executionId === executionId) throw new Error('broken');
    };
    const costly = { name: 'costly', credits: '3', tokens: 7, run: () => 'undone' };
    await using world = await startWorld({ faults: { fact }, tools: [costly] });
    const isUndone = executionId.endsWith('undo');
    const a = work('a', { failures: isUndone ? 1 : 0 }, isUndone ? { dependencies: ['b'] } : { credits: '4', tokens: 50, memoryMB: 64 });
    const b = work('b', {}, { compensate: { tool: 'costly' } });
    const run = world.run(isUndone ? [a, b] : [a], { allocation: { maxTokens: 100 } });
    await world.clock.advanceAsync(500);
    if (executionId === 'run-1') void run.setVariable('x', 1);
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ status: 'failed', resourcesUsed });
    if (executionId === 'run-1') expect(payloadOf(facts, 'tier3/execution/failed', 'a')).toMatchObject({ usage: { creditsUsed: '4' } });
  });

  it('say what it declares, when a step on its own crashed', async () => {
    const fact = ({ type }: { readonly type: string }) => {
      if (type === 'tier3/execution/completed') throw new Error('broken');
    };
    const costly = { name: 'costly', credits: '3', tokens: 7, run: () => 'done' };
    await using world = await startWorld({ faults: { fact }, tools: [costly] });
    const result = await world.runtime.tier3.execute({ input: { stepId: 'a', toolName: 'costly' } });
    expect(result).toMatchObject({ status: 'failed', resourcesUsed: { creditsUsed: '3', tokensUsed: 7 } });
  });

  it('say what it declares, when it was abandoned', async () => {
    const deaf = work('deaf', { deaf: true }, { credits: '4', tokens: 50, memoryMB: 64, timeout: 1_000, onFailure: 'continue' });
    const { result } = await outcomeOf([deaf], { maxTokens: 100 });
    expect(result).toMatchObject({ success: true, resourcesUsed: { creditsUsed: '4', tokensUsed: 50, memoryUsedMB: 64 } });
  });

  it.each([
    ['say what it declares, and what the one costs that takes its place', '6', 40, 'running', { creditsUsed: '6', tokensUsed: 40 }],
    ['never keep the other one from being made', '5', 39, 'running', { creditsUsed: '3', tokensUsed: 20 }],
    ['say it once, when it was being cancelled', '6', 40, 'cancelling', { creditsUsed: '3', tokensUsed: 20 }],
  ])('%s (%s credits, %s tokens, %s)', async (_what, maxCredits, maxTokens, when, resourcesUsed) => {
    await using world = await startWorld();
    const steps = [work('a', { ms: 5_000, deaf: when === 'cancelling' }, { credits: '3', tokens: 20 })];
    const run = world.run(steps, { allocation: { maxCredits, maxTokens } });
    await world.clock.advanceAsync(1_000);
    if (when === 'cancelling') void run.cancel('enough');
    await world.clock.advanceAsync(1);
    const facts = await world.journal.read(run.executionId);
    await using again = await startWorld();
    const { result, facts: told } = await again.finish(await again.runtime.restore(facts));
    expect(result).toMatchObject({ status: when === 'running' ? 'completed' : 'cancelled', resourcesUsed });
    const said = told.filter(({ type }) => type === 'tier3/attempt/interrupted').map(({ payload }) => payload);
    const first = maxCredits === '6' ? { credits: '3', tokens: 20 } : { credits: '0' };
    expect(said).toMatchObject(when === 'running' ? [{ usage: first }] : []);
    expectWithin(told, { maxCredits, maxTokens });
  });
});

describe('the time of a child', () => {
  it('is never more than what is left to those above it', async () => {
    await using world = await startWorld();
    const deep = inner('deep', [work('long', { ms: 60_000 }, { timeout: 50_000 })]);
    const run = world.run([work('first', { ms: 3_000 }), inner('in', [deep], { dependencies: ['first'] })], {
      allocation: { maxDurationMs: 10_000 },
    });
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: false, error: { code: 'RUN_TIMEOUT' }, duration: 10_000 });
    const given = facts.flatMap(({ type, at, payload }) => {
      if (type === 'tier3/execution/started') return [(payload as { dueAt: number }).dueAt];
      return type === 'tier2/routine/started'
        ? [at + (payload as { job: { allocation: ResourceAllocation } }).job.allocation.maxDurationMs]
        : [];
    });
    const began = facts[0]?.at ?? 0;
    expect(given.every((dueAt) => dueAt <= began + 10_000)).toBe(true);
    expect(world.timeline()).toEqual(['first 0-3000', 'long 3000-10000']);
  });
});
