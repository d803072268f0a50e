/** RUN-16, CON-2, EXE-5: credits are reserved before a step starts, settled when it ends, and never overspent. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Amounts, Fact, ResourceUsage } from '../../../src/index.ts';
import { DEFAULT_BACKOFF } from '../../../src/machines/protocol/plan.ts';
import { payloadOf, startWorld, statesOf, storyOf } from './start-world.ts';

const eleven = (isChain: boolean) =>
  Array.from({ length: 11 }, (_, n) => ({
    id: `s${n}`,
    tool: 'work',
    credits: '1',
    ...(isChain && n > 0 && { dependencies: [`s${n - 1}`] }),
  }));

const usageOf = (fact: Fact) => (fact.payload as { usage: ResourceUsage }).usage;

/** Whatever is reserved or used, at any fact, is within the budget; at the end nothing is reserved. */
function expectWithinBudget(facts: readonly Fact[], maxCredits: string): void {
  const states = statesOf(facts);
  for (const { reserved, usage } of states) {
    expect(BigInt(reserved.credits) >= 0n).toBe(true);
    expect(BigInt(reserved.credits) + BigInt(usage.creditsUsed) <= BigInt(maxCredits)).toBe(true);
  }
  expect(states.at(-1)?.reserved).toEqual({ credits: '0' });
}

/** No step uses more than it was given, and the run uses what its steps use. */
function expectBooksToAgree(facts: readonly Fact[]): void {
  const given = new Map(
    facts
      .filter(({ type }) => type === 'tier3/execution/started')
      .map(({ executionId, payload }) => [executionId, (payload as { maxCredits: string }).maxCredits]),
  );
  let sum = 0n;
  for (const fact of facts.filter(({ type }) => /^tier3\/execution\/(completed|failed|cancelled)$/.test(type))) {
    const used = BigInt(usageOf(fact).creditsUsed);
    expect(used <= BigInt(given.get(fact.executionId) ?? '0')).toBe(true);
    sum += used;
  }
  const last = facts.at(-1);
  expect(last && usageOf(last).creditsUsed).toBe(sum.toString());
}

describe('a budget that is too small', () => {
  it.each([
    ['a chain', true],
    ['all parallel', false],
  ])('lets ten of eleven steps of 1 credit run on 10 credits, as %s, and fails at the eleventh', async (_what, isChain) => {
    await using world = await startWorld();
    const { result, facts } = await world.finish(world.run(eleven(isChain), { allocation: { maxCredits: '10' } }));
    expect(result).toMatchObject({
      success: false,
      error: { code: 'RESOURCE_EXHAUSTED', tier: 'tier2', context: { stepId: 's10', maxCredits: '10', creditsUsed: '10' } },
      resourcesUsed: { creditsUsed: '10', stepsExecuted: 10 },
    });
    expect(world.calls).toHaveLength(10);
    expect(storyOf(facts).filter((line) => line.startsWith('completed'))).toHaveLength(10);
    expectWithinBudget(facts, '10');
  });

  it('makes a step wait for credits that running steps may return', async () => {
    await using world = await startWorld();
    const run = world.run(
      [
        { id: 'a', tool: 'work', credits: '1', retry: { maxRetries: 3, backoff: { baseMs: 1_000 } } },
        { id: 'b', tool: 'work', credits: '4' },
      ],
      { allocation: { maxCredits: '5' } },
    );
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: true, resourcesUsed: { creditsUsed: '5' } });
    expect(world.timeline()).toEqual(['a 0-1000', 'b 1000-2000']);
    expectWithinBudget(facts, '5');
  });

  it('lets steps that cost nothing run on nothing', async () => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run([{ id: 'free', tool: 'work' }], { allocation: { maxCredits: '0' } }));
    expect(result).toMatchObject({ success: true, resourcesUsed: { creditsUsed: '0', stepsExecuted: 1 } });
  });

  it.each(['-1', '1.5', 'ten', ''])('refuses an allocation of %j credits before anything starts', async (maxCredits) => {
    await using world = await startWorld();
    expect(() => world.run(eleven(true), { allocation: { maxCredits } })).toThrow(/maxCredits/);
    expect(world.calls).toEqual([]);
  });
});

