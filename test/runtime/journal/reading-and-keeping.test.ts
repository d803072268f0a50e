/** What a durable journal reads again for those who follow a stream, what it keeps while its disk is full, and how it is closed. */

import { expect, it, onTestFinished } from 'vitest';
import { createRuntime } from '../../../src/index.ts';
import { DurableJournal, type DurableJournalOptions } from '../../../src/runtime/journal/durable/durable-journal.ts';
import {
  type Dropping,
  type FactRow,
  type StoredStream,
  StoreError,
  type StreamQuery,
} from '../../../src/runtime/journal/durable/fact-store.ts';
import { collectAll } from '../../support/collect-all.ts';
import { CrashingStore, Disk } from './crashing-store.ts';
import { ending, idsOf, someFact, someFacts } from './some-facts.ts';

class WatchedStore extends CrashingStore {
  rowsRead = 0;
  /** So often there is no room for dropping. */
  refusals = 0;

  override facts(stream: number, afterSeq: number, limit: number): readonly FactRow[] {
    const rows = super.facts(stream, afterSeq, limit);
    this.rowsRead += rows.length;
    return rows;
  }

  override drop(droppings: readonly Dropping[]): Promise<void> {
    return this.refusals-- > 0 ? Promise.reject(new StoreError('full', 'no room')) : super.drop(droppings);
  }
}

async function openedOn(disk: Disk, options: DurableJournalOptions = {}) {
  const store = new WatchedStore(disk);
  const journal = new DurableJournal(store, { wait: () => Promise.resolve(), ...options });
  await journal.open();
  onTestFinished(() => journal.close());
  return { store, journal };
}

it('whoever follows a stream reads each fact once', async () => {
  const { store, journal } = await openedOn(new Disk());
  for (let seq = 1; seq <= 100; seq++) {
    await journal.append('a', seq - 1, [someFact('a', seq)]);
    expect(idsOf(await journal.read('a', seq))).toEqual([`a#${seq}`]);
  }
  expect(store.rowsRead).toBe(100);
  expect(await journal.read('a')).toHaveLength(100);
  expect(idsOf(await journal.read('a', 99))).toEqual(['a#99', 'a#100']);
});

it('a stream that is begun anew under its old name is read from its beginning', async () => {
  const { journal } = await openedOn(new Disk());
  await journal.append('a', 0, [...someFacts('a', 1, 9), ending('a', 10)]);
  await journal.read('a');
  await journal.drop('a');
  await journal.append('a', 0, someFacts('a', 1, 20));
  expect(idsOf(await journal.read('a', 20))).toEqual(['a#20']);
  expect((await journal.find('a'))?.damage).toBeUndefined();
});

it('a fact that was damaged after its stream was read is found by who reads on from it', async () => {
  const disk = new Disk();
  const { journal } = await openedOn(disk);
  await journal.append('a', 0, someFacts('a', 1, 3));
  await journal.read('a');
  await journal.append('a', 3, someFacts('a', 4, 5));
  disk.rows = disk.rows.map((row) => (row.seq === 4 ? { ...row, body: row.body.replace('a#4', 'a#5') } : row));
  expect(await journal.read('a', 4)).toEqual([]);
  expect(await journal.find('a')).toMatchObject({ seq: 3, damage: 'fact 4 is not what was written' });
});

it('what a store says against being closed is told as the error of a journal, and not in place of an earlier one', async () => {
  class Jammed extends CrashingStore {
    override close(): Promise<void> {
      return Promise.reject(new StoreError('failed', 'jammed'));
    }
  }
  class Illegible extends Jammed {
    override streams({ prefix }: StreamQuery): readonly StoredStream[] {
      if (prefix === 'breaker/') throw new StoreError('failed', 'illegible');
      return [];
    }
  }
  const runtime = await createRuntime({ journal: new DurableJournal(new Jammed(new Disk())) });
  await expect(runtime.stop()).rejects.toMatchObject({ code: 'JOURNAL_FAILED', message: expect.stringContaining('jammed') });
  const create = createRuntime({ journal: new DurableJournal(new Illegible(new Disk())) });
  await expect(create).rejects.toMatchObject({ code: 'JOURNAL_FAILED', message: expect.stringContaining('illegible') });
});

it('settled streams beyond the bound are dropped once there is room, however long that took, and so are later ones', async () => {
  const { store, journal } = await openedOn(new Disk(), { keepSettled: { maxStreams: 10 } });
  store.refusals = 50;
  for (let number = 1; number <= 300; number++)
    await journal.append(`run-${number}`, 0, [someFact(`run-${number}`, 1), { ...ending(`run-${number}`, 2), at: number }]);
  expect(store.refusals).toBeLessThan(0);
  expect((await collectAll(journal.streams())).length).toBeLessThan(10 + 2 * 64);
});
