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
}

interface Stored {
  status: StreamStatus;
  /** Number of the fact before the first that is kept. */
  dropped: number;
  readonly facts: Fact[];
  /** Of each fact. */
  readonly positions: number[];
}

export class MemoryJournal implements Journal {
  readonly isDurable: boolean = false;
  readonly #streams = new Map<string, Stored>();
  /** In the order in which they settled. */
  readonly #settled = new Set<string>();
  readonly #maxStreams: number;
  readonly #maxFacts: number;
  #settledFacts = 0;
  #position = 0;
  #isOpen = false;

  constructor({ maxSettledStreams = 1_000, maxSettledFacts = 200_000 }: MemoryJournalOptions = {}) {
    this.#maxStreams = maxSettledStreams;
    this.#maxFacts = maxSettledFacts;
  }

  open(): Promise<void> {
    if (this.#isOpen) return Promise.reject(new SwarmchartError('JOURNAL_LOCKED', 'This journal in memory has a writer already'));
    this.#isOpen = true;
    return Promise.resolve();
  }

  append(stream: string, expectedSeq: number, facts: readonly Fact[]): undefined {
    const stored = this.#streams.get(stream) ?? { status: firstStatus(stream), dropped: 0, facts: [], positions: [] };
    if (seqOf(stored) !== expectedSeq) {
      throw new SwarmchartError('JOURNAL_CONFLICT', `Stream "${stream}" is at ${seqOf(stored)}, the writer expected ${expectedSeq}`);
    }
    if (expectedSeq === 0) this.#streams.set(stream, stored);
    for (const fact of facts) {
      stored.facts.push(fact);
      stored.positions.push(++this.#position);
      stored.status = statusAfter(fact) ?? stored.status;
    }
    if (stored.status === 'settled' && !this.#settled.has(stream)) this.#settle(stream);
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

  /** Streams are sorted into one order only here: appending is what must be fast. */
  async *scan(after = 0): AsyncGenerator<readonly Recorded[]> {
    const all: Recorded[] = [];
    for (const { facts, positions } of this.#streams.values()) {
      for (const [index, fact] of facts.entries()) {
        const position = positions[index] ?? 0;
        if (position > after) all.push({ position, fact });
      }
    }
    if (all.length > 0) yield all.sort((one, other) => one.position - other.position);
  }

  drop(stream: string): Promise<boolean> {
    const stored = this.#streams.get(stream);
    if (!stored || stored.status === 'unsettled') return Promise.resolve(false);
    if (stored.status === 'service') {
      stored.dropped += Math.max(0, stored.facts.length - 1);
      stored.facts.splice(0, stored.facts.length - 1);
      stored.positions.splice(0, stored.positions.length - 1);
    } else this.#forget(stream, stored);
    return Promise.resolve(true);
  }

  watch(_listener: (condition: JournalCondition) => void): void {}

  close(): Promise<void> {
    this.#isOpen = false;
    return Promise.resolve();
  }

  #forget(stream: string, { facts }: Stored): void {
    if (this.#settled.delete(stream)) this.#settledFacts -= facts.length;
    this.#streams.delete(stream);
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
