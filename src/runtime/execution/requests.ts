/** The doors of the tiers: what a caller may ask for, checked with every problem at once. */

import { z } from 'zod';
import { memberOf, wrapTierError } from '../../actors/failure.ts';
import { toJson } from '../../actors/json.ts';
import type { Decision } from '../../machines/protocol/decision.ts';
import { type Issue, SwarmchartError } from '../../machines/protocol/errors.ts';
import {
  DEFAULT_ALLOCATION,
  type ExecutionContext,
  type Json,
  type JsonObject,
  type ResourceAllocation,
} from '../../machines/protocol/execution.ts';
import { DEFAULT_BACKOFF, type RetryPolicy } from '../../machines/protocol/plan.ts';
import { describeProblem } from '../workflow/expectation.ts';
import { UNSAFE_KEYS } from '../workflow/limits.ts';

/** Options of one call; they override the workflow's and the steps' own. */
export interface ExecutionOptions {
  /** For the whole execution. Milliseconds. */
  readonly timeout?: number;
  readonly retryPolicy?: { readonly maxRetries: number; readonly backoff?: Partial<RetryPolicy['backoff']> };
}

/** Source: Implementation Guide, "Communication Interfaces". */
export interface TierExecutionRequest<Input> {
  readonly context?: Partial<Omit<ExecutionContext, 'timestamp'>> & { readonly timestamp?: number | Date };
  readonly input: Input;
  readonly allocation?: Partial<ResourceAllocation>;
  readonly options?: ExecutionOptions;
}

export interface StepExecutionInput {
  readonly stepId: string;
  readonly toolName: string;
  readonly parameters?: JsonObject;
  /** @default 'deterministic' */
  readonly strategy?: string;
}

/** What a person may answer at most, as JSON text. */
const MAX_ANSWER_BYTES = 1_048_576;

const id = z.string().min(1).max(256);
/** Slashes part the ids of steps from that of their run, which must not be taken for another root's. */
const rootId = id.regex(/^[^/]*$/, 'must not contain "/"');
const credits = z.string().regex(/^\d{1,40}$/, 'must be a non-negative integer in a string');
const positive = z.number().int().positive();

const context = z
  .object({
    executionId: rootId,
    parentExecutionId: id,
    swarmId: id,
    userId: id,
    correlationId: id,
    timestamp: z.union([z.number().nonnegative(), z.date().transform((date) => date.getTime())]),
  })
  .partial()
  .strict();
const allocation = z
  .object({
    maxCredits: credits,
    maxDurationMs: positive,
    maxMemoryMB: positive,
    maxConcurrentSteps: positive,
    maxTokens: z.number().int().nonnegative(),
    maxSteps: z.number().int().nonnegative(),
  })
  .partial()
  .strict();
const backoff = z.object({
  strategy: z.enum(['fixed', 'linear', 'exponential']),
  baseMs: z.number().nonnegative(),
  factor: z.number().positive(),
  maxMs: z.number().nonnegative(),
  jitter: z.number().min(0).max(1),
});
const options = z
  .object({
    timeout: positive,
    retryPolicy: z.object({ maxRetries: z.number().int().nonnegative().max(1_000), backoff: backoff.partial().optional() }),
  })
  .partial()
  .strict();
const request = z.object({ context: context.optional(), allocation: allocation.optional(), options: options.optional() });

const parameters = z.unknown().transform((given, { addIssue }): JsonObject => {
  try {
    const json = toJson(given, 'The caller', Number.MAX_SAFE_INTEGER);
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as JsonObject;
    addIssue('must be an object');
  } catch (thrown) {
    addIssue(wrapTierError(thrown, 'tier3').message);
  }
  return z.NEVER;
});
const step = z
  .object({ stepId: id, toolName: z.string().min(1), parameters: parameters.optional(), strategy: z.string().min(1).optional() })
  .strict();
const stepRequest = request.extend({ input: step });

export interface CheckedRequest {
  readonly execution: ExecutionContext;
  readonly allocation: ResourceAllocation;
  readonly retry?: RetryPolicy;
  /** Whether the caller said which swarm this belongs to. */
  readonly hasSwarm: boolean;
}

export interface CheckedStepRequest extends CheckedRequest {
  readonly input: StepExecutionInput;
}

/** Fills what the caller left out. Throws INVALID_INPUT with every problem. */
export function checkRequest(asked: Omit<TierExecutionRequest<unknown>, 'input'>, createId: () => string, now: number): CheckedRequest {
  return completed(parsed(request, asked), createId, now);
}

