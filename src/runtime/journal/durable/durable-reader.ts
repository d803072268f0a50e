/** Reads what a store has committed, and only what the chain vouches for. */

import type { Fact } from '../../../machines/protocol/facts.ts';
import { asPresent } from '../fact-versions.ts';
import { firstStatus, type JournalReader, type Recorded, type StreamInfo, type StreamStatus } from '../journal.ts';
import { verifyEnd, verifyNamed } from './chain.ts';
import { type FactRow, isDamage, journalError, type Mark, type StoredStream, type StoreReader } from './fact-store.ts';
import { pace } from './pace.ts';
import { SoundMarks } from './sound-marks.ts';

export interface Damage {
  readonly problem: string;
  /** The last fact that is sound. */
  readonly sound: number;
  /** It has left nothing but its head. */
  readonly isLost?: boolean;
}

const PAGE = 500;

export class DurableReader implements JournalReader {
  readonly #store: StoreReader;
  readonly #breathe: () => Promise<void>;
  /** By the stream's name; grows as it is found. */
  readonly damage = new Map<string, Damage>();
  readonly #read = new SoundMarks();

  /** @param breathe Lets others run between two pages. */
  constructor(store: StoreReader, breathe: () => Promise<void>) {
    this.#store = store;
    this.#breathe = breathe;
  }

  async read(name: string, from = 1): Promise<readonly Fact[]> {
    const facts = new Map<number, Fact>();
    const keep = ({ seq, body }: FactRow): void => {
      if (seq >= from) facts.set(seq, factIn(body));
    };
    let id = 0;
    const since = (stream: StoredStream): Mark | undefined => {
      id = stream.id;
      return this.#read.upTo(stream, from - 1);
    };
    const verdict = await verifyNamed(this.#store, name, undefined, pace(this.#breathe), { onSound: keep, since }).catch(tell);
    if (verdict?.problem !== undefined) this.#note(name, { problem: verdict.problem, sound: verdict.sound.seq });
    else if (verdict) this.#read.note(id, verdict.sound);
    return [...facts.values()];
  }

  async find(name: string): Promise<StreamInfo | undefined> {
    return telling(() => {
      const stream = this.#store.find(name);
      return stream ? this.#infoOf(stream) : this.#lostInfo(name);
    });
  }

  async *streams(prefix = ''): AsyncGenerator<StreamInfo> {
    for await (const stream of this.stored({ prefix })) yield this.#infoOf(stream);
    for (const name of [...this.damage.keys()]) {
      const info = name.startsWith(prefix) ? this.#lostInfo(name) : undefined;
      if (info) yield info;
    }
  }

  async unsettled(): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const { name } of this.stored({ statuses: ['unsettled'] })) if (!this.damage.has(name)) names.push(name);
    return names;
  }

  async *scan(after = 0): AsyncGenerator<readonly Recorded[]> {
    const upTo = telling(() => this.#store.lastPosition());
    let position = after;
    while (position < upTo) {
      const { rows, end } = telling(() => this.#page(position, upTo));
      position = end;
      const recorded = rows.flatMap((row) => this.#recordedIn(row) ?? []);
      if (recorded.length > 0) yield recorded;
      await this.#breathe();
    }
  }

  /** Rows after a position, and how far they reach. Where some cannot be read, each of a page is tried alone, and those are passed over. */
  #page(after: number, upTo: number): { readonly rows: readonly FactRow[]; readonly end: number } {
    try {
      const rows = this.#store.scan(after, upTo, PAGE);
      return { rows, end: rows.at(-1)?.position ?? upTo };
    } catch (thrown) {
      if (!isDamage(thrown)) throw thrown;
      const end = Math.min(after + PAGE, upTo);
      const positions = Array.from({ length: end - after }, (_, index) => after + index + 1);
      return { rows: positions.flatMap((position) => this.#rowAt(position) ?? []), end };
    }
  }

  #rowAt(position: number): FactRow | undefined {
    try {
      return this.#store.scan(position - 1, position, 1)[0];
    } catch (thrown) {
      if (isDamage(thrown)) return undefined;
      throw thrown;
    }
  }

  async end(): Promise<number> {
    return telling(() => this.#store.lastPosition());
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The streams of the store, a page at a time. */
  async *stored(query: { readonly prefix?: string; readonly statuses?: readonly StreamStatus[] } = {}): AsyncGenerator<StoredStream> {
    let after = 0;
    for (;;) {
      const page = telling(() => this.#store.streams({ ...query, after, limit: PAGE }));
      yield* page;
      const last = page.at(-1);
      if (!last || page.length < PAGE) return;
      after = last.id;
      await this.#breathe();
    }
  }

  /** A stream whose last fact is at least the one with which its status changed; else that is noted. */
  foundWithEnd(name: string): StoredStream | undefined {
    return telling(() => {
      const stream = this.#store.find(name);
      return stream && this.#isEndSound(stream) ? stream : undefined;
    });
  }

  #isEndSound(stream: StoredStream): boolean {
    const problem = verifyEnd(this.#store, stream, stream);
    if (problem !== undefined) this.#note(stream.name, { problem, sound: stream.cut.seq });
    return problem === undefined;
  }

  #note(name: string, damage: Damage): void {
    if (!this.damage.has(name)) this.damage.set(name, damage);
  }

  /** Undefined for what is after the damage in a stream, or is the damage. */
  #recordedIn({ position, stream, seq, body }: FactRow): Recorded | undefined {
    try {
      const fact = factIn(body);
      const damage = this.damage.get(fact.stream);
      return damage && seq > damage.sound ? undefined : { position, fact };
    } catch (thrown) {
      if (!(thrown instanceof SyntaxError)) throw thrown;
      const name = telling(() => this.#store.nameOf(stream));
      if (name !== undefined) this.#note(name, { problem: `fact ${seq} is not what was written`, sound: seq - 1 });
      return undefined;
    }
  }

  #infoOf(stream: StoredStream): StreamInfo {
    const { id, name, status, startedAt, changedAt, cut } = stream;
    const last = this.#isEndSound(stream) ? this.#store.lastFact(id) : undefined;
    const damage = this.damage.get(name);
    if (damage) return { name, status, seq: damage.sound, startedAt, changedAt, damage: damage.problem };
    return { name, status, seq: last?.seq ?? cut.seq, startedAt, changedAt: last?.at ?? changedAt };
  }

  #lostInfo(name: string): StreamInfo | undefined {
    const damage = this.damage.get(name);
    if (!damage?.isLost) return undefined;
    return { name, status: firstStatus(name), seq: 0, startedAt: 0, changedAt: 0, damage: damage.problem };
  }
}

const factIn = (body: string): Fact => asPresent(JSON.parse(body) as Fact);

function tell(thrown: unknown): never {
  throw journalError(thrown);
}

function telling<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (thrown) {
    return tell(thrown);
  }
}
