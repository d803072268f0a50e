/** Facts as they would be in a journal, and a journal that is slow to read or dies. */

import type { Fact, Journal, MemoryJournal, Recorded, StreamInfo } from '../../../src/index.ts';

export const factOf = (stream: string, seq: number, type = 'order/placed', more: Partial<Fact> = {}): Fact => ({
  id: `${stream}#${seq}`,
  seq,
  stream,
  type,
  at: seq,
  executionId: stream,
  swarmId: stream,
  correlationId: stream,
  tier: 'tier1',
  payload: {},
  v: 1,
  ...more,
});

/** Several lives of a process with one journal: whatever is written after the last of its appends is never committed. */
export class DyingJournal implements Journal {
  readonly isDurable = false;
  appends = 0;
  readonly #stored: MemoryJournal;
  readonly #last: number;

  /** @param last Of the appends that are committed. */
  constructor(stored: MemoryJournal, last = Number.POSITIVE_INFINITY) {
    this.#stored = stored;
    this.#last = last;
  }

  append(stream: string, expectedSeq: number, facts: readonly Fact[]): Promise<void> | undefined {
    if (++this.appends > this.#last) return new Promise(() => undefined);
    return this.#stored.append(stream, expectedSeq, facts);
  }

  read(stream: string, from?: number): Promise<readonly Fact[]> {
    return this.#stored.read(stream, from);
  }

  find(stream: string): Promise<StreamInfo | undefined> {
    return this.#stored.find(stream);
  }

  streams(prefix?: string): AsyncIterable<StreamInfo> {
    return this.#stored.streams(prefix);
  }

  /** Nothing goes on by itself. */
  unsettled(): Promise<readonly string[]> {
    return Promise.resolve([]);
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
