/** The journal port as the one in memory keeps it. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Fact, MemoryJournal } from '../../../src/index.ts';
import { endsStream, isTerminal } from '../../../src/runtime/journal/journal.ts';
import { collectAll } from '../../support/collect-all.ts';

const fact = (stream: string, seq: number, type = 'tier2/routine/started', executionId = stream): Fact => ({
  id: `${stream}#${seq}`,
  seq,
  stream,
  type,
  at: 0,
  executionId,
  swarmId: stream,
  correlationId: stream,
  tier: 'tier2',
  payload: {},
  v: 1,
});
const settle = (journal: MemoryJournal, stream: string) =>
  journal.append(stream, 0, [fact(stream, 1), fact(stream, 2, 'tier2/routine/completed')]);
const ids = (facts: readonly Fact[]) => facts.map(({ id }) => id);

describe('the journal in memory', () => {
  it('has committed an append when it returns, and gives it back from any number on', async () => {
    const journal = new MemoryJournal();
    expect(journal.append('a', 0, [fact('a', 1), fact('a', 2)])).toBeUndefined();
    expect(journal.append('a', 2, [fact('a', 3)])).toBeUndefined();
    expect(ids(await journal.read('a'))).toEqual(['a#1', 'a#2', 'a#3']);
    expect(ids(await journal.read('a', 3))).toEqual(['a#3']);
    expect(await journal.read('a', 4)).toEqual([]);
    expect(await journal.read('b')).toEqual([]);
  });

  it.each([0, 1, 3])(
    'refuses the append of a writer that expects a stream of two facts at %i, and keeps nothing of it',
    async (expected) => {
      const journal = new MemoryJournal();
      journal.append('a', 0, [fact('a', 1), fact('a', 2)]);
      expect(() => journal.append('a', expected, [fact('a', expected + 1)])).toThrow(
        expect.objectContaining({ code: 'JOURNAL_CONFLICT', message: `Stream "a" is at 2, the writer expected ${expected}` }),
      );
      expect(await journal.read('a')).toHaveLength(2);
    },
  );

  it('gives readers a list that does not grow under them', async () => {
    const journal = new MemoryJournal();
    journal.append('a', 0, [fact('a', 1)]);
    const read = await journal.read('a');
    journal.append('a', 1, [fact('a', 2)]);
    expect(read).toHaveLength(1);
  });

  it('forgets the streams that settled first beyond its bound, and never one that is unsettled', async () => {
    const journal = new MemoryJournal({ maxSettledStreams: 2 });
    journal.append('open', 0, [fact('open', 1)]);
    for (const stream of ['a', 'b', 'c', 'd']) settle(journal, stream);
    const lengths = await Promise.all(['open', 'a', 'b', 'c', 'd'].map(async (stream) => (await journal.read(stream)).length));
    expect(lengths).toEqual([1, 0, 0, 2, 2]);
  });

  it('calls unsettled what has no terminal fact of its root; a child may have ended, and breakers do not count', async () => {
    const journal = new MemoryJournal();
    settle(journal, 'settled');
    journal.append('open', 0, [fact('open', 1), fact('open', 2, 'tier3/execution/completed', 'open/step/1')]);
    journal.append('breaker/tool/t', 0, [fact('breaker/tool/t', 1, 'tier3/breaker/opened')]);
    expect(await journal.unsettled()).toEqual(['open']);
  });

  it('has one writer at a time', async () => {
    const journal = new MemoryJournal();
    await journal.open();
    await expect(journal.open()).rejects.toMatchObject({ code: 'JOURNAL_LOCKED' });
    await journal.close();
    await expect(journal.open()).resolves.toBeUndefined();
  });

  it('tells of its streams, and which of them goes on', async () => {
    const journal = new MemoryJournal();
    settle(journal, 'settled');
    journal.append('open', 0, [fact('open', 1)]);
    journal.append('dead', 0, [fact('dead', 1), fact('dead', 2, 'execution/dead_lettered')]);
    journal.append('event/1', 0, [fact('event/1', 1, 'order/placed')]);
    journal.append('breaker/system', 0, [fact('breaker/system', 1, 'breaker/opened')]);
    const all = await collectAll(journal.streams());
    expect(all.map(({ name, status, seq }) => [name, status, seq])).toEqual([
      ['settled', 'settled', 2],
      ['open', 'unsettled', 1],
      ['dead', 'dead', 2],
      ['event/1', 'settled', 1],
      ['breaker/system', 'service', 1],
    ]);
    expect(await journal.find('dead')).toMatchObject({ status: 'dead' });
    expect(await journal.find('nobody')).toBeUndefined();
    journal.append('dead', 2, [fact('dead', 3, 'execution/recovered')]);
    expect(await journal.unsettled()).toEqual(['open', 'dead']);
  });

  it('gives all facts in the order in which they were committed, after any of them', async () => {
    const journal = new MemoryJournal();
    journal.append('a', 0, [fact('a', 1)]);
    journal.append('b', 0, [fact('b', 1)]);
    journal.append('a', 1, [fact('a', 2)]);
    const all = (await collectAll(journal.scan())).flat();
    expect(ids(all.map((each) => each.fact))).toEqual(['a#1', 'b#1', 'a#2']);
    const after = (await collectAll(journal.scan(all[0]?.position))).flat();
    expect(ids(after.map((each) => each.fact))).toEqual(['b#1', 'a#2']);
  });

  it('keeps so many events from outside, the latest, and takes them from no other stream', async () => {
    const journal = new MemoryJournal({ maxSettledStreams: 1, maxEvents: 2 });
    settle(journal, 'a');
    for (const n of [1, 2, 3]) journal.append(`event/${n}`, 0, [fact(`event/${n}`, 1, 'order/placed')]);
    const names = (await collectAll(journal.streams())).map(({ name }) => name);
    expect(names).toEqual(['a', 'event/2', 'event/3']);
    journal.append('event/1', 0, [fact('event/1', 1, 'order/placed')]);
    expect(await journal.find('event/2')).toBeUndefined();
  });

  it('ends where its last fact is', async () => {
    const journal = new MemoryJournal({ maxSettledStreams: 1 });
    expect(await journal.end()).toBe(0);
    settle(journal, 'a');
    settle(journal, 'b');
    expect(await journal.end()).toBe(4);
    expect((await collectAll(journal.scan(4))).flat()).toEqual([]);
  });

  it('gives, after any position, what it has and nothing that it has forgotten, whatever was appended and dropped', async () => {
    const name = fc.constantFrom('a', 'b', 'event/1', 'event/2', 'event/3', 'route/r');
    const step = fc.oneof(
      fc.record({ append: name, facts: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ settle: fc.constantFrom('a', 'b') }),
      fc.record({ drop: name }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(120), async (steps, after) => {
        const journal = new MemoryJournal({ maxSettledStreams: 2, maxEvents: 2 });
        let position = 0;
        const append = async (stream: string, types: readonly string[]) => {
          const seq = (await journal.find(stream))?.seq ?? 0;
          const facts = types.map((type, index) => ({ ...fact(stream, seq + index + 1, type), payload: ++position }));
          journal.append(stream, seq, facts);
        };
        for (const each of steps) {
          if ('append' in each) await append(each.append, Array<string>(each.facts).fill('order/placed'));
          else if ('settle' in each) await append(each.settle, ['tier2/routine/completed']);
          else await journal.drop(each.drop);
        }
        const kept: number[] = [];
        for await (const { name: stream } of journal.streams())
          kept.push(...(await journal.read(stream)).map(({ payload }) => payload as number));
        const scanned = (await collectAll(journal.scan(after))).flat();
        expect(scanned.map((each) => each.position)).toEqual(kept.filter((each) => each > after).sort((one, other) => one - other));
        for (const each of scanned) expect(each.fact.payload).toBe(each.position);
      }),
      { numRuns: 200 },
    );
  });

  it('gives a long past in batches, each of which ends with what was committed when it was asked', async () => {
    const journal = new MemoryJournal();
    for (let n = 1; n <= 2_500; n++) journal.append('a', n - 1, [fact('a', n)]);
    const sizes: number[] = [];
    for await (const batch of journal.scan(100)) {
      sizes.push(batch.length);
      journal.append('b', sizes.length - 1, [fact('b', sizes.length)]);
    }
    expect(sizes).toEqual([1_000, 1_000, 400]);
  });

  it('drops what has settled, all but the last fact of a service, and nothing that goes on', async () => {
    const journal = new MemoryJournal();
    settle(journal, 'settled');
    journal.append('open', 0, [fact('open', 1)]);
    journal.append(
      'breaker/system',
      0,
      [1, 2, 3].map((seq) => fact('breaker/system', seq, 'breaker/opened')),
    );
    expect(await Promise.all(['settled', 'open', 'breaker/system', 'nobody'].map((name) => journal.drop(name)))).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(await journal.find('settled')).toBeUndefined();
    expect(ids(await journal.read('breaker/system'))).toEqual(['breaker/system#3']);
    journal.append('breaker/system', 3, [fact('breaker/system', 4, 'breaker/closed')]);
    expect(ids(await journal.read('breaker/system', 4))).toEqual(['breaker/system#4']);
  });
});

describe('the end of a stream', () => {
  it.each(['completed', 'failed', 'cancelled'])('is the fact that its root has %s', (end) => {
    for (const type of [`tier2/routine/${end}`, `tier3/execution/${end}`]) {
      expect(isTerminal(fact('a', 1, type))).toBe(true);
      expect(endsStream(fact('a', 1, type))).toBe(true);
      expect(endsStream(fact('a', 1, type, 'a/child/1'))).toBe(false);
    }
    expect(isTerminal(fact('a', 1, `tier2/step/${end}`))).toBe(false);
  });
});
