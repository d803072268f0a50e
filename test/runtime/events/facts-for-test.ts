/** Facts as they would be in a journal, and a journal that is slow to read or dies. */

import type { Fact, MemoryJournal } from '../../../src/index.ts';
import { JournalOverMemory } from '../../support/journal-over-memory.ts';

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
export class DyingJournal extends JournalOverMemory {
  appends = 0;
  readonly #last: number;

  /** @param last Of the appends that are committed. */
  constructor(stored: MemoryJournal, last = Number.POSITIVE_INFINITY) {
    super(stored);
    this.#last = last;
  }

  append(stream: string, expectedSeq: number, facts: readonly Fact[]): Promise<void> | undefined {
    if (++this.appends > this.#last) return new Promise(() => undefined);
    return this.stored.append(stream, expectedSeq, facts);
  }

  /** Nothing goes on by itself. */
  override unsettled(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }
}
