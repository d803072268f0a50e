/** A clock that stands still until it is moved. Timers fire in order of their due time, and those due together in the order they were set. */

import type { Clock } from '../actors/clock.ts';

interface Timer {
  readonly id: number;
  readonly dueAt: number;
  readonly callback: () => void;
}

export class VirtualClock implements Clock {
  #now: number;
  #minted = 0;
  readonly #timers = new Map<number, Timer>();

  /** @param startAt Milliseconds since the epoch. @default 2026-01-01T00:00:00Z */
  constructor(startAt: number = Date.UTC(2026, 0, 1)) {
    this.#now = startAt;
  }

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, delayMs: number): number {
    const id = ++this.#minted;
    this.#timers.set(id, { id, dueAt: this.#now + Math.max(0, delayMs), callback });
    return id;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as number);
  }

  /** No timer is set any more. */
  clear(): void {
    this.#timers.clear();
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** When the next timer is due; undefined when none is set. */
  get nextDueAt(): number | undefined {
    return this.#next()?.dueAt;
  }

  /** Moves to the next timer and fires it. False when none is set. */
  fireNext(): boolean {
    const next = this.#next();
    if (!next) return false;
    this.#timers.delete(next.id);
    this.#now = Math.max(this.#now, next.dueAt);
    next.callback();
    return true;
  }

  /** Moves forward, firing on the way all timers that become due, also those that these set. Runs no microtasks in between. */
  advance(ms: number): void {
    const end = this.#now + ms;
    while ((this.nextDueAt ?? Number.POSITIVE_INFINITY) <= end) this.fireNext();
    this.#now = end;
  }

  /** The time moves forward and nothing fires on the way, as when a machine was asleep; what is overdue fires with the next step. */
  jump(ms: number): void {
    this.#now += Math.max(0, ms);
  }

  /** As `advance`, but lets promises settle after each timer. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settlePromises();
    while ((this.nextDueAt ?? Number.POSITIVE_INFINITY) <= end) {
      this.fireNext();
      await settlePromises();
    }
    this.#now = end;
    await settlePromises();
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers.values()) {
      if (!next || timer.dueAt < next.dueAt) next = timer;
    }
    return next;
  }
}

/** Turns of the event loop that are given: delivery between actors may put off the rest of its letters to a later turn, more than once. */
const TURNS = 4;

/** Resolves after all promises that can settle without timers or I/O have done so. */
export async function settlePromises(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
