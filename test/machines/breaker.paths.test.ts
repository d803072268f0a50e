import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLOSED } from '../../src/machines/breaker.fold.ts';
import { type BreakerInput, type BreakerState, breakerMachine, evolveBreaker } from '../../src/machines/machines.ts';
import type { BreakerCommand, BreakerOptions } from '../../src/machines/protocol/breaker.ts';
import { coverage } from '../../src/testing/coverage.ts';
import { timersOf } from '../../src/testing/paths.ts';
import { anExecution } from './paths/jobs.ts';
import { commitOf, folding } from './paths/live-chart.ts';
import { anyWalk, type Walks, walk, walkPaths } from './paths/walks.ts';

const withOptions = (options: Partial<BreakerOptions>): BreakerInput => ({
  scope: 'tool',
  key: 'search',
  options: { failureThreshold: 2, resetMs: 1_000, successThreshold: 2, probeTimeoutMs: 3_000, ...options },
  execution: anExecution('breaker/tool/search'),
});

const ENDS = ['breaker.succeeded', 'breaker.failed', 'breaker.released'] as const;
const BY_HAND = ['breaker.forceOpen', 'breaker.forceClose', 'breaker.reset'] as const;

const breaker: Walks<BreakerState, BreakerInput> = {
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
    expect(failures).toBeLessThanOrEqual(2);
    expect(successes).toBeLessThan(2);
    const waits = phase === 'open' || phase === 'halfOpen.probing';
    expect(live.clock.nextDueAt, `the timer in ${phase}`).toBe(waits ? dueAt : undefined);
  },
};

describe('the breaker', () => {
  it('keeps its promises on generated paths that take every transition', () => {
    const { recorder } = walkPaths(breaker);
    const report = coverage(breakerMachine, recorder);
    expect(report.isComplete, report.table).toBe(true);
  });

  it('keeps its promises whatever it hears, and through any crash', () => {
    fc.assert(
      fc.property(fc.constantFrom(...breaker.inputs), anyWalk, (input, strides) => {
        walk(breaker, input, strides);
      }),
      { numRuns: 300 },
    );
  });
});
