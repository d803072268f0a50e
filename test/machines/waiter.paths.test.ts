import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evolveWaiter, type WaiterInput, type WaiterState, waiterMachine } from '../../src/machines/machines.ts';
import type { ResolvedWait, WaitCommand } from '../../src/machines/protocol/wait.ts';
import { FRESH_WAITER } from '../../src/machines/waiter.fold.ts';
import { coverage } from '../../src/testing/coverage.ts';
import { timersOf } from '../../src/testing/paths.ts';
import { anExecution, BORN_AT } from './paths/jobs.ts';
import { commitOf, folding } from './paths/live-chart.ts';
import { anyWalk, type Walks, walk, walkPaths } from './paths/walks.ts';

const waitFor = (wait: ResolvedWait): WaiterInput => ({
  execution: anExecution('run/pause/1'),
  job: { stepId: 'pause', for: wait },
  at: BORN_AT,
});

const waiter: Walks<WaiterState, WaiterInput> = {
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
  isRare: ({ type }) => type === 'execution.cancel' || type === 'wait.answered',
  key: ({ pausedMs }) => String(pausedMs > 0),
  check: (live) => {
    const { phase, dueAt, startedAt, pausedMs, for: wait } = live.state;
    expect(live.clock.nextDueAt, `the timer in ${phase}`).toBe(phase === 'waiting' ? Math.max(dueAt, live.clock.now()) : undefined);
    const frozen = wait?.type === 'timer' && phase === 'waiting' ? pausedMs : 0;
    if (phase === 'waiting') expect(dueAt - startedAt, 'only a timer freezes').toBe(5_000 + frozen);
  },
};

describe('the waiter', () => {
  it('keeps its promises on generated paths that take every transition', () => {
    const { recorder } = walkPaths(waiter);
    const report = coverage(waiterMachine, recorder);
    expect(report.isComplete, report.table).toBe(true);
  });

  it('keeps its promises whatever it hears, and through any crash', () => {
    fc.assert(
      fc.property(fc.constantFrom(...waiter.inputs), anyWalk, (input, strides) => {
        walk(waiter, input, strides);
      }),
      { numRuns: 300 },
    );
  });
});
