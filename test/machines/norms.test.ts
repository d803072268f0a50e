/** SWM-5: what obligations come to while a swarm is at work. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Due, dueObligations, metObligations, nextDeadline, openTasks } from '../../src/machines/norms.ts';

const due = (normId: string, dueActiveMs: number, tasks: readonly string[], status: Due['status'] = 'open'): Due => ({
  normId,
  dueActiveMs,
  tasks,
  status,
});
const done =
  (...ids: string[]) =>
  (taskId: string) =>
    ids.includes(taskId);

describe('an obligation', () => {
  it('is unmet at its moment, and not before, while a task of its mission is not completed', () => {
    const obligations = [due('n', 1_000, ['a', 'b'])];
    expect(dueObligations(obligations, done('a'), 999)).toEqual([]);
    expect(dueObligations(obligations, done('a'), 1_000)).toEqual([{ obligation: obligations[0], open: ['b'] }]);
    expect(dueObligations(obligations, done('a', 'b'), 1_000)).toEqual([]);
  });

  it('is met with the last task of its mission, and at once when the mission holds none', () => {
    const obligations = [due('n', 1_000, ['a', 'b']), due('empty', 1_000, [])];
    expect(metObligations(obligations, done('a'))).toEqual([obligations[1]]);
    expect(metObligations(obligations, done('a', 'b'))).toEqual(obligations);
    expect(nextDeadline([due('empty', 1_000, [])], done())).toBeUndefined();
  });

  it.each(['escalated', 'waived', 'met'] as const)('is looked at no more once it is %s', (status) => {
    const obligations = [due('n', 1_000, ['a'], status)];
    expect(dueObligations(obligations, done(), 5_000)).toEqual([]);
    expect(metObligations(obligations, done('a'))).toEqual([]);
    expect(nextDeadline(obligations, done())).toBeUndefined();
  });

  it('names its open tasks in the order of its mission', () => {
    expect(openTasks({ tasks: ['c', 'a', 'b'] }, done('a'))).toEqual(['c', 'b']);
  });
});

describe('several obligations', () => {
  it('are unmet in the order in which they fell due', () => {
    const obligations = [due('late', 300, ['a']), due('early', 100, ['b']), due('future', 900, ['a'])];
    expect(dueObligations(obligations, done(), 400).map(({ obligation }) => obligation.normId)).toEqual(['early', 'late']);
  });

  it('have a next deadline exactly while one of them can still be unmet, and nothing is due before it', () => {
    const arbitrary = fc.array(
      fc.record({
        normId: fc.string(),
        dueActiveMs: fc.integer({ min: 1, max: 50 }),
        tasks: fc.subarray(['a', 'b', 'c']),
        status: fc.constantFrom<Due['status']>('open', 'escalated', 'waived', 'met'),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(arbitrary, fc.subarray(['a', 'b', 'c']), (obligations, completed) => {
        const isCompleted = done(...completed);
        const next = nextDeadline(obligations, isCompleted);
        if (next === undefined) expect(dueObligations(obligations, isCompleted, 1_000)).toEqual([]);
        else {
          expect(dueObligations(obligations, isCompleted, next - 1)).toEqual([]);
          expect(dueObligations(obligations, isCompleted, next).length).toBeGreaterThan(0);
        }
        const open = obligations.filter(({ status }) => status === 'open').length;
        expect(metObligations(obligations, isCompleted).length + dueObligations(obligations, isCompleted, 1_000).length).toBe(open);
      }),
    );
  });
});
