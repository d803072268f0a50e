import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { DurableJournal } from '../../../../src/runtime/journal/durable/durable-journal.ts';
import { StoreError } from '../../../../src/runtime/journal/durable/fact-store.ts';
import { sqlite } from '../../../../src/runtime/journal/sqlite/sqlite.ts';
import { SqliteStore } from '../../../../src/runtime/journal/sqlite/sqlite-store.ts';
import { temporaryFile } from './temporary-folder.ts';

describe('a journal in a file that is closed', () => {
  it.each(['power', 'process'] as const)('by several at once is free when it has closed for any of them (%s)', async (durability) => {
    const folder = mkdtempSync(join(tmpdir(), 'swarmchart-close-'));
    try {
      const path = join(folder, 'runs.db');
      const first = sqlite(path, { durability });
      await first.open();
      expect(existsSync(`${path}.holder`)).toBe(true);
      const closing = first.close();
      await first.close();
      expect(existsSync(`${path}.holder`)).toBe(false);
      const second = sqlite(path, { durability });
      await second.open();
      await closing;
      await second.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('after it could not be opened says why that was, and may be tried again', async () => {
    const store = new SqliteStore({ path: temporaryFile(), durability: 'process' });
    const reason = new StoreError('failed', 'the disk is away');
    const opening = vi.spyOn(store, 'open').mockRejectedValueOnce(reason);
    vi.spyOn(store, 'close').mockRejectedValueOnce(new Error('nothing is open'));
    const journal = new DurableJournal(store);
    const message = 'The journal cannot be opened, read or closed: the disk is away';
    await expect(journal.open()).rejects.toMatchObject({ code: 'JOURNAL_FAILED', message });
    await journal.open();
    expect(opening).toHaveBeenCalledTimes(2);
    await journal.close();
  });
});
