/** RSL-1: the class of what fetch, Node, zod and the AI SDK throw, so that retries go where they can help. */

import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  APICallError,
  InvalidToolInputError,
  JSONParseError,
  LoadAPIKeyError,
  NoObjectGeneratedError,
  NoSuchToolError,
  RetryError,
  TypeValidationError,
} from 'ai';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { errorClassOf, wrapTierError } from '../../src/actors/failure.ts';
import { type ErrorClass, isRetryable, SwarmchartError } from '../../src/machines/protocol/errors.ts';

const unsaid = () => undefined;
const classOf = (thrown: unknown) => errorClassOf(thrown, unsaid);
const caught = async (work: () => unknown): Promise<unknown> => {
  try {
    await work();
  } catch (thrown) {
    return thrown;
  }
  throw new Error('nothing was thrown');
};
const coded = (code: unknown, cause?: unknown) => Object.assign(new Error('as the system says', { cause }), { code });
const callError = (statusCode?: number, more: object = {}) =>
  new APICallError({
    message: 'no',
    url: 'https://models.test',
    requestBodyValues: {},
    ...(statusCode !== undefined && { statusCode }),
    ...more,
  });
const noObject = (cause: Error) =>
  new NoObjectGeneratedError({
    cause,
    response: { id: '1', timestamp: new Date(0), modelId: 'm' },
    usage: {} as never,
    finishReason: 'length',
  });
const zodError = z.object({ name: z.string() }).safeParse({ name: 1 }).error;

describe('the class of an HTTP status', () => {
  it.each<[number, ErrorClass]>([
    [400, 'validation'],
    [401, 'permanent'],
    [403, 'permanent'],
    [404, 'permanent'],
    [408, 'timeout'],
    [409, 'transient'],
    [410, 'permanent'],
    [413, 'validation'],
    [415, 'validation'],
    [422, 'validation'],
    [424, 'dependency'],
    [425, 'transient'],
    [429, 'resource'],
    [500, 'transient'],
    [501, 'permanent'],
    [502, 'transient'],
    [503, 'transient'],
    [504, 'timeout'],
    [505, 'permanent'],
    [507, 'resource'],
    [529, 'resource'],
    [599, 'transient'],
  ])('%i is %s, wherever the error carries it', (status, expected) => {
    for (const where of [{ status }, { statusCode: status }, { response: { status } }]) {
      expect(classOf(Object.assign(new Error('no'), where))).toBe(expected);
      expect(classOf(where)).toBe(expected);
      expect(classOf(new Error('outside', { cause: where }))).toBe(expected);
    }
    expect(wrapTierError({ status }, 'tier3')).toMatchObject({
      errorClass: expected,
      retryable: isRetryable(expected),
      context: { status },
    });
  });

  it.each([200, 302, 399, 600, 42.9, '429', Number.NaN, null])('is not there for %s', (status) => {
    expect(wrapTierError(Object.assign(new Error('no'), { status }), 'tier3')).not.toHaveProperty('context');
    expect(classOf({ status })).toBe('transient');
  });
});

describe('the class of a code of the system or of Node', () => {
  it.each<[string, ErrorClass]>([
    ['ECONNRESET', 'transient'],
    ['ECONNREFUSED', 'transient'],
    ['EPIPE', 'transient'],
    ['EAI_AGAIN', 'transient'],
    ['EHOSTUNREACH', 'transient'],
    ['UND_ERR_SOCKET', 'transient'],
    ['EBUSY', 'transient'],
    ['ETIMEDOUT', 'timeout'],
    ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
    ['UND_ERR_HEADERS_TIMEOUT', 'timeout'],
    ['UND_ERR_BODY_TIMEOUT', 'timeout'],
    ['ENOSPC', 'resource'],
    ['EMFILE', 'resource'],
    ['ENOMEM', 'resource'],
    ['ENOTFOUND', 'dependency'],
    ['CERT_HAS_EXPIRED', 'dependency'],
    ['ERR_MODULE_NOT_FOUND', 'dependency'],
    ['ENOENT', 'permanent'],
    ['EACCES', 'permanent'],
    ['ERR_INVALID_URL', 'validation'],
    ['ERR_INVALID_ARG_TYPE', 'validation'],
    ['P2002', 'transient'],
  ])('%s is %s, and is told', (code, expected) => {
    expect(wrapTierError(coded(code), 'tier3')).toMatchObject({ code: 'EXECUTION_FAILED', errorClass: expected, context: { code } });
    expect(classOf(new TypeError('fetch failed', { cause: coded(code) }))).toBe(expected);
  });

  it.each([1, '', 'constructor', '__proto__', 'a text, not a code', Symbol.iterator])('is not there for %s', (code) => {
    expect(wrapTierError(coded(code), 'tier3')).not.toHaveProperty('context');
  });
});

