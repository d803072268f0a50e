/** The scripted model, by itself and in the hands of the real AI SDK. */

import {
  APICallError,
  generateObject,
  generateText,
  isStepCount,
  type LanguageModel,
  NoObjectGeneratedError,
  Output,
  streamText,
  type ToolSet,
  tool,
} from 'ai';
import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import { z } from 'zod';
import type { ModelMessage, ModelReply, ScriptedModel } from '../../src/testing/testing.ts';
import { scriptedModel, settlePromises, VirtualClock } from '../../src/testing/testing.ts';
import { collectAll } from '../support/collect-all.ts';

type ModelOfTheSdk = Extract<Exclude<LanguageModel, string>, { specificationVersion: 'v4' }>;
type AskedByTheSdk = Parameters<ModelOfTheSdk['doGenerate']>[0];

const said = (text: string): ModelMessage[] => [{ role: 'user', content: [{ type: 'text', text }] }];
const say = async (model: ScriptedModel, prompt = 'hi') => (await generateText({ model, prompt, maxRetries: 0 })).text;

async function partsOf(model: ScriptedModel, signal?: AbortSignal) {
  const { stream } = await model.doStream({ prompt: said('hi'), ...(signal && { abortSignal: signal }) });
  return collectAll(stream);
}
const typesOf = async (model: ScriptedModel) => (await partsOf(model)).map(({ type }) => type);

const tools = {
  add: tool({ inputSchema: z.object({ a: z.number(), b: z.number() }), execute: ({ a, b }) => a + b }),
} satisfies ToolSet;
const addition = { toolName: 'add', input: { a: 1, b: 2 } };

