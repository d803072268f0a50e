/** Group commit: what shares a commit, in which order, and what becomes of it when the store is full, held or damaged. */

import { describe, expect, it } from 'vitest';
import type { JournalCondition } from '../../../src/index.ts';
import { type Append, CommitQueue } from '../../../src/runtime/journal/durable/commit-queue.ts';
import { type Batch, StoreError } from '../../../src/runtime/journal/durable/fact-store.ts';
import { settlePromises } from '../../../src/testing/testing.ts';
import { CrashingStore, Disk } from './crashing-store.ts';

class StubbornStore extends CrashingStore {
  readonly commits: number[][] = [];
  refuse: (batch: Batch) => StoreError | undefined = () => undefined;
  sweeps: (StoreError | boolean)[] = [];

  override commit(batch: Batch): Promise<void> {
    const error = this.refuse(batch);
    if (error) return Promise.reject(error);
    this.commits.push(batch.rows.map(({ position }) => position));
    return Promise.resolve();
  }

  override sweep(): Promise<boolean> {
    const next = this.sweeps.shift() ?? false;
    return next instanceof StoreError ? Promise.reject(next) : Promise.resolve(next);
  }
}

const append = (position: number, rows = 1): Append => ({
  name: 'a',
  rows: Array.from({ length: rows }, (_, index) => ({
    position: position + index,
    stream: 1,
    seq: position + index,
    at: 0,
    body: '{}',
    hash: '',
  })),
  stream: undefined,
  isFinal: false,
  factVersion: undefined,
});

function queueOn(store: StubbornStore, maxRows = 4, onWait: () => void = () => undefined) {
  const conditions: JournalCondition['status'][] = [];
  const queue = new CommitQueue(store, {
    maxRows,
    nextTurn: () => Promise.resolve(),
    wait: async () => onWait(),
    onCondition: ({ status }) => void conditions.push(status),
  });
  return { queue, conditions };
}

const full = new StoreError('full', 'no room');

describe('group commit', () => {
  it('takes together what was appended in one turn, up to its bound, and never parts an append', async () => {
    const store = new StubbornStore(new Disk());
    const { queue } = queueOn(store);
    await Promise.all([append(1), append(2, 2), append(4), append(5), append(6, 9), append(15)].map((each) => queue.add(each)));
    expect(store.commits).toEqual([[1, 2, 3, 4], [5], [6, 7, 8, 9, 10, 11, 12, 13, 14], [15]]);
  });

  it('commits an append of any length', async () => {
    const store = new StubbornStore(new Disk());
    const { queue } = queueOn(store);
    await queue.add(append(1, 200_000));
    expect(store.commits[0]).toHaveLength(200_000);
  });

  it('fills a disk with what still fits, and grows again when there is room', async () => {
    const store = new StubbornStore(new Disk());
    const { queue, conditions } = queueOn(store, 4, () => {
      store.refuse = () => undefined;
    });
    store.refuse = ({ rows }) => (rows.length > 1 || store.commits.length >= 2 ? full : undefined);
    await Promise.all(Array.from({ length: 10 }, (_, index) => queue.add(append(index + 1))));
    expect(store.commits).toEqual([[1], [2], [3], [4, 5], [6, 7, 8, 9], [10]]);
    expect(conditions).toEqual(['full', 'ready']);
  });

  it('does not stay full when it was sweeping that found no room', async () => {
    const store = new StubbornStore(new Disk());
    const { queue, conditions } = queueOn(store);
    store.sweeps = [full, full, true];
    queue.sweepLater();
    await settlePromises();
    expect(conditions).toEqual(['full', 'ready']);
  });

  it('rejects an errand that meets damage, and goes on', async () => {
    const store = new StubbornStore(new Disk());
    const { queue } = queueOn(store);
    const errand = queue.add(() => Promise.reject(new StoreError('damaged', 'a bad page')));
    const after = queue.add(append(1));
    await expect(errand).rejects.toMatchObject({ code: 'JOURNAL_DAMAGED', message: 'The journal is damaged: a bad page' });
    await after;
    expect(store.commits).toEqual([[1]]);
  });

  it('is over after any other failure: what waits is rejected, and so is what comes', async () => {
    const store = new StubbornStore(new Disk());
    const { queue } = queueOn(store);
    store.refuse = () => new StoreError('failed', 'the disk is gone');
    const waiting = [queue.add(append(1)), queue.add(async () => undefined)];
    const refusal = { code: 'JOURNAL_FAILED', message: 'The journal could not be written: the disk is gone' };
    for (const each of waiting) await expect(each).rejects.toMatchObject(refusal);
    await expect(queue.add(append(2))).rejects.toMatchObject(refusal);
    expect(store.commits).toEqual([]);
  });
});
