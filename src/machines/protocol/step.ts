/** What a run hands to a step's executor, what the executor says back, and the facts of tier 3. */

import type { ControlCommand } from './control.ts';
import type { ErrorClass } from './errors.ts';
import type { ExecutionContext, ExecutionError, Json, JsonObject, ResourceAllocation, ResourceUsage } from './execution.ts';
import type { FactBody } from './facts.ts';
import type { Condition, RetryPolicy, StepLease } from './plan.ts';
import type { WithSecrets } from './secrets.ts';

/** Values that a condition may read: the run's input, and the settled steps that it names. */
export interface ConditionScope {
  readonly input: JsonObject;
  readonly steps: { readonly [stepId: string]: { readonly status: string; readonly result: Json; readonly error: Json } };
}

/** A step's work with every reference resolved; those of secrets are when an attempt begins. */
export type StepWork =
  | ({
      readonly kind: 'tool';
      readonly tool: string;
      readonly strategy: string;
      readonly parameters: JsonObject;
      readonly lease?: StepLease;
    } & WithSecrets)
  | ({
      readonly kind: 'module-operation';
      readonly module: string;
      readonly operation: string;
      readonly parameters: JsonObject;
    } & WithSecrets)
  | { readonly kind: 'condition'; readonly condition: Condition };

/** Everything an executor needs; plain data. */
export interface StepJob {
  readonly stepId: string;
  readonly work: StepWork;
  /** All must hold, else the step is skipped. */
  readonly when: readonly Condition[];
  readonly scope: ConditionScope;
  /** For one attempt. */
  readonly timeoutMs: number;
  readonly retry?: RetryPolicy;
  /** Used for an error of that class where `retry` says nothing. */
  readonly recovery: Partial<Record<ErrorClass, RetryPolicy>>;
  /** Cost of one attempt, and the memory that it holds. */
  readonly credits: string;
  readonly tokens?: number;
  readonly memoryMB?: number;
  readonly allocation: ResourceAllocation;
  /** The same for every attempt and after every crash. */
  readonly idempotencyKey: string;
  /** A request that was refused still becomes an execution: it starts and fails with this. */
  readonly refusal?: ExecutionError;
}

/** How a step's execution ended; the output of its executor. */
export interface StepOutcome {
  readonly status: 'completed' | 'skipped' | 'failed' | 'cancelled';
  readonly output: Json;
  readonly error?: ExecutionError;
  readonly reason?: string;
  readonly attempts: number;
  readonly usage: ResourceUsage;
}

/** As those outside see it who have no facts of their own. */
export interface TimedOutcome extends StepOutcome {
  /** From start to settlement, pauses included. Milliseconds. */
  readonly duration: number;
}

/** How one attempt ended. */
export type AttemptOutcome =
  | { readonly kind: 'succeeded'; readonly output: Json; readonly usage: AttemptUsage }
  | { readonly kind: 'skipped'; readonly usage: AttemptUsage }
  | { readonly kind: 'failed'; readonly error: ExecutionError; readonly usage: AttemptUsage };

export interface AttemptUsage {
  readonly credits: string;
  readonly memoryMB: number;
  /** Only when there were any. */
  readonly tokens?: number;
}

/** Commands to an executor. */
export type StepCommand = ControlCommand;

/** Commands to the actor that makes one attempt. */
export type AttemptCommand =
  | { readonly type: 'attempt.abort'; readonly cause: 'timeout' | 'cancel'; readonly reason: string }
  /** `pause` numbers the pauses of the executor; the reply repeats it. */
  | { readonly type: 'attempt.pause'; readonly pause: number }
  | { readonly type: 'attempt.resume' };

/** Replies of the actor that makes one attempt. */
export type AttemptReply =
  | { readonly type: 'attempt.settled'; readonly attempt: number; readonly outcome: AttemptOutcome; readonly at: number }
  | { readonly type: 'attempt.suspended'; readonly attempt: number; readonly pause: number; readonly at: number };

export interface AttemptInput {
  readonly execution: ExecutionContext;
  readonly job: StepJob;
  readonly attempt: number;
  /** What is left of the allocation. */
  readonly creditsLeft: string;
  /** Without it there is no limit. */
  readonly tokensLeft?: number;
  /**
   * `run`: do the work. `pausing`: do it up to its first checkpoint. `suspended`: wait to be resumed first.
   * `aborted`: the work must not start; settle at once.
   */
  readonly mode: 'run' | 'pausing' | 'suspended' | 'aborted';
  /** Number of the executor's present or last pause. */
  readonly pause: number;
}

export type StepFact =
  | FactBody<
      'tier3/execution/started',
      {
        readonly stepId: string;
        readonly kind: StepWork['kind'];
        readonly target: string;
        readonly idempotencyKey: string;
        readonly maxCredits: string;
        readonly maxTokens?: number;
        readonly dueAt: number;
        /** Of an execution that is its stream's root: all that a restart needs. */
        readonly root?: { readonly execution: ExecutionContext; readonly job: StepJob };
      }
    >
  | FactBody<'tier3/attempt/started', { readonly stepId: string; readonly attempt: number; readonly dueAt: number }>
  | FactBody<
      'tier3/attempt/failed',
      {
        readonly stepId: string;
        readonly attempt: number;
        readonly error: ExecutionError;
        readonly usage: AttemptUsage;
        readonly backoffMs: number;
        readonly parked: boolean;
      }
    >
  /** The process ended while it was under way; it is made once more. What it is taken to have used is booked. */
  /** After a restart: it is made again from its beginning, and has its whole time again. */
  | FactBody<
      'tier3/attempt/interrupted',
      { readonly stepId: string; readonly attempt: number; readonly usage: AttemptUsage; readonly dueAt: number }
    >
  | FactBody<'tier3/execution/timing_out', { readonly stepId: string; readonly attempt: number; readonly graceUntil: number }>
  | FactBody<'tier3/execution/pausing', { readonly stepId: string; readonly epoch: number }>
  | FactBody<'tier3/execution/paused', { readonly stepId: string; readonly epoch: number; readonly suspended: boolean }>
  | FactBody<'tier3/execution/resumed', { readonly stepId: string }>
  | FactBody<'tier3/execution/cancelling', { readonly stepId: string; readonly reason: string; readonly graceUntil: number }>
  | FactBody<
      'tier3/execution/completed',
      {
        readonly stepId: string;
        readonly output: Json;
        readonly skipped: boolean;
        readonly attempts: number;
        readonly usage: ResourceUsage;
      }
    >
  | FactBody<
      'tier3/execution/failed',
      { readonly stepId: string; readonly error: ExecutionError; readonly attempts: number; readonly usage: ResourceUsage }
    >
  | FactBody<
      'tier3/execution/cancelled',
      { readonly stepId: string; readonly reason: string; readonly attempts: number; readonly usage: ResourceUsage }
    >;
