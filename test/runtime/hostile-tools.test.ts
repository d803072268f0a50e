/** Tools that do what no tool should. Faults 13 to 18 of the reliability notes: a typed error, and the runtime lives on. */

import { describe, expect, it } from 'vitest';
import { type Json, SwarmchartError, type ToolContext } from '../../src/index.ts';
import { settlePromises } from '../../src/testing/testing.ts';
import { cyclic, refuse, revoked } from '../support/garbage.ts';
import { hostileWorld, typedError } from './hostile-world.ts';

function nested(depth: number): unknown {
  let value: unknown = 0;
  for (let level = 0; level < depth; level++) value = { value };
  return value;
}

describe('a tool that throws', () => {
  const thrown: readonly (readonly [string, () => unknown])[] = [
    ['a text', () => 'text'],
    ['null', () => null],
    ['undefined', () => undefined],
    ['NaN', () => Number.NaN],
    ['a BigInt', () => 10n],
    ['a symbol', () => Symbol('thrown')],
    ['a function', () => refuse],
    ['a cyclic object', cyclic],
    ['an object whose conversions throw', () => ({ toString: refuse, toJSON: refuse, [Symbol.toPrimitive]: refuse })],
    [
      'an object whose tag throws',
      () =>
        Object.defineProperty({ toJSON: refuse }, Symbol.toStringTag, {
          get: refuse,
        }),
    ],
    ['an error whose message throws', () => Object.defineProperty(new Error('x'), 'message', { get: refuse })],
    ['an error whose name throws', () => Object.defineProperty(new Error('x'), 'name', { get: refuse })],
    ['an error whose message is no text', () => Object.assign(new Error('x'), { message: 10n, name: {} })],
    ['an error that causes itself', () => Object.defineProperty(new Error('x'), 'cause', { get: cyclic })],
    ['a SwarmchartError whose context is not JSON', () => new SwarmchartError('PROCESS_FAILED', 'x', { context: { n: 1n as never } })],
    ['a revoked proxy', revoked],
  ];

  it.each(thrown)('%s', async (_, make) => {
    await using world = await hostileWorld(() => {
      throw make();
    });
    const result = await world.suffer();
    expect(result).toMatchObject({ status: 'failed', error: typedError });
  });

  it.each(thrown)('%s, as a rejection', async (_, make) => {
    await using world = await hostileWorld(() => Promise.reject(make()));
    expect(await world.suffer()).toMatchObject({ status: 'failed', error: typedError });
  });

  it('a message of 100 MB', async () => {
    await using world = await hostileWorld(() => {
      throw new Error('x'.repeat(100 * 1024 * 1024));
    });
    const handle = world.start();
    const { error } = await handle.result();
    expect(error?.message.length).toBeLessThan(9 * 1024 * 1024);
  });
});

