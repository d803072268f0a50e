/** A journal in a file, over Node's own SQLite. */

import { setImmediate } from 'node:timers/promises';
import { describe } from '../../../actors/failure.ts';
import type { Issue } from '../../../machines/protocol/errors.ts';
import { checkObject } from '../../door.ts';
import { issuesToError } from '../../workflow/issues.ts';
import { DurableJournal, type DurableJournalOptions } from '../durable/durable-journal.ts';
import type { KeepSettled } from '../durable/retention.ts';
import type { Journal } from '../journal.ts';
import { SqliteStore, type SqliteStoreSettings } from './sqlite-store.ts';

export interface SqliteOptions {
  /**
   * What a commit survives. `power`: a power cut; it is written in a thread of its own. `process`: the end of the process, however it ends;
   * a power cut may take the last commits, and is then found out. @default 'power'
   */
  readonly durability?: 'power' | 'process';
  /** Settled streams beyond these bounds are dropped, when the journal is opened and while others settle. @default all are kept */
  readonly keepSettled?: KeepSettled;
}

/** Rows that are written in this thread before others have their turn. */
const ROWS_PER_TURN = 64;

/**
 * A journal in the file at `path`, and in files beside it whose names begin with its name. They are made when there are none.
 * The runtime that is given it opens it. Throws INVALID_VALUE or UNKNOWN_KEY, or WORKFLOW_INVALID for several problems.
 */
export function sqlite(path: string, options: SqliteOptions = {}): Journal {
  checkOptions(path, options);
  const { durability = 'power', keepSettled = {} } = options;
  return sqliteJournal({ path, durability }, { keepSettled });
}

/** With what only tests say. */
export function sqliteJournal(settings: SqliteStoreSettings, options: DurableJournalOptions = {}): DurableJournal {
  const breathe = async (): Promise<void> => void (await setImmediate());
  const turns = settings.durability === 'power' ? {} : { nextTurn: breathe, maxBatch: ROWS_PER_TURN };
  return new DurableJournal(new SqliteStore(settings), { breathe, ...turns, ...options });
}

const isBound = (value: unknown): boolean => value === undefined || (typeof value === 'number' && value >= 0);

function checkOptions(path: unknown, options: unknown): void {
  checkObject('The options', options, 'INVALID_VALUE');
  const { durability, keepSettled, ...others } = options as Record<string, unknown>;
  const issues: Issue[] = Object.keys(others).map((key) => ({ code: 'UNKNOWN_KEY', path: [key], message: 'means nothing here.' }));
  const expect = (isFine: boolean, at: readonly string[], value: unknown, expected: string): void => {
    if (!isFine) issues.push({ code: 'INVALID_VALUE', path: at, message: `must be ${expected}, got ${describe(value)}` });
  };
  expect(typeof path === 'string' && path !== '', ['path'], path, 'the path of a file');
  expect([undefined, 'power', 'process'].includes(durability as undefined), ['durability'], durability, "'power' or 'process'");
  if (keepSettled !== undefined && (typeof keepSettled !== 'object' || keepSettled === null)) {
    expect(false, ['keepSettled'], keepSettled, 'an object with maxAgeMs or maxStreams');
  } else {
    const { maxAgeMs, maxStreams } = (keepSettled ?? {}) as Record<string, unknown>;
    expect(isBound(maxAgeMs), ['keepSettled', 'maxAgeMs'], maxAgeMs, 'a number of milliseconds');
    expect(isBound(maxStreams), ['keepSettled', 'maxStreams'], maxStreams, 'a number of streams');
  }
  if (issues.length > 0) throw issuesToError(issues);
}