/** Of a step's input it makes a copy, so that the caller cannot change what was recorded. Throws INVALID_INPUT with every problem. */
export function checkStepRequest(asked: TierExecutionRequest<unknown>, createId: () => string, now: number): CheckedStepRequest {
  const data = parsed(stepRequest, asked);
  return { ...completed(data, createId, now), input: present(data.input) };
}

function parsed<Schema extends z.ZodType>(schema: Schema, asked: unknown): z.output<Schema> {
  const result = read(schema, asked);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue): Issue => {
    const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
    const value = path.reduce<unknown>((holder, key) => memberOf(holder, String(key)), asked);
    return { code: 'INVALID_INPUT', path, message: describeProblem(issue, value) };
  });
  const list = issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`)).join(' ');
  throw new SwarmchartError('INVALID_INPUT', `The request was refused: ${list}`, { issues });
}

/** Reading what a caller gives may throw anything: it may be a proxy. */
function read<Schema extends z.ZodType>(schema: Schema, asked: unknown) {
  try {
    return schema.safeParse(asked);
  } catch (thrown) {
    throw new SwarmchartError('INVALID_INPUT', `The request cannot be read: ${wrapTierError(thrown, 'tier2').message}`);
  }
}

function completed(asked: z.output<typeof request>, createId: () => string, now: number): CheckedRequest {
  const { context: given = {}, allocation: limits = {}, options: chosen = {} } = asked;
  const executionId = given.executionId ?? createId();
  const policy = chosen.retryPolicy;
  const merged = { ...DEFAULT_ALLOCATION, ...present(limits) };
  return {
    execution: {
      executionId,
      ...(given.parentExecutionId !== undefined && { parentExecutionId: given.parentExecutionId }),
      swarmId: given.swarmId ?? executionId,
      userId: given.userId ?? 'anonymous',
      timestamp: given.timestamp ?? now,
      correlationId: given.correlationId ?? executionId,
    },
    allocation: { ...merged, maxDurationMs: Math.min(merged.maxDurationMs, chosen.timeout ?? merged.maxDurationMs) },
    ...(policy && { retry: { maxRetries: policy.maxRetries, backoff: { ...DEFAULT_BACKOFF, ...present(policy.backoff ?? {}) } } }),
    hasSwarm: given.swarmId !== undefined,
  };
}

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> };
const present = <T extends object>(given: T): Present<T> =>
  Object.fromEntries(Object.entries(given).filter(([, value]: [string, Json | undefined]) => value !== undefined)) as Present<T>;

const json = z.unknown().transform((given, { addIssue }): Json => {
  try {
    return toJson(given, 'The caller', MAX_ANSWER_BYTES);
  } catch (thrown) {
    addIssue(wrapTierError(thrown, 'tier2').message);
    return z.NEVER;
  }
});
const decision = z.strictObject({
  decision: z.enum(['approve', 'reject', 'retry', 'abort']),
  value: json.optional(),
  by: z.string().max(256).optional(),
  role: z.string().max(500).optional(),
});

/** A person's answer as it may enter a fact. Throws INVALID_INPUT with every problem. */
export const checkDecision = (given: unknown): Decision => present(parsed(decision, given));

const rerun = z.strictObject({ from: id, input: parameters.optional(), executionId: rootId.optional() });

/** What is asked of a rerun, with a copy of its input. Throws INVALID_INPUT with every problem. */
export const checkRerun = (given: unknown): Present<z.output<typeof rerun>> => present(parsed(rerun, given));

const signal = z.strictObject({ name: z.string().min(1).max(256), payload: json });

/** A signal as it may enter a fact. Throws INVALID_INPUT with every problem. */
export const checkSignal = (given: unknown): { readonly name: string; readonly payload: Json } => parsed(signal, given);

/** Throws INVALID_INPUT for what is no name of a variable, UNSAFE_KEY for one that no object should have. */
export function checkName(given: unknown): void {
  const name = parsed(id, given);
  if (UNSAFE_KEYS.has(name)) throw new SwarmchartError('UNSAFE_KEY', `"${name}" cannot be the name of a variable`);
}

/** Throws INVALID_INPUT for a reason that is no text, or a very long one. */
export const checkReason = (given: unknown): string => parsed(z.string().max(10_000), given);