describe('a tool that returns', () => {
  class Instance {
    readonly field = 1;
  }
  const refused: readonly (readonly [string, string | RegExp, () => unknown])[] = [
    ['a cyclic value', 'INVALID_OUTPUT', cyclic],
    ['a BigInt', 'INVALID_OUTPUT', () => 1n],
    ['a function', 'INVALID_OUTPUT', () => refuse],
    ['a symbol', 'INVALID_OUTPUT', () => Symbol('returned')],
    ['NaN', 'INVALID_OUTPUT', () => Number.NaN],
    ['an infinite number within', 'INVALID_OUTPUT', () => ({ n: [Number.POSITIVE_INFINITY] })],
    ['a Map', 'INVALID_OUTPUT', () => new Map([[1, 2]])],
    ['a class instance', 'INVALID_OUTPUT', () => new Instance()],
    ['a key __proto__', 'UNSAFE_KEY', () => JSON.parse('{"a":{"__proto__":{"polluted":true}}}') as Json],
    ['a key constructor', 'UNSAFE_KEY', () => ({ constructor: 1 })],
    ['a getter that throws', /INVALID_OUTPUT|EXECUTION_FAILED/, () => Object.defineProperty({}, 'x', { get: refuse, enumerable: true })],
    ['a toJSON that throws', /INVALID_OUTPUT|EXECUTION_FAILED/, () => ({ toJSON: refuse })],
    [
      'a toJSON that returns itself',
      /INVALID_OUTPUT|EXECUTION_FAILED/,
      () => {
        const value = { toJSON: (): unknown => value };
        return value;
      },
    ],
    ['100 MB of text', 'OUTPUT_TOO_LARGE', () => 'x'.repeat(100 * 1024 * 1024)],
    ['100 MB in parts', 'OUTPUT_TOO_LARGE', () => Array.from({ length: 1_000 }, () => 'x'.repeat(100 * 1024))],
    ['the longest array there is', 'OUTPUT_TOO_LARGE', () => new Array(2 ** 32 - 1)],
    ['a value nested 200 deep', 'INVALID_OUTPUT', () => nested(200)],
    ['a value nested 1,000,000 deep', 'INVALID_OUTPUT', () => nested(1_000_000)],
    ['a revoked proxy', /INVALID_OUTPUT|EXECUTION_FAILED/, revoked],
    ['a thenable that throws', 'EXECUTION_FAILED', () => ({ then: refuse })],
    ['a thenable that never settles', 'STEP_TIMEOUT', () => ({ then: () => undefined })],
  ];

  it.each(refused)('%s, fails with %s', async (_, code, make) => {
    await using world = await hostileWorld(make);
    const { status, error } = await world.suffer();
    expect(status).toBe('failed');
    expect(error?.code).toMatch(code);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each([
    ['undefined', () => undefined, null],
    ['an object without a prototype', () => Object.assign(Object.create(null), { a: 1, b: undefined }) as unknown, { a: 1 }],
    ['a Date', () => new Date(0), '1970-01-01T00:00:00.000Z'],
    ['the same object twice', () => Array(2).fill({ a: 1 }), [{ a: 1 }, { a: 1 }]],
  ])('%s, succeeds', async (_, make, expected) => {
    await using world = await hostileWorld(make);
    expect(await world.suffer()).toMatchObject({ success: true, result: expected });
  });

  it('something that it changes afterwards: what was recorded stays', async () => {
    const value = { a: 1 };
    await using world = await hostileWorld(() => value);
    const handle = world.start();
    const { result } = await handle.result();
    value.a = 2;
    expect(result).toEqual({ a: 1 });
  });
});

describe('a tool that does not end', () => {
  it('is aborted at its timeout and abandoned after the grace period; its late result is counted and has no effect', async () => {
    const late = Promise.withResolvers<string>();
    await using world = await hostileWorld(() => late.promise);
    const handle = world.start({}, { timeout: 1_000 });
    await world.clock.advanceAsync(1_000);
    expect(handle.status).toBe('running');
    await world.clock.advanceAsync(4_999);
    expect(handle.status).toBe('running');
    await world.clock.advanceAsync(1);
    expect(await handle.result()).toMatchObject({ status: 'failed', error: { code: 'STEP_TIMEOUT' } });
    expect(world.runtime.vitals).toMatchObject({ executions: 0, abandoned: 1, lateResults: 0 });
    late.resolve('too late');
    await settlePromises();
    expect(world.runtime.vitals).toMatchObject({ abandoned: 1, lateResults: 1 });
    expect(await handle.result()).toMatchObject({ status: 'failed' });
  });

  it('rejects long after it was abandoned, with nothing that is an error', async () => {
    const late = Promise.withResolvers<string>();
    await using world = await hostileWorld(() => late.promise);
    const handle = world.start({}, { timeout: 1_000 });
    await world.clock.advanceAsync(10_000);
    await handle.result();
    late.reject(revoked());
    await settlePromises();
    expect(world.runtime.vitals.lateResults).toBe(1);
  });

  it('is abandoned when the run is cancelled and it does not listen', async () => {
    await using world = await hostileWorld(() => new Promise(() => {}));
    const handle = world.start();
    await settlePromises();
    expect(await handle.cancel('enough')).toBe(true);
    await world.clock.advanceAsync(5_000);
    expect(await handle.result()).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED' } });
    expect(world.runtime.vitals.abandoned).toBe(1);
  });

  it('answers an abort with success: the timeout stands', async () => {
    await using world = await hostileWorld(
      (_: unknown, { signal }: ToolContext) => new Promise((resolve) => signal.addEventListener('abort', () => resolve('done after all'))),
    );
    const handle = world.start({}, { timeout: 1_000 });
    await world.clock.advanceAsync(1_000);
    expect(await handle.result()).toMatchObject({ status: 'failed', error: { code: 'STEP_TIMEOUT' } });
    expect(world.runtime.vitals.abandoned).toBe(0);
  });

  it('throws from its abort listener', async () => {
    await using world = await hostileWorld(
      (_: unknown, { signal }: ToolContext) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(revoked()));
        }),
    );
    const handle = world.start({}, { timeout: 1_000 });
    await world.clock.advanceAsync(10_000);
    expect(await handle.result()).toMatchObject({ status: 'failed', error: { code: 'STEP_TIMEOUT' } });
  });
});

