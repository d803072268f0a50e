/** Credits are exact at any size; a parent's usage is the sum of its children's, with the greatest peak. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_USAGE } from '../../src/machines/protocol/execution.ts';
import { addCredits, lessCredits, subtractCredits, withChildUsage } from '../../src/machines/usage.ts';

const credits = fc.bigInt({ min: 0n, max: 10n ** 40n }).map(String);

describe('credits', () => {
  it('add, subtract and compare as integers do, far beyond what a number holds', () => {
    fc.assert(
      fc.property(credits, credits, (a, b) => {
        expect(addCredits(a, b)).toBe(String(BigInt(a) + BigInt(b)));
        expect(subtractCredits(addCredits(a, b), b)).toBe(a);
        expect(lessCredits(a, b)).toBe(BigInt(a) < BigInt(b));
      }),
    );
    expect(addCredits('999999999999999999999999999999', '1')).toBe('1000000000000000000000000000000');
  });

  it('know zero on either side', () => {
    expect([addCredits('0', '7'), addCredits('7', '0'), addCredits('0', '0')]).toEqual(['7', '7', '0']);
    expect([subtractCredits('7', '0'), subtractCredits('7', '7'), subtractCredits('0', '7')]).toEqual(['7', '0', '-7']);
    expect([lessCredits('0', '0'), lessCredits('0', '1'), lessCredits('10', '9')]).toEqual([false, true, false]);
  });
});

describe('usage', () => {
  const usage = fc.record({
    creditsUsed: credits,
    durationMs: fc.nat(),
    memoryUsedMB: fc.nat(100_000),
    stepsExecuted: fc.nat(1_000),
  });

  it('adds up over children in any order; the duration is the own one of the parent', () => {
    fc.assert(
      fc.property(fc.array(usage), (children) => {
        const parent = { ...NO_USAGE, durationMs: 5 };
        const total = children.reduce(withChildUsage, parent);
        expect(total).toEqual({
          creditsUsed: String(children.reduce((sum, child) => sum + BigInt(child.creditsUsed), 0n)),
          durationMs: 5,
          memoryUsedMB: Math.max(0, ...children.map(({ memoryUsedMB }) => memoryUsedMB)),
          stepsExecuted: children.reduce((sum, { stepsExecuted }) => sum + stepsExecuted, 0),
        });
        expect(children.toReversed().reduce(withChildUsage, parent)).toEqual(total);
      }),
    );
  });
});
