/** The fold of a step's facts, where generated paths do not look: how long it was at work. */

import { expect, it } from 'vitest';
import { evolveExecutor, FRESH_EXECUTOR, pausedUntil } from '../../src/machines/executor.fold.ts';
import { executionError } from '../../src/machines/protocol/errors.ts';
import type { StepFact } from '../../src/machines/protocol/step.ts';

const ids = { kind: 'tool', target: 'work', idempotencyKey: 'key', maxCredits: '9' } as const;
const stepId = 'a';
const suspended: readonly StepFact[] = [
  { type: 'tier3/execution/started', at: 0, payload: { stepId, ...ids, dueAt: 1_000 } },
  { type: 'tier3/execution/pausing', at: 10, payload: { stepId, epoch: 1 } },
  { type: 'tier3/execution/paused', at: 20, payload: { stepId, epoch: 1, suspended: true } },
];
const error = executionError('EXECUTION_FAILED', 'as told', 'tier3');
const failed: StepFact = {
  type: 'tier3/attempt/failed',
  at: 520,
  payload: { stepId, attempt: 1, error, usage: { credits: '0', memoryMB: 0 }, backoffMs: 50, parked: true },
};
const cancelling: StepFact = { type: 'tier3/execution/cancelling', at: 520, payload: { stepId, reason: '', graceUntil: 5_520 } };

it.each([
  ['whose work fails while it is suspended', [failed], 1_020, 1_000],
  ['that is cancelled while it is suspended', [cancelling], 1_020, 500],
] as const)('counts the time of a pause as paused: a step %s', (_, more, until, paused) => {
  const state = [...suspended, ...more].reduce(evolveExecutor, FRESH_EXECUTOR);
  expect(pausedUntil(state, until)).toBe(paused);
});
