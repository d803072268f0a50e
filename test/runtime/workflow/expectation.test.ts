import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Json } from '../../../src/machines/protocol/execution.ts';
import { describeProblem } from '../../../src/runtime/workflow/expectation.ts';

function problemOf(schema: z.ZodType, value: Json): string {
  const [issue] = schema.safeParse(value).error?.issues ?? [];
  return issue === undefined ? 'fine' : describeProblem(issue, value);
}

const level = z.enum(['high', 'low']);
const credits = z.union([z.boolean(), z.int()], { error: 'Credits are a non-negative integer.' });

describe('a value that does not fit its schema', () => {
  it.each<[string, z.ZodType, Json, string]>([
    ['another type', z.array(z.string()), 'writing', 'Expected a list; it is "writing".'],
    ['another type', z.string(), { a: 1 }, 'Expected a text; it is an object.'],
    ['a fraction', z.int(), 1.5, 'Expected a whole number; it is 1.5.'],
    ['nothing', z.boolean(), null, 'Expected true or false; it is null.'],
    ['too little', z.int().min(1), 0, 'Expected at least 1; it is 0.'],
    ['too much', z.int().max(10), 11, 'Expected at most 10; it is 11.'],
    ['what must be more', z.number().gt(0), 0, 'Expected more than 0; it is 0.'],
    ['a key too many', z.strictObject({}), { size: 1, colour: 2 }, '"size" means nothing here. "colour" means nothing here.'],
    ['an empty list', z.array(z.string()).min(1), [], 'Expected at least 1 item; it has 0.'],
    ['an empty text', z.string().min(1), '', 'Expected at least 1 character; it is "".'],
    ['a long text', z.string().max(2), 'abc', 'Expected at most 2 characters; it has 3.'],
    ['no such word', level, 'hig', 'Expected one of "high", "low"; it is "hig". Did you mean "high"?'],
    ['neither of two', z.union([level, z.int()]), 'urgent', 'Expected one of "high", "low", or a number; it is "urgent".'],
    ['another form', z.string().regex(/^\d+$/), 'many', 'Expected a text that matches /^\\d+$/; it is "many".'],
    ['what the schema has words for', credits, 'many', 'Credits are a non-negative integer; it is "many".'],
  ])('is described with what was expected and what it is: %s', (_, schema, value, problem) => {
    expect(problemOf(schema, value)).toBe(problem);
  });

  it('is described by the kinds there are, where a member decides which one it is', () => {
    const kinds = z.discriminatedUnion('type', [z.object({ type: z.literal('a') }), z.object({ type: z.literal('b') })]);
    const [issue] = kinds.safeParse({ type: 'third' }).error?.issues ?? [];
    expect(issue && describeProblem(issue, 'third')).toBe('Expected one of "a", "b"; it is "third".');
  });
});
