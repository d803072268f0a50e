/**
 * A disk that outlives the simulated process, and the store by which one process at a time uses it.
 *
 * Each commit takes three moments, which are chosen: its rows are there, all or none; each of its heads is there; it is acknowledged. A process
 * may crash before and after any of them.
 */

import { SwarmchartError } from '../machines/protocol/errors.ts';
import type {
  Batch,
  Dropping,
  FactRow,
  FactStore,
  Head,
  StoreContents,
  StoredStream,
  StreamQuery,
} from '../runtime/journal/durable/fact-store.ts';

/** What outlives a process. */
export class SimulatedDisk {
  readonly streams = new Map<string, StoredStream>();
  /** By the stream's number. */
  readonly rows = new Map<number, FactRow[]>();
  heads: ReadonlyMap<string, Head> = new Map();
  position = 0;
  factVersion = 0;
  /** The store that writes. */
  holder: SimulatedStore | undefined;

  write({ rows, streams, factVersion }: Batch): void {
    for (const stream of streams) this.streams.set(stream.name, { cut: NOTHING, ...this.streams.get(stream.name), ...stream });
    for (const row of rows) {
      const own = this.rows.get(row.stream) ?? [];
      this.rows.set(row.stream, own);
      own.push(row);
      this.position = row.position;
    }
    this.factVersion = factVersion ?? this.factVersion;
  }

  note(head: Head): void {
    this.heads = new Map(this.heads).set(head.name, head);
  }

  forget({ id, name, cut }: Dropping): void {
    const stream = this.streams.get(name);
    if (cut && stream) {
      this.streams.set(name, { ...stream, cut });
      this.rows.set(
        id,
        (this.rows.get(id) ?? []).filter(({ seq }) => seq > cut.seq),
      );
      return;
    }
    this.streams.delete(name);
    this.rows.delete(id);
    this.heads = new Map([...this.heads].filter(([each]) => each !== name));
  }
}

const NOTHING = { seq: 0, hash: '' };

export class SimulatedStore implements FactStore {
  readonly #disk: SimulatedDisk;
  readonly #moment: (label: string) => Promise<void>;

  /** @param moment Resolves when it is chosen to; never, for a process that has crashed. */
  constructor(disk: SimulatedDisk, moment: (label: string) => Promise<void>) {
    this.#disk = disk;
    this.#moment = moment;
  }

  open(): Promise<StoreContents> {
    if (this.#disk.holder) return Promise.reject(new SwarmchartError('JOURNAL_LOCKED', 'Another process writes to the simulated disk'));
    this.#disk.holder = this;
    const { heads, position, factVersion } = this.#disk;
    return Promise.resolve({ heads, position, factVersion });
  }

  async commit(batch: Batch): Promise<void> {
    const { rows, heads } = batch;
    await this.#moment(`disk: ${rows.length === 1 ? 'a fact is' : `${rows.length} facts are`} committed`);
    this.#disk.write(batch);
    for (const head of heads) {
      await this.#moment(`disk: the head of ${head.name} is noted`);
      this.#disk.note(head);
    }
    await this.#moment('disk: the commit is acknowledged');
  }

  async drop(droppings: readonly Dropping[]): Promise<void> {
    await this.#moment('disk: streams are dropped');
    for (const dropping of droppings) this.#disk.forget(dropping);
  }

  sweep(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async rewriteHeads(heads: readonly Head[]): Promise<void> {
    await this.#moment('disk: the heads are rewritten');
    this.#disk.heads = new Map(heads.filter(({ isFinal }) => !isFinal).map((head) => [head.name, head]));
  }

  close(): Promise<void> {
    if (this.#disk.holder === this) this.#disk.holder = undefined;
    return Promise.resolve();
  }

  find(name: string): StoredStream | undefined {
    return this.#disk.streams.get(name);
  }

  nameOf(id: number): string | undefined {
    return [...this.#disk.streams.values()].find((stream) => stream.id === id)?.name;
  }

  streams({ after, limit, prefix = '', statuses }: StreamQuery): readonly StoredStream[] {
    return [...this.#disk.streams.values()]
      .filter(({ id, name, status }) => id > after && name.startsWith(prefix) && (!statuses || statuses.includes(status)))
      .toSorted((one, other) => one.id - other.id)
      .slice(0, limit);
  }

  facts(stream: number, afterSeq: number, limit: number): readonly FactRow[] {
    return (this.#disk.rows.get(stream) ?? []).filter(({ seq }) => seq > afterSeq).slice(0, limit);
  }

  lastFact(stream: number): FactRow | undefined {
    return this.#disk.rows.get(stream)?.at(-1);
  }

  scan(after: number, upTo: number, limit: number): readonly FactRow[] {
    return [...this.#disk.rows.values()]
      .flat()
      .filter(({ position }) => position > after && position <= upTo)
      .toSorted((one, other) => one.position - other.position)
      .slice(0, limit);
  }

  lastPosition(): number {
    return Math.max(0, ...[...this.#disk.rows.values()].map((rows) => rows.at(-1)?.position ?? 0));
  }

  countSettled(): number {
    return this.#settled().length;
  }

  longestSettled(limit: number): readonly StoredStream[] {
    return this.#settled()
      .toSorted((one, other) => one.changedAt - other.changedAt)
      .slice(0, limit);
  }

  #settled(): StoredStream[] {
    return [...this.#disk.streams.values()].filter(({ status }) => status === 'settled');
  }
}
