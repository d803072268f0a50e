/** The doors of events, routes and triggers: zod at each of them, every problem at once. */

import { z } from 'zod';
import { asCause, memberOf } from '../../actors/failure.ts';
import { type ErrorCode, type Issue, SwarmchartError } from '../../machines/protocol/errors.ts';
import { describeProblem } from '../workflow/expectation.ts';
import { didYouMean } from '../workflow/suggest.ts';

type Given<Output> = { [Key in keyof Output]: Exclude<Output[Key], undefined> };

/** What zod makes of it, without what is undefined. Throws a SwarmchartError of this code with every problem. */
export function checked<Shape extends z.ZodRawShape>(
  what: string,
  schema: z.ZodObject<Shape>,
  given: unknown,
  code: ErrorCode,
): Given<z.output<z.ZodObject<Shape>>> {
  const result = read(what, schema, given, code);
  if (result.success)
    return Object.fromEntries(Object.entries(result.data).filter(([, value]) => value !== undefined)) as Given<typeof result.data>;
  const issues = result.error.issues.flatMap((issue) => issuesOf(issue, given, Object.keys(schema.shape), code));
  const list = issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`)).join(' ');
  throw new SwarmchartError(code, `${what} was refused: ${list}`, { issues });
}

function issuesOf(issue: z.core.$ZodIssue, given: unknown, known: readonly string[], code: ErrorCode): readonly Issue[] {
  const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ code, path: [...path, key], message: `means nothing here.${didYouMean(key, known)}` }));
  const value = path.reduce<unknown>((holder, key) => memberOf(holder, String(key)), given);
  return [{ code, path, message: describeProblem(issue, value) }];
}

/** Reading what a caller gives may throw anything: it may be a proxy. */
function read<Schema extends z.ZodType>(what: string, schema: Schema, given: unknown, code: ErrorCode) {
  try {
    return schema.safeParse(given);
  } catch (thrown) {
    throw new SwarmchartError(code, `${what} cannot be read: ${asCause(thrown).message}`, { cause: thrown });
  }
}

/** A function of the caller's, as it is. */
export const aFunction = <Type extends (...args: never[]) => unknown>() =>
  z.custom<Type>((value) => typeof value === 'function', 'Expected a function');

/** Timers cannot wait longer. */
export const positiveMs = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);
export const aCount = z.int().min(1).max(1_000_000);
