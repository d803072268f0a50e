/** The figures of a runtime's circuit breakers, by scope, and what may be given for them. */

import { z } from 'zod';
import { asCause, describe, memberOf } from '../../actors/failure.ts';
import { BREAKER_SCOPES, type BreakerOptions, type BreakerScope, DEFAULT_BREAKER } from '../../machines/protocol/breaker.ts';
import type { Issue } from '../../machines/protocol/errors.ts';
import { describeProblem } from '../workflow/expectation.ts';
import { issuesToError, type Path } from '../workflow/issues.ts';
import { didYouMean } from '../workflow/suggest.ts';

/** By scope: other figures than the default ones, or false for no breakers at all. A tool's own figures come before those of its scope. */
export type BreakersOptions = { readonly [Scope in BreakerScope]?: Partial<BreakerOptions> | false };

export type ScopeOptions = { readonly [Scope in BreakerScope]: BreakerOptions | false };

const HOUR_MS = 3_600_000;

/** The work of an agent and a whole run take longer than a call. The system's breaker stays open until somebody resets it. */
const DEFAULTS: { readonly [Scope in BreakerScope]: BreakerOptions } = {
  tool: DEFAULT_BREAKER,
  agent: { ...DEFAULT_BREAKER, probeTimeoutMs: HOUR_MS },
  module: DEFAULT_BREAKER,
  layer: DEFAULT_BREAKER,
  provider: DEFAULT_BREAKER,
  system: { ...DEFAULT_BREAKER, resetMs: null, successThreshold: 1, probeTimeoutMs: 24 * HOUR_MS },
};

/** Timers cannot wait longer. */
const ms = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);
const count = z.int().min(1).max(1_000_000);
const Figures = z.strictObject({ failureThreshold: count, resetMs: ms.nullable(), successThreshold: count, probeTimeoutMs: ms }).partial();
const Scopes = z
  .strictObject(Object.fromEntries(BREAKER_SCOPES.map((scope) => [scope, z.unknown()])) as Record<BreakerScope, z.ZodUnknown>)
  .partial();

/** Throws INVALID_VALUE or UNKNOWN_KEY for a single problem, WORKFLOW_INVALID for several. */
export function scopeOptions(given: unknown): ScopeOptions {
  const { options, issues } = checkedScopes(given);
  if (issues.length > 0) throw issuesToError(issues);
  return options;
}

/** What is wrong with the figures of all scopes. */
export const breakersProblems = (given: unknown): readonly Issue[] => checkedScopes(given).issues;

function checkedScopes(given: unknown = {}): { readonly options: ScopeOptions; readonly issues: readonly Issue[] } {
  const issues: Issue[] = [];
  const scopes: unknown = parsed(Scopes, given, ['breakers'], BREAKER_SCOPES, issues) ?? given;
  const resolved = BREAKER_SCOPES.map((scope) => [scope, figuresIn(memberOf(scopes, scope), DEFAULTS[scope], ['breakers', scope], issues)]);
  return { options: Object.fromEntries(resolved) as ScopeOptions, issues };
}

/** What is wrong with the breaker that a tool asks for. */
export function breakerProblems(given: unknown, path: Path): readonly Issue[] {
  const issues: Issue[] = [];
  figuresIn(given, DEFAULT_BREAKER, path, issues);
  return issues;
}

/** What is undefined was not given. */
export function withFigures(base: BreakerOptions, own: Partial<BreakerOptions> = {}): BreakerOptions {
  return { ...base, ...Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined)) };
}

function figuresIn(given: unknown, base: BreakerOptions, path: Path, issues: Issue[]): BreakerOptions | false {
  if (given === false) return false;
  if (given !== undefined && (typeof given !== 'object' || given === null)) {
    issues.push({ code: 'INVALID_VALUE', path, message: `Expected false, or an object; it is ${describe(given)}.` });
    return base;
  }
  return withFigures(base, parsed(Figures, given ?? {}, path, Object.keys(Figures.shape), issues) as Partial<BreakerOptions> | undefined);
}

function parsed<Schema extends z.ZodType>(
  schema: Schema,
  given: unknown,
  path: Path,
  known: readonly string[],
  issues: Issue[],
): z.output<Schema> | undefined {
  const result = read(schema, given, path, issues);
  if (result?.success) return result.data;
  for (const issue of result?.error.issues ?? []) {
    const at = [...path, ...issue.path.map(String)];
    if (issue.code !== 'unrecognized_keys') {
      const value = issue.path.reduce<unknown>((holder, key) => memberOf(holder, String(key)), given);
      issues.push({ code: 'INVALID_VALUE', path: at, message: describeProblem(issue, value) });
      continue;
    }
    for (const key of issue.keys) {
      issues.push({ code: 'UNKNOWN_KEY', path: [...at, key], message: `"${key}" means nothing here.${didYouMean(key, known)}` });
    }
  }
  return undefined;
}

/** Reading what a caller gives may throw anything: it may be a proxy. */
function read<Schema extends z.ZodType>(schema: Schema, given: unknown, path: Path, issues: Issue[]) {
  try {
    return schema.safeParse(given);
  } catch (thrown) {
    issues.push({ code: 'INVALID_VALUE', path, message: `It cannot be read: ${asCause(thrown).message}` });
    return undefined;
  }
}
