/** The journal port, as every journal keeps it. */

import { describe, expect, it, onTestFinished } from 'vitest';
import { type Journal, MemoryJournal, type StreamInfo, sqlite } from '../../../../src/index.ts';
import { collectAll } from '../../../support/collect-all.ts';
import { ending, idsOf, someFact, someFacts } from '../some-facts.ts';
import { temporaryFile } from './temporary-folder.ts';

const journals: readonly (readonly [string, () => Journal])[] = [
  ['in memory', () => new MemoryJournal()],
  ['in a file, for power cuts', () => sqlite(temporaryFile())],
  ['in a file, for crashes', () => sqlite(temporaryFile(), { durability: 'process' })],
];

const statusesOf = (streams: readonly StreamInfo[]) => streams.map(({ name, status, seq }) => [name, status, seq]);

/** What came of it, thrown or rejected. */
async function outcome(append: () => Promise<void> | undefined): Promise<unknown> {
  try {
    await append();
    return 'committed';
  } catch (thrown) {
    return (thrown as { readonly code?: string }).code;
  }
}

describe.each(journals)('a journal %s', (_, create) => {
  async function opened() {
    const journal = create();
    await journal.open();
    onTestFinished(() => journal.close());
    return journal;
  }

  it('gives back what was appended, from any number on', async () => {
    const journal = await opened();
    const odd = someFact('a', 1, {
      payload: { text: '"\n\u0000\u2028 é 😀 \ud800', none: null, big: 1e21, list: [0.1, -1], ['__proto__']: 1 },
    });
    await journal.append('a', 0, [odd, someFact('a', 2)]);
    await journal.append('a', 2, [someFact('a', 3)]);
    const [first] = await journal.read('a');
    expect(first).toEqual(odd);
    expect(idsOf(await journal.read('a'))).toEqual(['a#1', 'a#2', 'a#3']);
    expect(idsOf(await journal.read('a', 3))).toEqual(['a#3']);
    expect(await journal.read('a', 4)).toEqual([]);
    expect(await journal.read('b')).toEqual([]);
  });

  it.each([0, 1, 3])('refuses a writer that expects a stream of two facts at %i, also before those are committed', async (expected) => {
    const journal = await opened();
    const before = journal.append('a', 0, someFacts('a', 1, 2));
    expect(await outcome(() => journal.append('a', expected, [someFact('a', expected + 1)]))).toBe('JOURNAL_CONFLICT');
    await before;
    expect(await outcome(() => journal.append('a', expected, [someFact('a', expected + 1)]))).toBe('JOURNAL_CONFLICT');
    expect(await outcome(() => journal.append('a', 2, [someFact('a', 3)]))).toBe('committed');
    expect(idsOf(await journal.read('a'))).toEqual(['a#1', 'a#2', 'a#3']);
  });

  it('takes an event from outside once', async () => {
    const journal = await opened();
    await journal.append('event/1', 0, [someFact('event/1', 1)]);
    expect(await outcome(() => journal.append('event/1', 0, [someFact('event/1', 1)]))).toBe('JOURNAL_CONFLICT');
    expect(await journal.find('event/1')).toMatchObject({ status: 'settled', seq: 1 });
  });

  it('tells of its streams in the order of their first facts, by prefix, and which of them go on', async () => {
    const journal = await opened();
    await journal.append('settled', 0, [someFact('settled', 1), ending('settled', 2)]);
    await journal.append('open', 0, [someFact('open', 1)]);
    await journal.append('dead', 0, [someFact('dead', 1), someFact('dead', 2, { type: 'execution/dead_lettered' })]);
    await journal.append('event/1', 0, [someFact('event/1', 1, { type: 'order/placed' })]);
    await journal.append('breaker/system', 0, [someFact('breaker/system', 1, { type: 'breaker/opened' })]);
    await journal.append('route/r/1', 0, [someFact('route/r/1', 1, { type: 'route/dead_lettered' })]);
    await journal.append('route/r/1', 1, [someFact('route/r/1', 2, { type: 'route/redriven' })]);
    await journal.append('route/r/2', 0, [someFact('route/r/2', 1, { type: 'route/dead_lettered' })]);
    await journal.append(
      'open',
      1,
      [ending('open', 2)].map((fact) => ({ ...fact, executionId: 'open/child/1' })),
    );
    expect(statusesOf(await collectAll(journal.streams()))).toEqual([
      ['settled', 'settled', 2],
      ['open', 'unsettled', 2],
      ['dead', 'dead', 2],
      ['event/1', 'settled', 1],
      ['breaker/system', 'service', 1],
      ['route/r/1', 'settled', 2],
      ['route/r/2', 'service', 1],
    ]);
    expect(statusesOf(await collectAll(journal.streams('event/')))).toEqual([['event/1', 'settled', 1]]);
    expect(await journal.find('dead')).toEqual({ name: 'dead', status: 'dead', seq: 2, startedAt: 1_000, changedAt: 2_000 });
    expect(await journal.find('nobody')).toBeUndefined();
    expect(await journal.unsettled()).toEqual(['open']);
    await journal.append('dead', 2, [someFact('dead', 3, { type: 'execution/recovered' })]);
    expect(await journal.unsettled()).toEqual(['open', 'dead']);
  });

  it('gives all facts in the order in which they were committed, after any of them', async () => {
    const journal = await opened();
    const streams = ['a', 'b', 'c'];
    const appends = Array.from({ length: 300 }, (__, index) => streams.map((stream) => ({ stream, seq: index + 1 }))).flat();
    await Promise.all(appends.map(async ({ stream, seq }) => journal.append(stream, seq - 1, [someFact(stream, seq)])));
    const all = (await collectAll(journal.scan())).flat();
    expect(idsOf(all.map(({ fact }) => fact))).toEqual(appends.map(({ stream, seq }) => `${stream}#${seq}`));
    const after = (await collectAll(journal.scan(all[449]?.position))).flat();
    expect(after).toEqual(all.slice(450));
    expect(await collectAll(journal.scan(all.at(-1)?.position))).toEqual([]);
    expect(await journal.end()).toBe(all.at(-1)?.position);
  });

  it('ends at 0 before its first fact', async () => {
    const journal = await opened();
    expect(await journal.end()).toBe(0);
  });

  it('commits appends in the order in which they were made, whatever their streams', async () => {
    const journal = await opened();
    const done: string[] = [];
    const appends = Array.from({ length: 200 }, (__, index) => ({ stream: `s${index % 7}`, seq: Math.floor(index / 7) + 1 }));
    await Promise.all(
      appends.map(async ({ stream, seq }) => {
        await journal.append(stream, seq - 1, [someFact(stream, seq)]);
        done.push(`${stream}#${seq}`);
      }),
    );
    expect(done).toEqual(appends.map(({ stream, seq }) => `${stream}#${seq}`));
  });

  it('drops what has settled, all but the last fact of a service, and nothing that goes on', async () => {
    const journal = await opened();
    await journal.append('settled', 0, [someFact('settled', 1), ending('settled', 2)]);
    await journal.append('open', 0, [someFact('open', 1)]);
    await journal.append('breaker/system', 0, someFacts('breaker/system', 1, 3));
    const dropped = await Promise.all(['settled', 'open', 'breaker/system', 'nobody'].map((name) => journal.drop(name)));
    expect(dropped).toEqual([true, false, true, false]);
    expect(await journal.find('settled')).toBeUndefined();
    expect(await journal.read('settled')).toEqual([]);
    expect(idsOf(await journal.read('breaker/system'))).toEqual(['breaker/system#3']);
    await journal.append('breaker/system', 3, [someFact('breaker/system', 4)]);
    expect(idsOf(await journal.read('breaker/system', 4))).toEqual(['breaker/system#4']);
    const left = (await collectAll(journal.scan())).flat();
    expect(idsOf(left.map(({ fact }) => fact))).toEqual(['open#1', 'breaker/system#3', 'breaker/system#4']);
    expect(await outcome(() => journal.append('settled', 0, [someFact('settled', 1)]))).toBe('committed');
    expect(await journal.find('settled')).toMatchObject({ status: 'unsettled', seq: 1 });
  });

  it.each(['a\u0000b', 'é😀', 'it\'s "a"\n%_', 'x'.repeat(5_000)])('takes a stream by any name: %j', async (name) => {
    const journal = await opened();
    await journal.append(name, 0, [someFact(name, 1), ending(name, 2)]);
    expect(await journal.find(name)).toMatchObject({ name, status: 'settled', seq: 2 });
    expect(await collectAll(journal.streams(name))).toHaveLength(1);
    expect(await journal.read(name)).toHaveLength(2);
    expect(await journal.drop(name)).toBe(true);
    await journal.close();
    await journal.open();
    expect(await journal.find(name)).toBeUndefined();
  });

  it('has one writer at a time', async () => {
    const journal = await opened();
    await expect(journal.open()).rejects.toMatchObject({ code: 'JOURNAL_LOCKED' });
    await journal.close();
    await journal.open();
    expect(await outcome(() => journal.append('a', 0, [someFact('a', 1)]))).toBe('committed');
  });
});
