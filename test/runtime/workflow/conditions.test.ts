import { describe, expect, it } from 'vitest';
import type { Json } from '../../../src/machines/protocol/execution.ts';
import type { Condition } from '../../../src/machines/protocol/plan.ts';
import type { ConditionScope } from '../../../src/machines/protocol/step.ts';
import { CEL_LIMITS, compileCel } from '../../../src/runtime/workflow/cel.ts';
import { evaluateCondition } from '../../../src/runtime/workflow/conditions.ts';

const scope: ConditionScope = {
  input: {
    n: 5,
    half: 0.5,
    name: 'Ada',
    huge: 2 ** 60,
    nothing: null,
    list: [1, 2, 3],
    files: Array.from({ length: 1_000 }, (_, n) => ({ n, path: `f${n}` })),
  },
  steps: {
    a: { status: 'completed', result: { n: 5, tags: ['x'] }, error: null },
    'b-2': { status: 'failed', result: null, error: { code: 'STEP_TIMEOUT', message: 'too slow' } },
  },
};
const expression = (source: string): Condition => ({ type: 'expression', expression: source, steps: [] });
const holds = (source: string): Promise<boolean> => evaluateCondition(expression(source), scope);

describe('a CEL condition', () => {
  it.each([
    'steps.a.result.n > 1',
    'steps.a.result.n > 1.0',
    'steps.a.result.n == 5',
    '1 + input.n == 6',
    'input.n - 1.5 == 3.5',
    'input.n % 2 == 1',
    'input.n / 2 == 2.5',
    'input.huge * 2 > 1',
    'input.list[0] == 1 && 3 in input.list',
    'size(input.list) > input.half',
    'steps["b-2"].error.code == "STEP_TIMEOUT"',
    'steps.a.status == "completed" && steps.a.error == null',
    '!has(steps.a.result.missing)',
    'input.nothing == null',
    'input.files.exists(f, f.n == 999 && f.path.endsWith("9"))',
    'input.files.filter(f, f.n > input.n).size() == 994',
    'input.name.like("^A.a$")',
    'input.name.like("(a+)+$")',
  ])('%s holds', async (source) => {
    expect(await holds(source)).toBe(true);
  });

  it.each([
    ['input.missing == 1', 'The condition "input.missing == 1" failed: No such key: missing'],
    ['input.n', 'The condition "input.n" failed: A condition must be true or false; this yielded number.'],
    ['input["constructor"] == 1', 'failed: No such key: constructor'],
    ['input.name.like("(")', 'failed: error parsing regexp: missing closing )'],
    ['input.name.like("a(?=b)")', 'failed: error parsing regexp: invalid or unsupported Perl syntax'],
    ['9223372036854775807 + 1 > 0', 'failed: integer overflow'],
    ['1 / 0 == 1', 'failed: division by zero'],
    ['input.name > 1', 'failed: no such overload'],
  ])('%s fails with its cause', async (source, message) => {
    await expect(holds(source)).rejects.toMatchObject({
      code: 'CONDITION_FAILED',
      errorClass: 'validation',
      message: expect.stringContaining(message),
    });
  });

  it('names the steps and inputs that it reads', () => {
    const { steps, inputs } = compileCel('steps.a.result.n > 1 || (steps["b-2"].status == input.status && input["x y"] == 1)');
    expect(steps).toEqual(['a', 'b-2']);
    expect(inputs).toEqual(['status', 'x y']);
  });
});