describe('a tool that misuses its context', () => {
  const rubbish: readonly (readonly [string, unknown])[] = [
    ['negative credits', { credits: '-1' }],
    ['a fraction of a credit', { credits: '0.5' }],
    ['credits in exponents', { credits: '1e3' }],
    ['credits that are no text', { credits: {} }],
    ['nothing', null],
    ['NaN megabytes', { memoryMB: Number.NaN }],
    ['negative megabytes', { memoryMB: -1 }],
    ['infinite megabytes', { memoryMB: Number.POSITIVE_INFINITY }],
    ['megabytes that are no number', { memoryMB: 'many' }],
    ['half a token', { tokens: 0.5 }],
    ['negative tokens', { tokens: -1 }],
    ['more tokens than can be counted', { tokens: 2 ** 53 }],
    ['tokens in a text', { tokens: '7' }],
  ];
  it.each(rubbish)('spends %s: it is told so, and the books stay right', async (_, usage) => {
    let refused: unknown;
    await using world = await hostileWorld((_input: unknown, { spend }: ToolContext) => {
      try {
        spend(usage as never);
      } catch (thrown) {
        refused = thrown;
        throw thrown;
      }
    });
    const result = await world.suffer();
    expect(refused).toBeInstanceOf(Error);
    expect(result.status).toBe('failed');
    expect(result.resourcesUsed).toMatchObject({ creditsUsed: '0', memoryUsedMB: 0 });
  });

  it('spends more than it was given and pretends that nothing happened: the step has failed', async () => {
    let wasAborted = false;
    await using world = await hostileWorld((_: unknown, { spend, signal }: ToolContext) => {
      spend({ credits: '999999' });
      try {
        spend({ credits: '2' });
      } catch {
        wasAborted = signal.aborted;
      }
      return 'fine';
    });
    const result = await world.suffer();
    expect(wasAborted).toBe(true);
    expect(result).toMatchObject({ status: 'failed', error: { code: 'RESOURCE_EXHAUSTED' }, resourcesUsed: { creditsUsed: '999999' } });
  });

  it('uses more memory than it was given: RESOURCE_EXHAUSTED', async () => {
    await using world = await hostileWorld((_: unknown, { spend }: ToolContext) => spend({ memoryMB: 100_000 }));
    expect(await world.suffer()).toMatchObject({ status: 'failed', error: { code: 'RESOURCE_EXHAUSTED' } });
  });

  it('spends after its attempt has ended: nothing is booked', async () => {
    let context: ToolContext | undefined;
    await using world = await hostileWorld((_: unknown, given: ToolContext) => {
      context = given;
    });
    await world.suffer();
    context?.spend({ credits: '5' });
    await expect(world.runtime.tier2.pause('victim')).resolves.toBe(false);
  });

  it('asks for a checkpoint after the abort: it is rejected, also when it does not wait for the answer', async () => {
    let answer: unknown;
    await using world = await hostileWorld(
      (_: unknown, { signal, checkpoint }: ToolContext) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            void checkpoint();
            checkpoint().catch((thrown: unknown) => {
              answer = thrown;
              reject(thrown);
            });
          });
        }),
    );
    const handle = world.start();
    await settlePromises();
    await handle.cancel('enough');
    expect(await handle.result()).toMatchObject({ status: 'cancelled' });
    expect(answer).toMatchObject({ code: 'CANCELLED' });
  });

  it('changes its parameters: a retry gets them as they were', async () => {
    const seen: unknown[] = [];
    await using world = await hostileWorld((input: Record<string, unknown>) => {
      seen.push({ ...input });
      input['n'] = 'changed';
      throw new Error('again');
    });
    const handle = world.start({ n: 1 }, { retry: 1 });
    await world.clock.advanceAsync(5_000);
    await handle.result();
    expect(seen).toEqual([{ n: 1 }, { n: 1 }]);
  });
});
