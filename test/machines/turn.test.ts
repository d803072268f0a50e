import { expect, it } from 'vitest';
import type { WaitFact } from '../../src/machines/protocol/wait.ts';
import { Turn } from '../../src/machines/turn.ts';
import { evolveWaiter, FRESH_WAITER } from '../../src/machines/waiter.fold.ts';

const paused = (at: number, epoch: number): WaitFact => ({ type: 'tier3/wait/paused', at, payload: { stepId: 'step', epoch } });

it('a message that was sent before another one but came after it does not turn back time', () => {
  const turn = new Turn({ ...FRESH_WAITER, at: 100 }, evolveWaiter);
  turn.record(paused(90, 1));
  turn.record(paused(110, 2));
  expect(turn.facts).toEqual([paused(100, 1), paused(110, 2)]);
  expect(turn.state.at).toBe(110);
});
