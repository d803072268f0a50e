/** SWM-10: the blackboard of a swarm. */

import { describe, expect, it } from 'vitest';
import { settlePromises } from '../../src/testing/testing.ts';
import { startBlackboards, valuesOf } from './blackboard-for-test.ts';

const refusal = (write: Promise<unknown>): Promise<unknown> =>
  write.then(
    () => 'written',
    (thrown: unknown) => thrown,
  );

describe('a write', () => {
  it('leaves an entry with its value, version, writer and time', async () => {
    const { board, boards, world } = startBlackboards();
    expect(board.get('k')).toBeUndefined();
    expect(await board.set('k', { a: 1 })).toEqual({ key: 'k', value: { a: 1 }, version: 1, at: 1_000 });
    world.now = 2_000;
    expect(await boards.of('swarm', { by: 'run-1' }).set('k', 'x')).toEqual({ key: 'k', value: 'x', version: 2, by: 'run-1', at: 2_000 });
    expect(board.get('k')).toEqual({ key: 'k', value: 'x', version: 2, by: 'run-1', at: 2_000 });
    expect(boards.of('other').get('k')).toBeUndefined();
  });

  it('is a fact with the new value', async () => {
    const { board, facts } = startBlackboards();
    await board.set('list', [1]);
    await board.append('list', 2);
    await board.delete('list');
    expect(facts.map(({ type, payload }) => ({ type, payload }))).toEqual(
      [
        { operation: 'set', value: [1], version: 1 },
        { operation: 'append', value: [1, 2], version: 2 },
        { operation: 'delete', value: null, version: 3 },
      ].map((payload) => ({ type: 'tier1/blackboard/written', payload: { key: 'list', ...payload } })),
    );
  });

  it('makes what is missing: a list, a zero, an object', async () => {
    const { board } = startBlackboards();
    await board.append('list', 'x');
    await board.increment('count');
    await board.increment('count', -0.5);
    await board.merge('shallow', { a: 1 });
    await board.deepMerge('deep', { a: 1 });
    expect(valuesOf(board.entries())).toEqual({ list: ['x'], count: 0.5, shallow: { a: 1 }, deep: { a: 1 } });
  });

  it('merges at one depth or at every depth, and replaces lists', async () => {
    const { board } = startBlackboards();
    const before = { keep: 1, inner: { x: 1, list: [1, 2] } };
    const over = { inner: { y: 2, list: [3] }, new: null };
    await board.set('one', before);
    await board.set('all', before);
    expect((await board.merge('one', over)).value).toEqual({ keep: 1, inner: { y: 2, list: [3] }, new: null });
    expect((await board.deepMerge('all', over)).value).toEqual({ keep: 1, inner: { x: 1, y: 2, list: [3] }, new: null });
  });

  it('keeps a frozen copy: neither its writer nor a reader can change it', async () => {
    const { board } = startBlackboards();
    const mine = { list: [{ n: 1 }] };
    await board.set('k', mine);
    mine.list.push({ n: 2 });
    const read = board.get('k')?.value as typeof mine;
    expect(() => read.list.push({ n: 3 })).toThrow(TypeError);
    expect(() => Object.assign(read.list[0] ?? {}, { n: 4 })).toThrow(TypeError);
    expect(board.get('k')?.value).toEqual({ list: [{ n: 1 }] });
  });
});

describe('a version', () => {
  it('counts the writes of its key and never goes back, also over a deletion', async () => {
    const { board, facts } = startBlackboards();
    await board.set('k', 1);
    expect(await board.delete('k')).toMatchObject({ value: null, version: 2 });
    expect(board.get('k')).toBeUndefined();
    expect(board.entries().size).toBe(0);
    expect(await board.delete('k')).toMatchObject({ value: null, version: 2 });
    expect(await board.delete('never')).toMatchObject({ value: null, version: 0 });
    expect(facts.length).toBe(2);
    expect(await board.increment('k')).toMatchObject({ value: 1, version: 3 });
  });

  it('that is not the expected one is a conflict that says which one it is', async () => {
    const { board, facts } = startBlackboards();
    await board.set('k', 1, { ifVersion: 0 });
    expect(await refusal(board.set('k', 2, { ifVersion: 0 }))).toMatchObject({
      code: 'BLACKBOARD_CONFLICT',
      retryable: true,
      context: { key: 'k', operation: 'set', version: 1 },
    });
    expect(await refusal(board.delete('k', { ifVersion: 7 }))).toMatchObject({ code: 'BLACKBOARD_CONFLICT' });
    expect(facts.length).toBe(1);
    await board.delete('k', { ifVersion: 1 });
    expect(await board.set('k', 3, { ifVersion: 0 })).toMatchObject({ version: 3 });
  });

  it('lets only one of many writers through who read the same one', async () => {
    const { board } = startBlackboards();
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, (_, n) => board.set('k', n, { ifVersion: 0 })));
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(1);
    expect(board.get('k')).toMatchObject({ value: 0, version: 1 });
  });
});

