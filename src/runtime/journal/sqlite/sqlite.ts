/** A journal in a file, over Node's own SQLite. */

import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { DurableJournal, type DurableJournalOptions } from '../durable/durable-journal.ts';
import type { Journal } from '../journal.ts';
import { checkSqliteOptions, type SqliteOptions } from './options.ts';
import { SqliteStore, type SqliteStoreSettings } from './sqlite-store.ts';

/** Rows that are written in this thread before others have their turn. */
const ROWS_PER_TURN = 64;

/**
 * A journal in the file at `path`, and in files beside it whose names begin with its name. They are made when there are none.
 * The runtime that is given it opens and closes it. Throws INVALID_VALUE or UNKNOWN_KEY, or WORKFLOW_INVALID for several problems.
 */
export function sqlite(path: string, options: SqliteOptions = {}): Journal {
  checkSqliteOptions(path, options);
  const { durability = 'power', keepSettled = {} } = options;
  return sqliteJournal({ path: resolve(path), durability }, { keepSettled });
}

/** With what only tests say. */
export function sqliteJournal(settings: SqliteStoreSettings, options: DurableJournalOptions = {}): DurableJournal {
  const breathe = async (): Promise<void> => void (await setImmediate());
  const turns = settings.durability === 'power' ? {} : { nextTurn: breathe, maxBatch: ROWS_PER_TURN };
  return new DurableJournal(new SqliteStore(settings), { breathe, ...turns, ...options });
}