describe('a scripted model', () => {
  it('has the type of a model of the AI SDK, and is asked no more than it takes', () => {
    expectTypeOf<ScriptedModel>().toExtend<ModelOfTheSdk>();
    expectTypeOf<AskedByTheSdk>().toExtend<Parameters<ScriptedModel['doGenerate']>[0]>();
    expectTypeOf<AskedByTheSdk['prompt']>().toExtend<readonly ModelMessage[]>();
  });

  it('gives its answers in turn, the last one for ever', async () => {
    const model = scriptedModel(['one', { text: ['t', 'wo'] }, ({ text, number }) => `${text} for the ${number}rd time`]);
    const texts = [await say(model), await say(model), await say(model, 'same'), await say(model, 'other')];
    expect(texts).toEqual(['one', 'two', 'same for the 3rd time', 'other for the 4rd time']);
  });

  it('says again what the user said when it has no answers', async () => {
    expect(await say(scriptedModel(), 'anybody there?')).toBe('anybody there?');
  });

  it('fails for good when its script is over, if told to', async () => {
    const model = scriptedModel(['only'], { whenOver: 'fail', modelId: 'brief' });
    expect(await say(model)).toBe('only');
    await expect(say(model)).rejects.toMatchObject({
      code: 'EXECUTION_FAILED',
      errorClass: 'permanent',
      message: 'Model "brief" has no answer to call 2: its script has 1',
    });
  });

  it('notes what it was asked, when, and how it ended', async () => {
    const clock = new VirtualClock(1_000);
    const model = scriptedModel(['yes', new Error('no')], { clock });
    const { signal } = new AbortController();
    await generateText({ model, instructions: 'Be brief.', prompt: 'well?', temperature: 0.5, seed: 7, abortSignal: signal });
    clock.jump(500);
    await expect(say(model, 'and now?')).rejects.toThrow('no');
    expect(model.calls).toMatchObject([
      {
        number: 1,
        prompt: [{ role: 'system', content: 'Be brief.' }, { role: 'user' }],
        text: 'well?',
        settings: { temperature: 0.5, seed: 7 },
        isStreamed: false,
        at: 1_000,
        outcome: 'answered',
      },
      { number: 2, text: 'and now?', at: 1_500, outcome: 'failed' },
    ]);
    expect(model.calls[0]?.signal).toBeInstanceOf(AbortSignal);
    expect(model.calls[0]?.settings).not.toHaveProperty('abortSignal');
  });

  it('counts tokens by the text alone, unless the script or a counter says otherwise', async () => {
    const usageOf = async (model: ScriptedModel) => {
      const { usage } = await generateText({ model, prompt: 'eight ch', maxRetries: 0 });
      return [usage.inputTokens, usage.outputTokens, usage.outputTokenDetails.reasoningTokens];
    };
    expect(await usageOf(scriptedModel(['nine char']))).toEqual([2, 3, 0]);
    expect(await usageOf(scriptedModel(['']))).toEqual([2, 0, 0]);
    expect(await usageOf(scriptedModel([{ reasoning: 'hm, hm', text: 'nine char' }]))).toEqual([2, 5, 2]);
    expect(await usageOf(scriptedModel([{ text: 'x', usage: { input: 70, output: 900 } }]))).toEqual([70, 900, 0]);
    expect(await usageOf(scriptedModel(['nine char'], { countTokens: (text) => text.length }))).toEqual([8, 9, 0]);
  });

  it.each<[string, unknown, RegExp]>([
    ['an object that is no reply', { city: 'Bern' }, /^Answer 1 of model "scripted" has the unknown key "city" \(an object .* "json"\)$/],
    ['nothing', null, /is no answer: null/],
    ['a list', [1], /is no answer: \[1\]/],
    ['text and JSON', { text: 'a', json: 1 }, /both text and json/],
    ['a text that is none', { text: 7 }, /a text that is none: 7/],
    ['a tool without a name', { toolCalls: [{ tool: 'x' }] }, /tool calls without a toolName/],
    ['half a character', { text: 'a', cutAfter: 0.5 }, /a cutAfter that is no whole number from 0 on: 0.5/],
    ['no status', { error: {} }, /neither an Error nor has an HTTP status/],
    ['an error that is none', { error: null }, /neither an Error nor has an HTTP status: null/],
    ['two ends', { error: new Error('x'), stalls: true }, /both stalls and fails/],
    ['a latency without a clock', { text: 'a', latencyMs: 5 }, /takes its time and has no clock/],
  ])('refuses %s', (_what, answer, message) => {
    expect(() => scriptedModel([answer as ModelReply])).toThrow(message);
  });

  it('refuses with every problem at once, and what a function answers when it does', async () => {
    expect(() => scriptedModel(['fine', { cutAfter: -1, usage: { input: -2 } }, { no: 1 } as never])).toThrow(
      /^Answer 2 .*cutAfter.*; Answer 2 .*usage\.input.*; Answer 3 .*"no"/,
    );
    await expect(say(scriptedModel([() => ({ city: 'Bern' }) as never]))).rejects.toMatchObject({ code: 'INVALID_VALUE' });
  });
});

