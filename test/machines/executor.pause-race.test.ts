/** An answer to an earlier pause says nothing about the present one: the work may have gone on since. */

import { expect, it } from 'vitest';
import { createActor, fromCallback } from 'xstate';
import { executorMachine } from '../../src/machines/machines.ts';
import type { StepJob } from '../../src/machines/protocol/step.ts';
import { VirtualClock } from '../../src/testing/testing.ts';

const job: StepJob = {
  stepId: 's',
  work: { kind: 'tool', tool: 't', strategy: 'deterministic', parameters: {} },
  when: [],
  scope: { input: {}, steps: {} },
  timeoutMs: 1_000,
  recovery: {},
  credits: '0',
  allocation: { maxCredits: '0', maxDurationMs: 1_000, maxMemoryMB: 1, maxConcurrentSteps: 1 },
  idempotencyKey: 'r/s/1',
};
const execution = { executionId: 'e', swarmId: 'e', userId: 'u', timestamp: 0, correlationId: 'e' };

it('a suspension that arrives after a resume and a second pause is stale', () => {
  const machine = executorMachine.provide({ actors: { attempt: fromCallback(() => {}) } });
  const actor = createActor(machine, { input: { execution, job, at: 0 }, clock: new VirtualClock(0) }).start();
  actor.send({ type: 'execution.pause', at: 1, epoch: 1 });
  actor.send({ type: 'execution.resume', at: 2 });
  actor.send({ type: 'execution.pause', at: 3, epoch: 2 });
  actor.send({ type: 'attempt.suspended', attempt: 1, pause: 1, at: 4 });
  expect(actor.getSnapshot().context.state.phase).toBe('attempting.pausing');
  actor.send({ type: 'attempt.suspended', attempt: 1, pause: 2, at: 5 });
  expect(actor.getSnapshot().context.state.phase).toBe('attempting.suspended');
  actor.stop();
});
