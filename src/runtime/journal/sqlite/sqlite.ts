/** A journal in a file, over Node's own SQLite. */

import { setImmediate } from 'node:timers/promises';
import { DurableJournal } from '../durable/durable-journal.ts';
import type { Journal } from '../journal.ts';
import { SqliteStore } from './sqlite-store.ts';

export interface SqliteOptions {
  /**
   * What a commit survives. `power`: a power cut; it is written in a thread of its own. `process`: the end of the process, however it ends;
   * a power cut may take the last commits, and is then found out. @default 'power'
   */
  readonly durability?: 'power' | 'process';
}

/** Rows that are written in this thread before others have their turn. */
const ROWS_PER_TURN = 64;

/** A journal in the file at `path`, which is made when there is none, and files beside it that begin with its name. Opened by the runtime. */
export function sqlite(path: string, { durability = 'power' }: SqliteOptions = {}): Journal {
  const store = new SqliteStore({ path, durability });
  const breathe = async (): Promise<void> => void (await setImmediate());
  return new DurableJournal(store, durability === 'power' ? { breathe } : { breathe, nextTurn: breathe, maxBatch: ROWS_PER_TURN });
}
