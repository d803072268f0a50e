/** The journals of a simulation: one in memory that may fail, and one on a disk that outlives its process. Both say what was committed. */

import type { Clock } from '../actors/clock.ts';
import type { Fact } from '../machines/protocol/facts.ts';
import { DurableJournal } from '../runtime/journal/durable/durable-journal.ts';
import { MemoryJournal } from '../runtime/journal/memory-journal.ts';
import { type SimulatedDisk, SimulatedStore } from './simulated-disk.ts';

/** What was committed, over all lives of a process. */
export class CommitLog {
  /** The stream that was written first. */
  first: string | undefined;
  /** Its commits: how many facts it had after each. */
  readonly commits: number[] = [];
  /** How far each stream was said to be committed. */
  readonly acknowledged = new Map<string, number>();

  note(stream: string, seq: number): void {
    this.first ??= stream;
    if (stream === this.first) this.commits.push(seq);
    this.acknowledged.set(stream, seq);
  }
}

/** Fails with the commit of this number, of its first stream. */
export class FailingJournal extends MemoryJournal {
  readonly #log: CommitLog;
  readonly #failsAt: number | undefined;

  constructor(log: CommitLog, failsAt: number | undefined) {
    super({});
    this.#log = log;
    this.#failsAt = failsAt;
  }

  override append(stream: string, expectedSeq: number, facts: readonly Fact[]): undefined {
    this.#log.note(stream, expectedSeq + facts.length);
    if (stream === this.#log.first && this.#log.commits.length === this.#failsAt) throw new Error('simulated');
    super.append(stream, expectedSeq, facts);
  }
}

export class SimulatedJournal extends DurableJournal {
  readonly #log: CommitLog;

  constructor(log: CommitLog, disk: SimulatedDisk, clock: Clock, moment: (label: string) => Promise<void>) {
    super(new SimulatedStore(disk, moment), {
      wait: (milliseconds) => new Promise((resolve) => void clock.setTimeout(() => resolve(), milliseconds)),
    });
    this.#log = log;
  }

  override append(stream: string, expectedSeq: number, facts: readonly Fact[]): Promise<void> | undefined {
    return super.append(stream, expectedSeq, facts)?.then(() => this.#log.note(stream, expectedSeq + facts.length));
  }
}
