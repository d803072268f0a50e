/** Executors under test: what they may hear, and what must hold of them beside what holds of every chart. */

import assert from 'node:assert/strict';
import { evolveExecutor, FRESH_EXECUTOR } from '../../../src/machines/executor.fold.ts';
import { type ExecutorInput, type ExecutorState, executorMachine } from '../../../src/machines/machines.ts';
import { executionError } from '../../../src/machines/protocol/errors.ts';
import type { FactBody } from '../../../src/machines/protocol/facts.ts';
import type { AttemptOutcome, AttemptReply, StepCommand, StepJob } from '../../../src/machines/protocol/step.ts';
import { timersOf } from '../../../src/testing/paths.ts';
import { aJob, anExecution, BORN_AT, PERMANENT, retries, TRANSIENT } from './jobs.ts';
import { commitOf, folding, inert } from './live-chart.ts';
import type { Walks } from './walks.ts';

const withJob = (more: Partial<StepJob>): ExecutorInput => ({ execution: anExecution('run/fetch/1'), job: aJob(more), at: BORN_AT });

const usage = { credits: '2', memoryMB: 5 };
const OUTCOMES: readonly AttemptOutcome[] = [
  { kind: 'succeeded', output: { rows: [1, 2] }, usage },
  { kind: 'skipped', usage },
  { kind: 'failed', error: TRANSIENT, usage },
  { kind: 'failed', error: PERMANENT, usage },
];

/** It started and failed without an attempt. */
const isRefused = ({ type, payload }: FactBody): boolean =>
  type === 'tier3/execution/failed' && (payload as { readonly attempts: number }).attempts === 0;

export const executor: Walks<ExecutorState, ExecutorInput> = {
  chart: executorMachine.provide({ actors: { attempt: inert() }, actions: { commit: commitOf('tier3') } }),
  fold: folding(evolveExecutor, FRESH_EXECUTOR),
  restored: (input, restored) => ({ ...input, restored }),
  isTerminal: ({ type }) => /^tier3\/execution\/(completed|failed|cancelled)$/.test(type),
  saysOfRestart: ({ type }) => type === 'tier3/attempt/interrupted',
  inputs: [
    withJob({}),
    withJob({ retry: retries(2) }),
    withJob({ recovery: { timeout: retries(1) } }),
    withJob({ refusal: executionError('SYSTEM_PAUSED', 'not now', 'tier3') }),
  ],
  events: (snapshot, at) => {
    const { attempt, pauseEpoch, pauses, phase }: ExecutorState = snapshot.context.state;
    const commands: readonly StepCommand[] = [
      { type: 'execution.pause', at, epoch: pauseEpoch + 1 },
      { type: 'execution.resume', at },
      { type: 'execution.cancel', at, reason: 'enough' },
    ];
    const replies: AttemptReply[] = OUTCOMES.map((outcome) => ({ type: 'attempt.settled', attempt, outcome, at }));
    for (const pause of [pauses, pauses - 1]) replies.push({ type: 'attempt.suspended', attempt, pause, at });
    replies.push({ type: 'attempt.suspended', attempt: attempt - 1, pause: pauses, at });
    replies.push({ type: 'attempt.settled', attempt: attempt - 1, outcome: { kind: 'succeeded', output: 'late', usage }, at });
    const crash = { type: 'xstate.error.actor.attempt', error: new Error('boom'), actorId: 'attempt' };
    const isBetween = phase === 'backingOff' || phase === 'paused';
    return [...commands, ...(isBetween ? replies.slice(-2) : replies), crash, ...timersOf(snapshot)];
  },
  hearsLate: true,
  isStale: (event, { attempt }) => /^attempt\./.test(event.type) && (event as AttemptReply).attempt !== attempt,
  isRare: ({ type }) => type === 'execution.cancel' || type === 'xstate.error.actor.attempt',
  key: ({ attempt, pauseRequested }) => `${attempt} ${pauseRequested}`,
  check: (live) => {
    const { phase, dueAt, attempt } = live.state;
    const waits = !live.isSettled && phase !== 'paused' && phase !== 'attempting.suspended';
    live.checkTimer(waits ? dueAt : undefined, `the timer in ${phase}`);
    const starts = live.allFacts.filter(({ type }) => type === 'tier3/execution/started' || type === 'tier3/attempt/started');
    assert.equal(starts.length, live.allFacts.some(isRefused) ? 1 : attempt, 'attempts started');
  },
};
