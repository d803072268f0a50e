/** The journal port as the one in memory keeps it. */

import { describe, expect, it } from 'vitest';
import { type Fact, MemoryJournal } from '../../../src/index.ts';
import { endsStream, isTerminal } from '../../../src/runtime/journal/journal.ts';

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
        expect.objectContaining({ code: 'JOURNAL_FAILED', message: `Stream "a" is at 2, the writer expected ${expected}` }),
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

  it('leases a stream to one writer at a time', async () => {
    const journal = new MemoryJournal();
    const lease = await journal.lease('a');
    await expect(journal.lease('a')).rejects.toMatchObject({ code: 'JOURNAL_FAILED' });
    await journal.lease('b');
    lease.release();
    await expect(journal.lease('a')).resolves.toBeDefined();
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
