/** Breakers under test: what they may hear, and what must hold of them beside what holds of every chart. */

import assert from 'node:assert/strict';
import { CLOSED } from '../../../src/machines/breaker.fold.ts';
import { type BreakerInput, type BreakerState, breakerMachine, evolveBreaker } from '../../../src/machines/machines.ts';
import type { BreakerCommand, BreakerOptions } from '../../../src/machines/protocol/breaker.ts';
import { timersOf } from '../../../src/testing/paths.ts';
import { anExecution } from './jobs.ts';
import { commitOf, folding } from './live-chart.ts';
import type { Walks } from './walks.ts';

const withOptions = (options: Partial<BreakerOptions>): BreakerInput => ({
  scope: 'tool',
  key: 'search',
  options: { failureThreshold: 2, resetMs: 1_000, successThreshold: 2, probeTimeoutMs: 3_000, ...options },
  execution: anExecution('breaker/tool/search'),
});

const ENDS = ['breaker.succeeded', 'breaker.failed', 'breaker.released'] as const;
const BY_HAND = ['breaker.forceOpen', 'breaker.forceClose', 'breaker.reset'] as const;

export const breaker: Walks<BreakerState, BreakerInput> = {
  chart: breakerMachine.provide({ actions: { commit: commitOf('tier3') } }),
  fold: folding(evolveBreaker, CLOSED),
  restored: (input, restored) => ({ ...input, restored }),
  isTerminal: () => false,
  inputs: [withOptions({}), withOptions({ failureThreshold: 1, successThreshold: 1 }), withOptions({ resetMs: null })],
  events: (snapshot, at) => {
    const { permit }: BreakerState = snapshot.context.state;
    const commands: BreakerCommand[] = [{ type: 'breaker.acquired', permit: permit + 1, at }];
    for (const type of ENDS) commands.push({ type, permit, at }, { type, permit: permit - 1, at });
    for (const type of BY_HAND) commands.push({ type, at, by: 'ops' });
    return [...commands, ...timersOf(snapshot)];
  },
  key: ({ failures, successes }) => `${failures} ${successes}`,
  check: (live) => {
    const { phase, failures, successes, dueAt } = live.state;
    assert.ok(failures <= 2, `${failures} failures`);
    assert.ok(successes < 2, `${successes} successes`);
    const waits = phase === 'open' || phase === 'halfOpen.probing';
    assert.equal(live.clock.nextDueAt, waits ? Math.max(dueAt, live.clock.now()) : undefined, `the timer in ${phase}`);
  },
};