describe('shares of the budget', () => {
  it('gives the first of ten equal steps a tenth, and returns what a step does not use', async () => {
    await using world = await startWorld();
    const steps = Array.from({ length: 10 }, (_, n) => ({ id: `s${n}`, tool: 'work', ...(n > 0 && { dependencies: [`s${n - 1}`] }) }));
    const { facts } = await world.finish(world.run(steps, { allocation: { maxCredits: '100' } }));
    const reserved = facts
      .filter(({ type }) => type === 'tier2/step/started')
      .map(({ payload }) => (payload as { reserved: Amounts }).reserved.credits);
    expect(reserved).toEqual(['10', '11', '12', '14', '16', '20', '25', '33', '50', '100']);
    expectWithinBudget(facts, '100');
  });

  it('gives a step alone the whole budget', async () => {
    await using world = await startWorld();
    const { facts } = await world.finish(world.run([{ id: 'only', tool: 'work' }], { allocation: { maxCredits: '1000' } }));
    expect(payloadOf(facts, 'tier3/execution/started', 'only')['maxCredits']).toBe('1000');
  });

  it('counts amounts of 10^30 to the last credit', async () => {
    await using world = await startWorld();
    const huge = (10n ** 30n).toString();
    const run = world.run(
      [
        { id: 'a', tool: 'work', credits: huge },
        { id: 'b', tool: 'work', credits: '1', dependencies: ['a'], parameters: { spend: '6' } },
      ],
      { allocation: { maxCredits: (10n ** 30n + 7n).toString() } },
    );
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: true, resourcesUsed: { creditsUsed: (10n ** 30n + 7n).toString() } });
    expectBooksToAgree(facts);
  });
});

describe('what attempts cost', () => {
  it('pays for every attempt', async () => {
    await using world = await startWorld();
    const retry = { maxRetries: 2, backoff: { baseMs: 100 } };
    const run = world.run([{ id: 'a', tool: 'work', credits: '3', retry, parameters: { failures: 2 } }], {
      allocation: { maxCredits: '9' },
    });
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: true, resourcesUsed: { creditsUsed: '9', stepsExecuted: 1 } });
    expectBooksToAgree(facts);
  });

  it('stops trying when the next attempt cannot be paid', async () => {
    await using world = await startWorld();
    const retry = { maxRetries: 5, backoff: { baseMs: 100 } };
    const run = world.run([{ id: 'a', tool: 'work', credits: '3', retry, parameters: { failures: 9 } }], {
      allocation: { maxCredits: '8' },
    });
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: false, error: { code: 'RESOURCE_EXHAUSTED' }, resourcesUsed: { creditsUsed: '6' } });
    expect(world.calls).toHaveLength(2);
    expectBooksToAgree(facts);
  });

  it('reserves for the retries of an error class as for a step’s own', async () => {
    const recovery = { transient: { maxRetries: 1, backoff: DEFAULT_BACKOFF } };
    await using world = await startWorld({ recovery });
    const run = world.run(
      [
        { id: 'a', tool: 'work', credits: '1', parameters: { failures: 1 } },
        { id: 'b', tool: 'work', credits: '1', dependencies: ['a'] },
      ],
      { allocation: { maxCredits: '3' } },
    );
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: true, resourcesUsed: { creditsUsed: '3' } });
    expectWithinBudget(facts, '3');
  });

  it('aborts a step that spends beyond its allocation, and tries it no more', async () => {
    await using world = await startWorld();
    const retry = { maxRetries: 3, backoff: { baseMs: 100 } };
    const run = world.run([{ id: 'a', tool: 'work', credits: '1', retry, parameters: { spend: '10' } }], {
      allocation: { maxCredits: '10' },
    });
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: false, error: { code: 'RESOURCE_EXHAUSTED', tier: 'tier3', retryable: false } });
    expect(world.calls).toMatchObject([{ attempt: 1, aborted: 'RESOURCE_EXHAUSTED' }]);
    expectBooksToAgree(facts);
  });

  it('aborts a step even when its tool swallows the refusal', async () => {
    const greedy = {
      name: 'greedy',
      run: (_: unknown, { spend, signal }: { spend: (usage: { credits: string }) => void; signal: AbortSignal }) => {
        try {
          spend({ credits: '11' });
        } catch {
          return { aborted: signal.aborted };
        }
        return null;
      },
    };
    await using world = await startWorld({ tools: [greedy] });
    const run = world.run([{ id: 'a', tool: 'greedy' }], { allocation: { maxCredits: '10' } });
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ success: false, error: { code: 'RESOURCE_EXHAUSTED' } });
  });

  it('aborts a step that takes more memory than allowed, and books the peak of what it was granted', async () => {
    const hungry = {
      name: 'hungry',
      run: (_: unknown, { spend }: { spend: (usage: { memoryMB: number }) => void }) => {
        spend({ memoryMB: 100 });
        spend({ memoryMB: 50 });
        spend({ memoryMB: 600 });
        return null;
      },
    };
    await using world = await startWorld({ tools: [hungry] });
    const run = world.run([{ id: 'a', tool: 'hungry' }], { allocation: { maxMemoryMB: 512 } });
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ success: false, error: { code: 'RESOURCE_EXHAUSTED' } });
    expect(result.resourcesUsed.memoryUsedMB).toBeLessThanOrEqual(512);
  });

  it('keeps what a failed and what an abandoned step have used', async () => {
    await using world = await startWorld();
    const run = world.run([
      { id: 'deaf', tool: 'work', credits: '4', timeout: 1_000, parameters: { deaf: true }, onFailure: 'continue' },
      { id: 'broken', tool: 'work', credits: '2', parameters: { failures: 9, spend: '1' }, onFailure: 'continue' },
    ]);
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: true, resourcesUsed: { creditsUsed: '7' } });
    expectBooksToAgree(facts);
  });
});

