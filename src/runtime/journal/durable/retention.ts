/** Which settled streams are kept. All of them, unless somebody says otherwise. */

import type { FactStore } from './fact-store.ts';

export interface KeepSettled {
  /** Streams that settled longer ago are dropped: milliseconds. */
  readonly maxAgeMs?: number;
  /** Beyond so many, those that settled first are dropped. */
  readonly maxStreams?: number;
}

/** Looked up, and dropped, at once. */
const AT_ONCE = 100;
/** Streams that settle before it is time to look again. */
const SETTLEMENTS = 64;

export class Retention {
  readonly #store: FactStore;
  readonly #keep: KeepSettled;
  readonly #now: () => number;
  /** Of settled streams; counted when it is not known, and reckoned from then on. */
  #count: number | undefined;
  #settledSince = SETTLEMENTS;

  constructor(store: FactStore, keep: KeepSettled, now: () => number) {
    this.#store = store;
    this.#keep = keep;
    this.#now = now;
  }

  /** A stream has settled. */
  count(): void {
    this.#settledSince += 1;
    if (this.#count !== undefined) this.#count += 1;
  }

  get isTimeToLook(): boolean {
    const { maxAgeMs, maxStreams } = this.#keep;
    return this.#settledSince >= SETTLEMENTS && (maxAgeMs !== undefined || maxStreams !== undefined);
  }

  /** The streams to drop now. */
  due(isDamaged: (name: string) => boolean): readonly string[] {
    const { maxAgeMs = Number.POSITIVE_INFINITY, maxStreams = Number.POSITIVE_INFINITY } = this.#keep;
    this.#count ??= this.#store.countSettled();
    const excess = this.#count - maxStreams;
    const oldest = this.#store.longestSettled(AT_ONCE);
    const due = oldest.filter(({ changedAt }, index) => index < excess || changedAt < this.#now() - maxAgeMs);
    return due.map(({ name }) => name).filter((name) => !isDamaged(name));
  }

  /** So many were dropped of those that were due. It is time to look again soon, when there may be more of them. */
  dropped(count: number): void {
    if (this.#count !== undefined) this.#count -= count;
    this.#settledSince = count === AT_ONCE ? SETTLEMENTS : 0;
  }

  /** Somebody else has dropped streams. */
  recount(): void {
    this.#count = undefined;
  }
}
