/** A tool's parameters at its door: a list of declared ones, or a schema. Proves that B14 of the source is not copied. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkedParameters } from '../../src/actors/parameters.ts';
import type { AnyTool, Json, StandardSchema, ToolParameter } from '../../src/index.ts';
import { SwarmchartError } from '../../src/index.ts';

type Parameters = Readonly<Record<string, Json>>;

const tool = (input: AnyTool['input']): AnyTool => ({ name: 'search', ...(input && { input }), run: () => null });

const refusal = async (input: AnyTool['input'], parameters: unknown): Promise<SwarmchartError> => {
  const outcome = await checkedParameters(tool(input), parameters as Parameters).catch((thrown: unknown) => thrown);
  if (outcome instanceof SwarmchartError) return outcome;
  throw new Error('the parameters were not refused', { cause: outcome });
};

const types = ['string', 'number', 'boolean', 'object', 'array'] as const;
const examples: Record<ToolParameter['type'], unknown> = { string: '', number: 0, boolean: false, object: {}, array: [] };

describe('parameters against a list', () => {
  it('have the declared type and no other', async () => {
    for (const type of types) {
      for (const [given, value] of Object.entries({ ...examples, NaN: Number.NaN, null: null })) {
        const input = [{ name: 'p', type }];
        if (given === type) expect(await checkedParameters(tool(input), { p: value as Json })).toEqual({ p: value });
        else {
          const { code, message } = await refusal(input, { p: value });
          expect({ code, message }).toEqual({
            code: 'INVALID_PARAMETER_TYPE',
            message: `Tool "search": Parameter "p" must be ${type}, got ${given}`,
          });
        }
      }
    }
  });

  it('may leave out what is not required, and nothing else', async () => {
    const input: ToolParameter[] = [
      { name: 'query', type: 'string', required: true },
      { name: 'limit', type: 'number' },
    ];
    expect(await checkedParameters(tool(input), { query: 'x' })).toEqual({ query: 'x' });
    expect(await refusal(input, { limit: 1 })).toMatchObject({ code: 'MISSING_PARAMETER', errorClass: 'validation', retryable: false });
  });

  it.each(['constructor', 'toString', 'hasOwnProperty', '__proto__'])('do not have "%s" from a prototype', async (name) => {
    expect(await refusal([{ name, type: 'object', required: true }], {})).toMatchObject({ code: 'MISSING_PARAMETER' });
    expect(await refusal([], JSON.parse(`{"${name}":{}}`))).toMatchObject({ code: 'UNKNOWN_KEY' });
  });

  it('are refused when they were not declared', async () => {
    const { code, issues } = await refusal([{ name: 'a', type: 'string' }], { a: '', b: 1 });
    expect(code).toBe('UNKNOWN_KEY');
    expect(issues).toEqual([{ code: 'UNKNOWN_KEY', path: ['b'], message: 'Parameter "b" is not declared' }]);
  });

  it('are told every problem at once', async () => {
    const input: ToolParameter[] = [
      { name: 'query', type: 'string', required: true },
      { name: 'filter', type: 'object' },
      { name: 'limit', type: 'number' },
    ];
    const { code, issues } = await refusal(input, { filter: [], limit: Number.NaN, extra: 1 });
    expect(code).toBe('INVALID_PARAMETERS');
    expect(issues.map((issue) => `${issue.code} ${issue.path.join('.')}`)).toEqual([
      'MISSING_PARAMETER query',
      'INVALID_PARAMETER_TYPE filter',
      'INVALID_PARAMETER_TYPE limit',
      'UNKNOWN_KEY extra',
    ]);
  });

  it('pass exactly when each one is declared, of its type, and none that is required is missing', async () => {
    const declared = fc.uniqueArray(
      fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), type: fc.constantFrom(...types), required: fc.boolean() }),
      { selector: ({ name }) => name },
    );
    const given = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom(...Object.values(examples)), {
      noNullPrototype: true,
    });
    const typeOf = (value: unknown) => types.find((type) => examples[type] === value);
    await fc.assert(
      fc.asyncProperty(declared, given, async (input, parameters) => {
        const isRight =
          Object.entries(parameters).every(([key, value]) => input.some(({ name, type }) => name === key && type === typeOf(value))) &&
          input.every(({ name, required }) => !required || name in parameters);
        const outcome = await checkedParameters(tool(input), parameters as Parameters).then(
          () => true,
          () => false,
        );
        expect(outcome).toBe(isRight);
      }),
    );
  });
});

describe('parameters against a schema', () => {
  it('are what the schema makes of them', async () => {
    const schema = z.object({ query: z.string().trim(), limit: z.number().default(10) });
    expect(await checkedParameters(tool(schema), { query: ' x ' })).toEqual({ query: 'x', limit: 10 });
  });

  it('are told every issue of the schema with its path', async () => {
    const schema = z.object({ query: z.string(), rows: z.array(z.object({ n: z.number() })) });
    const { code, issues } = await refusal(schema, { query: 1, rows: [{ n: 1 }, { n: 'x' }] });
    expect(code).toBe('INVALID_PARAMETERS');
    expect(issues.map(({ path }) => path)).toEqual([['query'], ['rows', 1, 'n']]);
  });

  it('wait for a schema that takes its time', async () => {
    const schema = z.object({ id: z.string().refine((id) => Promise.resolve(id === 'known'), 'is not known') });
    expect(await checkedParameters(tool(schema), { id: 'known' })).toEqual({ id: 'known' });
    expect((await refusal(schema, { id: 'other' })).message).toBe('Tool "search": id: is not known');
  });

  it('understand paths whose parts are objects, as Standard Schema allows', async () => {
    const schema: StandardSchema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => ({ issues: [{ message: 'no', path: [{ key: 'a' }, 0, { key: Symbol.iterator }] }] }),
      },
    };
    const [issue] = (await refusal(schema, {})).issues;
    expect(issue?.path).toEqual(['a', 0, 'Symbol(Symbol.iterator)']);
  });

  it('pass unchecked when the tool declares nothing', async () => {
    const parameters = { anything: [1] };
    expect(await checkedParameters(tool(undefined), parameters)).toBe(parameters);
  });
});
