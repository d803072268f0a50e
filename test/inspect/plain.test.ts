import { Map as ImmutableMap, List } from 'immutable';
import { describe, expect, it } from 'vitest';
import { toPlain } from '../../src/inspect/plain.ts';

const plain = (value: unknown, maxDepth = 50, maxCharacters = 1_000) => toPlain(value, { maxDepth, maxCharacters });
const refuse = (): never => {
  throw new Error('refused');
};

describe('plain JSON of anything', () => {
  it.each<[string, unknown, unknown]>([
    ['JSON', { a: [1, 'two', null, true] }, { a: [1, 'two', null, true] }],
    ['undefined', undefined, null],
    ['undefined among members and in a list', { a: undefined, b: [undefined] }, { b: [null] }],
    ['numbers that JSON lacks', [Number.NaN, Number.NEGATIVE_INFINITY], ['NaN', '-Infinity']],
    ['a bigint', 12n, '12n'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['a function', { run: refuse }, { run: { type: 'refuse' } }],
    ['an Error', new TypeError('bad'), { name: 'TypeError', message: 'bad' }],
    ['an Error with a code', Object.assign(new Error('bad'), { code: 'ENOENT' }), { name: 'Error', message: 'bad', code: 'ENOENT' }],
    ['a Date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['a Date that is none', new Date(Number.NaN), 'Invalid Date'],
    ['bytes', new Uint8Array(3), '[Uint8Array of 3 bytes]'],
    ['a Map and a Set', [new Map([['a', 1n]]), new Set([1])], [[['a', '1n']], [1]]],
    ['collections of immutable.js, also within each other', ImmutableMap({ a: List([List([1n])]) }), { a: [['1n']] }],
    ['a member called __proto__', JSON.parse('{"__proto__": {"a": 1}}'), JSON.parse('{"__proto__": {"a": 1}}')],
    ['a getter that throws', Object.defineProperty({ a: 1 }, 'b', { get: refuse, enumerable: true }), { a: 1, b: '[unreadable]' }],
    ['a toJSON that throws', [{ toJSON: refuse }], ['[unreadable]']],
    ['a proxy that refuses everything', [new Proxy({}, { get: refuse, ownKeys: refuse, getPrototypeOf: refuse })], ['[unreadable]']],
  ])('%s', (_, value, expected) => {
    expect(plain(value)).toEqual(expected);
  });

  it('shows a circle as one, and the same thing twice as twice', () => {
    const shared = { a: 1 };
    const circle: Record<string, unknown> = { left: shared, right: shared };
    circle['self'] = circle;
    expect(plain(circle)).toEqual({ left: { a: 1 }, right: { a: 1 }, self: '[Circular]' });
  });

  it('survives a toJSON that never ends', () => {
    const endless = (): object => ({ toJSON: endless });
    expect(plain({ a: endless() })).toEqual({ a: '[unreadable]' });
  });

  it('says where it stopped going deeper', () => {
    expect(plain({ a: { b: { c: 1 } }, d: [[1]] }, 2)).toEqual({ a: { b: '[Object]' }, d: ['[Array]'] });
  });

  it('says where it cut: a text, a list, an object', () => {
    expect(plain('x'.repeat(50), 5, 14)).toBe(`${'x'.repeat(10)}… [cut: 50 characters]`);
    expect(plain([1, 2, 3, 4, 5], 5, 15)).toEqual([1, 2, 3, '[cut]']);
    expect(plain({ a: 1, b: 2, c: 3, d: 4 }, 5, 15)).toEqual({ a: 1, b: 2, c: 3, '…': '[cut]' });
  });

  it('keeps to its size however large the value is', () => {
    const large = Array.from({ length: 10_000 }, (_, index) => ({ index, text: 'x'.repeat(100) }));
    expect(JSON.stringify(plain(large, 50, 10_000)).length).toBeLessThan(20_000);
  });
});