describe('any small workflow on any budget', () => {
  const step = fc.record({
    after: fc.array(fc.nat(6), { maxLength: 2 }),
    credits: fc.nat(5),
    retries: fc.nat(2),
    failures: fc.nat(3),
    ms: fc.constantFrom(0, 500, 1_000, 3_000),
    spend: fc.nat(4),
    fate: fc.constantFrom('stop', 'continue', 'deaf', 'fallback'),
    group: fc.boolean(),
  });
  const story = fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 7 }),
    maxCredits: fc.nat(40),
    maxConcurrentSteps: fc.integer({ min: 1, max: 4 }),
    maxDurationMs: fc.constantFrom(2_500, 60_000),
  });

  it('uses at most what it was given, books the sum of its steps, and always ends', async () => {
    await fc.assert(
      fc.asyncProperty(story, async ({ steps, maxCredits, maxConcurrentSteps, maxDurationMs }) => {
        await using world = await startWorld({}, { breaker: false });
        const definitions = steps.map(({ after, credits, retries, failures, ms, spend, fate, group }, n) => {
          const work = {
            id: group ? `in${n}` : `s${n}`,
            tool: 'work',
            credits: String(credits),
            timeout: 2_000,
            retry: { maxRetries: retries, backoff: { baseMs: 100 } },
            onFailure: fate === 'continue' ? ('continue' as const) : ('stop' as const),
            fallbacks: fate === 'fallback' ? [{ action: 'use-tool' as const, tool: 'other', parameters: { ms: 100 } }] : [],
            parameters: { ms, failures, deaf: fate === 'deaf', ...(spend > 0 && { spend: String(spend) }) },
          };
          const dependencies = [...new Set(after.filter((other) => other < n))].map((other) => `s${other}`);
          return group ? { id: `s${n}`, type: 'parallel' as const, dependencies, steps: [work] } : { ...work, dependencies };
        });
        const allocation = { maxCredits: String(maxCredits), maxConcurrentSteps, maxDurationMs };
        const { result, facts } = await world.finish(world.run(definitions, { allocation }));
        expect(BigInt(result.resourcesUsed.creditsUsed) <= BigInt(maxCredits)).toBe(true);
        expectWithinBudget(facts, String(maxCredits));
        expectBooksToAgree(facts);
        expect(Math.max(...statesOf(facts).map(({ live }) => live))).toBeLessThanOrEqual(maxConcurrentSteps);
      }),
      { numRuns: 100 },
    );
  });
});
