/** Reads a journal's tables over one connection. */

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { FactRow, StoredStream, StoreReader, StreamQuery } from '../durable/fact-store.ts';
import type { StreamStatus } from '../journal.ts';
import { withStoreErrors } from './engine.ts';

interface StreamRecord {
  readonly id: number;
  readonly name: string;
  readonly status: string;
  readonly started_at: number;
  readonly changed_at: number;
  readonly seq: number;
  readonly hash: string;
  readonly cut_seq: number;
  readonly cut_hash: string;
}

/** After every name that begins with what it is added to. */
const LAST = '\u{10ffff}';
const FACT = 'position, stream, seq, at, body, hash';

export class SqliteReader implements StoreReader {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
  }

  find(name: string): StoredStream | undefined {
    return this.#streams('SELECT * FROM streams WHERE name = ?', name)[0];
  }

  nameOf(stream: number): string | undefined {
    return this.#streams('SELECT * FROM streams WHERE id = ?', stream)[0]?.name;
  }

  streams({ after, limit, prefix = '', statuses }: StreamQuery): readonly StoredStream[] {
    const conditions = ['id > ?'];
    const values: SQLInputValue[] = [after];
    if (prefix !== '') {
      conditions.push('name >= ? AND name < ?');
      values.push(prefix, prefix + LAST);
    }
    if (statuses) {
      conditions.push(`status IN (${statuses.map(() => '?').join(', ')})`);
      values.push(...statuses);
    }
    return this.#streams(`SELECT * FROM streams WHERE ${conditions.join(' AND ')} ORDER BY id LIMIT ?`, ...values, limit);
  }

  facts(stream: number, afterSeq: number, limit: number): readonly FactRow[] {
    const isKept = 'seq > (SELECT cut_seq FROM streams WHERE id = facts.stream)';
    return this.#facts(
      `SELECT ${FACT} FROM facts WHERE stream = ? AND seq > ? AND ${isKept} ORDER BY seq LIMIT ?`,
      stream,
      afterSeq,
      limit,
    );
  }

  lastFact(stream: number): FactRow | undefined {
    const isKept = 'seq > (SELECT cut_seq FROM streams WHERE id = facts.stream)';
    return this.#facts(`SELECT ${FACT} FROM facts WHERE stream = ? AND ${isKept} ORDER BY seq DESC LIMIT 1`, stream)[0];
  }

  scan(after: number, upTo: number, limit: number): readonly FactRow[] {
    const fact = 'position, stream, facts.seq AS seq, at, body, facts.hash AS hash';
    const from = 'facts CROSS JOIN streams ON streams.id = facts.stream AND facts.seq > streams.cut_seq';
    return this.#facts(`SELECT ${fact} FROM ${from} WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`, after, upTo, limit);
  }

  lastPosition(): number {
    return this.#number('SELECT coalesce(max(position), 0) AS number FROM facts');
  }

  countSettled(): number {
    return this.#number("SELECT count(*) AS number FROM streams WHERE status = 'settled'");
  }

  longestSettled(limit: number): readonly StoredStream[] {
    return this.#streams("SELECT * FROM streams WHERE status = 'settled' ORDER BY changed_at LIMIT ?", limit);
  }

  meta(name: string): string | undefined {
    const [found] = this.#all('SELECT value FROM meta WHERE name = ?', name) as readonly { readonly value: string }[];
    return found?.value;
  }

  pragma(name: 'application_id' | 'user_version'): number {
    const [row] = this.#all(`PRAGMA ${name}`) as readonly Record<string, number>[];
    return row?.[name] ?? 0;
  }

  /** What SQLite finds wrong with the file itself. */
  problemsOfPages(): readonly string[] {
    const rows = this.#all('PRAGMA integrity_check') as readonly { readonly integrity_check: string }[];
    return rows.map(({ integrity_check: problem }) => problem).filter((problem) => problem !== 'ok');
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #number(text: string): number {
    const [row] = this.#all(text) as readonly { readonly number: number }[];
    return row?.number ?? 0;
  }

  #facts(text: string, ...values: readonly SQLInputValue[]): readonly FactRow[] {
    return this.#all(text, ...values) as readonly FactRow[];
  }

  #streams(text: string, ...values: readonly SQLInputValue[]): readonly StoredStream[] {
    return (this.#all(text, ...values) as readonly StreamRecord[]).map((record) => ({
      id: record.id,
      name: record.name,
      status: record.status as StreamStatus,
      startedAt: record.started_at,
      changedAt: record.changed_at,
      seq: record.seq,
      hash: record.hash,
      cut: { seq: record.cut_seq, hash: record.cut_hash },
    }));
  }

  #all(text: string, ...values: readonly SQLInputValue[]): readonly unknown[] {
    return withStoreErrors(this.#path, () => {
      let statement = this.#statements.get(text);
      if (!statement) {
        statement = this.#database.prepare(text);
        this.#statements.set(text, statement);
      }
      return statement.all(...values);
    });
  }
}
