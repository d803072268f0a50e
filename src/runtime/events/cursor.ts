/** How far a route or a trigger is in the journal, written down now and then: after a crash what came since is done again. */

import type { Clock } from '../../actors/clock.ts';
import type { FactBody } from '../../machines/protocol/facts.ts';
import type { ServiceStream } from './service-stream.ts';

export interface CursorOptions {
  readonly stream: ServiceStream;
  readonly clock: Clock;
  readonly position: number;
  /** What is recorded of a position. */
  readonly advanced: (position: number) => FactBody;
  /** Nothing can be recorded any more. */
  readonly onFailed: (error: unknown) => void;
}

/** Facts that are done with before it is written down. */
const MOST_UNWRITTEN = 100;
/** At most so long after something is done with. */
const WRITE_AFTER_MS = 1_000;
/** Facts of its own that are kept: the last one says everything. */
const MOST_KEPT = 1_000;

export class Cursor {
  readonly #options: CursorOptions;
  #position: number;
  #unwritten = 0;
  #written: number;
  #timer: unknown;

  constructor(options: CursorOptions) {
    this.#options = options;
    this.#position = options.position;
    this.#written = options.stream.earlier.length;
  }

  get position(): number {
    return this.#position;
  }

  /** Everything up to this position is done with. Resolves when so little is unwritten that more may be done. Never rejects. */
  async moveTo(position: number): Promise<void> {
    this.#position = position;
    this.#unwritten++;
    if (this.#unwritten >= MOST_UNWRITTEN) return this.write();
    this.#timer ??= this.#options.clock.setTimeout(() => void this.write(), WRITE_AFTER_MS);
  }

  /** Something else has recorded this position. */
  isWrittenAt(position: number): void {
    this.#position = position;
    this.#written++;
    this.rest();
  }

  /** Never rejects. */
  async write(): Promise<void> {
    if (this.#unwritten === 0) return;
    this.rest();
    const { stream, advanced, onFailed } = this.#options;
    try {
      await stream.record(advanced(this.#position));
      this.#written++;
      if (this.#written < MOST_KEPT) return;
      this.#written = 1;
      await stream.compact();
    } catch (thrown) {
      onFailed(thrown);
    }
  }

  /** Writes nothing by itself until it is moved again. */
  rest(): void {
    this.#unwritten = 0;
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
