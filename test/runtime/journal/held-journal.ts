/** A journal whose appends are committed when the test says so, each on its own, and whose readers see nothing before. */

import type { Fact, Journal, Recorded, StreamInfo } from '../../../src/index.ts';
import { MemoryJournal } from '../../../src/index.ts';

interface HeldAppend {
  readonly facts: readonly Fact[];
  readonly commit: () => void;
  readonly fail: (reason: Error) => void;
}

export class HeldJournal implements Journal {
  readonly isDurable = false;
  /** Appends that wait, oldest first. */
  readonly held: HeldAppend[] = [];
  /** What each append held, in the order in which they were made. */
  readonly appends: (readonly Fact[])[] = [];
  readonly #stored = new MemoryJournal();
  readonly #committed = new Set<string>();
  readonly #next = new Map<string, number>();

  append(stream: string, expectedSeq: number, facts: readonly Fact[]): Promise<void> {
    if ((this.#next.get(stream) ?? 0) !== expectedSeq) return Promise.reject(new Error(`"${stream}" is not at ${expectedSeq}`));
    this.#next.set(stream, expectedSeq + facts.length);
    this.appends.push(facts);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const commit = () => {
      try {
        this.#stored.append(stream, expectedSeq, facts);
      } catch (gap) {
        return reject(gap);
      }
      for (const { id } of facts) this.#committed.add(id);
      resolve();
    };
    this.held.push({ facts, commit, fail: reject });
    return promise;
  }

  /** Commits the oldest append that waits. False when none does. */
  commitNext(): boolean {
    const next = this.held.shift();
    next?.commit();
    return next !== undefined;
  }

  isCommitted(fact: Fact): boolean {
    return this.#committed.has(fact.id);
  }

  /** The committed facts of a stream. */
  read(stream: string, from?: number): Promise<readonly Fact[]> {
    return this.#stored.read(stream, from);
  }

  find(stream: string): Promise<StreamInfo | undefined> {
    return this.#stored.find(stream);
  }

  streams(prefix?: string): AsyncIterable<StreamInfo> {
    return this.#stored.streams(prefix);
  }

  unsettled(): Promise<readonly string[]> {
    return this.#stored.unsettled();
  }

  scan(after?: number): AsyncIterable<readonly Recorded[]> {
    return this.#stored.scan(after);
  }

  end(): Promise<number> {
    return this.#stored.end();
  }

  drop(stream: string): Promise<boolean> {
    return this.#stored.drop(stream);
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  watch(): void {}

  close(): Promise<void> {
    return Promise.resolve();
  }
}
