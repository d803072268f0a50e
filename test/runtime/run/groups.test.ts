/** RUN-7, RUN-8, K6: parallel and conditional steps, `when`, and what a failure within them means. */

import { describe, expect, it } from 'vitest';
import type { ConditionScope } from '../../../src/machines/protocol/step.ts';
import { payloadOf, startWorld, statesOf, storyOf } from './start-world.ts';

const work = (id: string, ms = 1_000, more: object = {}) => ({ id, tool: 'work', parameters: { ms }, ...more });
const broken = (id: string, ms = 1_000, more: object = {}) => ({ id, tool: 'work', parameters: { ms, failures: 99 }, ...more });
const reads = (id: string) => ({
  id: 'reader',
  tool: 'work',
  parameters: { value: { result: `\${${id}.result}`, status: `\${${id}.status}` } },
});
const parallel = (steps: object[], more: object = {}) => ({ id: 'group', type: 'parallel' as const, steps: steps as [], ...more });

describe('a parallel step', () => {
  it('runs its branches at once and lists what became of each, in the order of declaration', async () => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run([parallel([work('slow', 3_000), work('quick', 1_000), work('third', 2_000)])]));
    expect(result).toMatchObject({ success: true, duration: 3_000 });
    expect(result.result).toEqual([
      { stepId: 'slow', status: 'completed', value: 'slow', error: null },
      { stepId: 'quick', status: 'completed', value: 'quick', error: null },
      { stepId: 'third', status: 'completed', value: 'third', error: null },
    ]);
    expect(world.calls.map(({ from }) => from)).toEqual([0, 0, 0]);
  });

  it('collects: its siblings finish, then it has failed and names each failed branch', async () => {
    await using world = await startWorld();
    const run = world.run([
      parallel([broken('bad', 1_000), work('slow', 5_000), broken('worse', 2_000)]),
      { ...work('after'), dependencies: ['group'] },
    ]);
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({
      success: false,
      duration: 5_000,
      error: {
        code: 'BRANCH_FAILED',
        tier: 'tier2',
        retryable: false,
        context: {
          stepId: 'group',
          branches: [
            { stepId: 'bad', code: 'EXECUTION_FAILED' },
            { stepId: 'worse', code: 'EXECUTION_FAILED' },
          ],
        },
      },
    });
    expect(world.timeline()).toEqual(['bad 0-1000', 'slow 0-5000', 'worse 0-2000']);
    expect(storyOf(facts)).toContain('completed slow');
  });

  it('names ten of its failed branches and counts the rest', async () => {
    await using world = await startWorld();
    const steps = Array.from({ length: 100 }, (_, n) => broken(`s${n}`));
    const { result } = await world.finish(world.run([parallel(steps)]));
    expect(result.error?.message).toMatch(/^100 of 100 branches .*"s9": [^"]*; and 90 more$/);
    expect(result.error?.context?.['branches']).toHaveLength(10);
  });

  it('fails fast also when the process ends before its siblings hear of it', async () => {
    await using world = await startWorld();
    const group = parallel([broken('bad', 1_000), work('slow', 20_000)], { onBranchFailure: 'fail-fast' });
    const { facts } = await world.finish(world.run([group]));
    const end = facts.findIndex(({ type }) => type === 'tier2/step/failed');
    await using again = await startWorld();
    const { result } = await again.finish(await again.runtime.restore(facts.slice(0, end + 1)));
    expect(result.error?.code).toBe('BRANCH_FAILED');
    expect(again.calls.every(({ aborted }) => aborted === 'CANCELLED')).toBe(true);
  });

  it('fails fast: its siblings are aborted or never start', async () => {
    await using world = await startWorld();
    const steps = [broken('bad', 1_000), work('slow', 5_000), work('queued'), { ...work('later'), dependencies: ['slow'] }];
    const run = world.run([parallel(steps, { onBranchFailure: 'fail-fast', maxConcurrency: 2 })]);
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({
      success: false,
      duration: 1_000,
      error: { code: 'BRANCH_FAILED', context: { branches: [{ stepId: 'bad' }] } },
    });
    expect(world.calls).toMatchObject([{ step: 'bad' }, { step: 'slow', to: 1_000, aborted: 'CANCELLED' }]);
    expect(payloadOf(facts, 'tier2/step/cancelled', 'slow')['reason']).toBe('sibling-failed');
    expect(payloadOf(facts, 'tier2/step/skipped', 'queued')['reason']).toBe('sibling-failed');
    expect(payloadOf(facts, 'tier2/step/skipped', 'later')['reason']).toBe('sibling-failed');
  });

  it('goes on when a branch says continue, and reports its failure in the list', async () => {
    await using world = await startWorld();
    const run = world.run([parallel([broken('bad', 1_000, { onFailure: 'continue' }), work('good')], { onBranchFailure: 'fail-fast' })]);
    const { result } = await world.finish(run);
    expect(result).toMatchObject({
      success: true,
      result: [
        { stepId: 'bad', status: 'failed', value: null, error: { code: 'EXECUTION_FAILED' } },
        { stepId: 'good', status: 'completed', value: 'good', error: null },
      ],
    });
  });

  it('lets the run go on when it says continue itself', async () => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run([parallel([broken('bad')], { onFailure: 'continue' }), reads('group')]));
    expect(result).toMatchObject({ success: true, result: { result: null, status: 'failed' } });
  });

  it('skips what depends on a failed branch within it, and lets the rest finish', async () => {
    await using world = await startWorld();
    const steps = [
      broken('bad'),
      { ...work('a'), dependencies: ['bad'] },
      { ...work('b'), dependencies: ['a'] },
      work('free'),
      { ...work('c'), dependencies: ['free'] },
    ];
    const { result, facts } = await world.finish(world.run([parallel(steps)]));
    expect(result).toMatchObject({ success: false, duration: 2_000 });
    expect(storyOf(facts).filter((line) => line.startsWith('skipped'))).toEqual(['skipped a', 'skipped b']);
    expect(storyOf(facts)).toContain('completed c');
  });

  it.each([1, 2, 3])('runs at most maxConcurrency = %i of its branches at once', async (maxConcurrency) => {
    await using world = await startWorld();
    const steps = Array.from({ length: 6 }, (_, n) => work(`b${n}`));
    const { result, facts } = await world.finish(world.run([parallel(steps, { maxConcurrency }), work('beside', 500)]));
    expect(result).toMatchObject({ success: true, duration: (6 / maxConcurrency) * 1_000 });
    const peak = Math.max(...statesOf(facts).map(({ records }) => records.get(0)?.activeChildren ?? 0));
    expect(peak).toBe(maxConcurrency);
    expect(world.calls.filter(({ step }) => step.startsWith('b') && step !== 'beside').map(({ step }) => step)).toEqual(
      steps.map(({ id }) => id),
    );
  });

  it('gives the place of a failed or skipped branch to the next one', async () => {
    await using world = await startWorld();
    const steps = [broken('bad'), work('off', 1_000, { when: 'false' }), work('last')];
    const { facts } = await world.finish(world.run([parallel(steps, { maxConcurrency: 1 })]));
    expect(world.startsOf('last')).toEqual([1_000]);
    expect(storyOf(facts)).toContain('completed last');
  });

  it('orders its branches by what they depend on', async () => {
    await using world = await startWorld();
    const steps = [{ ...work('end'), dependencies: ['left', 'right'] }, work('left', 1_000), work('right', 3_000)];
    const { result } = await world.finish(world.run([parallel(steps)]));
    expect(result).toMatchObject({ success: true, duration: 4_000, result: [{ value: 'end' }, { value: 'left' }, { value: 'right' }] });
  });

  it('starts nothing when its own condition does not hold', async () => {
    await using world = await startWorld();
    const run = world.run([parallel([work('a')], { when: 'input.wanted' }), reads('group')], { input: { wanted: false } });
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: { result: null, status: 'skipped' } });
    expect(world.startsOf('a')).toEqual([]);
  });

  it('waits for the steps that its condition reads, and runs when it holds', async () => {
    await using world = await startWorld();
    const run = world.run([
      work('first', 2_000),
      parallel([work('a'), work('b')], { when: "steps.first.result == 'first'", maxConcurrency: 1 }),
    ]);
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: true, result: [{ value: 'a' }, { value: 'b' }] });
    expect(world.timeline()).toEqual(['first 0-2000', 'a 2000-3000', 'b 3000-4000']);
    expect(storyOf(facts).filter((line) => line.endsWith(' group'))).toEqual(['started group', 'branched group', 'completed group']);
  });

  it('fails, and starts nothing, when its condition does', async () => {
    await using world = await startWorld();
    const run = world.run([work('first'), parallel([work('a')], { when: 'steps.first.result > 1' })]);
    expect((await world.finish(run)).result).toMatchObject({ success: false, error: { code: 'CONDITION_FAILED' } });
    expect(world.startsOf('a')).toEqual([]);
  });
});

