/** Node's own SQLite: loaded when a journal is opened and not before, since older Nodes print a warning when it is. */

import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { SwarmchartError } from '../../../machines/protocol/errors.ts';
import { StoreError, type StoreFault } from '../durable/fact-store.ts';

/** Throws JOURNAL_FAILED when this Node was built without it. */
export function loadSqlite(): typeof import('node:sqlite') {
  const sqlite = process.getBuiltinModule('node:sqlite') as typeof import('node:sqlite') | undefined;
  if (!sqlite) throw new SwarmchartError('JOURNAL_FAILED', `This Node (${process.version}) has no node:sqlite, which the journal needs`);
  return sqlite;
}

const NO_DATABASE = 26;
const FAULTS: ReadonlyMap<number, StoreFault> = new Map([
  [5, 'busy'],
  [6, 'busy'],
  [11, 'damaged'],
  [13, 'full'],
  [NO_DATABASE, 'damaged'],
]);
const IO_ERROR = 10;
/** What SQLite may need at once, for its files beside the database. */
const ROOM = 1_000_000;

/** Does something to the file at `path`; what SQLite or the system says against it is thrown as a StoreError. */
export function withStoreErrors<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (thrown) {
    const fault = thrown instanceof StoreError ? undefined : faultOf(thrown, path);
    throw fault ? new StoreError(fault, (thrown as Error).message, { cause: thrown }) : thrown;
  }
}

/** Undefined for what neither SQLite nor the system has thrown. */
export function faultOf(thrown: unknown, path: string): StoreFault | undefined {
  if (thrown instanceof StoreError) return thrown.fault;
  if (!(thrown instanceof Error) || thrown instanceof SwarmchartError) return undefined;
  const { code, errcode } = thrown as { code?: string; errcode?: number };
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'full';
  if (code !== 'ERR_SQLITE_ERROR' || errcode === undefined) return code === undefined ? undefined : 'failed';
  const primary = errcode & 0xff;
  if (primary === IO_ERROR && isWithoutRoom(path)) return 'full';
  return FAULTS.get(primary) ?? 'failed';
}

/** Whether SQLite has said that a file is none of its own. */
export const isNoDatabase = (thrown: unknown): thrown is Error =>
  thrown instanceof Error && (thrown as { errcode?: number }).errcode === NO_DATABASE;

/** SQLite reports no room for its shared memory as an I/O error. */
function isWithoutRoom(path: string): boolean {
  const { bavail, bsize } = statfsSync(dirname(path));
  return bavail * bsize < ROOM;
}

/** Runs all of it or nothing, as the only writer. */
export function transaction(database: DatabaseSync, work: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    work();
    database.exec('COMMIT');
  } catch (thrown) {
    rollBack(database);
    throw thrown;
  }
}

/** SQLite has rolled back by itself after some errors, and refuses a second time; the first error is the one to tell. */
function rollBack(database: DatabaseSync): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    return;
  }
}
