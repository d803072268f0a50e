/** Facts of other versions. */

import { describe, expect, it } from 'vitest';
import { asPresent, type Upcast } from '../../../src/runtime/journal/fact-versions.ts';
import { someFact } from './some-facts.ts';

const upcasts = new Map<number, Upcast>([
  [1, (fact) => ({ ...fact, type: `${fact.type}/renamed` })],
  [2, (fact) => ({ ...fact, payload: { was: fact.payload } })],
]);

describe('a fact of another version', () => {
  it('is read step by step as one of the present version', () => {
    expect(asPresent(someFact('a', 1, { type: 'x', payload: 1 }), upcasts, 3)).toEqual(
      someFact('a', 1, { type: 'x/renamed', payload: { was: 1 }, v: 3 }),
    );
    expect(asPresent(someFact('a', 1, { type: 'x', payload: 1, v: 2 }), upcasts, 3)).toMatchObject({
      type: 'x',
      payload: { was: 1 },
      v: 3,
    });
  });

  it('of the present version is left alone', () => {
    const fact = someFact('a', 1);
    expect(asPresent(fact)).toBe(fact);
  });

  it.each([
    ['newer', someFact('a', 1, { v: 2 }), 'The fact "a#1" is of version 2; this Swarmchart reads versions up to 1'],
    ['older than all that can be read', someFact('a', 1, { v: 0 }), 'The fact "a#1" is of version 0'],
  ])('that is %s is refused', (_, fact, message) => {
    expect(() => asPresent(fact)).toThrow(expect.objectContaining({ code: 'JOURNAL_VERSION', message: expect.stringContaining(message) }));
  });
});
