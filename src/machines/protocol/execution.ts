/** The words every tier shares: who executes what, with how much, and how it ended. */

import type { ErrorClass, ErrorCode } from './errors.ts';

export type Tier = 'tier1' | 'tier2' | 'tier3';

/** A value that survives JSON unchanged. Everything recorded in a fact is one. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/**
 * Identity of one execution, constant for its life.
 *
 * A child gets its own `executionId`, its parent's as `parentExecutionId`, and the same `swarmId`, `userId` and `correlationId`.
 *
 * Source: Implementation Guide, "Core Type Definitions".
 */
export interface ExecutionContext {
  readonly executionId: string;
  readonly parentExecutionId?: string;
  readonly swarmId: string;
  readonly userId: string;
  /** Milliseconds since the epoch at which the execution was requested. */
  readonly timestamp: number;
  readonly correlationId: string;
}

/** What an execution may use at most. Credits are a non-negative integer in a decimal string, so that 10^30 survives. */
export interface ResourceAllocation {
  readonly maxCredits: string;
  readonly maxDurationMs: number;
  /** At once. */
  readonly maxMemoryMB: number;
  readonly maxConcurrentSteps: number;
  /** Of language models; without it there is no limit. */
  readonly maxTokens?: number;
  /** Steps that are executed, over all levels; without it there is no limit. What undoes a step is none. */
  readonly maxSteps?: number;
}

/** What is promised to an execution before it acts. Credits are a decimal string, the others safe integers; what is left out is none. */
export interface Amounts {
  readonly credits: string;
  readonly tokens?: number;
  readonly steps?: number;
  readonly memoryMB?: number;
}

/** What an execution did use. `memoryUsedMB` is a peak; a parent's is the greatest of its children's. */
export interface ResourceUsage {
  readonly creditsUsed: string;
  readonly durationMs: number;
  readonly memoryUsedMB: number;
  readonly stepsExecuted: number;
  /** Only when there were any. */
  readonly tokensUsed?: number;
}

/** A failure as data. `tier` and `code` are those of the innermost tier at which it happened. */
export interface ExecutionError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly tier: Tier;
  readonly retryable: boolean;
  readonly errorClass: ErrorClass;
  readonly cause?: { readonly name: string; readonly message: string };
  readonly context?: JsonObject;
}

/** How an execution ended. Every tier resolves with one and never rejects. */
export interface ExecutionResult<T = Json> {
  readonly success: boolean;
  /** How it ended: `failed` for an error, `cancelled` when somebody cancelled it. */
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly result?: T;
  readonly error?: ExecutionError;
  readonly resourcesUsed: ResourceUsage;
  /** Milliseconds from start to settlement, by the runtime's clock, pauses included; `resourcesUsed.durationMs` leaves them out. */
  readonly duration: number;
  readonly context: ExecutionContext;
}

export type ExecutionStatus =
  | 'pending'
  | 'running'
  | 'pausing'
  | 'paused'
  | 'waiting'
  | 'cancelling'
  | 'compensating'
  | 'completed'
  | 'failed'
  | 'cancelled';

export type StepStatus = ExecutionStatus | 'skipped' | 'timed_out';

/** Named priorities; any integer is accepted, larger first. */
export const PRIORITIES = { critical: 10, high: 8, medium: 5, low: 3, background: 1 } as const;
export type PriorityName = keyof typeof PRIORITIES;

export const NO_USAGE: ResourceUsage = { creditsUsed: '0', durationMs: 0, memoryUsedMB: 0, stepsExecuted: 0 };

export const DEFAULT_ALLOCATION: ResourceAllocation = {
  maxCredits: '1000000',
  maxDurationMs: 24 * 60 * 60 * 1000,
  maxMemoryMB: 4096,
  maxConcurrentSteps: 20,
};
