/** What a blackboard is, for those who read and write one. */

import type { Json, JsonObject } from '../machines/protocol/execution.ts';

/** A value on a blackboard. It is frozen, with everything in it: whoever wants to change it writes. */
export interface BlackboardEntry {
  readonly key: string;
  readonly value: Json;
  /** 1 for the first write of a key, and one more for each further one, deletion included. */
  readonly version: number;
  /** Execution id of who wrote it; absent when a client of the runtime did. */
  readonly by?: string;
  /** Milliseconds since the epoch, by the runtime's clock. */
  readonly at: number;
}

/** The version that a key must have for the write to happen; 0: there is none. */
export interface WriteCondition {
  readonly ifVersion?: number;
}

/**
 * The keys and values that a swarm shares: at most 10,000 keys, those deleted included, and 1 MiB of JSON each.
 *
 * Readers see what is committed. Writes happen in the order of the calls, each on what the one before it left, also while that one is being
 * committed; a promise resolves once its write is committed. A write that is refused changes nothing: BLACKBOARD_TYPE_MISMATCH where the value
 * is of another type than the operation needs, BLACKBOARD_CONFLICT (retryable) for an `ifVersion` that is not the present one, LIMIT_EXCEEDED,
 * UNSAFE_KEY for a key that reaches for a prototype, INVALID_VALUE for any other bad key or condition and for what JSON cannot carry, RUNTIME_STOPPED.
 *
 * A step that is interrupted and done again writes again: what must not be written twice needs `ifVersion`, or a key of its own.
 *
 * Source: Implementation Guide, "Context Manager Implementation" (the swarm blackboard).
 */
export interface Blackboard {
  readonly swarmId: string;
  get(key: string): BlackboardEntry | undefined;
  /** A copy of the whole board as it is now. */
  entries(): ReadonlyMap<string, BlackboardEntry>;
  set(key: string, value: unknown, condition?: WriteCondition): Promise<BlackboardEntry>;
  /** Adds an item to a list, which is made where there is none. */
  append(key: string, item: unknown): Promise<BlackboardEntry>;
  /** Adds to a number, which is 0 where there is none. @param by 1 unless told */
  increment(key: string, by?: number): Promise<BlackboardEntry>;
  /** Lays the members of an object over those of the one that is there. */
  merge(key: string, members: JsonObject): Promise<BlackboardEntry>;
  /** As `merge`, at every depth where both sides have an object. Lists are replaced. */
  deepMerge(key: string, members: JsonObject): Promise<BlackboardEntry>;
  /** Resolves with a null under the deletion's version. Of a key that is not there it changes nothing and resolves with its last version, or 0. */
  delete(key: string, condition?: WriteCondition): Promise<BlackboardEntry>;
}
