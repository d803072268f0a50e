/**
 * Fault 44: a model answers 429 or 5xx, stalls in the middle of its stream, or cuts off the JSON for a tool.
 *
 * A step whose tool asks a model through the real AI SDK, whose own retries are off: the step's retry budget, breaker and timeout decide, and
 * the error that arrives says what happened. Proves RSL-1, RSL-2 and RSL-4 for models.
 */

import { generateText, Output, streamText, tool } from 'ai';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type AnyTool, defineTool, type RuntimeOptions, type ToolContext } from '../../src/index.ts';
import { type ModelAnswer, type ScriptedModel, scriptedModel, VirtualClock } from '../../src/testing/testing.ts';
import { startRuntime } from '../support/start-runtime.ts';

type Ask = (model: ScriptedModel, context: ToolContext) => Promise<unknown>;

const asksForText: Ask = async (model, { signal }) =>
  (await generateText({ model, prompt: 'Name a city.', abortSignal: signal, maxRetries: 0 })).text;

/** Without `onError` the SDK would give what came before an error of the provider as if it were all. */
const streams: Ask = async (model, { signal }) => {
  let failure: Error | undefined;
  const onError = ({ error }: { readonly error: unknown }): void => {
    failure = error instanceof Error ? error : new Error('The stream failed', { cause: error });
  };
  const { textStream } = streamText({ model, prompt: 'Name a city.', abortSignal: signal, maxRetries: 0, onError });
  let text = '';
  for await (const chunk of textStream) text += chunk;
  if (failure) throw failure;
  return text;
};

const asksForAnObject: Ask = async (model, { signal }) => {
  const output = Output.object({ schema: z.object({ city: z.string() }) });
  return (await generateText({ model, prompt: 'Name a city.', abortSignal: signal, maxRetries: 0, output })).output;
};

const asksForACall: Ask = async (model, { signal }) => {
  const tools = { visit: tool({ inputSchema: z.object({ city: z.string() }), execute: ({ city }) => `in ${city}` }) };
  const { toolCalls } = await generateText({ model, prompt: 'Name a city.', abortSignal: signal, maxRetries: 0, tools });
  for (const call of toolCalls) if (call.invalid) throw call.error;
  return toolCalls.map(({ input }) => input);
};

interface World {
  readonly retry?: number;
  readonly timeout?: number;
  readonly tool?: Partial<AnyTool>;
  readonly options?: Partial<RuntimeOptions>;
}

/** A runtime whose tool `ask` asks the model; `once` runs one step to its end. */
async function worldOf(ask: Ask, answers: readonly ModelAnswer[], { retry, timeout, tool: more, options }: World = {}) {
  const clock = new VirtualClock();
  const began = clock.now();
  const model = scriptedModel(answers, { clock });
  const asking = { ...defineTool({ name: 'ask', run: (_, context) => ask(model, context) }), ...more };
  const started = await startRuntime({ clock, tools: [asking], ...options });
  const step = { id: 'ask', tool: 'ask', ...(retry !== undefined && { retry }), ...(timeout !== undefined && { timeout }) };
  return {
    ...started,
    clock,
    model,
    /** Milliseconds since the world began. */
    askedAt: () => model.calls.map(({ at = 0 }) => at - began),
    outcomes: () => model.calls.map(({ outcome }) => outcome),
    once: async () => {
      const run = started.runtime.run({ id: 'asking', steps: [step] });
      while (['pending', 'running'].includes(run.status)) await clock.advanceAsync(1_000);
      const facts = await started.checkInvariants(run.executionId);
      const failures = facts.filter(({ type }) => type === 'tier3/attempt/failed').map(({ payload }) => payload);
      return { ...(await run.result()), failures };
    },
    [Symbol.asyncDispose]: started[Symbol.asyncDispose],
  };
}

