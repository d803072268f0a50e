/** RUN-14: values that steps take from the input and from each other. */

import { describe, expect, it } from 'vitest';
import { startWorld, storyOf } from './start-world.ts';

const give = (id: string, value: unknown, more: object = {}) => ({
  id,
  tool: 'work',
  parameters: { ms: 0, value: value as string },
  ...more,
});

describe('a reference', () => {
  it.each([
    ['text', 'a'],
    ['a number', 4.5],
    ['zero', 0],
    ['false', false],
    ['null', null],
    ['a list', [1, [2, { three: 3 }]]],
    ['an object', { a: { b: null } }],
    ['text that looks like a reference', '${last.result} {{who}}'],
  ])('alone in its text keeps what it refers to as it is: %s', async (_what, value) => {
    await using world = await startWorld();
    const run = world.run([give('first', '{{value}}'), give('last', { all: '${first.result}', input: '{{value}}' })], {
      input: { value, who: 'x' },
    });
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: { all: value, input: value } });
  });

  it('within a text becomes text', async () => {
    await using world = await startWorld();
    const run = world.run([give('first', { n: 1, list: [1, 2] }), give('last', 'n=${first.result.n} list=${first.result.list} {{who}}')], {
      input: { who: 'Ann' },
    });
    expect((await world.finish(run)).result).toMatchObject({ result: 'n=1 list=[1,2] Ann' });
  });

  it('reads a path, an index, a status and an error', async () => {
    await using world = await startWorld();
    const run = world.run([
      give('first', { list: [{ name: 'x' }] }),
      { id: 'bad', tool: 'work', parameters: { ms: 0, failures: 9 }, onFailure: 'continue' },
      give('last', ['${first.result.list[0].name}', '${first.status}', '${first.error}', '${bad.error.errorClass}', '${bad.result}']),
    ]);
    expect((await world.finish(run)).result).toMatchObject({ result: ['x', 'completed', null, 'transient', null] });
  });

  it('makes its step wait for what it reads, without another word', async () => {
    await using world = await startWorld();
    const run = world.run([give('last', '${first.result}'), { id: 'first', tool: 'work', parameters: { ms: 5_000 } }]);
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: 'first' });
    expect(world.startsOf('last')).toEqual([5_000]);
  });

  it('reads null from a skipped step, however deep', async () => {
    await using world = await startWorld();
    const run = world.run([give('off', 1, { when: 'false' }), give('last', { deep: '${off.result.a.b}', status: '${off.status}' })]);
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: { deep: null, status: 'skipped' } });
  });
});

describe('parametersFrom', () => {
  const parametersFrom = ['${one.result}', '${two.result}', '{{defaults}}'];

  it('merges objects in order beneath the parameters, and skips null', async () => {
    const seen: unknown[] = [];
    await using world = await startWorld({ tools: [{ name: 'see', run: (parameters: unknown) => seen.push(parameters) }] });
    const run = world.run(
      [
        give('one', { a: 1, b: 1, c: 1 }),
        give('two', { b: 2 }, { when: 'input.two' }),
        { id: 'last', tool: 'see', parametersFrom, parameters: { c: 'own' } },
      ],
      { input: { defaults: { d: 4, a: 'last' }, two: true } },
    );
    expect((await world.finish(run)).result).toMatchObject({ success: true });
    expect(seen).toEqual([{ a: 'last', b: 2, c: 'own', d: 4 }]);
  });

  it('fails the step where one is no object', async () => {
    await using world = await startWorld();
    const run = world.run([give('one', [1]), { id: 'last', tool: 'work', parametersFrom: ['${one.result}'] }]);
    expect((await world.finish(run)).result).toMatchObject({ success: false, error: { code: 'INVALID_PARAMETER_TYPE', tier: 'tier2' } });
  });
});

describe('a reference that leads nowhere', () => {
  const lost = (more: object = {}) => give('lost', '${first.result.missing.path}', more);

  it.each([
    ['a step', '${nobody.result}'],
    ['an input', '{{nobody}}'],
    ['a field', '${first.value}'],
    ['a path', '${first.result..x}'],
  ])('is refused before anything runs when it names no %s', async (_what, value) => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run([give('first', 1), give('lost', value)]));
    expect(result).toMatchObject({ success: false, error: { code: 'UNRESOLVED_REFERENCE' } });
    expect(world.calls).toEqual([]);
  });

  it('fails its step, which then never starts, and the run', async () => {
    await using world = await startWorld();
    const { result, facts } = await world.finish(world.run([give('first', { a: 1 }), lost({ retries: 3 })]));
    expect(result).toMatchObject({ success: false, error: { code: 'UNRESOLVED_REFERENCE', errorClass: 'validation', tier: 'tier2' } });
    expect(result.error?.message).toContain('${first.result.missing.path}');
    expect(storyOf(facts).filter((line) => line.endsWith(' lost'))).toEqual(['failed lost']);
  });

  it('lets the run go on where the step says continue', async () => {
    await using world = await startWorld();
    const run = world.run([give('first', { a: 1 }), lost({ onFailure: 'continue' }), give('last', '${lost.error.code}')]);
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: 'UNRESOLVED_REFERENCE' });
  });

  it('reads own properties only', async () => {
    for (const path of ['constructor', '__proto__', 'length', 'toString']) {
      await using world = await startWorld();
      const run = world.run([give('first', { a: 1 }), give('lost', `\${first.result.${path}}`)]);
      expect((await world.finish(run)).result).toMatchObject({ success: false, error: { code: 'UNRESOLVED_REFERENCE' } });
    }
  });
});
