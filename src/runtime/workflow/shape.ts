/** Checks one object against its zod shape: every problem is reported, and whatever is sound is still returned. */

import { z } from 'zod';
import type { Json } from '../../machines/protocol/execution.ts';
import { readPath } from '../../machines/references.ts';
import { describeProblem } from './expectation.ts';
import type { IssueList, Path } from './issues.ts';
import type { RawObject } from './origins.ts';
import { CANONICAL_KEYS } from './shapes.ts';
import { didYouMean } from './suggest.ts';

export type Shape = Readonly<Record<string, z.ZodType>>;
export type Sound<S extends Shape> = Partial<z.output<z.ZodObject<S>>>;

/** A shape made ready once: with the keys that others look after, and a lenient twin for objects that have problems. */
export interface ShapeCheck<S extends Shape> {
  readonly full: z.ZodObject<S>;
  readonly lenient: z.ZodType<Sound<S>>;
  readonly keys: ReadonlySet<string>;
}

export function shapeCheck<const S extends Shape>(shape: S, keysOfOthers: readonly string[] = []): ShapeCheck<S> {
  const full = z.object(shape);
  return { full, lenient: full.partial() as unknown as z.ZodType<Sound<S>>, keys: new Set([...Object.keys(shape), ...keysOfOthers]) };
}

export function checkShape<S extends Shape>(check: ShapeCheck<S>, raw: RawObject, path: Path, issues: IssueList): Sound<S> {
  for (const key of Object.keys(raw)) {
    if (check.keys.has(key)) continue;
    issues.add('UNKNOWN_KEY', [...path, key], `"${key}" means nothing here.${didYouMean(key, check.keys)}`);
  }
  const parsed = check.full.safeParse(raw);
  if (parsed.success) return parsed.data as Sound<S>;
  for (const issue of parsed.error.issues) report(issue, raw, path, issues);
  const broken = new Set(parsed.error.issues.map((issue) => String(issue.path[0])));
  const sound = Object.fromEntries(Object.entries(raw).filter(([key]) => !broken.has(key)));
  return check.lenient.safeParse(sound).data ?? {};
}

function report(issue: z.core.$ZodIssue, raw: Json, base: Path, issues: IssueList): void {
  const relative = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  const path = [...base, ...relative];
  const value = readPath(raw, relative);
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys)
      issues.add('UNKNOWN_KEY', [...path, key], `"${key}" means nothing here.${didYouMean(key, CANONICAL_KEYS)}`);
    return;
  }
  if (value === undefined) {
    issues.add('INVALID_VALUE', path, `"${relative.at(-1) ?? ''}" is required.`);
    return;
  }
  const branch = issue.code === 'invalid_union' ? closestBranch(issue.errors) : undefined;
  if (branch) {
    for (const inner of branch) report({ ...inner, path: [...issue.path, ...inner.path] }, raw, base, issues);
    return;
  }
  const tooLong = issue.code === 'too_big' && (issue.origin === 'array' || issue.origin === 'string');
  issues.add(tooLong ? 'LIMIT_EXCEEDED' : 'INVALID_VALUE', path, describeProblem(issue, value));
}

/** Of a union's alternatives, the one whose outer form fits and that fails only within. */
function closestBranch(errors: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  return errors.find((branch) => branch.length > 0 && branch.every((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'));
}
