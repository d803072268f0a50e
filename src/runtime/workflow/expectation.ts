/** What zod found wrong, in plain English: what was expected, and what is there instead. */

import type { z } from 'zod';
import { didYouMean } from './suggest.ts';

const KINDS: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'a text',
};

/** `Expected a whole number; it is "many".` Where a schema has words of its own, those stand. `value`: what was found at the issue's place. */
export function describeProblem(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => `"${key}" means nothing here.`).join(' ');
  const expected = expectationOf(issue, value);
  const isWhole = value === undefined || (issue.code === 'custom' && !issue.message.startsWith('Expected'));
  const found = isWhole ? '' : `; it ${sizeOf(issue, value) ?? `is ${printValue(value)}`}`;
  return expected === undefined ? `${issue.message.replace(/\.$/, '')}${found}.` : `Expected ${expected}${found}.${guess(issue, value)}`;
}

/** Undefined: for what zod's words, or those of the schema, are as good. */
function expectationOf(issue: z.core.$ZodIssue, value: unknown): string | undefined {
  if (!isInWordsOfZod(issue)) return undefined;
  switch (issue.code) {
    case 'invalid_type':
      return KINDS[issue.expected];
    case 'invalid_value':
      return oneOf(issue.values);
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${amount(Number(issue.minimum), issue.origin)}`;
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${amount(Number(issue.maximum), issue.origin)}`;
    case 'invalid_format':
      return issue.pattern === undefined ? undefined : `a text that matches ${issue.pattern}`;
    case 'invalid_union':
      return alternatives(issue, value);
    default:
      return undefined;
  }
}

const isInWordsOfZod = ({ message }: z.core.$ZodIssue): boolean => /^(Invalid|Too small|Too big)\b/.test(message);

function alternatives(issue: z.core.$ZodIssueInvalidUnion, value: unknown): string | undefined {
  if ('options' in issue && Array.isArray(issue.options)) return oneOf(issue.options as readonly z.core.util.Primitive[]);
  const all = issue.errors.flatMap((branch) => branch.filter(({ path }) => path.length === 0)).map((inner) => expectationOf(inner, value));
  const known = [...new Set(all)].filter((text) => text !== undefined);
  return known.length > 0 ? known.join(', or ') : undefined;
}

const oneOf = (values: readonly z.core.util.Primitive[]): string => {
  const names = values.map((name) => (typeof name === 'string' ? JSON.stringify(name) : String(name)));
  return names.length > 1 ? `one of ${names.join(', ')}` : names.join();
};

function amount(limit: number, origin: string): string {
  const units: Readonly<Record<string, string>> = { array: 'item', string: 'character' };
  const unit = units[origin];
  return unit === undefined ? `${limit}` : `${limit} ${unit}${limit === 1 ? '' : 's'}`;
}

function sizeOf({ code }: z.core.$ZodIssue, value: unknown): string | undefined {
  if (code !== 'too_small' && code !== 'too_big') return undefined;
  if (Array.isArray(value)) return `has ${value.length}`;
  return typeof value === 'string' && value.length > 0 ? `has ${value.length}` : undefined;
}

function guess(issue: z.core.$ZodIssue, value: unknown): string {
  if (typeof value !== 'string') return '';
  return didYouMean(
    value,
    wordsOf(issue).filter((word) => typeof word === 'string'),
  );
}

/** All that the schema would have taken. */
function wordsOf(issue: z.core.$ZodIssue): readonly unknown[] {
  if (issue.code === 'invalid_value') return issue.values;
  if (issue.code !== 'invalid_union') return [];
  if ('options' in issue && Array.isArray(issue.options)) return issue.options;
  return issue.errors.flatMap((branch) => branch.flatMap(wordsOf));
}

function printValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
