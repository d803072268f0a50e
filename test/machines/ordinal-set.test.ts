/** The persistent set of small integers, against a sorted array. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyOrdinals, hasOrdinal, leastOrdinal, type OrdinalSet, withOrdinal, withoutOrdinal } from '../../src/machines/ordinal-set.ts';

const depthOf = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
};

const membersOf = (set: OrdinalSet): number[] => {
  const members: number[] = [];
  for (let least = leastOrdinal(set); least !== undefined; least = leastOrdinal(set)) {
    members.push(least);
    set = withoutOrdinal(set, least);
  }
  return members;
};

const CAPACITIES = [1, 31, 32, 33, 1_000, 1_024, 1_025, 100_000];

describe('a set of ordinals', () => {
  it('is a sorted array of distinct integers, whatever is added and removed', () => {
    const capacityAndCommands = fc
      .constantFrom(...CAPACITIES)
      .chain((capacity) =>
        fc.tuple(fc.constant(capacity), fc.array(fc.tuple(fc.boolean(), fc.nat(Math.min(capacity, 2_000) - 1)), { maxLength: 120 })),
      );
    fc.assert(
      fc.property(capacityAndCommands, ([capacity, commands]) => {
        let set = emptyOrdinals(capacity);
        const model = new Set<number>();
        const versions: [OrdinalSet, string, number[]][] = [];
        for (const [isAdded, ordinal] of commands) {
          const before = set;
          const isNews = model.has(ordinal) !== isAdded;
          set = isAdded ? withOrdinal(set, ordinal) : withoutOrdinal(set, ordinal);
          if (isAdded) model.add(ordinal);
          else model.delete(ordinal);
          const sorted = [...model].sort((a, b) => a - b);
          if (!isNews) expect(set, 'nothing changes').toBe(before);
          expect(set.size).toBe(sorted.length);
          expect(leastOrdinal(set)).toBe(sorted[0]);
          expect(hasOrdinal(set, ordinal)).toBe(isAdded);
          versions.push([set, JSON.stringify(set), sorted]);
        }
        expect(membersOf(set)).toEqual([...model].sort((a, b) => a - b));
        for (const [version, text, sorted] of versions) {
          expect(JSON.stringify(version), 'an old version has changed').toBe(text);
          expect(sorted.every((ordinal) => hasOrdinal(version, ordinal))).toBe(true);
        }
      }),
    );
  });

  it('works at the very edges of its capacity', () => {
    for (const capacity of CAPACITIES) {
      const last = capacity - 1;
      const set = withOrdinal(withOrdinal(emptyOrdinals(capacity), last), 0);
      expect(membersOf(set)).toEqual(last === 0 ? [0] : [0, last]);
      expect(leastOrdinal(withoutOrdinal(set, 0))).toBe(last === 0 ? undefined : last);
    }
  });

  it('is data that survives JSON', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40_000)), (ordinals) => {
        const set = ordinals.reduce(withOrdinal, emptyOrdinals(40_001));
        expect(membersOf(JSON.parse(JSON.stringify(set)) as OrdinalSet)).toEqual([...new Set(ordinals)].sort((a, b) => a - b));
      }),
    );
  });

  it('is as shallow as the logarithm of its capacity', () => {
    const full = (size: number) => Array.from({ length: size }, (_, n) => n).reduce(withOrdinal, emptyOrdinals(size));
    expect(depthOf(full(32))).toBe(3);
    expect(depthOf(full(1_024))).toBe(5);
    expect(depthOf(full(32_768))).toBe(7);
  });

  it('shares with its former version all but one node a level', () => {
    const set = Array.from({ length: 32_768 }, (_, n) => n).reduce(withOrdinal, emptyOrdinals(32_768));
    const without = withoutOrdinal(set, 20_000);
    const nodes = (node: OrdinalSet['root'], into = new Set<object>()): Set<object> => {
      into.add(node);
      for (const child of node.nodes) if (child) nodes(child, into);
      return into;
    };
    const former = nodes(set.root);
    expect([...nodes(without.root)].filter((node) => !former.has(node))).toHaveLength(3);
  });
});
