/**
 * What a durable journal stands on: a place for rows, and a log of heads apart from it.
 *
 * The store knows nothing of facts, chains or statuses. It commits the rows of a batch in one transaction, and *then* appends the heads
 * to the log: whatever happens between the two leaves the log behind, never ahead. A head ahead of the rows is therefore a loss.
 * Reading is synchronous, of what is committed; a store whose reads are slow is none.
 */

import { SwarmchartError } from '../../../machines/protocol/errors.ts';
import type { StreamStatus } from '../journal.ts';

/** A fact, and its place in the order of all commits. */
export interface FactRow {
  /** Grows over all streams; given by the journal. */
  readonly position: number;
  /** The stream's number. */
  readonly stream: number;
  readonly seq: number;
  readonly at: number;
  /** The fact as JSON. */
  readonly body: string;
  /** Of the row and all before it in its stream. */
  readonly hash: string;
}

/** A place in a stream, and the hash there. */
export interface Mark {
  readonly seq: number;
  readonly hash: string;
}

/** Before the first fact of a stream. */
export const START: Mark = { seq: 0, hash: '' };

/** A stream, as it was when its status last changed. */
export interface StreamRow extends Mark {
  /** Position of its first fact. */
  readonly id: number;
  readonly name: string;
  readonly status: StreamStatus;
  readonly startedAt: number;
  readonly changedAt: number;
}

/** A stream with what was cut off its beginning: the rows that are left begin after `cut`. */
export interface StoredStream extends StreamRow {
  readonly cut: Mark;
}

/** How far a stream had come, as it is noted outside the rows. */
export interface Head extends Mark {
  readonly name: string;
  readonly position: number;
  /** Nothing more is expected of its stream: once its rows are safe in the database proper, the log may forget it. */
  readonly isFinal: boolean;
}

/** One transaction, and the heads after it. Never empty. */
export interface Batch {
  readonly rows: readonly FactRow[];
  /** Streams that begin with this batch, or whose status it changes; each only once. What was cut off them stays as it is. */
  readonly streams: readonly StreamRow[];
  /** One for every stream in `rows`. */
  readonly heads: readonly Head[];
  /** Given when it has grown: the highest version of a fact in the store. */
  readonly factVersion?: number;
}

/** Forgets a stream up to a place: all of it when `cut` is missing. */
export interface Dropping {
  /** 0 when nothing of it is left but its head. */
  readonly id: number;
  readonly name: string;
  readonly cut?: Mark;
}

export interface StreamQuery {
  /** Streams with greater numbers only. */
  readonly after: number;
  readonly limit: number;
  readonly prefix?: string;
  /** @default all */
  readonly statuses?: readonly StreamStatus[];
}

/** No call leaves a transaction open. All of them throw a `StoreError`. */
export interface StoreReader {
  find(name: string): StoredStream | undefined;
  nameOf(stream: number): string | undefined;
  /** By number, which is the order of their first facts. */
  streams(query: StreamQuery): readonly StoredStream[];
  /** Rows of a stream after a fact, in order; none that is cut off. */
  facts(stream: number, afterSeq: number, limit: number): readonly FactRow[];
  lastFact(stream: number): FactRow | undefined;
  /** Rows of all streams in a range of positions, `upTo` included, in order; none of what is dropped or cut off. */
  scan(after: number, upTo: number, limit: number): readonly FactRow[];
  /** The greatest position of a row; 0 without any. */
  lastPosition(): number;
  countSettled(): number;
  /** Settled streams whose status changed longest ago. */
  longestSettled(limit: number): readonly StoredStream[];
}

export interface StoreContents {
  /** The log, by stream: without those that are dropped. */
  readonly heads: ReadonlyMap<string, Head>;
  /** No position up to this one may be given again. */
  readonly position: number;
  /** The highest version of a fact in the store. */
  readonly factVersion: number;
}

export interface FactStore extends StoreReader {
  /** Becomes the only writer. Rejects with JOURNAL_LOCKED, JOURNAL_DAMAGED, JOURNAL_VERSION, having changed nothing. */
  open(): Promise<StoreContents>;
  /**
   * All rows or none, then the heads; resolves when both are safe. Never called while another commit, drop or sweep is under way.
   * After it was rejected, the same rows come again, in the same order, but not always in the same batch: those that are there by then are
   * left out, and the heads follow.
   */
  commit(batch: Batch): Promise<void>;
  /** Notes in the log of heads that the streams are gone, then hides them from all reading, in one transaction. */
  drop(droppings: readonly Dropping[]): Promise<void>;
  /** Frees some of what is hidden; true when there is more. */
  sweep(): Promise<boolean>;
  /** Replaces the log of heads with these: those that are final may be left out, if their rows are safe. No position up to that one is given again. */
  rewriteHeads(heads: readonly Head[], position: number): Promise<void>;
  /** Gives up being the writer. Nothing is under way. Also after a failed `open`. */
  close(): Promise<void>;
}

/** `full`: no room, now. `busy`: somebody else holds it for a while. `damaged`: what was read is no longer what was written. `failed`: all else. */
export type StoreFault = 'full' | 'busy' | 'damaged' | 'failed';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly fault: StoreFault;

  constructor(fault: StoreFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

export const isDamage = (thrown: unknown): thrown is StoreError => thrown instanceof StoreError && thrown.fault === 'damaged';

/** What a store says against being opened, read or closed, as the journal says it. */
export function journalError(thrown: unknown): unknown {
  if (!(thrown instanceof StoreError)) return thrown;
  const { fault, message } = thrown;
  if (fault === 'damaged') return new SwarmchartError('JOURNAL_DAMAGED', `The journal is damaged: ${message}`, { cause: thrown });
  if (fault === 'busy') return new SwarmchartError('JOURNAL_LOCKED', `Somebody holds the journal: ${message}`, { cause: thrown });
  return new SwarmchartError('JOURNAL_FAILED', `The journal cannot be opened, read or closed: ${message}`, { cause: thrown });
}