describe('the gate refuses', () => {
  it.each([
    ['a long source', `"${'a'.repeat(CEL_LIMITS.source)}" == ""`, 'longer than 2000 characters'],
    ['many nodes', `${'1+'.repeat(600)}1 > 0`, 'maxAstNodes'],
    ['deep nesting', `${'('.repeat(30)}true${')'.repeat(30)}`, 'maxDepth'],
    ['many negations', `${'!'.repeat(1_900)}true`, 'max'],
    ['a long list', `1 in [${'1,'.repeat(120)}1]`, 'maxListElements'],
    ['a macro within a macro', 'input.list.all(x, input.list.all(y, x == y))', 'within another macro'],
    ['five macros', Array.from({ length: 5 }, () => 'input.list.all(x, true)').join(' && '), 'More than 4 macros'],
    ['bind, which doubles', 'cel.bind(x, [1, 1], x.size() == 2)', 'bind() is not allowed'],
    ['a backtracking regular expression', 'input.name.matches("(a+)+$")', 'use like()'],
    ['what is no boolean', '1 + 1', 'this is int'],
    ['an unknown variable', 'process == 1', 'Unknown variable: process'],
    ['an unknown function', 'input.name.eval()', 'no matching overload'],
    ['a step chosen at run time', 'steps[input.name].result == 1', 'steps must be read by name'],
    ['all steps at once', 'steps.all(s, true)', 'steps must be read by name'],
    ['another meaning of steps', 'input.list.all(steps, steps.a == 1)', 'cannot be the variable'],
    ['a field that steps lack', 'steps.a.output == 1', 'no "output"'],
    ['broken syntax', 'input.n >', 'at character 10'],
  ])('%s', (_, source, message) => {
    expect(() => compileCel(source)).toThrow(message);
  });

  it('work that grows with the product of two lists, before doing it', async () => {
    await expect(holds('input.files.all(f, f in input.files)')).rejects.toThrow('go through too much data');
    const long: ConditionScope = { input: { rows: Array.from({ length: 200 }, () => 'a'.repeat(10_000)) }, steps: {} };
    await expect(evaluateCondition(expression('input.rows.all(r, r.like("(a*)*b"))'), long)).rejects.toThrow('go through too much data');
  });

  it('a pattern over 200 characters', async () => {
    await expect(holds(`input.name.like("${'a'.repeat(201)}")`)).rejects.toThrow('longer than 200 characters');
  });
});

describe('a condition on the result of a step', () => {
  const on = (operator: string, path: readonly string[], value?: Json): Promise<boolean> =>
    evaluateCondition({ type: 'step-result', stepId: 'a', operator, path, ...(value !== undefined && { value }) } as Condition, scope);

  it.each<[string, readonly string[], Json | undefined, boolean]>([
    ['eq', ['n'], 5, true],
    ['eq', ['n'], '5', false],
    ['eq', [], { tags: ['x'], n: 5 }, true],
    ['eq', ['missing'], null, false],
    ['ne', ['n'], '5', true],
    ['ne', ['missing'], 1, true],
    ['gt', ['n'], 4, true],
    ['gte', ['n'], 5, true],
    ['lt', ['n'], 5, false],
    ['lte', ['n'], 5, true],
    ['lt', ['tags', '0'], 'y', true],
    ['exists', ['tags'], undefined, true],
    ['exists', ['constructor'], undefined, false],
    ['contains', ['tags'], 'x', true],
    ['contains', [], 'n', true],
    ['contains', [], 'constructor', false],
    ['contains', ['tags', '0'], 'x', true],
  ])('%s %j %j is %j', async (operator, path, value, expected) => {
    expect(await on(operator, path, value)).toBe(expected);
  });

  it('fails rather than order values of different types', async () => {
    await expect(on('gt', ['n'], '4')).rejects.toThrow('a value of type number and a value of type string have no order');
    await expect(on('contains', ['n'], 1)).rejects.toThrow('a value of type number cannot contain a value of type number');
  });
});

describe('a handler from the configuration', () => {
  const custom = (handler: string): Condition => ({ type: 'custom', handler, steps: ['a'] });

  it('sees the scope and answers, at once or later', async () => {
    expect(await evaluateCondition(custom('h'), scope, { h: ({ steps }) => steps['a']?.status === 'completed' })).toBe(true);
    expect(await evaluateCondition(custom('h'), scope, { h: () => Promise.resolve(false) })).toBe(false);
  });

  it('fails when it is missing, throws, or answers anything else', async () => {
    await expect(evaluateCondition(custom('toString'), scope)).rejects.toThrow(
      'The condition handler "toString" failed: there is no such handler',
    );
    await expect(evaluateCondition(custom('h'), scope, { h: () => 1 as unknown as boolean })).rejects.toThrow(
      'it answered number, not true or false',
    );
    const thrown = evaluateCondition(custom('h'), scope, {
      h: () => {
        throw new Error('no network');
      },
    });
    await expect(thrown).rejects.toMatchObject({ code: 'CONDITION_FAILED', message: 'The condition handler "h" failed: no network' });
  });
});
