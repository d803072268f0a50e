/** One blackboard: what is committed, which readers see, and what is on its way there, on which the next write builds. */

import type { BlackboardEntry } from '../actors/blackboard.ts';
import { SwarmchartError } from '../machines/protocol/errors.ts';
import type { Json } from '../machines/protocol/execution.ts';
import { applied, checkKey, type Operation, type Sized } from './blackboard-values.ts';

/** A deleted key keeps its version, and its place. */
const MAX_KEYS = 10_000;

export interface WriteRequest {
  readonly operation: Operation;
  readonly key: string;
  readonly given?: unknown;
  /** What becomes of the given value before it is kept. */
  readonly scrub: (value: Json) => Json;
  readonly ifVersion?: number | undefined;
  readonly by?: string | undefined;
  readonly at: number;
}

export interface Slot extends Sized {
  readonly entry: BlackboardEntry;
  readonly isDeleted: boolean;
}

export class Board {
  readonly swarmId: string;
  readonly #committed = new Map<string, Slot>();
  readonly #ahead = new Map<string, Slot>();
  #keys = 0;

  constructor(swarmId: string) {
    this.swarmId = swarmId;
  }

  /** Writes of it are being committed. */
  get isBusy(): boolean {
    return this.#ahead.size > 0;
  }

  get(key: string): BlackboardEntry | undefined {
    const slot = this.#committed.get(key);
    return slot?.isDeleted === false ? slot.entry : undefined;
  }

  entries(): ReadonlyMap<string, BlackboardEntry> {
    const entries = new Map<string, BlackboardEntry>();
    for (const [key, { entry, isDeleted }] of this.#committed) if (!isDeleted) entries.set(key, entry);
    return entries;
  }

  /** The outcome of a write, which changes nothing yet; undefined when there is nothing to delete. Throws when the write is refused. */
  next({ operation, key, given, scrub, ifVersion, by, at }: WriteRequest): Slot | undefined {
    checkKey(key);
    const last = this.#last(key);
    const present = last?.isDeleted === false ? last : undefined;
    if (ifVersion !== undefined && ifVersion !== (present?.entry.version ?? 0)) {
      const version = present?.entry.version ?? 0;
      const message = `"${key}" is at version ${version}, not ${ifVersion}`;
      throw new SwarmchartError('BLACKBOARD_CONFLICT', message, { context: { key, operation, version } });
    }
    const isDeleted = operation === 'delete';
    if (isDeleted && !present) return undefined;
    const sized = applied(operation, key, present, given, scrub);
    if (!last && this.#keys >= MAX_KEYS) {
      throw new SwarmchartError('LIMIT_EXCEEDED', `A blackboard holds ${MAX_KEYS} keys at most, those deleted included`);
    }
    return slotOf(sized, { key, value: sized.value, version: this.versionOf(key) + 1, ...(by !== undefined && { by }), at }, isDeleted);
  }

  /** That of the last write, committed or not; 0 for a key that was never written. */
  versionOf(key: string): number {
    return this.#last(key)?.entry.version ?? 0;
  }

  /** The write is on its way. */
  begin(slot: Slot): void {
    if (!this.#last(slot.entry.key)) this.#keys++;
    this.#ahead.set(slot.entry.key, slot);
  }

  /** The write is committed. */
  keep(slot: Slot): void {
    const { key, version } = slot.entry;
    if (this.#ahead.get(key) === slot) this.#ahead.delete(key);
    if (version > (this.#committed.get(key)?.entry.version ?? 0)) this.#committed.set(key, slot);
  }

  /** The write was lost. */
  drop(slot: Slot): void {
    const { key } = slot.entry;
    if (this.#ahead.get(key) === slot) this.#ahead.delete(key);
    if (!this.#last(key)) this.#keys--;
  }

  #last(key: string): Slot | undefined {
    return this.#ahead.get(key) ?? this.#committed.get(key);
  }
}

export const slotOf = (sized: Sized, entry: BlackboardEntry, isDeleted: boolean): Slot => ({
  ...sized,
  entry: Object.freeze(entry),
  isDeleted,
});