describe('nested groups', () => {
  const inner = (steps: object[], more: object = {}) => ({ ...parallel(steps, more), id: 'inner' });

  it('nest their lists', async () => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run([parallel([inner([work('x'), work('y', 2_000)]), work('z', 3_000)])]));
    expect(result).toMatchObject({
      success: true,
      duration: 3_000,
      result: [
        { stepId: 'inner', status: 'completed', value: [{ value: 'x' }, { value: 'y' }] },
        { stepId: 'z', value: 'z' },
      ],
    });
  });

  it('hand a failure outwards, level by level', async () => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run([parallel([inner([broken('x'), work('y', 2_000)]), work('z', 3_000)])]));
    expect(result).toMatchObject({
      success: false,
      duration: 3_000,
      error: { code: 'BRANCH_FAILED', context: { branches: [{ stepId: 'inner', code: 'BRANCH_FAILED' }] } },
    });
  });

  it('are aborted as a whole by a failing sibling', async () => {
    await using world = await startWorld();
    const steps = [broken('bad'), inner([work('x', 9_000), { ...work('y'), dependencies: ['x'] }])];
    const { result, facts } = await world.finish(
      world.run([parallel(steps, { onBranchFailure: 'fail-fast' }), { ...work('beside', 5_000) }]),
    );
    expect(result).toMatchObject({
      success: false,
      duration: 1_000,
      error: { code: 'BRANCH_FAILED', context: { branches: [{ stepId: 'bad' }] } },
    });
    expect(storyOf(facts)).toEqual(expect.arrayContaining(['cancelled x', 'skipped y', 'cancelled inner']));
  });

  it('settle although none of their steps had started when a sibling failed', async () => {
    await using world = await startWorld();
    const group = parallel([broken('bad'), inner([work('x'), work('y')])], { onBranchFailure: 'fail-fast', onFailure: 'continue' });
    const { result, facts } = await world.finish(world.run([group, reads('group')], { allocation: { maxConcurrentSteps: 1 } }));
    expect(result).toMatchObject({ success: true, duration: 2_000, result: { result: null, status: 'failed' } });
    expect(storyOf(facts)).toEqual(expect.arrayContaining(['skipped x', 'skipped y', 'cancelled inner']));
  });

  it('settle although their only step waits for a person when a sibling fails', async () => {
    await using world = await startWorld();
    const asked = broken('asked', 1_000, { fallbacks: [{ action: 'escalate-to-human' }] });
    const group = parallel([broken('bad', 5_000), inner([asked])], { onBranchFailure: 'fail-fast', onFailure: 'continue' });
    const { result, facts } = await world.finish(world.run([group, reads('group')]));
    expect(result).toMatchObject({ success: true, result: { result: null, status: 'failed' } });
    expect(storyOf(facts)).toEqual(expect.arrayContaining(['cancelled asked', 'cancelled inner']));
  });

  it('wait as a whole for what one of their steps reads outside, and are waited for as a whole', async () => {
    await using world = await startWorld();
    const group = parallel([work('x', 1_000), { id: 'y', tool: 'work', parameters: { value: '${first.result}' } }]);
    const after = { id: 'after', tool: 'work', parameters: { value: '${x.result}' } };
    const { result } = await world.finish(world.run([work('first', 2_000), group, after]));
    expect(world.startsOf('x')).toEqual([2_000]);
    expect(world.startsOf('after')).toEqual([3_000]);
    expect(result).toMatchObject({ success: true, result: 'x' });
  });
});

