/** A journal in memory. Commits at once; forgets the oldest settled streams beyond its bound; does not survive the process. */

import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import {
  firstStatus,
  type Journal,
  type JournalCondition,
  type Recorded,
  type StreamInfo,
  type StreamStatus,
  statusAfter,
} from './journal.ts';

export interface MemoryJournalOptions {
  /** Settled streams that are kept. @default 1_000 */
  readonly maxSettledStreams?: number;
  /** Facts of settled streams that are kept; the newest settled stream is kept whatever its length. @default 200_000 */
  readonly maxSettledFacts?: number;
  /** Events from outside that are kept, beside those. @default 10_000 */
  readonly maxEvents?: number;
}

interface Stored {
  status: StreamStatus;
  /** Number of the fact before the first that is kept. */
  dropped: number;
  readonly facts: Fact[];
}

/** Facts that a batch of a scan holds. */
const BATCH = 1_000;

export class MemoryJournal implements Journal {
  readonly isDurable: boolean = false;
  readonly #streams = new Map<string, Stored>();
  /** In the order in which they settled. */
  readonly #settled = new Set<string>();
  /** In the order of their commits, also what was forgotten since, up to as much as is kept. */
  #log: Fact[] = [];
  /** Of each fact in the log. */
  #positions: number[] = [];
  #forgotten = 0;
  readonly #maxStreams: number;
  readonly #maxFacts: number;
  readonly #maxEvents: number;
  /** In the order in which they came. */
  readonly #events = new Set<string>();
  #settledFacts = 0;
  #position = 0;
  #isOpen = false;

  constructor({ maxSettledStreams = 1_000, maxSettledFacts = 200_000, maxEvents = 10_000 }: MemoryJournalOptions = {}) {
    this.#maxEvents = maxEvents;
    this.#maxStreams = maxSettledStreams;
    this.#maxFacts = maxSettledFacts;
  }

  open(): Promise<void> {
    if (this.#isOpen) return Promise.reject(new SwarmchartError('JOURNAL_LOCKED', 'This journal in memory has a writer already'));
    this.#isOpen = true;
    return Promise.resolve();
  }

  append(stream: string, expectedSeq: number, facts: readonly Fact[]): undefined {
    const stored = this.#streams.get(stream) ?? { status: firstStatus(stream), dropped: 0, facts: [] };
    if (seqOf(stored) !== expectedSeq) {
      throw new SwarmchartError('JOURNAL_CONFLICT', `Stream "${stream}" is at ${seqOf(stored)}, the writer expected ${expectedSeq}`);
    }
    if (expectedSeq === 0) this.#streams.set(stream, stored);
    for (const fact of facts) {
      stored.facts.push(fact);
      this.#log.push(fact);
      this.#positions.push(++this.#position);
      stored.status = statusAfter(fact) ?? stored.status;
    }
    if (stream.startsWith('event/')) this.#keepEvent(stream);
    else if (stored.status === 'settled' && !this.#settled.has(stream)) this.#settle(stream);
  }

  read(stream: string, from = 1): Promise<readonly Fact[]> {
    const { facts, dropped } = this.#streams.get(stream) ?? { facts: [], dropped: 0 };
    return Promise.resolve(facts.slice(Math.max(0, from - 1 - dropped)));
  }

  find(stream: string): Promise<StreamInfo | undefined> {
    const stored = this.#streams.get(stream);
    return Promise.resolve(stored && infoOf(stream, stored));
  }

  async *streams(prefix = ''): AsyncGenerator<StreamInfo> {
    for (const [name, stored] of [...this.#streams]) if (name.startsWith(prefix)) yield infoOf(name, stored);
  }

  unsettled(): Promise<readonly string[]> {
    return Promise.resolve([...this.#streams].filter(([, { status }]) => status === 'unsettled').map(([name]) => name));
  }

  end(): Promise<number> {
    return Promise.resolve(this.#position);
  }

  async *scan(after = 0): AsyncGenerator<readonly Recorded[]> {
    const end = this.#position;
    for (let from = after; from < end; ) {
      const batch = this.#batch(from, end);
      from = batch.at(-1)?.position ?? end;
      if (batch.length > 0) yield batch;
    }
  }

  drop(stream: string): Promise<boolean> {
    const stored = this.#streams.get(stream);
    if (!stored || stored.status === 'unsettled') return Promise.resolve(false);
    if (stored.status === 'service') {
      const dropped = stored.facts.splice(0, stored.facts.length - 1).length;
      stored.dropped += dropped;
      this.#compact(dropped);
    } else this.#forget(stream, stored);
    return Promise.resolve(true);
  }

  watch(_listener: (condition: JournalCondition) => void): void {}

  close(): Promise<void> {
    this.#isOpen = false;
    return Promise.resolve();
  }

  #batch(after: number, end: number): readonly Recorded[] {
    const batch: Recorded[] = [];
    for (let index = this.#firstAfter(after); index < this.#log.length && batch.length < BATCH; index++) {
      const position = this.#positions[index] ?? end;
      const fact = this.#log[index];
      if (position > end) break;
      if (fact && this.#has(fact)) batch.push({ position, fact });
    }
    return batch;
  }

  /** Index in the log of the first fact after a position. */
  #firstAfter(position: number): number {
    let low = 0;
    let high = this.#positions.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#positions[middle] ?? 0) > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #has(fact: Fact): boolean {
    const stored = this.#streams.get(fact.stream);
    return stored !== undefined && stored.facts[fact.seq - 1 - stored.dropped] === fact;
  }

  #forget(stream: string, { facts }: Stored): void {
    if (this.#settled.delete(stream)) this.#settledFacts -= facts.length;
    this.#events.delete(stream);
    this.#streams.delete(stream);
    this.#compact(facts.length);
  }

  /** Once the greater part of the log is forgotten, it goes: each fact is looked at a few times in all. */
  #compact(forgotten: number): void {
    this.#forgotten += forgotten;
    if (this.#forgotten <= this.#log.length / 2) return;
    const kept = [...this.#log.keys()].filter((index) => this.#has(this.#log[index] as Fact));
    this.#positions = kept.map((index) => this.#positions[index] as number);
    this.#log = kept.map((index) => this.#log[index] as Fact);
    this.#forgotten = 0;
  }

  #keepEvent(stream: string): void {
    this.#events.add(stream);
    const [oldest] = this.#events;
    const stored = oldest === undefined ? undefined : this.#streams.get(oldest);
    if (stored && oldest !== undefined && this.#events.size > this.#maxEvents) this.#forget(oldest, stored);
  }

  #settle(stream: string): void {
    this.#settled.add(stream);
    this.#settledFacts += this.#streams.get(stream)?.facts.length ?? 0;
    for (const oldest of this.#settled) {
      const isWithinBounds = this.#settled.size <= this.#maxStreams && this.#settledFacts <= this.#maxFacts;
      const stored = this.#streams.get(oldest);
      if (isWithinBounds || oldest === stream || !stored) return;
      this.#forget(oldest, stored);
    }
  }
}

const seqOf = ({ dropped, facts }: Stored): number => dropped + facts.length;

const infoOf = (name: string, stored: Stored): StreamInfo => ({
  name,
  status: stored.status,
  seq: seqOf(stored),
  startedAt: stored.facts[0]?.at ?? 0,
  changedAt: stored.facts.at(-1)?.at ?? 0,
});
