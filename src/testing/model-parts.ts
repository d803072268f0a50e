/** From a reply to what goes over the line: content, the chunks that it is streamed in, tokens. */

import type { ModelContent, ModelFinishReason, ModelMessage, ModelMessagePart, ModelStreamPart, ModelUsage } from './language-model.ts';
import type { ModelReply } from './model-answers.ts';

/** A piece of content with the chunks of its text. */
export interface Piece {
  readonly content: ModelContent;
  readonly chunks: readonly string[];
}

const CHUNK_LENGTH = 16;

/** @param nextId Names the tool calls that have no id. */
export function piecesOf({ text, json, reasoning, toolCalls = [], cutAfter }: ModelReply, nextId: () => string): readonly Piece[] {
  const pieces: Piece[] = [];
  if (reasoning !== undefined) pieces.push(said('reasoning', wordsOf(reasoning)));
  if (text !== undefined) pieces.push(said('text', typeof text === 'string' ? wordsOf(text) : text));
  if (json !== undefined) pieces.push(said('text', slicesOf(JSON.stringify(json))));
  for (const { toolName, input = {}, toolCallId = nextId() } of toolCalls) {
    const chunks = slicesOf(JSON.stringify(input));
    pieces.push({ content: { type: 'tool-call', toolCallId, toolName, input: chunks.join('') }, chunks });
  }
  const last = pieces.pop();
  if (!last) return [];
  return [...pieces, cutAfter === undefined ? last : cut(last, cutAfter)];
}

const said = (type: 'text' | 'reasoning', chunks: readonly string[]): Piece => ({ content: { type, text: chunks.join('') }, chunks });
const wordsOf = (text: string): readonly string[] => (text === '' ? [] : text.split(/(?<=\s)(?=\S)/));
const slicesOf = (text: string): readonly string[] =>
  Array.from({ length: Math.ceil(text.length / CHUNK_LENGTH) }, (_, n) => text.slice(n * CHUNK_LENGTH, (n + 1) * CHUNK_LENGTH));

function cut({ content, chunks: whole }: Piece, length: number): Piece {
  let left = length;
  const chunks: string[] = [];
  for (const chunk of whole) {
    if (left > 0) chunks.push(chunk.slice(0, left));
    left -= chunk.length;
  }
  const text = chunks.join('');
  return { content: content.type === 'tool-call' ? { ...content, input: text } : { ...content, text }, chunks };
}

export function finishReasonOf({ finishReason, cutAfter, toolCalls = [] }: ModelReply): ModelFinishReason {
  const unified = finishReason ?? (cutAfter !== undefined ? 'length' : toolCalls.length > 0 ? 'tool-calls' : 'stop');
  return { unified, raw: unified };
}

/** What is streamed of a piece, in order; of one that breaks off the end is never said. A call of a tool is whole only at its end. */
export function streamedOf({ content, chunks }: Piece, id: string, breaksOff: boolean): readonly ModelStreamPart[] {
  if (content.type === 'tool-call') {
    const { toolCallId, toolName } = content;
    const deltas = chunks.map((delta) => ({ type: 'tool-input-delta' as const, id: toolCallId, delta }));
    const end: ModelStreamPart[] = breaksOff ? [] : [{ type: 'tool-input-end', id: toolCallId }, content];
    return [{ type: 'tool-input-start', id: toolCallId, toolName }, ...deltas, ...end];
  }
  const { type } = content;
  const deltas = chunks.map((delta) => ({ type: `${type}-delta` as const, id, delta }));
  const end: ModelStreamPart[] = breaksOff ? [] : [{ type: `${type}-end`, id }];
  return [{ type: `${type}-start`, id }, ...deltas, ...end];
}

/** Every begun four characters are a token: not what a model counts, but always the same. */
export const fourCharacters = (text: string): number => Math.ceil(text.length / 4);

export function usageOf(
  prompt: readonly ModelMessage[],
  pieces: readonly Piece[],
  reply: ModelReply,
  count: (text: string) => number,
): ModelUsage {
  const input = reply.usage?.input ?? count(prompt.map(textOf).join('\n'));
  const of = (wanted: (piece: Piece) => boolean): number => {
    const text = pieces
      .filter(wanted)
      .flatMap(({ chunks }) => chunks)
      .join('');
    return text === '' ? 0 : count(text);
  };
  const reasoning = of(({ content }) => content.type === 'reasoning');
  const text = of(({ content }) => content.type !== 'reasoning');
  const output = reply.usage?.output ?? reasoning + text;
  return {
    inputTokens: { total: input, noCache: input, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: output, text: Math.max(0, output - reasoning), reasoning: Math.min(reasoning, output) },
  };
}

/** The text of a message, with what tools were given and what they gave as JSON. */
export const textOf = ({ content }: ModelMessage): string => (typeof content === 'string' ? content : content.map(textOfPart).join('\n'));

function textOfPart({ text, input, output }: ModelMessagePart): string {
  if (text !== undefined) return text;
  const value = input ?? output;
  return value === undefined ? '' : JSON.stringify(value);
}
