/** S26: which types a pattern of segments matches. Proves EVT-2 and that B1 of the source is not copied. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern } from '../../../src/runtime/events/pattern.ts';

/** What the words say, without any cleverness. */
function oracle(pattern: readonly string[], type: readonly string[]): boolean {
  const [wanted, ...rest] = pattern;
  if (wanted === undefined) return type.length === 0;
  if (wanted === '**') return oracle(rest, type) || (type.length > 0 && oracle(pattern, type.slice(1)));
  return type.length > 0 && (wanted === '*' || wanted === type[0]) && oracle(rest, type.slice(1));
}

describe('a pattern', () => {
  it.each([
    ['tier1/*', 'tier1/swarm/coordination_started', false],
    ['tier1/**', 'tier1/swarm/coordination_started', true],
    ['*/swarm/*', 'tier1/swarm/coordination_started', true],
    ['**', 'tier1/swarm/coordination_started', true],
    ['tier1.swarm', 'tier1/swarm', false],
    ['tier1/swarm', 'tier1/swarm', true],
    ['tier1/**', 'tier1', true],
    ['**/completed', 'tier2/routine/completed', true],
    ['**/completed', 'completed', true],
    ['tier2/**/completed', 'tier2/completed', true],
    ['tier2/*/completed', 'tier2/completed', false],
    ['*', 'tier1/swarm', false],
    ['*', '', true],
    ['tier*/swarm', 'tier1/swarm', false],
    ['tier1/swarm', 'tier1/swarm/more', false],
    ['tier1/swarm/**/**', 'tier1/swarm', true],
  ])('%s matches %s: %s', (pattern, type, expected) => {
    expect(compilePattern(pattern)(type)).toBe(expected);
  });

  it.each(['.', '+', '?', '(', ')', '[a-z]', '{2}', '^', '$', '|', '\\', '\\w', '.*', 'a*', '***'])(
    'means "%s" as it is written',
    (text) => {
      for (const pattern of [text, `*/${text}`, `**/${text}`]) {
        const type = pattern.replace(/^\*+\//, 'x/');
        expect(compilePattern(pattern)(type)).toBe(true);
        for (const other of ['x', 'a', 'xx', 'abc', 'x/y']) expect(compilePattern(text)(other)).toBe(false);
      }
    },
  );

  it('matches what its words say, for any pattern and any type', () => {
    const type = fc.array(fc.constantFrom('a', 'b', ''), { minLength: 1, maxLength: 7 });
    const pattern = fc.array(fc.constantFrom('a', 'b', '', '*', '**'), { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(pattern, type, (wanted, segments) => {
        expect(compilePattern(wanted.join('/'))(segments.join('/'))).toBe(oracle(wanted, segments));
      }),
      { numRuns: 5_000 },
    );
  });

  it('does not take exponential time', () => {
    const pattern = `${'**/a/'.repeat(30)}end`;
    expect(compilePattern(pattern)(Array.from({ length: 2_000 }, () => 'a').join('/'))).toBe(false);
  });
});
