import { describe, expect, it } from 'vitest';
import { resolveInput } from '../../../src/runtime/workflow/input.ts';
import { issuesToError } from '../../../src/runtime/workflow/issues.ts';
import type { InputDeclaration } from '../../../src/runtime/workflow/schema.ts';

const declared: Readonly<Record<string, InputDeclaration>> = {
  repo: { type: 'string', default: '.' },
  depth: { type: 'number' },
  note: { type: 'string', required: false },
};
const messagesOf = (given: unknown): readonly string[] => resolveInput(declared, given).issues.map(({ message }) => message);

describe('the input of a run', () => {
  it('gets defaults, and null for what is optional', () => {
    expect(resolveInput(declared, { depth: 2 })).toEqual({ input: { repo: '.', depth: 2, note: null }, issues: [] });
  });

  it('is taken as it is when the workflow declares nothing', () => {
    expect(resolveInput(undefined, { any: ['thing'] })).toEqual({ input: { any: ['thing'] }, issues: [] });
    expect(resolveInput(undefined)).toEqual({ input: {}, issues: [] });
  });

  it('has all its problems reported at once', () => {
    expect(messagesOf({ repoo: 1, repo: 5 })).toEqual([
      'The workflow takes no input "repoo". Did you mean "repo"?',
      'The input "repo" is no string but number.',
      'The input "depth" (number) is required.',
    ]);
    expect(issuesToError(resolveInput(declared, { repo: 5, note: 1n }).issues)).toMatchObject({
      code: 'INVALID_INPUT',
      issues: { length: 3 },
    });
  });

  it.each<[InputDeclaration['type'], unknown]>([
    ['object', [1]],
    ['object', null],
    ['array', { length: 0 }],
    ['number', '5'],
    ['boolean', 0],
  ])('is no %s when it is %j', (type, value) => {
    expect(resolveInput({ x: { type } }, { x: value }).issues).toHaveLength(1);
  });

  it.each([[Number.NaN], [1n], [() => 1], [new Date(0)]])('refuses %s, which JSON cannot hold', (value) => {
    expect(resolveInput({ x: { type: 'number', required: false } }, { x: value }).issues).not.toEqual([]);
  });

  it.each([['text'], [[1]], [null], [5]])('is no input when it is %j', (given) => {
    expect(messagesOf(given)).toEqual([expect.stringContaining('The input is an object')]);
  });

  it('takes nothing from a prototype', () => {
    expect(resolveInput({ toString: { type: 'string' as const } }, {}).issues).toHaveLength(1);
    expect(resolveInput(undefined, JSON.parse('{"__proto__": {"admin": true}}')).issues).toMatchObject([
      { code: 'INVALID_INPUT', path: ['__proto__'] },
    ]);
  });
});