describe('fault 44: a model that is limited by rate (429)', () => {
  const limited: ModelAnswer = { error: { status: 429, message: 'Rate limit reached for requests' } };

  it('is asked again after the backoff of the step, and its answer is the result', async () => {
    await using world = await worldOf(asksForText, [limited, limited, 'Bern'], { retry: 3 });
    expect(await world.once()).toMatchObject({ status: 'completed', result: 'Bern' });
    expect(world.askedAt()).toEqual([0, 1_000, 3_000]);
  });

  it('is asked as often as the retry budget allows and no more; the error says what happened', async () => {
    await using world = await worldOf(asksForText, [limited], { retry: 2 });
    const { status, error } = await world.once();
    expect(world.model.calls).toHaveLength(3);
    expect([status, error]).toEqual([
      'failed',
      {
        code: 'EXECUTION_FAILED',
        message: 'Rate limit reached for requests',
        tier: 'tier3',
        retryable: true,
        errorClass: 'resource',
        cause: { name: 'AI_APICallError', message: 'Rate limit reached for requests' },
        context: { status: 429 },
      },
    ]);
  });

  it('has the retries of its error class where the step has none, and a bad request has none at all', async () => {
    const policy = { maxRetries: 4, backoff: { strategy: 'fixed', baseMs: 1_000, factor: 1, maxMs: 1_000, jitter: 0 } } as const;
    const recovery = { resource: policy };
    await using world = await worldOf(asksForText, [limited, limited, { error: { status: 400 } }], { options: { recovery } });
    expect(await world.once()).toMatchObject({ error: { errorClass: 'validation', context: { status: 400 }, message: 'Bad Request' } });
    expect(world.model.calls).toHaveLength(3);
  });

  it('is not asked again when the provider says that it is no use', async () => {
    await using world = await worldOf(asksForText, [{ error: { status: 429, message: 'No credit left', isRetryable: false } }], {
      retry: 5,
    });
    expect(await world.once()).toMatchObject({ error: { message: 'No credit left', errorClass: 'permanent', retryable: false } });
    expect(world.model.calls).toHaveLength(1);
  });
});

describe('fault 44: a model that is down (5xx)', () => {
  const down: ModelAnswer = { error: { status: 503 } };

  it('opens the circuit breaker at the fifth failure in a row, and is left alone until it may be well again', async () => {
    await using world = await worldOf(asksForText, [down, down, down, down, down, 'Bern']);
    for (let n = 0; n < 5; n++) {
      expect(await world.once()).toMatchObject({
        error: { errorClass: 'transient', message: 'Service Unavailable', context: { status: 503 } },
      });
    }
    expect(await world.once()).toMatchObject({ error: { code: 'CIRCUIT_OPEN', errorClass: 'dependency' } });
    expect(world.model.calls).toHaveLength(5);
    await world.clock.advanceAsync(30_000);
    expect(await world.once()).toMatchObject({ status: 'completed', result: 'Bern' });
  });

  it('ends the retries of a step when the breaker opens under it', async () => {
    await using world = await worldOf(asksForText, [down], { retry: 50 });
    expect(await world.once()).toMatchObject({ error: { code: 'CIRCUIT_OPEN' } });
    expect(world.model.calls).toHaveLength(5);
  });

  it('is not held responsible for bad requests', async () => {
    await using world = await worldOf(asksForText, [...Array<ModelAnswer>(8).fill({ error: { status: 422 } }), 'Bern']);
    for (let n = 0; n < 8; n++) expect(await world.once()).toMatchObject({ error: { errorClass: 'validation' } });
    expect(await world.once()).toMatchObject({ result: 'Bern' });
  });
});