describe('a conditional step', () => {
  const choice = (condition: unknown, more: object = {}) => ({
    id: 'choice',
    type: 'conditional' as const,
    condition: condition as string,
    then: [work('yes')],
    else: [work('no')],
    ...more,
  });

  it.each([
    ['an expression over the input', 'input.n > 3'],
    ['an expression over a step', 'steps.first.result.n == 5'],
    ['a step’s result', { type: 'step-result', stepId: 'first', path: 'n', operator: '>=', value: 5 }],
    ['a handler', { type: 'custom', handler: 'isBig', steps: ['first'] }],
  ])('takes its branch by %s', async (_what, condition) => {
    for (const [n, expected] of [
      [5, 'yes'],
      [2, 'no'],
    ] as const) {
      const isBig = async ({ steps }: ConditionScope) => Number((steps['first']?.result as { n?: number } | undefined)?.n) > 3;
      await using world = await startWorld({ conditions: { isBig } });
      const first = { id: 'first', tool: 'work', parameters: { value: { n: '{{n}}' } } };
      const { result, facts } = await world.finish(world.run([first, choice(condition, { dependencies: ['first'] })], { input: { n } }));
      expect(result).toMatchObject({ success: true, result: expected });
      const other = expected === 'yes' ? 'no' : 'yes';
      expect(world.startsOf(other)).toEqual([]);
      expect(payloadOf(facts, 'tier2/step/skipped', other)['reason']).toBe('branch-not-taken');
    }
  });

  it('without else yields null where it does not hold', async () => {
    await using world = await startWorld();
    const run = world.run([choice('false', { else: undefined }), reads('choice')]);
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: { result: null, status: 'completed' } });
  });

  it('yields the result of its branch’s last step, and a map when that has several ends', async () => {
    await using world = await startWorld();
    const chain = [work('one'), { id: 'two', tool: 'work', parameters: { value: ['${one.result}'] } }];
    const chained = await world.finish(world.run([choice('true', { then: chain })]));
    expect(chained.result).toMatchObject({ success: true, result: ['one'] });
    const ends = await world.finish(world.run([choice('true', { then: [work('one'), work('two')] })]));
    expect(ends.result).toMatchObject({ success: true, result: { one: 'one', two: 'two' } });
  });

  it('fails with the error of the step that failed in its branch', async () => {
    await using world = await startWorld();
    const run = world.run([choice('true', { then: [broken('bad'), work('slow', 9_000)] })]);
    expect((await world.finish(run)).result).toMatchObject({
      success: false,
      duration: 1_000,
      error: { code: 'EXECUTION_FAILED', tier: 'tier3' },
    });
  });

  it('takes its branch also when it was paused between two attempts at its condition', async () => {
    let asked = 0;
    const conditions = { unsure: () => (asked++ === 0 ? new Promise<boolean>(() => {}) : true) };
    await using world = await startWorld({ conditions });
    const run = world.run([choice({ type: 'custom', handler: 'unsure' }, { timeout: 1_000, retries: 1 })]);
    await world.clock.advanceAsync(500);
    await run.pause();
    await world.clock.advanceAsync(10_000);
    expect(run.status).toBe('paused');
    await run.resume();
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: 'yes' });
  });

  it('nests', async () => {
    await using world = await startWorld();
    const inside = { ...choice('input.n == 2', { then: [work('two')], else: [work('three')] }), id: 'inside' };
    const run = world.run([choice('input.n == 1', { else: [inside] })], { input: { n: 2 } });
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: true, result: 'two' });
    expect(storyOf(facts).filter((line) => line.startsWith('skipped'))).toEqual(['skipped yes', 'skipped three']);
  });

  it.each([
    ['an expression over nothing', 'steps.first.result.missing.deeper == 1'],
    ['an expression without a truth value', 'steps.first.result'],
    ['a comparison without an order', { type: 'step-result', stepId: 'first', operator: 'gt', value: 3 }],
    ['a handler that throws', { type: 'custom', handler: 'throws' }],
    ['a handler that does not answer yes or no', { type: 'custom', handler: 'maybe' }],
  ])('fails with CONDITION_FAILED, untried again, for %s', async (_what, condition) => {
    let asked = 0;
    const conditions = {
      throws: () => {
        asked++;
        throw new Error('no idea');
      },
      maybe: () => ++asked as unknown as boolean,
    };
    await using world = await startWorld({ conditions });
    const first = { id: 'first', tool: 'work', parameters: { value: { n: 1 } } };
    const { result } = await world.finish(world.run([first, choice(condition, { dependencies: ['first'], retries: 3 })]));
    expect(result).toMatchObject({ success: false, error: { code: 'CONDITION_FAILED', errorClass: 'validation', tier: 'tier3' } });
    expect(asked).toBeLessThanOrEqual(1);
    expect(world.startsOf('yes')).toEqual([]);
  });

  it('may make up for a condition that fails', async () => {
    await using world = await startWorld();
    const fallbacks = [{ on: 'CONDITION_FAILED', action: 'use-value', value: 'by default' }];
    const run = world.run([work('first'), choice('steps.first.result.x == 1', { dependencies: ['first'], fallbacks }), reads('choice')]);
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: { result: 'by default' } });
  });

  it('times out when a handler does not answer', async () => {
    await using world = await startWorld({ conditions: { never: () => new Promise<boolean>(() => {}) } });
    const run = world.run([choice({ type: 'custom', handler: 'never' }, { timeout: 2_000 })]);
    expect((await world.finish(run)).result).toMatchObject({
      success: false,
      error: { code: 'STEP_TIMEOUT', context: { timeout: 2_000 } },
    });
  });
});

