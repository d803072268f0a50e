/** A journal in memory. Commits at once; forgets the oldest settled streams beyond its bound; does not survive the process. */

import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import { endsStream, type Journal } from './journal.ts';

export interface MemoryJournalOptions {
  /** Settled streams that are kept. @default 1_000 */
  readonly maxSettledStreams?: number;
  /** Facts of settled streams that are kept; the newest settled stream is kept whatever its length. @default 200_000 */
  readonly maxSettledFacts?: number;
}

export class MemoryJournal implements Journal {
  readonly #streams = new Map<string, Fact[]>();
  /** In the order in which they settled. */
  readonly #settled = new Set<string>();
  readonly #leases = new Set<string>();
  readonly #maxStreams: number;
  readonly #maxFacts: number;
  #settledFacts = 0;

  constructor({ maxSettledStreams = 1_000, maxSettledFacts = 200_000 }: MemoryJournalOptions = {}) {
    this.#maxStreams = maxSettledStreams;
    this.#maxFacts = maxSettledFacts;
  }

  append(stream: string, expectedSeq: number, facts: readonly Fact[]): undefined {
    const stored = this.#streams.get(stream) ?? [];
    if (stored.length !== expectedSeq) {
      throw new SwarmchartError('JOURNAL_FAILED', `Stream "${stream}" is at ${stored.length}, the writer expected ${expectedSeq}`);
    }
    if (stored.length === 0) this.#streams.set(stream, stored);
    for (const fact of facts) {
      stored.push(fact);
      if (endsStream(fact)) this.#settle(stream);
    }
  }

  read(stream: string, from = 1): Promise<readonly Fact[]> {
    return Promise.resolve(this.#streams.get(stream)?.slice(from - 1) ?? []);
  }

  unsettled(): Promise<readonly string[]> {
    return Promise.resolve([...this.#streams.keys()].filter((stream) => !this.#settled.has(stream) && !stream.startsWith('breaker/')));
  }

  lease(stream: string): Promise<{ release(): void }> {
    if (this.#leases.has(stream)) return Promise.reject(new SwarmchartError('JOURNAL_FAILED', `Stream "${stream}" has a writer already`));
    this.#leases.add(stream);
    return Promise.resolve({ release: () => void this.#leases.delete(stream) });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #settle(stream: string): void {
    this.#settled.add(stream);
    this.#settledFacts += this.#streams.get(stream)?.length ?? 0;
    for (const oldest of this.#settled) {
      const isWithinBounds = this.#settled.size <= this.#maxStreams && this.#settledFacts <= this.#maxFacts;
      if (isWithinBounds || oldest === stream) return;
      this.#settledFacts -= this.#streams.get(oldest)?.length ?? 0;
      this.#settled.delete(oldest);
      this.#streams.delete(oldest);
    }
  }
}
