/** Results that runs leave for their swarm: a versioned key-value store for each swarm id. A service, so a run without a swarm can write one. */

import type { Json } from '../machines/protocol/execution.ts';

export interface BlackboardEntry {
  readonly value: Json;
  /** 1 for the first write of a key. */
  readonly version: number;
}

/** Swarms that are remembered; the one written longest ago is forgotten first. */
const REMEMBERED_SWARMS = 1_000;

export class Blackboards {
  readonly #boards = new Map<string, Map<string, BlackboardEntry>>();

  /** The entries of a swarm's blackboard, by key. */
  read(swarmId: string): ReadonlyMap<string, BlackboardEntry> {
    return this.#boards.get(swarmId) ?? new Map();
  }

  write(swarmId: string, key: string, value: Json): void {
    const board = this.#boards.get(swarmId) ?? new Map<string, BlackboardEntry>();
    this.#boards.delete(swarmId);
    this.#boards.set(swarmId, board);
    board.set(key, { value, version: (board.get(key)?.version ?? 0) + 1 });
    for (const oldest of this.#boards.keys()) {
      if (this.#boards.size <= REMEMBERED_SWARMS) return;
      this.#boards.delete(oldest);
    }
  }
}
