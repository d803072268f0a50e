/** Waiters under test: what they may hear, and what must hold of them beside what holds of every chart. */

import assert from 'node:assert/strict';
import { evolveWaiter, type WaiterInput, type WaiterState, waiterMachine } from '../../../src/machines/machines.ts';
import type { ResolvedWait, WaitCommand } from '../../../src/machines/protocol/wait.ts';
import { FRESH_WAITER } from '../../../src/machines/waiter.fold.ts';
import { timersOf } from '../../../src/testing/paths.ts';
import { anExecution, BORN_AT } from './jobs.ts';
import { commitOf, folding } from './live-chart.ts';
import type { Walks } from './walks.ts';

const waitFor = (wait: ResolvedWait): WaiterInput => ({
  execution: anExecution('run/pause/1'),
  job: { stepId: 'pause', for: wait },
  at: BORN_AT,
});

export const waiter: Walks<WaiterState, WaiterInput> = {
  chart: waiterMachine.provide({ actions: { commit: commitOf('tier3') } }),
  fold: folding(evolveWaiter, FRESH_WAITER),
  restored: (input, restored) => ({ ...input, restored }),
  isTerminal: ({ type }) => /^tier3\/execution\/(completed|failed|cancelled)$/.test(type),
  inputs: [
    waitFor({ type: 'timer', durationMs: 5_000 }),
    waitFor({ type: 'time', at: BORN_AT + 5_000 }),
    waitFor({ type: 'signal', name: 'go', timeoutMs: 5_000 }),
    waitFor({ type: 'approval', timeoutMs: 5_000 }),
  ],
  events: (snapshot, at) => {
    const commands: readonly WaitCommand[] = [
      { type: 'execution.pause', at, epoch: 1 },
      { type: 'execution.resume', at },
      { type: 'execution.cancel', at, reason: 'enough' },
      { type: 'wait.answered', at, answer: { kind: 'value', value: { ok: true } } },
      { type: 'wait.answered', at, answer: { kind: 'rejected', by: 'Ann' } },
    ];
    return [...commands, ...timersOf(snapshot)];
  },
  hearsLate: true,
  isRare: ({ type }) => type === 'execution.cancel' || type === 'wait.answered',
  key: ({ pausedMs }) => String(pausedMs > 0),
  check: (live) => {
    const { phase, dueAt, startedAt, pausedMs, for: wait } = live.state;
    live.checkTimer(phase === 'waiting' ? dueAt : undefined, `the timer in ${phase}`);
    const frozen = wait?.type === 'timer' && phase === 'waiting' ? pausedMs : 0;
    if (phase === 'waiting') assert.equal(dueAt - startedAt, 5_000 + frozen, 'only a timer freezes');
  },
};
