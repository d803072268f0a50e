/** A store in memory that can die between any two of its steps: what it had written by then is there for the next one. */

import {
  type Batch,
  type Dropping,
  type FactRow,
  type FactStore,
  type Head,
  START,
  type StoreContents,
  type StoredStream,
  type StreamQuery,
} from '../../../src/runtime/journal/durable/fact-store.ts';

export type Moment = 'before the rows' | 'before the heads' | 'before the answer';

/** What outlives the process. */
export class Disk {
  readonly streams = new Map<string, StoredStream>();
  rows: FactRow[] = [];
  heads = new Map<string, Head>();
  position = 0;
}

export class CrashingStore implements FactStore {
  readonly #disk: Disk;
  readonly #diesAt: (moment: Moment) => boolean;
  isDead = false;

  constructor(disk: Disk, diesAt: (moment: Moment) => boolean = () => false) {
    this.#disk = disk;
    this.#diesAt = diesAt;
  }

  open(): Promise<StoreContents> {
    const { heads, position } = this.#disk;
    return Promise.resolve({ heads: new Map(heads), position, factVersion: 0 });
  }

  async commit({ rows, streams, heads }: Batch): Promise<void> {
    await this.#reach('before the rows');
    for (const stream of streams)
      this.#disk.streams.set(stream.name, { cut: this.#disk.streams.get(stream.name)?.cut ?? START, ...stream });
    this.#disk.rows.push(...rows);
    await this.#reach('before the heads');
    for (const head of heads) this.#note(head);
    await this.#reach('before the answer');
  }

  async drop(droppings: readonly Dropping[]): Promise<void> {
    for (const { name, cut } of droppings) if (!cut) this.#disk.heads.delete(name);
    await this.#reach('before the rows');
    for (const { id, name, cut } of droppings) {
      const stream = this.#disk.streams.get(name);
      if (cut && stream) this.#disk.streams.set(name, { ...stream, cut });
      else this.#disk.streams.delete(name);
      this.#disk.rows = this.#disk.rows.filter((row) => row.stream !== id || (cut !== undefined && row.seq > cut.seq));
    }
    await this.#reach('before the answer');
  }

  sweep(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async rewriteHeads(heads: readonly Head[], position: number): Promise<void> {
    this.#disk.heads = new Map(heads.filter(({ isFinal }) => !isFinal).map((head) => [head.name, head]));
    this.#disk.position = position;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  find(name: string): StoredStream | undefined {
    return this.#disk.streams.get(name);
  }

  nameOf(stream: number): string | undefined {
    return [...this.#disk.streams.values()].find(({ id }) => id === stream)?.name;
  }

  streams({ after, limit, prefix = '', statuses }: StreamQuery): readonly StoredStream[] {
    const all = [...this.#disk.streams.values()].sort((one, other) => one.id - other.id);
    return all
      .filter(({ id, name, status }) => id > after && name.startsWith(prefix) && (statuses ?? [status]).includes(status))
      .slice(0, limit);
  }

  facts(stream: number, afterSeq: number, limit: number): readonly FactRow[] {
    return this.#disk.rows.filter((row) => row.stream === stream && row.seq > afterSeq).slice(0, limit);
  }

  lastFact(stream: number): FactRow | undefined {
    return this.#disk.rows.findLast((row) => row.stream === stream);
  }

  scan(after: number, upTo: number, limit: number): readonly FactRow[] {
    return this.#disk.rows.filter(({ position }) => position > after && position <= upTo).slice(0, limit);
  }

  lastPosition(): number {
    return this.#disk.rows.at(-1)?.position ?? 0;
  }

  countSettled(): number {
    return [...this.#disk.streams.values()].filter(({ status }) => status === 'settled').length;
  }

  longestSettled(limit: number): readonly StoredStream[] {
    const settled = [...this.#disk.streams.values()].filter(({ status }) => status === 'settled');
    return settled.sort((one, other) => one.changedAt - other.changedAt).slice(0, limit);
  }

  #note(head: Head): void {
    this.#disk.heads.set(head.name, head);
    this.#disk.position = Math.max(this.#disk.position, head.position);
  }

  async #reach(moment: Moment): Promise<void> {
    await Promise.resolve();
    this.isDead ||= this.#diesAt(moment);
    if (this.isDead) await new Promise(() => undefined);
  }
}
