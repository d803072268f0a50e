/** Whether a failed attempt is repeated, and after how long. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs, retryPolicy } from '../../src/machines/backoff.ts';
import { type ErrorCode, executionError } from '../../src/machines/protocol/errors.ts';
import { type Backoff, DEFAULT_BACKOFF, type RetryPolicy } from '../../src/machines/protocol/plan.ts';
import type { StepJob } from '../../src/machines/protocol/step.ts';

const waits = (backoff: Partial<Backoff>, count = 7) =>
  Array.from({ length: count }, (_, n) => backoffMs({ ...DEFAULT_BACKOFF, ...backoff }, n + 1, 'seed'));

describe('the time before a retry', () => {
  it('is 1, 2, 4, 8, 16 seconds and then always 30 by default', () => {
    expect(waits({})).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it('is the same, grows by a sum, or grows by a factor, up to the cap', () => {
    expect(waits({ strategy: 'fixed', baseMs: 250 }, 4)).toEqual([250, 250, 250, 250]);
    expect(waits({ strategy: 'linear', baseMs: 250, maxMs: 900 }, 5)).toEqual([250, 500, 750, 900, 900]);
    expect(waits({ strategy: 'exponential', baseMs: 100, factor: 3, maxMs: 5_000 }, 5)).toEqual([100, 300, 900, 2_700, 5_000]);
  });

  it('is finite after any number of failures', () => {
    expect(backoffMs(DEFAULT_BACKOFF, 1_000_000, 'seed')).toBe(30_000);
  });

  it('stays within its jitter and its cap, and is the same again for the same seed and failure', () => {
    const backoff = fc.record({
      strategy: fc.constantFrom('fixed', 'linear', 'exponential'),
      baseMs: fc.nat(100_000),
      factor: fc.double({ min: 0.5, max: 10, noNaN: true }),
      maxMs: fc.nat(100_000),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    }) satisfies fc.Arbitrary<Backoff>;
    fc.assert(
      fc.property(backoff, fc.integer({ min: 1, max: 50 }), fc.string(), (given, failures, seed) => {
        const waited = backoffMs(given, failures, seed);
        const planned = backoffMs({ ...given, jitter: 0 }, failures, seed);
        expect(Number.isInteger(waited)).toBe(true);
        expect(waited).toBeGreaterThanOrEqual(Math.floor(planned * (1 - given.jitter)) - 1);
        expect(waited).toBeLessThanOrEqual(Math.min(given.maxMs, Math.ceil(planned * (1 + given.jitter)) + 1));
        expect(backoffMs(given, failures, seed)).toBe(waited);
      }),
    );
  });

  it('spreads executions that fail at the same moment over the whole range', () => {
    const jittered = Array.from({ length: 1_000 }, (_, n) => backoffMs({ ...DEFAULT_BACKOFF, jitter: 0.5 }, 1, `run-${n}/step/1`));
    const buckets = Array.from({ length: 10 }, (_, n) => jittered.filter((ms) => Math.floor((ms - 500) / 100) === n).length);
    expect(Math.min(...jittered)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...jittered)).toBeLessThanOrEqual(1_500);
    for (const count of buckets) expect(count).toBeGreaterThan(50);
  });
});

describe('the policy for an error', () => {
  const policy = (maxRetries: number): RetryPolicy => ({ maxRetries, backoff: DEFAULT_BACKOFF });
  const job = (more: Partial<StepJob>) => ({ recovery: {}, ...more }) as StepJob;
  const failure = (code: ErrorCode) => executionError(code, 'failed', 'tier3');

  it('is the own one of the step, else that of the class of the error, else none', () => {
    const recovery = { timeout: policy(5), transient: policy(6) };
    expect(retryPolicy(job({ retry: policy(1), recovery }), failure('STEP_TIMEOUT'))?.maxRetries).toBe(1);
    expect(retryPolicy(job({ recovery }), failure('STEP_TIMEOUT'))?.maxRetries).toBe(5);
    expect(retryPolicy(job({ recovery }), failure('EXECUTION_FAILED'))?.maxRetries).toBe(6);
    expect(retryPolicy(job({ recovery }), failure('RESOURCE_EXHAUSTED'))).toBeUndefined();
    expect(retryPolicy(job({}), failure('EXECUTION_FAILED'))).toBeUndefined();
  });

  it.each(['MISSING_PARAMETER', 'INVALID_OUTPUT', 'CANCELLED', 'CIRCUIT_OPEN'] as const)(
    'is none for %s, whatever the policies',
    (code) => {
      const recovery = { validation: policy(9), permanent: policy(9), dependency: policy(9) };
      expect(retryPolicy(job({ retry: policy(9), recovery }), failure(code))).toBeUndefined();
    },
  );
});
