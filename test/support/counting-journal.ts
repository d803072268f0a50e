/** A journal in memory that remembers where its streams can be cut. */

import { type Fact, MemoryJournal } from '../../src/index.ts';

export class CountingJournal extends MemoryJournal {
  /** By stream: how many facts there were after each commit. */
  readonly commits = new Map<string, number[]>();

  override append(stream: string, expectedSeq: number, facts: readonly Fact[]): undefined {
    super.append(stream, expectedSeq, facts);
    const before = this.commits.get(stream) ?? [];
    before.push(expectedSeq + facts.length);
    this.commits.set(stream, before);
  }
}
