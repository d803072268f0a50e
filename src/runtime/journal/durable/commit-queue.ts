/**
 * Group commit: what is appended while a commit is under way shares the next one, in the order in which it was appended.
 *
 * A full disk is waited out, however long it takes. A store that is held by somebody else is tried again for a while.
 * After any other failure the queue is over: what waits is rejected, and it takes nothing more.
 */

import { SwarmchartError } from '../../../machines/protocol/errors.ts';
import type { JournalCondition } from '../journal.ts';
import { type Batch, type FactRow, type FactStore, isDamage, journalError, StoreError, type StreamRow } from './fact-store.ts';

export interface CommitQueueOptions {
  /** Rows in one commit; a single append may have more. */
  readonly maxRows: number;
  readonly nextTurn: () => Promise<void>;
  readonly wait: (milliseconds: number) => Promise<void>;
  readonly onCondition: (condition: JournalCondition) => void;
}

export interface Append {
  readonly rows: readonly FactRow[];
  readonly name: string;
  /** Given when it begins with this append, or changes its status. */
  readonly stream: StreamRow | undefined;
  readonly isFinal: boolean;
  readonly factVersion: number | undefined;
}

/** Work in the order of the appends, alone with the store. */
type Errand = () => Promise<void>;

interface Waiting {
  readonly work: Append | Errand;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Characters of facts in one commit, about. */
const MAX_SIZE = 2_000_000;
const FULL_RETRY_MS = 1_000;
const BUSY_RETRIES_MS = [5, 10, 20, 50, 100, 200, 400, 800, 1_000, 1_000, 1_000];

export class CommitQueue {
  readonly #store: FactStore;
  readonly #options: CommitQueueOptions;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  isClosing = false;
  #isFull = false;
  #maxRows: number;
  #needsSweep = true;
  failure: SwarmchartError | undefined;

  constructor(store: FactStore, options: CommitQueueOptions) {
    this.#store = store;
    this.#options = options;
    this.#maxRows = options.maxRows;
  }

  /** Resolves when it is committed; rejects with JOURNAL_FAILED. */
  add(work: Append | Errand): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ work, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** There is hidden space to free when nothing else is to be done. */
  sweepLater(): void {
    this.#needsSweep = true;
    this.#running ??= this.#run();
  }

  /** Resolves when nothing waits any more. Does not wait for room on a full disk. */
  async close(): Promise<void> {
    this.isClosing = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    await this.#options.nextTurn();
    while (!this.failure && (this.#waiting.length > 0 || (this.#needsSweep && !this.isClosing))) {
      try {
        await this.#step();
      } catch (thrown) {
        this.#fail(thrown);
      }
      await this.#options.nextTurn();
    }
    this.#running = undefined;
  }

  async #step(): Promise<void> {
    const [first] = this.#waiting;
    if (!first) {
      this.#needsSweep = await this.#tried(() => this.#store.sweep());
      this.#settle(0);
      return;
    }
    if (typeof first.work === 'function') {
      await this.#runErrand(first, first.work);
      return;
    }
    const count = await this.#tried(async () => {
      const appends = this.#nextAppends();
      await this.#store.commit(batchOf(appends));
      return appends.length;
    });
    this.#settle(count);
  }

  /** What it cannot read is damaged, and is no reason to commit nothing more. */
  async #runErrand(waiting: Waiting, errand: Errand): Promise<void> {
    try {
      await this.#tried(errand);
      this.#settle(1);
    } catch (thrown) {
      if (!isDamage(thrown)) throw thrown;
      this.#waiting.shift();
      waiting.reject(journalError(thrown));
    }
  }

  #nextAppends(): readonly Append[] {
    const appends: Append[] = [];
    let rows = 0;
    let size = 0;
    for (const { work } of this.#waiting) {
      if (typeof work === 'function') break;
      rows += work.rows.length;
      for (const { body } of work.rows) size += body.length;
      if (appends.length > 0 && (rows > this.#maxRows || size > MAX_SIZE)) break;
      appends.push(work);
    }
    return appends;
  }

  #settle(count: number): void {
    for (const { resolve } of this.#waiting.splice(0, count)) resolve();
    this.#maxRows = Math.min(this.#options.maxRows, this.#maxRows * 2);
    if (this.#isFull && (this.#waiting.length === 0 || this.#maxRows === this.#options.maxRows)) {
      this.#isFull = false;
      this.#options.onCondition({ status: 'ready' });
    }
  }

  async #tried<Result>(work: () => Promise<Result>): Promise<Result> {
    let busy = 0;
    for (;;) {
      try {
        return await work();
      } catch (thrown) {
        const fault = thrown instanceof StoreError ? thrown.fault : 'failed';
        const pauseMs =
          fault === 'busy' ? BUSY_RETRIES_MS[busy++] : fault === 'full' ? this.#pauseWhenFull(thrown as StoreError) : undefined;
        if (pauseMs === undefined) throw thrown;
        if (pauseMs > 0) await this.#options.wait(pauseMs);
      }
    }
  }

  /** There may still be room for less: commits begin small again, and grow as they succeed. */
  #pauseWhenFull({ message }: StoreError): number | undefined {
    if (this.isClosing) return undefined;
    if (this.#maxRows > 1) {
      this.#maxRows = 1;
      return 0;
    }
    if (!this.#isFull) {
      this.#isFull = true;
      this.#options.onCondition({ status: 'full', message });
    }
    return FULL_RETRY_MS;
  }

  #fail(thrown: unknown): void {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const error = new SwarmchartError('JOURNAL_FAILED', `The journal could not be written: ${message}`, { cause: thrown });
    this.failure = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

function batchOf(appends: readonly Append[]): Batch {
  const rows: FactRow[] = [];
  const streams = new Map<string, StreamRow>();
  const heads = new Map<string, Batch['heads'][number]>();
  let factVersion: number | undefined;
  for (const append of appends) {
    for (const row of append.rows) rows.push(row);
    const { name, stream, isFinal } = append;
    if (stream) streams.set(name, stream);
    const last = append.rows.at(-1);
    if (last) heads.set(name, { name, seq: last.seq, hash: last.hash, position: last.position, isFinal });
    factVersion = append.factVersion ?? factVersion;
  }
  const batch = { rows, streams: [...streams.values()], heads: [...heads.values()] };
  return factVersion === undefined ? batch : { ...batch, factVersion };
}