describe('a refused write changes nothing', () => {
  const { board, facts } = startBlackboards();
  it.each([
    ['appends to a text', 'BLACKBOARD_TYPE_MISMATCH', () => board.append('text', 1)],
    ['increments a text', 'BLACKBOARD_TYPE_MISMATCH', () => board.increment('text')],
    ['increments null', 'BLACKBOARD_TYPE_MISMATCH', () => board.increment('null')],
    ['increments by a text', 'BLACKBOARD_TYPE_MISMATCH', () => board.increment('new', '1' as never)],
    ['merges into a list', 'BLACKBOARD_TYPE_MISMATCH', () => board.merge('list', {})],
    ['merges a list', 'BLACKBOARD_TYPE_MISMATCH', () => board.merge('new', [] as never)],
    ['deep-merges into a text', 'BLACKBOARD_TYPE_MISMATCH', () => board.deepMerge('text', {})],
    ['increments by NaN', 'INVALID_VALUE', () => board.increment('new', Number.NaN)],
    ['increments beyond all numbers', 'INVALID_VALUE', () => board.increment('huge', Number.MAX_VALUE)],
    ['sets what JSON cannot carry', 'INVALID_VALUE', () => board.set('new', new Map())],
    ['sets a cycle', 'INVALID_VALUE', () => board.set('new', cyclic())],
    ['sets too much', 'LIMIT_EXCEEDED', () => board.set('new', 'x'.repeat(1_048_575))],
    ['appends too much', 'LIMIT_EXCEEDED', () => board.append('full', 'xx')],
    ['merges too much', 'LIMIT_EXCEEDED', () => board.merge('object', { more: 'x'.repeat(1_048_560) })],
    ['has an empty key', 'INVALID_VALUE', () => board.set('', 1)],
    ['has a long key', 'INVALID_VALUE', () => board.set('k'.repeat(201), 1)],
    ['has a key that is no text', 'INVALID_VALUE', () => board.set(7 as never, 1)],
    ['has a key that reaches for a prototype', 'UNSAFE_KEY', () => board.set('__proto__', 1)],
    ['holds a key that reaches for a prototype', 'UNSAFE_KEY', () => board.deepMerge('object', JSON.parse('{"a":{"__proto__":{"x":1}}}'))],
  ])('when it %s: %s', async (_, code, write) => {
    const start = { text: 'x', null: null, list: [], huge: Number.MAX_VALUE, object: { a: {} }, full: ['x'.repeat(1_048_570)] };
    for (const [key, value] of Object.entries(start)) await board.set(key, value);
    const before = facts.length;
    expect(await refusal(write())).toMatchObject({ code });
    expect(facts.length).toBe(before);
    expect(valuesOf(board.entries())).toEqual(start);
  });

  it('and a wrong type names key, operation and both types', async () => {
    await board.set('text', 'x');
    expect(await refusal(board.append('text', 1))).toMatchObject({
      message: '"append" needs a value of type list, and "text" holds one of type string',
      context: { key: 'text', operation: 'append', needed: 'list', actual: 'string' },
    });
  });
});

function cyclic(): object {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  return value;
}

