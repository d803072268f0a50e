/** Executions and jobs for charts under test. */

import { executionError } from '../../../src/machines/protocol/errors.ts';
import { DEFAULT_ALLOCATION, type ExecutionContext, type ResourceUsage } from '../../../src/machines/protocol/execution.ts';
import type { RetryPolicy } from '../../../src/machines/protocol/plan.ts';
import type { StepJob } from '../../../src/machines/protocol/step.ts';

export const BORN_AT = Date.UTC(2026, 0, 1);

export const anExecution = (executionId: string): ExecutionContext => ({
  executionId,
  swarmId: 'swarm',
  userId: 'ann',
  timestamp: BORN_AT,
  correlationId: 'correlation',
});

export const retries = (maxRetries: number): RetryPolicy => ({
  maxRetries,
  backoff: { strategy: 'fixed', baseMs: 500, factor: 1, maxMs: 500, jitter: 0 },
});

export const aJob = (more: Partial<StepJob>): StepJob => ({
  stepId: 'fetch',
  work: { kind: 'tool', tool: 'fetch', strategy: 'deterministic', parameters: {} },
  when: [],
  scope: { input: {}, steps: {} },
  timeoutMs: 10_000,
  recovery: {},
  credits: '3',
  allocation: DEFAULT_ALLOCATION,
  idempotencyKey: 'fetch/1',
  ...more,
});

export const TRANSIENT = executionError('EXECUTION_FAILED', 'The network is down', 'tier3');
export const PERMANENT = executionError('INVALID_PARAMETERS', 'The name is missing', 'tier3');

export const usageOf = (creditsUsed: string): ResourceUsage => ({ creditsUsed, durationMs: 1, memoryUsedMB: 1, stepsExecuted: 1 });
