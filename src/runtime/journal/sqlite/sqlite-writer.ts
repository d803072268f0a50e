/** The one connection that writes, and the log of heads after it. Synchronous; lives in a thread of its own, or not. */

import { statSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type Batch, type Dropping, type Head, StoreError } from '../durable/fact-store.ts';
import { faultOf, loadSqlite, transaction, withStoreErrors } from './engine.ts';
import { HeadLog } from './head-log.ts';

export interface WriterSettings {
  readonly path: string;
  readonly headsPath: string;
  readonly journalId: string;
  readonly durability: 'power' | 'process';
  /** How the connection is made, for what happens in this thread. */
  readonly connect?: (path: string) => DatabaseSync;
}

const ROWS_PER_SWEEP = 500;
const INSERT_FACT = 'INSERT INTO facts (position, stream, seq, at, body, hash) VALUES (?, ?, ?, ?, ?, ?)';
const PUT_STREAM = `
  INSERT INTO streams (id, name, status, started_at, changed_at, seq, hash) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET status = excluded.status, changed_at = excluded.changed_at, seq = excluded.seq, hash = excluded.hash`;

function connectTo(path: string): DatabaseSync {
  const { DatabaseSync } = loadSqlite();
  return new DatabaseSync(path);
}

const inodeOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.ino;

export class SqliteWriter {
  readonly #settings: WriterSettings;
  readonly #database: DatabaseSync;
  readonly #insertFact: StatementSync;
  readonly #putStream: StatementSync;
  readonly #heads: HeadLog;
  /** Of the file that is open: what is committed to one that nobody can open any more is lost. */
  readonly #inode: number | undefined;
  /** Position of the last row that is committed. */
  #committed = 0;

  constructor(settings: WriterSettings) {
    const { path, headsPath, journalId, durability, connect = connectTo } = settings;
    this.#settings = settings;
    this.#heads = new HeadLog(headsPath, journalId);
    this.#database = withStoreErrors(path, () => connect(path));
    this.#inode = inodeOf(path);
    try {
      const synchronous = durability === 'power' ? 'FULL' : 'NORMAL';
      withStoreErrors(path, () => this.#database.exec(`PRAGMA busy_timeout = 0; PRAGMA synchronous = ${synchronous}`));
      [this.#insertFact, this.#putStream] = withStoreErrors(path, () => [
        this.#database.prepare(INSERT_FACT),
        this.#database.prepare(PUT_STREAM),
      ]);
    } catch (thrown) {
      this.#database.close();
      throw thrown;
    }
  }

  commit(batch: Batch): void {
    this.#reporting(() => {
      const last = batch.rows.at(-1)?.position ?? 0;
      if (last > this.#committed) transaction(this.#database, () => this.#insert(batch));
      if (inodeOf(this.#settings.path) !== this.#inode)
        throw new StoreError('failed', `"${this.#settings.path}" was removed or replaced while it was open`);
      this.#committed = Math.max(this.#committed, last);
      this.#heads.append(batch.heads);
      if (this.#heads.hasGrown) this.#compactHeads();
    });
  }

  drop(droppings: readonly Dropping[]): void {
    this.#reporting(() => {
      const gone = droppings.filter(({ cut }) => !cut).map(({ name }): Head => ({ name, seq: 0, hash: '', position: 0, isFinal: true }));
      this.#heads.append(gone);
      if (this.#settings.durability === 'power') this.#heads.sync();
      transaction(this.#database, () => {
        for (const dropping of droppings) this.#hide(dropping);
      });
    });
  }

  sweep(): boolean {
    return this.#reporting(() => {
      const [dropped] = this.#database.prepare('SELECT stream, seq FROM dropped LIMIT 1').all() as { stream: number; seq: number }[];
      if (!dropped) return false;
      const { stream, seq } = dropped;
      transaction(this.#database, () => {
        const rows = 'SELECT position FROM facts WHERE stream = ? AND seq <= ? LIMIT ?';
        const { changes } = this.#database.prepare(`DELETE FROM facts WHERE position IN (${rows})`).run(stream, seq, ROWS_PER_SWEEP);
        if (Number(changes) < ROWS_PER_SWEEP) this.#database.prepare('DELETE FROM dropped WHERE stream = ? AND seq = ?').run(stream, seq);
      });
      return true;
    });
  }

  /** Without room for a new log, the old one goes on: it says the same. */
  rewriteHeads(heads: readonly Head[], position: number): void {
    this.#reporting(() => {
      try {
        const isSafe = this.#checkpoint();
        this.#heads.rewrite(isSafe ? heads.filter(({ isFinal }) => !isFinal) : heads, position);
      } catch (thrown) {
        if (faultOf(thrown, this.#settings.path) !== 'full') throw thrown;
        this.#heads.goOn(heads, position);
      }
    });
  }

  /** Heads are not waited for: what a power cut takes from their log leaves it behind. */
  syncHeads(): void {
    this.#reporting(() => this.#heads.sync());
  }

  /** What cannot be moved into the database proper for now stays where it is, and is found there. */
  close(): void {
    try {
      if (this.#settings.durability === 'power') this.syncHeads();
      this.#checkpoint();
    } catch (thrown) {
      if (faultOf(thrown, this.#settings.path) !== 'full') throw thrown;
    } finally {
      this.#heads.close();
      this.#database.close();
    }
  }

  /** All is committed by then: without room, the log just goes on growing as long as it can. */
  #compactHeads(): void {
    try {
      this.#heads.compact(this.#checkpoint());
    } catch (thrown) {
      if (faultOf(thrown, this.#settings.path) !== 'full') throw thrown;
    }
  }

  #insert({ rows, streams, factVersion }: Batch): void {
    for (const { id, name, status, startedAt, changedAt, seq, hash } of streams) {
      this.#putStream.run(id, name, status, startedAt, changedAt, seq, hash);
    }
    for (const { position, stream, seq, at, body, hash } of rows) {
      if (position > this.#committed) this.#insertFact.run(position, stream, seq, at, body, hash);
    }
    if (factVersion !== undefined) {
      this.#database.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('factVersion', ?)").run(String(factVersion));
    }
  }

  #hide({ id, cut }: Dropping): void {
    if (id === 0) return;
    if (cut) this.#database.prepare('UPDATE streams SET cut_seq = ?, cut_hash = ? WHERE id = ?').run(cut.seq, cut.hash, id);
    else this.#database.prepare('DELETE FROM streams WHERE id = ?').run(id);
    const upTo = cut?.seq ?? Number.MAX_SAFE_INTEGER;
    this.#database.prepare('INSERT OR REPLACE INTO dropped (stream, seq) VALUES (?, ?)').run(id, upTo);
  }

  /** Whether all that is committed is in the database proper: somebody who reads may be in the way. */
  #checkpoint(): boolean {
    const [result] = this.#database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all() as { busy: number }[];
    return result?.busy === 0;
  }

  #reporting<Result>(work: () => Result): Result {
    return withStoreErrors(this.#settings.path, work);
  }
}