describe('while commits take their time', () => {
  it('readers see what is committed, writers build on the write before, and each resolves at its own commit', async () => {
    const { board, world, held } = startBlackboards();
    await board.set('n', 1);
    world.isHeld = true;
    const settled: number[] = [];
    const writes = [1, 2, 3].map((n) => board.increment('n', 10).then(() => settled.push(n)));
    await settlePromises();
    expect(board.get('n')).toMatchObject({ value: 1, version: 1 });
    held[0]?.resolve();
    await settlePromises();
    expect(settled).toEqual([1]);
    expect(board.get('n')).toMatchObject({ value: 11, version: 2 });
    for (const { resolve } of held) resolve();
    await Promise.all(writes);
    expect(board.get('n')).toMatchObject({ value: 31, version: 4 });
  });

  it('a write that is lost rejects, and the board is where it was', async () => {
    const { board, world, held } = startBlackboards();
    await board.set('n', 1);
    world.isHeld = true;
    const writes = [board.increment('n'), board.set('new', 'x'), board.increment('n')].map(refusal);
    for (const { reject } of held) reject(new Error('lost'));
    expect(await Promise.all(writes)).toEqual([new Error('lost'), new Error('lost'), new Error('lost')]);
    expect(valuesOf(board.entries())).toEqual({ n: 1 });
    world.isHeld = false;
    expect(await board.increment('n')).toMatchObject({ value: 2, version: 2 });
    expect(await board.set('new', 'y')).toMatchObject({ version: 1 });
  });

  it('a writer whose signal was aborted writes no more', async () => {
    const { boards, facts } = startBlackboards();
    const abort = new AbortController();
    const board = boards.of('swarm', { signal: abort.signal });
    await board.set('k', 1);
    abort.abort(new Error('too late'));
    expect(await refusal(board.set('k', 2))).toEqual(new Error('too late'));
    expect(facts.length).toBe(1);
  });
});

describe('bounds', () => {
  it('a board has 10,000 keys, those deleted included', async () => {
    const { board } = startBlackboards();
    for (let n = 0; n < 10_000; n++) await board.set(`k${n}`, n);
    await board.delete('k0');
    expect(await refusal(board.set('one more', 1))).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(await board.set('k0', 1)).toMatchObject({ version: 3 });
  });

  it('a thousand boards are remembered, the one written longest ago goes first, and one of a live swarm never goes', async () => {
    const { boards } = startBlackboards({ live: new Set(['s0']) });
    for (let n = 0; n < 1_000; n++) await boards.of(`s${n}`).set('k', n);
    await boards.of('s1').set('k', 'again');
    await boards.of('new').set('k', 1);
    await boards.of('newer').set('k', 1);
    const known = (swarmId: string) => boards.of(swarmId).get('k') !== undefined;
    expect(['s0', 's1', 's2', 's3', 's4', 'new', 'newer'].filter(known)).toEqual(['s0', 's1', 's4', 'new', 'newer']);
  });

  it('neither reading a board nor failing to write one makes one', async () => {
    const { boards } = startBlackboards();
    for (let n = 0; n < 1_000; n++) await boards.of(`s${n}`).set('k', n);
    expect(boards.of('unknown').entries().size).toBe(0);
    expect(await refusal(boards.of('unknown').set('', 1))).toMatchObject({ code: 'INVALID_VALUE' });
    expect(boards.of('s0').get('k')?.value).toBe(0);
  });
});

describe('the facts of a board', () => {
  it('restore it, with versions, writers and deletions', async () => {
    const { boards, facts } = startBlackboards();
    const writer = boards.of('swarm', { by: 'run-1' });
    await writer.append('list', { n: 1 });
    await writer.append('list', { n: 2 });
    await writer.set('gone', 1);
    await writer.delete('gone');
    await boards.of('other').increment('n');
    const again = startBlackboards();
    const copies = structuredClone(facts);
    again.boards.fold([...copies, { ...copies[0], type: 'tier1/swarm/paused', payload: {} } as (typeof facts)[number]]);
    for (const swarmId of ['swarm', 'other']) expect(again.boards.of(swarmId).entries()).toEqual(boards.of(swarmId).entries());
    expect(again.facts).toEqual([]);
    expect(await again.board.append('list', 3)).toMatchObject({ value: [{ n: 1 }, { n: 2 }, 3], version: 3 });
    expect(await again.board.set('gone', 2)).toMatchObject({ version: 3 });
    expect(copies[0]).not.toBe(facts[0]);
    expect(copies.map(({ payload }) => payload)).toEqual(facts.map(({ payload }) => payload));
  });
});
