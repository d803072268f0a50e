/** The files of a journal, as the store that a durable journal stands on. */

import { SwarmchartError } from '../../../machines/protocol/errors.ts';
import type { StoredStream, StreamQuery } from '../durable/fact-store.ts';
import {
  type Batch,
  type Dropping,
  type FactRow,
  type FactStore,
  type Head,
  type StoreContents,
  StoreError,
} from '../durable/fact-store.ts';
import { withStoreErrors } from './engine.ts';
import { createDatabase, type JournalFiles, journalFiles, makeFolderOf, openFiles, refuseStranger, requireWritable } from './files.ts';
import { type Lease, takeLease } from './lease.ts';
import type { SqliteReader } from './sqlite-reader.ts';
import type { WriterSettings } from './sqlite-writer.ts';
import { type Writer, WriterHere, WriterInThread } from './writers.ts';

export type SqliteStoreSettings = Pick<WriterSettings, 'path' | 'durability' | 'connect'>;

export class SqliteStore implements FactStore {
  readonly #settings: SqliteStoreSettings;
  #lease: Lease | undefined;
  #reader: SqliteReader | undefined;
  #writer: Writer | undefined;

  constructor(settings: SqliteStoreSettings) {
    this.#settings = settings;
  }

  async open(): Promise<StoreContents> {
    const { path } = this.#settings;
    const files = withStoreErrors(path, () => this.#prepare(path));
    const { reader, journalId, heads, position, factVersion } = withStoreErrors(path, () => openFiles(files));
    this.#reader = reader;
    const settings = { ...this.#settings, ...files, journalId };
    this.#writer = settings.durability === 'power' ? new WriterInThread(settings) : new WriterHere(settings);
    await this.#writer.open();
    return { heads, position, factVersion };
  }

  #prepare(path: string): JournalFiles {
    makeFolderOf(path);
    const files = journalFiles(path);
    refuseStranger(files);
    requireWritable(files);
    this.#lease = takeLease(files.path);
    createDatabase(files);
    return files;
  }

  commit(batch: Batch): Promise<void> {
    return this.#writing.commit(batch);
  }

  drop(droppings: readonly Dropping[]): Promise<void> {
    return this.#writing.drop(droppings);
  }

  sweep(): Promise<boolean> {
    return this.#writing.sweep();
  }

  rewriteHeads(heads: readonly Head[], position: number): Promise<void> {
    return this.#writing.rewriteHeads(heads, position);
  }

  find(name: string): StoredStream | undefined {
    return this.#reading.find(name);
  }

  nameOf(stream: number): string | undefined {
    return this.#reading.nameOf(stream);
  }

  streams(query: StreamQuery): readonly StoredStream[] {
    return this.#reading.streams(query);
  }

  facts(stream: number, afterSeq: number, limit: number): readonly FactRow[] {
    return this.#reading.facts(stream, afterSeq, limit);
  }

  lastFact(stream: number): FactRow | undefined {
    return this.#reading.lastFact(stream);
  }

  scan(after: number, upTo: number, limit: number): readonly FactRow[] {
    return this.#reading.scan(after, upTo, limit);
  }

  lastPosition(): number {
    return this.#reading.lastPosition();
  }

  countSettled(): number {
    return this.#reading.countSettled();
  }

  longestSettled(limit: number): readonly StoredStream[] {
    return this.#reading.longestSettled(limit);
  }

  /** The connection that reads goes first, so that the one that writes is the last and tidies up. */
  async close(): Promise<void> {
    const { writer, lease } = this.#take();
    try {
      await writer?.close();
    } finally {
      lease?.release();
    }
  }

  #take(): { readonly writer: Writer | undefined; readonly lease: Lease | undefined } {
    const held = { writer: this.#writer, lease: this.#lease };
    this.#reader?.close();
    this.#reader = undefined;
    this.#writer = undefined;
    this.#lease = undefined;
    return held;
  }

  get #reading(): SqliteReader {
    if (!this.#reader) throw notOpen(this.#settings.path);
    return this.#reader;
  }

  get #writing(): Writer {
    if (!this.#writer) throw new StoreError('failed', notOpen(this.#settings.path).message);
    return this.#writer;
  }
}

const notOpen = (path: string): SwarmchartError => new SwarmchartError('JOURNAL_FAILED', `The journal "${path}" is not open`);