describe('fault 44: a model that stalls', () => {
  it.each<[string, Ask]>([
    ['in the middle of its stream', streams],
    ['before it has answered', asksForText],
  ])('%s is ended by the timeout of the step; its signal is aborted and nothing goes on', async (_where, ask) => {
    await using world = await worldOf(ask, [{ text: ['Be', 'rn'], stalls: true }], { timeout: 10_000 });
    expect(await world.once()).toMatchObject({
      status: 'failed',
      duration: 10_000,
      error: { code: 'STEP_TIMEOUT', errorClass: 'timeout', context: { stepId: 'ask', timeout: 10_000 } },
    });
    const [call] = world.model.calls;
    expect(call).toMatchObject({ outcome: 'aborted', signal: { aborted: true, reason: { code: 'STEP_TIMEOUT' } } });
    expect(world.runtime.vitals).toMatchObject({ abandoned: 0, lateResults: 0 });
  });

  it('is asked anew after the timeout, and what it had said is forgotten', async () => {
    await using world = await worldOf(streams, [{ text: ['Be', 'rn'], stalls: true }, 'Basel'], { timeout: 10_000, retry: 1 });
    expect(await world.once()).toMatchObject({ status: 'completed', result: 'Basel' });
    expect([world.askedAt(), world.outcomes()]).toEqual([
      [0, 11_000],
      ['aborted', 'answered'],
    ]);
  });

  it('is let go at once when its run is cancelled', async () => {
    await using world = await worldOf(streams, [{ text: ['Be', 'rn'], stalls: true }]);
    const run = world.runtime.run({ id: 'asking', steps: [{ id: 'ask', tool: 'ask' }] });
    await world.clock.advanceAsync(1_000);
    expect(await run.cancel('enough')).toBe(true);
    await world.clock.advanceAsync(0);
    expect([run.status, world.outcomes(), world.runtime.vitals.abandoned]).toEqual(['cancelled', ['aborted'], 0]);
    await world.checkInvariants(run.executionId);
  });
});

describe('fault 44: a stream that breaks off', () => {
  const lost = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
  it.each<[string, ModelAnswer, object]>([
    ['because the connection is lost', { text: 'Be', error: lost }, { message: 'socket hang up', context: { code: 'ECONNRESET' } }],
    [
      'with an error of the provider',
      { text: 'Be', error: { status: 529, message: 'Overloaded' } },
      { message: 'Overloaded', errorClass: 'resource', context: { status: 529 } },
    ],
  ])('%s is a failure that is retried, never half an answer', async (_why, broken, failure) => {
    await using world = await worldOf(streams, [broken, 'Bern'], { retry: 1 });
    const { result, failures } = await world.once();
    expect(result).toBe('Bern');
    expect(failures).toMatchObject([{ error: { code: 'EXECUTION_FAILED', retryable: true, ...failure } }]);
  });
});

describe('fault 44: JSON that is cut off', () => {
  it('in an object is a failure by its name that is retried', async () => {
    await using world = await worldOf(asksForAnObject, [{ json: { city: 'Bern' }, cutAfter: 10 }, { json: { city: 'Bern' } }], {
      retry: 1,
    });
    const { result, failures } = await world.once();
    expect(result).toEqual({ city: 'Bern' });
    const message = 'No object generated: could not parse the response.';
    expect(failures).toMatchObject([
      { error: { code: 'EXECUTION_FAILED', errorClass: 'transient', message, cause: { name: 'AI_NoObjectGeneratedError' } } },
    ]);
  });

  it.each(['length', 'tool-calls'] as const)('in the call of a tool is so, too (%s)', async (finishReason) => {
    const toolCalls = [{ toolName: 'visit', input: { city: 'Bern' } }];
    await using world = await worldOf(asksForACall, [{ toolCalls, cutAfter: 10, finishReason }, { toolCalls }], { retry: 1 });
    const { result, failures } = await world.once();
    expect(result).toEqual([{ city: 'Bern' }]);
    expect(failures).toMatchObject([{ error: { errorClass: 'transient', cause: { name: 'AI_InvalidToolInputError' } } }]);
    expect(JSON.stringify(failures)).toContain('Invalid input for tool visit');
  });

  it('again and again fails the step when its retries are used up', async () => {
    await using world = await worldOf(asksForAnObject, [{ json: { city: 'Bern' }, cutAfter: 10 }], { retry: 2 });
    expect(await world.once()).toMatchObject({ status: 'failed', error: { cause: { name: 'AI_NoObjectGeneratedError' } } });
    expect(world.model.calls).toHaveLength(3);
  });
});
