/** A journal whose appends are committed when the test says so, each on its own, and whose readers see nothing before. */

import type { Fact } from '../../../src/index.ts';
import { JournalOverMemory } from '../../support/journal-over-memory.ts';

interface HeldAppend {
  readonly facts: readonly Fact[];
  readonly commit: () => void;
  readonly fail: (reason: Error) => void;
}

export class HeldJournal extends JournalOverMemory {
  /** Appends that wait, oldest first. */
  readonly held: HeldAppend[] = [];
  /** What each append held, in the order in which they were made. */
  readonly appends: (readonly Fact[])[] = [];
  readonly #committed = new Set<string>();
  readonly #next = new Map<string, number>();

  append(stream: string, expectedSeq: number, facts: readonly Fact[]): Promise<void> {
    if ((this.#next.get(stream) ?? 0) !== expectedSeq) return Promise.reject(new Error(`"${stream}" is not at ${expectedSeq}`));
    this.#next.set(stream, expectedSeq + facts.length);
    this.appends.push(facts);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const commit = () => {
      try {
        this.stored.append(stream, expectedSeq, facts);
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
}
