/** What waits for a subscriber, a reader or room: in order, whatever was taken before. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fifo } from '../../../src/runtime/events/fifo.ts';

describe('what waits', () => {
  it('comes out as it went in, in any interleaving, also after thousands', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 1, max: 3_000 }) }),
      fc.record({ shift: fc.integer({ min: 1, max: 3_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps: readonly { push?: number; shift?: number }[]) => {
        const fifo = new Fifo<number>();
        let pushed = 0;
        let shifted = 0;
        for (const { push = 0, shift = 0 } of steps) {
          for (let n = 0; n < push; n++) fifo.push(pushed++);
          for (let n = 0; n < shift; n++) expect(fifo.shift()).toBe(shifted < pushed ? shifted++ : undefined);
          expect(fifo.length).toBe(pushed - shifted);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('is nothing once it was cleared', () => {
    const fifo = new Fifo<string>();
    fifo.push('a');
    fifo.clear();
    expect([fifo.length, fifo.shift()]).toEqual([0, undefined]);
    fifo.push('b');
    expect(fifo.shift()).toBe('b');
  });
});
