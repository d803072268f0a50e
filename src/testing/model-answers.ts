/** What a scripted model is asked, and what it may be told to answer. */

import { STATUS_CODES } from 'node:http';
import { describe } from '../actors/failure.ts';
import { memberOf } from '../actors/reading.ts';
import { SwarmchartError } from '../machines/protocol/errors.ts';
import type { Json } from '../machines/protocol/execution.ts';
import type { ModelMessage, ModelSettings } from './language-model.ts';

/** One call of a scripted model. */
export interface ModelCall {
  /** 1 for the first. */
  readonly number: number;
  readonly prompt: readonly ModelMessage[];
  /** What the user said last. */
  readonly text: string;
  /** Everything else that was asked for: temperature, tools, response format … */
  readonly settings: ModelSettings;
  readonly isStreamed: boolean;
  readonly signal?: AbortSignal;
  /** Only with a clock. */
  readonly at?: number;
  /** How it ended; undefined while it is under way. A stream that its reader leaves before the end is aborted. */
  readonly outcome?: 'answered' | 'failed' | 'aborted';
}

/** One answer: a text, an error that is thrown, a reply in detail, or what makes one of those of the call. */
export type ModelAnswer = PlainAnswer | ((call: ModelCall) => PlainAnswer | Promise<PlainAnswer>);
export type PlainAnswer = string | Error | ModelReply;

export interface ModelReply {
  /** A list is streamed in these chunks, a text in its words. */
  readonly text?: string | readonly string[];
  /** Said as JSON text, for structured output; not together with `text`. */
  readonly json?: Json;
  /** Thought before it is said. */
  readonly reasoning?: string;
  /** Their inputs are JSON; ids are made when none are given. */
  readonly toolCalls?: readonly { readonly toolName: string; readonly input?: Json; readonly toolCallId?: string }[];
  /** So many characters are left of the last of all this, as when tokens run out in the middle of it. */
  readonly cutAfter?: number;
  /** Never ends unless its signal is aborted: at once when nothing is streamed, else after all of the above. */
  readonly stalls?: boolean;
  /**
   * As `stalls`, but fails: with what the AI SDK throws for that status, which is the last part of a stream that has begun; or with the error
   * given, which breaks such a stream.
   */
  readonly error?: ModelFailure | Error;
  /** @default `length` when cut, `tool-calls` when there are any, else `stop` */
  readonly finishReason?: 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'error' | 'other';
  /** Tokens that it claims to have used. @default counted */
  readonly usage?: { readonly input?: number; readonly output?: number };
  /** Passes on the clock before anything comes. @default the model's */
  readonly latencyMs?: number;
}

export interface ModelFailure {
  readonly status: number;
  /** @default the status's own, for example Too Many Requests */
  readonly message?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** @default as the AI SDK has it: for 408, 409, 429 and from 500 on */
  readonly isRetryable?: boolean;
}

const KEYS: ReadonlySet<string> = new Set<keyof ModelReply>([
  'text',
  'json',
  'reasoning',
  'toolCalls',
  'cutAfter',
  'stalls',
  'error',
  'finishReason',
  'usage',
  'latencyMs',
]);

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;

/** Everything that is wrong with an answer, in words. */
export function problemsOf(answer: unknown): readonly string[] {
  if (typeof answer === 'string' || typeof answer === 'function' || answer instanceof Error) return [];
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return [`is no answer: ${describe(answer)}`];
  const reply = answer as ModelReply;
  const problems = Object.keys(reply)
    .filter((key) => !KEYS.has(key))
    .map((key) => `has the unknown key "${key}" (an object that the model shall say goes under "json")`);
  const { text, json, toolCalls = [], cutAfter, error, usage, latencyMs } = reply;
  const isText = text === undefined || typeof text === 'string' || (Array.isArray(text) && text.every((each) => typeof each === 'string'));
  if (!isText) problems.push(`has a text that is none: ${describe(text)}`);
  if (text !== undefined && json !== undefined) problems.push('has both text and json');
  if (!Array.isArray(toolCalls) || toolCalls.some((call: unknown) => typeof memberOf(call, 'toolName') !== 'string'))
    problems.push(`has tool calls without a toolName: ${describe(toolCalls)}`);
  for (const [key, value] of Object.entries({ cutAfter, latencyMs, 'usage.input': usage?.input, 'usage.output': usage?.output })) {
    if (value !== undefined && !isCount(value)) problems.push(`has a ${key} that is no whole number from 0 on: ${describe(value)}`);
  }
  const status = memberOf(error, 'status');
  const isFailure = error === undefined || error instanceof Error || (isCount(status) && Number(status) >= 100 && Number(status) <= 599);
  if (!isFailure) problems.push(`has an error that is neither an Error nor has an HTTP status: ${describe(error)}`);
  if (error !== undefined && reply.stalls) problems.push('both stalls and fails');
  return problems;
}

/** Throws INVALID_VALUE with every problem. */
export function check(problems: readonly string[]): void {
  if (problems.length > 0) throw new SwarmchartError('INVALID_VALUE', problems.join('; '));
}

const isRetried = (status: number): boolean => status === 408 || status === 409 || status === 429 || status >= 500;

/** Passes for the AI SDK's APICallError, by its markers, so that the SDK retries it as it would a provider's. */
class ModelCallError extends Error {
  override readonly name = 'AI_APICallError';
  readonly url = 'https://model.test/';
  readonly requestBodyValues = {};
  readonly statusCode: number;
  readonly isRetryable: boolean;
  readonly responseHeaders: Readonly<Record<string, string>>;

  constructor({
    status,
    message = STATUS_CODES[status] ?? `status ${status}`,
    headers = {},
    isRetryable = isRetried(status),
  }: ModelFailure) {
    super(message);
    this.statusCode = status;
    this.isRetryable = isRetryable;
    this.responseHeaders = headers;
    for (const marker of ['vercel.ai.error', `vercel.ai.error.${this.name}`])
      Object.defineProperty(this, Symbol.for(marker), { value: true });
  }
}

export const errorOf = (failure: ModelFailure | Error): Error => (failure instanceof Error ? failure : new ModelCallError(failure));
