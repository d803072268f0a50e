/**
 * A plan: a workflow definition after validation, normalised so that a chart can follow it in O(1) a step.
 *
 * Nested steps (the branches of `parallel` and `conditional`) are flattened into one vector, a parent before its children;
 * `ordinal` is a step's index in it. A plan is plain data and never changes during a run.
 */

import type { ErrorClass, ErrorCode } from './errors.ts';
import type { Json, JsonObject } from './execution.ts';

/** Waiting time before a retry: `baseMs`, `baseMs · n` or `baseMs · factor^(n-1)`, capped, spread by ± `jitter` (0 to 1). */
export interface Backoff {
  readonly strategy: 'fixed' | 'linear' | 'exponential';
  readonly baseMs: number;
  readonly factor: number;
  readonly maxMs: number;
  readonly jitter: number;
}

/** N retries are N + 1 attempts. Validation and permanent errors are never retried. */
export interface RetryPolicy {
  readonly maxRetries: number;
  readonly backoff: Backoff;
}

export const DEFAULT_BACKOFF: Backoff = { strategy: 'exponential', baseMs: 1_000, factor: 2, maxMs: 30_000, jitter: 0 };

export type Condition =
  /** A CEL expression over `input` and `steps`; `steps` names the steps that it reads. */
  | { readonly type: 'expression'; readonly expression: string; readonly steps: readonly string[] }
  | {
      readonly type: 'step-result';
      readonly stepId: string;
      /** Path below the step's result; empty for the result itself. */
      readonly path: readonly string[];
      readonly operator: 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte' | 'exists' | 'contains';
      readonly value?: Json;
    }
  /** A predicate by name, given in the runtime's configuration (`conditions`). */
  | { readonly type: 'custom'; readonly handler: string; readonly steps: readonly string[] };

/** When a fallback applies: an error class, an error code, or any error. `timeout` is the class. */
export type FallbackTrigger = ErrorClass | ErrorCode | 'any';

/** What happens to a step that failed for good, after its retries. The first fallback whose trigger matches is used. */
export type Fallback =
  | { readonly on: FallbackTrigger; readonly action: 'escalate-to-human' }
  | { readonly on: FallbackTrigger; readonly action: 'use-value'; readonly value: Json }
  | {
      readonly on: FallbackTrigger;
      readonly action: 'use-tool';
      readonly tool: string;
      readonly parameters?: JsonObject;
      /** Cost of one attempt, where the tool declares one; else it is the step's. */
      readonly credits?: string;
    }
  | { readonly on: FallbackTrigger; readonly action: 'skip' }
  | { readonly on: FallbackTrigger; readonly action: 'fail' };

export type Work =
  | {
      readonly kind: 'tool';
      readonly tool: string;
      readonly strategy: string;
      /** May hold references: `{{name}}` for the run's input, `${step.result.path}` for a settled step. */
      readonly parameters: JsonObject;
      /** References to objects merged, in order, beneath `parameters`; a null is skipped. */
      readonly parametersFrom: readonly string[];
    }
  | { readonly kind: 'module-operation'; readonly module: string; readonly operation: string; readonly parameters: JsonObject }
  | { readonly kind: 'condition'; readonly condition: Condition }
  | { readonly kind: 'group' };

export interface PlanStep {
  readonly ordinal: number;
  readonly id: string;
  readonly name: string;
  readonly type: 'tool' | 'module-operation' | 'parallel' | 'conditional';
  /** A conditional's work is its condition; a parallel has none of its own (`group`). */
  readonly work: Work;
  /** Ordinals of all steps that must settle first: declared, listed by the workflow, or implied by a reference; lifted to the step's own level. */
  readonly dependsOn: readonly number[];
  readonly dependents: readonly number[];
  /** Ordinal of the enclosing parallel or conditional step. */
  readonly parent?: number;
  /** Which branch of a conditional this step belongs to. */
  readonly branch?: 'then' | 'else';
  /** Ordinals of direct children, in declaration order. */
  readonly children: readonly number[];
  readonly priority: number;
  /** Place in the order (priority descending, declaration order): the smallest ready rank starts first. */
  readonly rank: number;
  /** False: the step is skipped. Steps named in the conditions are dependencies. */
  readonly when: readonly Condition[];
  readonly timeoutMs: number;
  /** The step's or else the workflow's policy; without one the error's class decides, and by default nothing is retried. */
  readonly retry?: RetryPolicy;
  readonly fallbacks: readonly Fallback[];
  /** `stop`: a failure fails the run (or the enclosing group). `continue`: it is recorded and dependents go on. */
  readonly onFailure: 'stop' | 'continue';
  /** Cost of one attempt, as a decimal string. */
  readonly credits: string;
  /** Of a parallel step. `collect`: siblings finish first; `fail-fast`: siblings are cancelled. */
  readonly onBranchFailure: 'collect' | 'fail-fast';
  /** Of a parallel step: how many of its direct children run at once. */
  readonly maxConcurrency?: number;
}

export interface Plan {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly steps: readonly PlanStep[];
  /** Ordinal by rank: the inverse of each step's `rank`. */
  readonly byRank: readonly number[];
  /** Ordinal by step id, own keys only. */
  readonly ordinals: Readonly<Record<string, number>>;
  /** Top-level steps on which nothing depends. One: its result is the run's; several: a map by id. */
  readonly sinks: readonly number[];
  readonly metadata: JsonObject;
}
