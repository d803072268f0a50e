/** Up to where the streams that were read last are sound: whoever follows one reads on from there, and not from its beginning each time. */

import type { Mark, StoredStream } from './fact-store.ts';

/** So many streams are remembered, those that were read last. */
const REMEMBERED = 1_000;

export class SoundMarks {
  /** By the stream's number. */
  readonly #marks = new Map<number, Mark>();

  /** The mark of a stream, if it is neither beyond a fact nor cut off. */
  upTo({ id, cut }: StoredStream, seq: number): Mark | undefined {
    const mark = this.#marks.get(id);
    return mark && mark.seq <= seq && mark.seq >= cut.seq ? mark : undefined;
  }

  note(id: number, mark: Mark): void {
    this.#marks.delete(id);
    this.#marks.set(id, mark);
    const [oldest] = this.#marks.keys();
    if (oldest !== undefined && this.#marks.size > REMEMBERED) this.#marks.delete(oldest);
  }
}
