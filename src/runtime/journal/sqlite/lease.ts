/**
 * One writer for a file: SQLite's own lock on a file beside it, held for life. The system takes it back when the process ends, however
 * that ends, so that nobody waits for a dead holder. Who holds it stands in another file, for whoever is refused.
 *
 * Nothing else ever opens the lock's file: closing any handle of it would give up the lock of the whole process.
 */

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { DatabaseSync } from 'node:sqlite';
import { SwarmchartError } from '../../../machines/protocol/errors.ts';
import { StoreError } from '../durable/fact-store.ts';
import { loadSqlite, withStoreErrors } from './engine.ts';

export interface Lease {
  release(): void;
}

/** Rejects with JOURNAL_LOCKED, naming the holder. */
export function takeLease(path: string): Lease {
  const { DatabaseSync } = loadSqlite();
  const holderFile = `${path}.holder`;
  const lock = withStoreErrors(path, () => new DatabaseSync(`${path}.lock`));
  try {
    hold(lock, path);
    writeFileSync(holderFile, JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString() }));
  } catch (thrown) {
    lock.close();
    if (!(thrown instanceof StoreError) || thrown.fault !== 'busy') throw thrown;
    throw new SwarmchartError('JOURNAL_LOCKED', `The journal "${path}" is being written by ${holderIn(holderFile)}`, { cause: thrown });
  }
  return {
    release: () => {
      try {
        rmSync(holderFile, { force: true });
      } finally {
        lock.close();
      }
    },
  };
}

/** A rollback journal that is never needed: nothing is written to the lock's file, which stays empty. */
const hold = (lock: DatabaseSync, path: string): void => withStoreErrors(path, () => lock.exec('PRAGMA busy_timeout = 0; BEGIN IMMEDIATE'));

/** It may be about to be written. */
function holderIn(file: string): string {
  try {
    const { pid, host, since } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    const itself = pid === process.pid && host === hostname() ? ' (this very process)' : '';
    return `process ${String(pid)} on ${String(host)}${itself}, since ${String(since)}`;
  } catch (thrown) {
    return `a process that has not said which (${thrown instanceof Error ? thrown.message : String(thrown)})`;
  }
}