describe('the class of what is really thrown', () => {
  it('by fetch, when nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const thrown = await caught(() => fetch(`http://127.0.0.1:${port}/`));
    expect(wrapTierError(thrown, 'tier3')).toMatchObject({
      message: 'fetch failed',
      errorClass: 'transient',
      context: { code: 'ECONNREFUSED' },
    });
  });

  it('by fetch, for an address that is none', async () => {
    expect(classOf(await caught(() => fetch('http://')))).toBe('validation');
  });

  it('by AbortSignal.timeout', async () => {
    const signal = AbortSignal.timeout(0);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    expect(classOf(await caught(() => signal.throwIfAborted()))).toBe('timeout');
    expect(classOf(await caught(() => fetch('http://127.0.0.1/', { signal })))).toBe('timeout');
  });

  it('by an abort of the tool itself: nothing is known of it unless its reason says more', async () => {
    expect(classOf(await caught(() => AbortSignal.abort().throwIfAborted()))).toBe('transient');
    expect(classOf(new DOMException('slow', { name: 'AbortError', cause: new DOMException('', 'TimeoutError') } as never))).toBe('timeout');
  });

  it('by the file system', async () => {
    expect(classOf(await caught(() => readFile('/nowhere/at/all')))).toBe('permanent');
    expect(classOf(await caught(() => writeFile('/', '')))).toBe('permanent');
  });

  it('by zod', () => {
    expect(classOf(zodError)).toBe('validation');
  });

  it.each(['a plain Error', new Error('no'), new TypeError('x is not a function'), new SyntaxError('in JSON'), 7, null, undefined])(
    'by code of which nothing is known: %s',
    (thrown) => {
      expect(classOf(thrown)).toBe('transient');
    },
  );
});

describe('the class of what the AI SDK throws', () => {
  const parse = new JSONParseError({ text: '{"a', cause: new SyntaxError('end of input') });
  const unfit = new TypeValidationError({ value: {}, cause: zodError });
  it.each<[string, unknown, ErrorClass]>([
    ['a rate limit', callError(429), 'resource'],
    ['an empty account, which is a 429 as well', callError(429, { isRetryable: false }), 'permanent'],
    ['an overloaded provider', callError(529), 'resource'],
    ['a server error', callError(500), 'transient'],
    ['a timeout of the provider', callError(408), 'timeout'],
    ['a bad request', callError(400), 'validation'],
    ['a bad request that may be repeated', callError(400, { isRetryable: true }), 'transient'],
    ['a wrong key', callError(401), 'permanent'],
    ['no connection', callError(undefined, { isRetryable: true, cause: coded('ECONNREFUSED') }), 'transient'],
    ['a connection that timed out', callError(undefined, { isRetryable: true, cause: coded('UND_ERR_CONNECT_TIMEOUT') }), 'timeout'],
    ['an answer that is none', callError(200, { cause: unfit }), 'permanent'],
    [
      'its own retries, by the last attempt',
      new RetryError({ message: 'Failed', reason: 'maxRetriesExceeded', errors: [callError(400), callError(429)] }),
      'resource',
    ],
    ['JSON that was cut off', noObject(parse), 'transient'],
    ['JSON that is not what was asked for', noObject(unfit), 'transient'],
    ['a tool call that was cut off', new InvalidToolInputError({ toolName: 't', toolInput: '{"a', cause: parse }), 'transient'],
    ['a call of a tool that there is not', new NoSuchToolError({ toolName: 't' }), 'transient'],
    ['a missing key', new LoadAPIKeyError({ message: 'no key' }), 'permanent'],
  ])('%s', (_what, thrown, expected) => {
    expect(classOf(thrown)).toBe(expected);
  });

  it('says which status it was', () => {
    expect(wrapTierError(callError(429), 'tier3')).toEqual({
      code: 'EXECUTION_FAILED',
      message: 'no',
      tier: 'tier3',
      retryable: true,
      errorClass: 'resource',
      cause: { name: 'AI_APICallError', message: 'no' },
      context: { status: 429 },
    });
  });
});

describe('who is heard', () => {
  it('is the classifier of the user first, then an error of ours, then what an error shows', () => {
    expect(errorClassOf(callError(429), () => 'permanent')).toBe('permanent');
    const ours = new SwarmchartError('PROCESS_FAILED', 'no', { cause: callError(429) });
    expect(classOf(ours)).toBe('permanent');
    expect(errorClassOf(ours, () => 'dependency')).toBe('dependency');
  });

  it('is of an error and its causes the outermost that says something', () => {
    expect(classOf(new Error('first', { cause: new Error('second', { cause: coded('ENOSPC', callError(400)) }) }))).toBe('resource');
    expect(wrapTierError(new Error('first', { cause: coded('ENOSPC', callError(400)) }), 'tier3')).toMatchObject({
      context: { code: 'ENOSPC', status: 400 },
    });
  });

  it('is nobody whose look throws, goes in a circle, or never ends', () => {
    const circle = new Error('round');
    circle.cause = circle;
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const trap = new Proxy(new Error('trap'), {
      get: () => {
        throw new Error('do not look');
      },
    });
    const endless: object = new Proxy({}, { get: (_, key) => (key === 'cause' ? endless : undefined) });
    for (const thrown of [circle, proxy, trap, endless, new Error('around', { cause: trap })]) expect(classOf(thrown)).toBe('transient');
  });

  it('is heard for anything at all without a throw', () => {
    const keys = fc.constantFrom('name', 'code', 'status', 'statusCode', 'cause', 'isRetryable', 'response', 'lastError');
    fc.assert(
      fc.property(fc.dictionary(keys, fc.anything()), (thrown) => {
        const error = wrapTierError(thrown, 'tier3');
        expect(error.retryable).toBe(isRetryable(error.errorClass));
        expect(JSON.parse(JSON.stringify(error))).toEqual(error);
      }),
    );
  });
});
