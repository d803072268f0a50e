import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coverage } from '../../src/testing/coverage.ts';
import { EVERY_CHART } from './paths/every-chart.ts';
import { anyWalk, walk, walkPaths } from './paths/walks.ts';

const { machine, walks } = EVERY_CHART.waiter;

describe('the waiter', () => {
  it('keeps its promises on generated paths that take every transition', () => {
    const { recorder } = walkPaths(walks);
    const report = coverage(machine, recorder);
    expect(report.isComplete, report.table).toBe(true);
  });

  it('keeps its promises whatever it hears, and through any crash', () => {
    fc.assert(
      fc.property(fc.constantFrom(...walks.inputs), anyWalk, (input, strides) => {
        walk(walks, input, strides);
      }),
      { numRuns: 300 },
    );
  });
});
