/**
 * What two threads know together: a beat that proves that the event loop turns, and what is at work in it.
 * It lives in shared memory, for a thread that is held up can send no message.
 */

import type { NamedWork } from '../../actors/services.ts';

/** Places for names of work at the same time; what finds none is counted. The first is for such work while it holds the loop. */
const PLACES = 64;
const PLACE_BYTES = 512;
const REPORT_BYTES = 4_096;

/** Fields of numbers, before the lengths of the names. */
const BEAT = 0;
const BLOCKED_MS = 1;
const HOLDER = 2;
const UNNAMED = 3;
const REPORTS = 4;
const REPORT_LENGTH = 5;
const DEBUGGED = 6;
const FIELDS = 7;
/** No work is in a synchronous part of its. */
const NOBODY = -1;

export interface SharedMemory {
  readonly numbers: SharedArrayBuffer;
  readonly names: SharedArrayBuffer;
}

export const sharedMemory = (): SharedMemory => ({
  numbers: new SharedArrayBuffer(4 * (FIELDS + PLACES)),
  names: new SharedArrayBuffer(PLACES * PLACE_BYTES + REPORT_BYTES),
});

const encoder = new TextEncoder();
/** Does not read from shared memory itself, so each reading is of a copy. */
const decoder = new TextDecoder();
const reportIn = (names: SharedArrayBuffer): Uint8Array => new Uint8Array(names, PLACES * PLACE_BYTES, REPORT_BYTES);

/** The side of the thread that is watched; the only one that writes names. */
export class WorkRecord {
  readonly #numbers: Int32Array;
  readonly #names: readonly Uint8Array[];
  readonly #report: Uint8Array;
  readonly #free = Array.from({ length: PLACES - 1 }, (_, index) => PLACES - 1 - index);

  constructor({ numbers, names }: SharedMemory) {
    this.#numbers = new Int32Array(numbers);
    this.#names = Array.from({ length: PLACES }, (_, index) => new Uint8Array(names, index * PLACE_BYTES, PLACE_BYTES));
    this.#report = reportIn(names);
    Atomics.store(this.#numbers, HOLDER, NOBODY);
  }

  /** @param isDebugged Whether somebody may have stopped the thread to look at it. */
  beat(isDebugged: boolean): void {
    Atomics.store(this.#numbers, DEBUGGED, isDebugged ? 1 : 0);
    Atomics.add(this.#numbers, BEAT, 1);
  }

  set blockedMs(milliseconds: number) {
    Atomics.store(this.#numbers, BLOCKED_MS, milliseconds);
  }

  /** How often the other thread has reported that the loop is held. */
  get reports(): number {
    return Atomics.load(this.#numbers, REPORTS);
  }

  /** Whom its last report named. */
  get lastReport(): string {
    return decoder.decode(this.#report.slice(0, Atomics.load(this.#numbers, REPORT_LENGTH)));
  }

  /** Runs the synchronous beginning of work, which is named until what that returns has settled. */
  async around<Result>(work: NamedWork, begin: () => Result | Promise<Result>): Promise<Result> {
    const place = this.#free.pop() ?? 0;
    if (place === 0) Atomics.add(this.#numbers, UNNAMED, 1);
    try {
      return await this.#held(place, work, begin);
    } finally {
      if (place === 0) {
        Atomics.sub(this.#numbers, UNNAMED, 1);
      } else {
        Atomics.store(this.#numbers, FIELDS + place, 0);
        this.#free.push(place);
      }
    }
  }

  #held<Result>(place: number, work: NamedWork, begin: () => Result): Result {
    const before = Atomics.load(this.#numbers, HOLDER);
    this.#write(place, `${work.name}\n${work.stepId}\n${work.executionId}`);
    Atomics.store(this.#numbers, HOLDER, place);
    try {
      return begin();
    } finally {
      Atomics.store(this.#numbers, HOLDER, before);
    }
  }

  /** What is too long loses its end. */
  #write(place: number, text: string): void {
    const bytes = this.#names[place];
    if (bytes) Atomics.store(this.#numbers, FIELDS + place, encoder.encodeInto(text, bytes).written);
  }
}

/** The side of the thread that watches. */
export class WatchedThread {
  readonly #numbers: Int32Array;
  readonly #names: Uint8Array;
  readonly #report: Uint8Array;

  constructor({ numbers, names }: SharedMemory) {
    this.#numbers = new Int32Array(numbers);
    this.#names = new Uint8Array(names);
    this.#report = reportIn(names);
  }

  get beat(): number {
    return Atomics.load(this.#numbers, BEAT);
  }

  get isDebugged(): boolean {
    return Atomics.load(this.#numbers, DEBUGGED) === 1;
  }

  get blockedMs(): number {
    return Atomics.load(this.#numbers, BLOCKED_MS);
  }

  report(culprit: string): void {
    Atomics.store(this.#numbers, REPORT_LENGTH, encoder.encodeInto(culprit, this.#report).written);
    Atomics.add(this.#numbers, REPORTS, 1);
  }

  /**
   * Whose synchronous part holds the loop, when it is one's; else it is one of those that have begun and not ended, or none of them.
   * The loop is held while this reads, so nothing is half written.
   */
  atWork(): { readonly holder?: NamedWork; readonly begun: readonly NamedWork[]; readonly unnamed: number } {
    const begun: NamedWork[] = [];
    for (let place = 1; place < PLACES; place++) {
      const work = this.#read(place);
      if (work) begun.push(work);
    }
    const holder = this.#read(Atomics.load(this.#numbers, HOLDER));
    return { begun, unnamed: Atomics.load(this.#numbers, UNNAMED), ...(holder && { holder }) };
  }

  #read(place: number): NamedWork | undefined {
    if (place === NOBODY) return undefined;
    const length = Atomics.load(this.#numbers, FIELDS + place);
    if (length === 0) return undefined;
    const bytes = this.#names.slice(place * PLACE_BYTES, place * PLACE_BYTES + length);
    const [name = '', stepId = '', executionId = ''] = decoder.decode(bytes).split('\n');
    return { name, stepId, executionId };
  }
}
