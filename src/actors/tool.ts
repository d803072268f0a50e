/** What a tool is, for those who write one. */

import type { AgentSpec } from '../machines/protocol/agent.ts';
import type { BreakerOptions } from '../machines/protocol/breaker.ts';
import type { ExecutionContext, Json } from '../machines/protocol/execution.ts';
import type { RetryPolicy } from '../machines/protocol/plan.ts';
import type { Blackboard } from './blackboard.ts';

/** The part of Standard Schema v1 that Swarmchart uses; zod 4, valibot and arktype schemas fit. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}
type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[];
    };

/** A declared parameter, for tools without a schema. Source: Implementation Guide, "Tool Registry Implementation". */
export interface ToolParameter {
  readonly name: string;
  readonly type: 'string' | 'number' | 'boolean' | 'object' | 'array';
  readonly required?: boolean;
  readonly description?: string;
}

export interface Logger {
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

export interface ToolContext {
  /** Aborted on cancel, timeout and an exceeded budget. Work that ignores it is abandoned after the grace period. */
  readonly signal: AbortSignal;
  readonly execution: ExecutionContext;
  readonly stepId: string;
  /** The agent that does it: of an agent step, or of the task that the step belongs to. */
  readonly agent?: AgentSpec;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** The same for every attempt of this step, also after a crash: hand it to whatever must not act twice. */
  readonly idempotencyKey: string;
  /** For tools with `onPause: 'suspend'`: resolves at once while running, and when resumed while paused. Rejects when aborted. */
  checkpoint(): Promise<void>;
  /**
   * Books credits and tokens beyond what the tool declares, and the memory that it holds just now. Throws RESOURCE_EXHAUSTED (and aborts the
   * attempt) when the allocation is exceeded.
   */
  spend(usage: { readonly credits?: string; readonly tokens?: number; readonly memoryMB?: number }): void;
  /**
   * The value of a secret, got once for this attempt. Rejects with SECRET_NOT_FOUND. Whatever the attempt returns, throws, logs or writes to the
   * blackboard holds `[secret:NAME]` in its place.
   */
  secret(name: string): Promise<string>;
  /** What the swarm shares; what this attempt writes there is marked with its execution id. Once aborted, it writes no more. */
  readonly blackboard: Blackboard;
  readonly log: Logger;
}

export interface Tool<Input = never, Output = unknown> {
  readonly name: string;
  readonly description?: string;
  /** A Standard Schema, a list of parameters, or nothing for any object. */
  readonly input?: StandardSchema<Input> | readonly ToolParameter[];
  /** Cost of one attempt in credits. @default '0' */
  readonly credits?: string;
  /** Tokens that one attempt uses at least. @default 0 */
  readonly tokens?: number;
  /** Memory that is held for an attempt while it runs, and that it may take at most. @default what is free when it starts */
  readonly memoryMB?: number;
  /** Used where the step names no timeout. Milliseconds. */
  readonly timeoutMs?: number;
  readonly retry?: RetryPolicy;
  /** What a pause does to a running attempt. @default 'finish' */
  readonly onPause?: 'finish' | 'suspend';
  /** False: no circuit breaker of its own guards this tool. */
  readonly breaker?: false | Partial<BreakerOptions>;
  /** What it depends on, such as a service that several tools call: they share one more circuit breaker, of this name. */
  readonly provider?: string;
  /** Does the work. What it returns must survive JSON; `undefined` counts as null. */
  run(input: Input, context: ToolContext): Output | Promise<Output>;
}

/** A tool whose input type is no longer known, as registries hold it. */
// biome-ignore lint/suspicious/noExplicitAny: inputs are checked by the tool's own schema at the door
export type AnyTool = Tool<any, unknown>;

/** Types a tool's `run` by its schema. Does nothing else. */
export function defineTool<Schema extends StandardSchema, Output>(
  tool: Omit<Tool<never, Output>, 'input' | 'run'> & {
    readonly input: Schema;
    run(input: NonNullable<Schema['~standard']['types']>['output'], context: ToolContext): Output | Promise<Output>;
  },
): Tool<NonNullable<Schema['~standard']['types']>['output'], Output>;
export function defineTool<Output>(tool: Tool<Record<string, Json>, Output>): Tool<Record<string, Json>, Output>;
export function defineTool(tool: AnyTool): AnyTool {
  return tool;
}