describe('a scripted model in the AI SDK', () => {
  const schema = z.object({ city: z.string() });

  it('gives objects', async () => {
    vi.stubGlobal('AI_SDK_LOG_WARNINGS', false);
    const model = scriptedModel([{ json: { city: 'Bern' } }]);
    expect((await generateText({ model, prompt: 'where?', output: Output.object({ schema }) })).output).toEqual({ city: 'Bern' });
    expect((await generateObject({ model, prompt: 'where?', schema })).object).toEqual({ city: 'Bern' });
    expect(model.calls[0]?.settings.responseFormat).toMatchObject({ type: 'json', schema: { properties: { city: {} } } });
  });

  it('cuts them off', async () => {
    const model = scriptedModel([{ json: { city: 'Bern' }, cutAfter: 9 }]);
    const thrown = await generateText({ model, prompt: 'where?', output: Output.object({ schema }) }).catch((error: unknown) => error);
    expect(NoObjectGeneratedError.isInstance(thrown) && [thrown.text, thrown.finishReason]).toEqual(['{"city":"', 'length']);
  });

  it('calls tools, and is told what they gave', async () => {
    const model = scriptedModel([
      { text: 'Let me see.', toolCalls: [addition, addition] },
      ({ prompt }) => JSON.stringify(prompt.at(-1)?.content),
    ]);
    const { text, steps } = await generateText({ model, tools, stopWhen: isStepCount(5), prompt: 'one and two?' });
    expect(steps.map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop']);
    expect(JSON.parse(text)).toMatchObject([
      { type: 'tool-result', toolCallId: 'call-1', output: { type: 'json', value: 3 } },
      { type: 'tool-result', toolCallId: 'call-2', output: { type: 'json', value: 3 } },
    ]);
    expect(model.calls.map((call) => call.settings.tools?.map(({ name }) => name))).toEqual([['add'], ['add']]);
  });

  it('fails as a provider does: the SDK knows the error, and tries again only what can be', async () => {
    const failing = (status: number, more: object = {}) => scriptedModel([{ error: { status, ...more } }, 'at last']);
    const thrown = await say(failing(429, { message: 'slow down', headers: { 'retry-after': '7' } })).catch((error: unknown) => error);
    expect(APICallError.isInstance(thrown) && thrown).toMatchObject({
      message: 'slow down',
      statusCode: 429,
      isRetryable: true,
      responseHeaders: { 'retry-after': '7' },
    });
    await expect(say(failing(503))).rejects.toThrow('Service Unavailable');
    const again = (model: ScriptedModel) => generateText({ model, prompt: 'hi', maxRetries: 1 });
    expect((await again(failing(503, { headers: { 'retry-after-ms': '0' } }))).text).toBe('at last');
    await expect(again(failing(400))).rejects.toThrow('Bad Request');
    await expect(again(failing(429, { isRetryable: false }))).rejects.toThrow('Too Many Requests');
  });

  it('streams text, tool calls and objects', async () => {
    const model = scriptedModel([{ reasoning: 'Hm.', text: 'one two', toolCalls: [addition] }, 'three']);
    const result = streamText({ model, tools, stopWhen: isStepCount(5), prompt: 'one and two?' });
    const chunks = (await collectAll(result.fullStream)).flatMap((part) => (part.type === 'text-delta' ? [part.text] : []));
    expect(chunks).toEqual(['one ', 'two', 'three']);
    expect(await result.finishReason).toBe('stop');
    expect(model.calls.map(({ outcome, isStreamed }) => [outcome, isStreamed])).toEqual(Array(2).fill(['answered', true]));

    const object = streamText({
      model: scriptedModel([{ json: { city: 'Bern in Switzerland' } }]),
      prompt: 'where?',
      output: Output.object({ schema }),
    });
    const partial = await collectAll(object.partialOutputStream);
    expect(partial.at(0)).toEqual({ city: 'Bern in' });
    expect(await object.output).toEqual({ city: 'Bern in Switzerland' });
  });

  it('stalls in the middle of a stream until it is aborted', async () => {
    const model = scriptedModel([{ text: ['one ', 'two'], stalls: true }]);
    const abort = new AbortController();
    const { textStream } = streamText({ model, prompt: 'hi', abortSignal: abort.signal, maxRetries: 0 });
    const read: string[] = [];
    const reading = (async () => {
      for await (const text of textStream) read.push(text);
    })();
    await settlePromises();
    expect([read, model.calls[0]?.outcome]).toEqual([['one ', 'two'], undefined]);
    abort.abort();
    await reading;
    expect(model.calls[0]?.outcome).toBe('aborted');
  });
});

describe('the stream of a scripted model', () => {
  it('says a whole answer in order', async () => {
    const parts = await partsOf(scriptedModel([{ reasoning: 'Hm.', text: ['a', 'b'], toolCalls: [addition] }]));
    expect(parts).toMatchObject([
      { type: 'stream-start' },
      { type: 'response-metadata', id: 'scripted-1' },
      { type: 'reasoning-start', id: '1' },
      { type: 'reasoning-delta', delta: 'Hm.' },
      { type: 'reasoning-end' },
      { type: 'text-start', id: '2' },
      { type: 'text-delta', delta: 'a' },
      { type: 'text-delta', delta: 'b' },
      { type: 'text-end' },
      { type: 'tool-input-start', id: 'call-1', toolName: 'add' },
      { type: 'tool-input-delta', delta: '{"a":1,"b":2}' },
      { type: 'tool-input-end' },
      { type: 'tool-call', input: '{"a":1,"b":2}' },
      { type: 'finish', finishReason: { unified: 'tool-calls' }, usage: { inputTokens: { total: 1 }, outputTokens: { total: 5 } } },
    ]);
  });

  it.each<[string, ModelReply, string]>([
    ['a whole answer', { text: 'a b' }, 'text-end,finish'],
    ['a failure in the middle', { text: 'a b', error: { status: 500 } }, 'text-delta,error'],
    ['a tool call that is cut off', { toolCalls: [addition], cutAfter: 3 }, 'tool-call,finish'],
  ])('ends well: %s', async (_what, reply, end) => {
    expect((await typesOf(scriptedModel([reply]))).slice(-2).join()).toBe(end);
  });

  it('breaks with an error that is no answer of the provider, after what was said', async () => {
    const model = scriptedModel([{ text: 'a b', error: new Error('connection lost') }]);
    const { stream } = await model.doStream({ prompt: [] });
    const heard: string[] = [];
    const listen = async () => {
      for await (const part of stream) heard.push(part.type);
    };
    await expect(listen()).rejects.toThrow('connection lost');
    expect([heard.at(-1), model.calls[0]?.outcome]).toEqual(['text-delta', 'failed']);
  });

  it('fails before it begins when nothing was said', async () => {
    await expect(partsOf(scriptedModel([{ error: { status: 500 } }]))).rejects.toMatchObject({ statusCode: 500 });
  });

  it('is aborted by a reader that leaves', async () => {
    const model = scriptedModel(['one two three']);
    const { stream } = await model.doStream({ prompt: [] });
    for await (const { type } of stream) if (type === 'text-delta') break;
    expect(model.calls[0]?.outcome).toBe('aborted');
  });
});

describe('the time of a scripted model', () => {
  it('passes on the clock before an answer, and between the parts of a stream', async () => {
    const clock = new VirtualClock(0);
    const model = scriptedModel(['quick', { text: ['a', 'b'], latencyMs: 1_000 }], { clock, partMs: 100, latencyMs: 10 });
    const quick = say(model);
    await clock.advanceAsync(10);
    expect(await quick).toBe('quick');
    const heard: string[] = [];
    void (async () => {
      const { stream } = await model.doStream({ prompt: [] });
      for await (const part of stream) if (part.type === 'text-delta') heard.push(`${part.delta} at ${clock.now()}`);
    })();
    await clock.advanceAsync(5_000);
    expect(heard).toEqual(['a at 1310', 'b at 1410']);
    expect(clock.pending).toBe(0);
  });

  it.each<[string, ModelReply]>([
    ['is slow', { text: 'late', latencyMs: 60_000 }],
    ['stalls', { text: 'never', stalls: true }],
  ])('ends with the reason of the abort when it %s, and no timer is left', async (_what, reply) => {
    const clock = new VirtualClock(0);
    const model = scriptedModel([reply], { clock, partMs: 1_000 });
    const abort = new AbortController();
    const reason = new Error('enough');
    const asked = model.doGenerate({ prompt: [], abortSignal: abort.signal });
    const streamed = partsOf(model, abort.signal);
    const ends = Promise.allSettled([asked, streamed]);
    await clock.advanceAsync(1_500);
    abort.abort(reason);
    expect(await ends).toEqual(Array(2).fill({ status: 'rejected', reason }));
    expect(model.calls.map(({ outcome }) => outcome)).toEqual(['aborted', 'aborted']);
    expect(clock.pending).toBe(0);
    await expect(model.doGenerate({ prompt: [], abortSignal: abort.signal })).rejects.toBe(reason);
    expect(model.calls).toHaveLength(2);
  });

  it('does not wait for an answer that is still being made when it is aborted', async () => {
    const abort = new AbortController();
    const model = scriptedModel([() => new Promise<never>(() => {})]);
    const asked = model.doGenerate({ prompt: [], abortSignal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
  });
});
