/** A journal for tests that does something of its own when facts are appended, and all else as one in memory. */

import { type Fact, type Journal, MemoryJournal, type Recorded, type StreamInfo } from '../../src/index.ts';

export abstract class JournalOverMemory implements Journal {
  readonly isDurable = false;
  protected readonly stored: MemoryJournal;

  constructor(stored = new MemoryJournal()) {
    this.stored = stored;
  }

  abstract append(stream: string, expectedSeq: number, facts: readonly Fact[]): Promise<void> | undefined;

  /** The committed facts of a stream. */
  read(stream: string, from?: number): Promise<readonly Fact[]> {
    return this.stored.read(stream, from);
  }

  find(stream: string): Promise<StreamInfo | undefined> {
    return this.stored.find(stream);
  }

  streams(prefix?: string): AsyncIterable<StreamInfo> {
    return this.stored.streams(prefix);
  }

  unsettled(): Promise<readonly string[]> {
    return this.stored.unsettled();
  }

  scan(after?: number): AsyncIterable<readonly Recorded[]> {
    return this.stored.scan(after);
  }

  end(): Promise<number> {
    return this.stored.end();
  }

  drop(stream: string): Promise<boolean> {
    return this.stored.drop(stream);
  }

  /** As often as a test has runtimes. */
  open(): Promise<void> {
    return Promise.resolve();
  }

  watch(): void {}

  close(): Promise<void> {
    return Promise.resolve();
  }
}
