/**
 * A plan: a workflow definition after validation, normalised so that a chart can follow it in O(1) a step.
 *
 * Nested steps (the branches of `parallel` and `conditional`) are flattened into one vector, a parent before its children;
 * `ordinal` is a step's index in it. A plan is plain data and never changes during a run.
 */

import type { DecisionPolicy } from './decision.ts';
import type { ErrorClass, ErrorCode } from './errors.ts';
import type { Json, JsonObject } from './execution.ts';
import type { WithSecrets } from './secrets.ts';

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
  | ({ readonly on: FallbackTrigger; readonly action: 'escalate-to-human' } & DecisionPolicy)
  | { readonly on: FallbackTrigger; readonly action: 'use-value'; readonly value: Json }
  | {
      readonly on: FallbackTrigger;
      readonly action: 'use-tool';
      readonly tool: string;
      readonly parameters?: JsonObject;
      /** Cost of one attempt, where the tool declares one; else it is the step's. */
      readonly credits?: string;
      readonly tokens?: number;
      readonly memoryMB?: number;
    }
  | { readonly on: FallbackTrigger; readonly action: 'skip' }
  | { readonly on: FallbackTrigger; readonly action: 'fail' };

/** Rungs that a task's failure may climb, once its run's own retries and fallbacks are used up. */
export type Rung = 'another-agent' | 'replan' | 'human';

/**
 * What is done about errors of one class: retries where nobody else has a policy, a fallback of steps that work after their own ones, and which
 * rungs a task that fails with it takes (all that there are, when it does not say).
 *
 * Source: Execution Layer Architecture, "Recovery Strategies".
 */
export interface Recovery extends RetryPolicy {
  readonly fallback?: Fallback;
  readonly escalation?: readonly Rung[];
}

/** Which agent an agent step needs: one with all of these capabilities, or this very one. */
export interface StepLease {
  readonly capabilities: readonly string[];
  readonly agent?: string;
}

export type Work =
  | {
      readonly kind: 'tool';
      readonly tool: string;
      readonly strategy: string;
      /** May hold references: `{{name}}` for the run's input, `${step.result.path}` for a settled step. */
      readonly parameters: JsonObject;
      /** References to objects merged, in order, beneath `parameters`; a null is skipped. */
      readonly parametersFrom: readonly string[];
      /** Of an agent step: the tool is called under a lease on an agent with all of these capabilities, or on this very agent. */
      readonly lease?: StepLease;
    }
  | { readonly kind: 'module-operation'; readonly module: string; readonly operation: string; readonly parameters: JsonObject }
  | { readonly kind: 'condition'; readonly condition: Condition }
  | { readonly kind: 'group' }
  | SubRun
  /** Of the run that a map becomes: one item, by the plan that all its items share. Its parameters hold no references any more. */
  | ({ readonly kind: 'item'; readonly parameters: JsonObject } & WithSecrets)
  | { readonly kind: 'wait'; readonly for: WaitFor };

/**
 * Work that is a run of its own, with the plan of another workflow or of the step's own body.
 * Its input is the outer run's variables, overlaid with `parameters`; a plan that declares its inputs gets only those.
 */
export type SubRun =
  | { readonly kind: 'workflow'; readonly plan: Plan; readonly parameters: JsonObject }
  /** Its body once for each item of a list, `maxConcurrency` at once. The body reads the item as `{{<as>}}` and its index as `{{index}}`. */
  | {
      readonly kind: 'map';
      readonly plan: Plan;
      readonly parameters: JsonObject;
      readonly over: string | readonly Json[];
      readonly as: string;
    }
  /**
   * Its body again and again, one iteration after another. It reads `{{iteration}}` (from 1) and `{{previous}}` (the last iteration's result,
   * null at first). With `until`, which may read the body's steps, it ends when that holds and fails with LOOP_EXHAUSTED when it never does;
   * without, it ends after `maxIterations`.
   */
  | {
      readonly kind: 'loop';
      readonly plan: Plan;
      readonly parameters: JsonObject;
      readonly maxIterations: number;
      readonly until?: Condition;
    };

/** What a wait step waits for. A step's `timeoutMs` bounds a wait for a signal or an approval and never freezes; a timer freezes with its run. */
export type WaitFor =
  | { readonly type: 'timer'; readonly durationMs: number }
  /** A moment: ISO 8601 text, or a reference to one. */
  | { readonly type: 'time'; readonly at: string }
  /** Its payload is the step's result. A signal that came before is kept for it. */
  | { readonly type: 'signal'; readonly name: string }
  /** A person's decision, or that of several who agree; an approval's value is the step's result. */
  | { readonly type: 'approval'; readonly prompt?: string; readonly role?: string; readonly quorum?: number };

/**
 * What undoes a completed step when its run fails or is cancelled. It reads the run's variables and results as they are then. A nested run
 * that completed is undone by the compensation of its step alone: those of its own steps are for its own failure.
 */
export interface Compensation {
  readonly tool: string;
  readonly parameters: JsonObject;
  readonly timeoutMs: number;
  readonly retry?: RetryPolicy;
  readonly credits: string;
  readonly tokens?: number;
  readonly memoryMB?: number;
}

export interface PlanStep {
  readonly ordinal: number;
  readonly id: string;
  readonly name: string;
  readonly type: 'tool' | 'agent' | 'module-operation' | 'parallel' | 'conditional' | 'map' | 'loop' | 'workflow' | 'wait';
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
  /** Declared: tokens that one attempt uses, and memory that is held for it while it runs. */
  readonly tokens?: number;
  readonly memoryMB?: number;
  /** Of a parallel step. `collect`: siblings finish first; `fail-fast`: siblings are cancelled. */
  readonly onBranchFailure: 'collect' | 'fail-fast';
  /** Of a parallel step: how many of its direct children run at once; of a map, how many items. */
  readonly maxConcurrency?: number;
  /** Declared: a run that fails or is cancelled undoes its completed steps, the last one first. */
  readonly compensation?: Compensation;
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
  /** What every step of kind `item` follows. */
  readonly items?: Plan;
  /** What it takes; without a declaration it takes any. */
  readonly inputs?: Readonly<Record<string, InputDeclaration>>;
}

/** One declared input of a workflow. Required unless there is a default; an optional one that is not given is null. */
export interface InputDeclaration {
  readonly type: 'string' | 'number' | 'boolean' | 'object' | 'array';
  readonly default?: Json | undefined;
  readonly required?: boolean | undefined;
  readonly description?: string | undefined;
}
