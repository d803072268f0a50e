/**
 * A language model for tests that says what it is told to, in turn, and notes what it was asked.
 *
 * The AI SDK takes it wherever it takes a model. It sets no timers but on the clock that it is given, and is never on the network. A call that
 * stalls or is slow ends as soon as its signal is aborted, with the signal's reason, as one over the network does.
 */

import type { Clock } from '../actors/clock.ts';
import { memberOf } from '../actors/reading.ts';
import { SwarmchartError } from '../machines/protocol/errors.ts';
import type { LanguageModel, ModelCallOptions, ModelGenerateResult, ModelStreamPart, ModelStreamResult } from './language-model.ts';
import { check, errorOf, type ModelAnswer, type ModelCall, type ModelReply, type PlainAnswer, problemsOf } from './model-answers.ts';
import { finishReasonOf, fourCharacters, piecesOf, streamedOf, textOf, usageOf } from './model-parts.ts';
import { type Noted, streamed, untilAborted } from './model-stream.ts';

export interface ScriptedModelOptions {
  /** @default scripted */
  readonly modelId?: string;
  /** @default swarmchart */
  readonly provider?: string;
  /** After the last answer: it is given again for ever, or calls fail for good. @default repeat */
  readonly whenOver?: 'repeat' | 'fail';
  /** For `at` and for latencies. */
  readonly clock?: Clock;
  /** Passes before each answer. Milliseconds. @default 0 */
  readonly latencyMs?: number;
  /** Passes before each part of a stream after the first. Milliseconds. @default 0 */
  readonly partMs?: number;
  /** @default one for every begun four characters */
  readonly countTokens?: (text: string) => number;
}

export interface ScriptedModel extends LanguageModel {
  /** In order. One whose signal was aborted before it began is not a call. */
  readonly calls: readonly ModelCall[];
}

/** Without answers it says again what the user said last. Throws INVALID_VALUE for answers that are none. */
export function scriptedModel(answers: readonly ModelAnswer[] = [], options: ScriptedModelOptions = {}): ScriptedModel {
  return new Scripted(answers, options);
}

class Scripted implements ScriptedModel {
  readonly specificationVersion = 'v4';
  readonly supportedUrls = {};
  readonly provider: string;
  readonly modelId: string;
  readonly calls: Noted[] = [];
  readonly #answers: readonly ModelAnswer[];
  readonly #options: ScriptedModelOptions;
  #toolCalls = 0;

  constructor(answers: readonly ModelAnswer[], options: ScriptedModelOptions) {
    this.modelId = options.modelId ?? 'scripted';
    this.provider = options.provider ?? 'swarmchart';
    this.#answers = answers;
    this.#options = options;
    const wrong = answers.flatMap((each, n) => problemsOf(each).map((problem) => `Answer ${n + 1} of model "${this.modelId}" ${problem}`));
    const times = [options.latencyMs, options.partMs, ...answers.map((each) => memberOf(each, 'latencyMs'))];
    check(options.clock || !times.some(Boolean) ? wrong : [...wrong, `Model "${this.modelId}" takes its time and has no clock`]);
  }

  async doGenerate(asked: ModelCallOptions): Promise<ModelGenerateResult> {
    const call = this.#note(asked, false);
    const { pieces, response, usage, finishReason } = await this.#answered(call);
    call.outcome = 'answered';
    return { content: pieces.map(({ content }) => content), finishReason, usage, response, warnings: [] };
  }

  async doStream(asked: ModelCallOptions): Promise<ModelStreamResult> {
    const call = this.#note(asked, true);
    const { reply, pieces, response, usage, finishReason } = await this.#answered(call);
    const { error, stalls = false } = reply;
    const isBroken = stalls || error !== undefined;
    const end: readonly ModelStreamPart[] = isBroken ? [] : [{ type: 'finish', usage, finishReason }];
    const parts: readonly ModelStreamPart[] = [
      { type: 'stream-start', warnings: [] },
      { type: 'response-metadata', ...response },
      ...pieces.flatMap((piece, index) => streamedOf(piece, `${index + 1}`, isBroken && index === pieces.length - 1)),
      ...end,
    ];
    return { stream: streamed(call, parts, { stalls, error, pass: () => this.#pass(this.#options.partMs ?? 0, call.signal) }) };
  }

  #note({ prompt, abortSignal: signal, ...settings }: ModelCallOptions, isStreamed: boolean): Noted {
    signal?.throwIfAborted();
    const { clock } = this.#options;
    const text = textOf(prompt.findLast(({ role }) => role === 'user') ?? { role: 'user', content: '' });
    const call: Noted = { number: this.calls.length + 1, prompt, text, settings, isStreamed };
    if (signal) call.signal = signal;
    if (clock) call.at = clock.now();
    this.calls.push(call);
    return call;
  }

  /** Until something comes of the call; throws what it fails with before anything does. */
  async #answered(call: Noted) {
    try {
      const given = await untilAborted(this.#plainAnswer(call), call.signal);
      const reply: ModelReply = typeof given === 'string' ? { text: given } : given instanceof Error ? { error: given } : given;
      await this.#pass(reply.latencyMs ?? this.#options.latencyMs ?? 0, call.signal);
      const pieces = piecesOf(reply, () => `call-${++this.#toolCalls}`);
      if (reply.error !== undefined && (!call.isStreamed || pieces.length === 0)) throw errorOf(reply.error);
      if (reply.stalls && !call.isStreamed) await untilAborted(new Promise(() => {}), call.signal);
      const { modelId } = this;
      const response = { id: `${modelId}-${call.number}`, modelId, ...(call.at !== undefined && { timestamp: new Date(call.at) }) };
      const usage = usageOf(call.prompt, pieces, reply, this.#options.countTokens ?? fourCharacters);
      return { reply, pieces, response, usage, finishReason: finishReasonOf(reply) };
    } catch (thrown) {
      call.outcome = call.signal?.aborted ? 'aborted' : 'failed';
      throw thrown;
    }
  }

  async #plainAnswer(call: Noted): Promise<PlainAnswer> {
    const told = this.#answers.length;
    if (told === 0) return call.text;
    if (call.number > told && this.#options.whenOver === 'fail') {
      const message = `Model "${this.modelId}" has no answer to call ${call.number}: its script has ${told}`;
      throw new SwarmchartError('EXECUTION_FAILED', message, { errorClass: 'permanent' });
    }
    const answer = this.#answers[Math.min(call.number, told) - 1] ?? '';
    if (typeof answer !== 'function') return answer;
    const given = await answer(call);
    check(problemsOf(given).map((problem) => `What model "${this.modelId}" was told to answer to call ${call.number} ${problem}`));
    return given;
  }

  async #pass(ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (ms === 0) return;
    const { clock } = this.#options;
    if (!clock) throw new SwarmchartError('INVALID_VALUE', `Model "${this.modelId}" takes ${ms} ms and has no clock`);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = clock.setTimeout(resolve, ms);
    try {
      await untilAborted(promise, signal);
    } finally {
      clock.clearTimeout(timer);
    }
  }
}
