/** Matchers about facts, for `expect.extend` of vitest or jest. */

import type { Fact } from '../machines/protocol/facts.ts';
import { violations } from './invariants.ts';

interface Match {
  readonly pass: boolean;
  readonly message: () => string;
}

/** A fact's type, or its type and a part of its payload. */
export type ExpectedFact = string | readonly [type: string, payload: Readonly<Record<string, unknown>>];

/** What `expect(facts)` can do after `expect.extend(factMatchers)`. */
export interface FactMatchers<Result = unknown> {
  /** These facts in this order, with any others between them. */
  toHaveFacts(expected: readonly ExpectedFact[]): Result;
  /** A settled stream that keeps every invariant. */
  toKeepInvariants(): Result;
}

export const factMatchers = {
  toHaveFacts: (facts: readonly Fact[], expected: readonly ExpectedFact[]): Match => {
    let from = 0;
    const missing = expected.find((each) => {
      const found = facts.findIndex((fact, index) => index >= from && isLike(fact, each));
      from = found + 1;
      return found === -1;
    });
    const types = facts.map(({ type }) => type).join('\n  ');
    return {
      pass: missing === undefined,
      message: () =>
        missing === undefined
          ? `these facts are there in this order:\n  ${types}`
          : `no ${JSON.stringify(missing)} in its place in:\n  ${types}`,
    };
  },
  toKeepInvariants: (facts: readonly Fact[]): Match => {
    const found = violations(facts);
    return { pass: found.length === 0, message: () => (found.length === 0 ? 'every invariant holds' : found.join('\n')) };
  },
};

function isLike({ type, payload }: Fact, expected: ExpectedFact): boolean {
  if (typeof expected === 'string') return type === expected;
  const [expectedType, part] = expected;
  const known = payload as Readonly<Record<string, unknown>>;
  return type === expectedType && Object.entries(part).every(([key, value]) => JSON.stringify(known[key]) === JSON.stringify(value));
}
