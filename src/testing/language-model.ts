/**
 * What a scripted model has in common with the models of the AI SDK: the part of its language model specification, version 4, that is needed
 * to stand in for one. In our own words, so that nobody needs the package `ai` for its types; a test holds that they fit.
 */

/** A model that `generateText` and the like of the AI SDK take. */
export interface LanguageModel {
  readonly specificationVersion: 'v4';
  readonly provider: string;
  readonly modelId: string;
  readonly supportedUrls: Record<string, RegExp[]>;
  doGenerate(options: ModelCallOptions): Promise<ModelGenerateResult>;
  doStream(options: ModelCallOptions): Promise<ModelStreamResult>;
}

/** What a model is asked, as the AI SDK has put it. */
export interface ModelMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string | readonly ModelMessagePart[];
}

export interface ModelMessagePart {
  /** `text`, `reasoning`, `tool-call`, `tool-result`, `file` … */
  readonly type: string;
  readonly text?: string;
  readonly toolCallId?: string;
  readonly toolName?: string;
  /** Of a tool call. */
  readonly input?: unknown;
  /** Of a tool result: `{type: 'json', value}` and the like. */
  readonly output?: unknown;
}

export interface ModelSettings {
  readonly maxOutputTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  readonly stopSequences?: readonly string[];
  readonly seed?: number;
  readonly reasoning?: string;
  readonly responseFormat?: { readonly type: 'text' | 'json'; readonly schema?: unknown; readonly name?: string };
  readonly tools?: readonly { readonly type: string; readonly name: string; readonly inputSchema?: unknown }[];
  readonly toolChoice?: { readonly type: string; readonly toolName?: string };
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly providerOptions?: Readonly<Record<string, unknown>>;
}

export interface ModelCallOptions extends ModelSettings {
  readonly prompt: readonly ModelMessage[];
  readonly abortSignal?: AbortSignal;
}

export type ModelContent =
  | { type: 'text'; text: string }
  | { type: 'reasoning'; text: string }
  | { type: 'tool-call'; toolCallId: string; toolName: string; input: string };

export interface ModelFinishReason {
  unified: 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'error' | 'other';
  raw: string | undefined;
}

export interface ModelUsage {
  inputTokens: { total: number; noCache: number; cacheRead: undefined; cacheWrite: undefined };
  outputTokens: { total: number; text: number; reasoning: number };
}

interface ResponseMetadata {
  id: string;
  modelId: string;
  /** Only with a clock. */
  timestamp?: Date;
}

export interface ModelGenerateResult {
  content: ModelContent[];
  finishReason: ModelFinishReason;
  usage: ModelUsage;
  response: ResponseMetadata;
  warnings: never[];
}

export interface ModelStreamResult {
  stream: ReadableStream<ModelStreamPart>;
}

export type ModelStreamPart =
  | { type: 'stream-start'; warnings: never[] }
  | ({ type: 'response-metadata' } & ResponseMetadata)
  | { type: 'text-start' | 'text-end' | 'reasoning-start' | 'reasoning-end' | 'tool-input-end'; id: string }
  | { type: 'text-delta' | 'reasoning-delta' | 'tool-input-delta'; id: string; delta: string }
  | { type: 'tool-input-start'; id: string; toolName: string }
  | { type: 'tool-call'; toolCallId: string; toolName: string; input: string }
  | { type: 'error'; error: unknown }
  | { type: 'finish'; usage: ModelUsage; finishReason: ModelFinishReason };