describe('when', () => {
  it('skips a step where it does not hold; dependents go on with null', async () => {
    await using world = await startWorld();
    const run = world.run([work('a', 1_000, { when: 'input.wanted' }), reads('a')], { input: { wanted: false } });
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: true, result: { result: null, status: 'skipped' }, resourcesUsed: { stepsExecuted: 1 } });
    expect(payloadOf(facts, 'tier2/step/skipped', 'a')['reason']).toBe('condition');
    expect(world.startsOf('a')).toEqual([]);
  });

  it('costs nothing where the step is skipped', async () => {
    await using world = await startWorld();
    const run = world.run([work('a', 1_000, { when: 'false', credits: '7' })], { allocation: { maxCredits: '7' } });
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: null, resourcesUsed: { creditsUsed: '0' } });
  });

  it('needs all of its conditions', async () => {
    await using world = await startWorld();
    const run = world.run([work('a', 1_000, { when: ['true', 'input.n == 1'] }), work('b', 1_000, { when: ['true', 'input.n == 2'] })], {
      input: { n: 1 },
    });
    expect((await world.finish(run)).result).toMatchObject({ result: { a: 'a', b: null } });
  });

  it('waits for the steps that it reads', async () => {
    await using world = await startWorld();
    const run = world.run([work('first', 4_000), work('a', 1_000, { when: "steps.first.status == 'completed'" })]);
    await world.finish(run);
    expect(world.startsOf('a')).toEqual([4_000]);
  });

  it('that fails, fails the step as its policy says', async () => {
    await using world = await startWorld();
    const run = world.run([work('first'), work('a', 1_000, { when: 'steps.first.result > 1', onFailure: 'continue' }), reads('a')]);
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: true, result: { status: 'failed' } });
    expect(payloadOf(facts, 'tier2/step/failed', 'a')).toMatchObject({ error: { code: 'CONDITION_FAILED' } });
  });

  it('skips every step of a skipped conditional', async () => {
    await using world = await startWorld();
    const choice = {
      id: 'choice',
      type: 'conditional' as const,
      when: 'false',
      condition: 'true',
      then: [parallel([work('a'), work('b')])],
    };
    const { result, facts } = await world.finish(world.run([choice, reads('choice')]));
    expect(result).toMatchObject({ success: true, result: { status: 'skipped' } });
    expect(storyOf(facts).filter((line) => line.startsWith('skipped'))).toEqual([
      'skipped choice',
      'skipped group',
      'skipped a',
      'skipped b',
    ]);
  });
});
