/** The door for what user code returns: an equal copy that is JSON, or a typed refusal; never anything else. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toJson } from '../../src/actors/json.ts';
import { SwarmchartError } from '../../src/machines/protocol/errors.ts';

const NO_LIMIT = Number.MAX_SAFE_INTEGER;
const UNSAFE = ['__proto__', 'constructor', 'prototype'];

const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    fc.integer(),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      fc.string({ unit: 'binary' }).filter((key) => !UNSAFE.includes(key)),
      tie('value'),
      { maxKeys: 5, noNullPrototype: true },
    ),
  ),
})).value;

const objectsIn = (value: unknown): object[] =>
  typeof value === 'object' && value !== null ? [value, ...Object.values(value).flatMap(objectsIn)] : [];

const refusalOf = (value: unknown, maxBytes = NO_LIMIT): SwarmchartError => {
  try {
    toJson(value, 'Tool "t"', maxBytes);
  } catch (thrown) {
    if (thrown instanceof SwarmchartError) return thrown;
    throw thrown;
  }
  throw new Error('it was not refused');
};

describe('toJson', () => {
  it('gives back any JSON unchanged, as a copy that shares no object with it', () => {
    fc.assert(
      fc.property(json, (value) => {
        const copy = toJson(value, 'it', NO_LIMIT);
        expect(copy).toEqual(value);
        expect(JSON.stringify(copy)).toBe(JSON.stringify(value));
        const originals = new Set(objectsIn(value));
        expect(objectsIn(copy).some((part) => originals.has(part))).toBe(false);
      }),
    );
  });

  it('takes exactly as many bytes as the text in JSON has, and not one less', () => {
    fc.assert(
      fc.property(json, (value) => {
        const bytes = Buffer.byteLength(JSON.stringify(value));
        expect(toJson(value, 'it', bytes)).toEqual(value);
        expect(refusalOf(value, bytes - 1).code).toBe('OUTPUT_TOO_LARGE');
      }),
    );
  });

  it('gives for anything at all either JSON that survives unchanged or a typed error', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
    });
    fc.assert(
      fc.property(anything, (value) => {
        try {
          const copy = toJson(value, 'it', 10_000);
          expect(JSON.parse(JSON.stringify(copy))).toEqual(copy);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(SwarmchartError);
          expect(['INVALID_OUTPUT', 'OUTPUT_TOO_LARGE', 'UNSAFE_KEY']).toContain((thrown as SwarmchartError).code);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('treats undefined, dates and negative zero as JSON does', () => {
    const given = { a: undefined, b: [undefined, 1], c: new Date(0), d: -0 };
    expect(toJson(given, 'it', NO_LIMIT)).toEqual({ b: [null, 1], c: '1970-01-01T00:00:00.000Z', d: 0 });
    expect(toJson(undefined, 'it', NO_LIMIT)).toBeNull();
    expect(toJson({ toJSON: () => ({ toJSON: 1, x: 2 }) }, 'it', NO_LIMIT)).toEqual({ toJSON: 1, x: 2 });
  });

  it('takes one object in two places, and objects without a prototype', () => {
    const shared = { n: 1 };
    const bare: Record<string, unknown> = Object.assign(Object.create(null) as object, { shared });
    expect(toJson([shared, shared, bare], 'it', NO_LIMIT)).toEqual([{ n: 1 }, { n: 1 }, { shared: { n: 1 } }]);
  });

  const cycle: Record<string, unknown> = {};
  cycle['inner'] = [cycle];
  const deep = Array.from({ length: 5_000 }).reduce<unknown>((inner) => [inner], 1);
  const forever = (): object => ({ toJSON: forever });

  it.each<[string, () => unknown, string]>([
    ['a function', () => ({ f: () => 1 }), 'INVALID_OUTPUT'],
    ['a symbol', () => [Symbol('s')], 'INVALID_OUTPUT'],
    ['a BigInt', () => 1n, 'INVALID_OUTPUT'],
    ['NaN', () => ({ n: Number.NaN }), 'INVALID_OUTPUT'],
    ['infinity', () => Number.NEGATIVE_INFINITY, 'INVALID_OUTPUT'],
    ['a cycle', () => cycle, 'INVALID_OUTPUT'],
    ['5,000 levels', () => deep, 'INVALID_OUTPUT'],
    ['a Map', () => new Map([[1, 2]]), 'INVALID_OUTPUT'],
    ['a Set', () => new Set(), 'INVALID_OUTPUT'],
    ['an Error', () => new Error('no'), 'INVALID_OUTPUT'],
    ['a promise in an object', () => ({ p: Promise.resolve(1) }), 'INVALID_OUTPUT'],
    ['an invalid date that is asked to be text', () => ({ d: { toJSON: () => new Date(Number.NaN).toISOString() } }), 'INVALID_OUTPUT'],
    [
      'an object whose JSON is itself',
      () => ({
        toJSON(): unknown {
          return this;
        },
        f: () => 1,
      }),
      'INVALID_OUTPUT',
    ],
    ['an object whose JSON never ends', forever, 'INVALID_OUTPUT'],
    [
      'a getter that throws',
      () =>
        Object.defineProperty({}, 'x', {
          enumerable: true,
          get: () => {
            throw new Error('no');
          },
        }),
      'INVALID_OUTPUT',
    ],
    [
      'a proxy that throws',
      () =>
        new Proxy(
          {},
          {
            ownKeys: () => {
              throw new Error('no');
            },
          },
        ),
      'INVALID_OUTPUT',
    ],
    [
      'a revoked proxy',
      () => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      },
      'INVALID_OUTPUT',
    ],
    ['__proto__', () => JSON.parse('{"a":{"__proto__":{"isAdmin":true}}}'), 'UNSAFE_KEY'],
    ['constructor', () => ({ constructor: { prototype: {} } }), 'UNSAFE_KEY'],
    ['prototype', () => [{ prototype: 1 }], 'UNSAFE_KEY'],
  ])('refuses %s', (_, make, code) => {
    expect(refusalOf(make()).code).toBe(code);
  });

  it('says who returned what, and where', () => {
    expect(refusalOf({ rows: [1, { total: Number.NaN }] }).message).toBe('Tool "t" returned the number NaN at rows.1.total');
    expect(refusalOf('x'.repeat(100), 50).message).toBe('Tool "t" returned more than 50 bytes');
  });

  it('stops reading as soon as there is too much', () => {
    let reads = 0;
    const endless = new Proxy([], {
      get: (target, key) => {
        if (key === 'length') return 1_000;
        reads++;
        return key === 'toJSON' ? Reflect.get(target, key) : 'twenty characters ...';
      },
    });
    expect(refusalOf(endless, 2_000).code).toBe('OUTPUT_TOO_LARGE');
    expect(reads).toBeLessThan(60);
    expect(refusalOf(new Array(1_000_000_000), 1_000).code).toBe('OUTPUT_TOO_LARGE');
  });
});
