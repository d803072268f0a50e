/** A persistent priority queue of sequence numbers: highest priority first, then lowest number. O(log) but for the number of distinct priorities. */

import { Map as PersistentMap } from 'immutable';
import { emptyOrdinals, hasOrdinal, leastOrdinal, type OrdinalSet, withOrdinal, withoutOrdinal } from './ordinal-set.ts';

/** As many as an ordinal set can tell apart. */
export const MOST_ORDINALS = 2 ** 30;
export const NO_ORDINALS = emptyOrdinals(MOST_ORDINALS);

export interface Queue {
  readonly size: number;
  /** Those that have numbers, highest first. */
  readonly priorities: readonly number[];
  readonly levels: PersistentMap<number, OrdinalSet>;
}

export interface Place {
  readonly priority: number;
  readonly seq: number;
}

export const EMPTY_QUEUE: Queue = { size: 0, priorities: [], levels: PersistentMap() };

export function first(queue: Queue): Place | undefined {
  const [priority] = queue.priorities;
  if (priority === undefined) return undefined;
  const seq = leastOrdinal(queue.levels.get(priority) ?? NO_ORDINALS);
  return seq === undefined ? undefined : { priority, seq };
}

export function enqueued(queue: Queue, { priority, seq }: Place): Queue {
  const level = queue.levels.get(priority);
  if (level && hasOrdinal(level, seq)) return queue;
  const after = queue.priorities.findIndex((other) => other < priority);
  const priorities = level ? queue.priorities : queue.priorities.toSpliced(after === -1 ? queue.priorities.length : after, 0, priority);
  return { size: queue.size + 1, priorities, levels: queue.levels.set(priority, withOrdinal(level ?? NO_ORDINALS, seq)) };
}

export function dequeued(queue: Queue, { priority, seq }: Place): Queue {
  const level = queue.levels.get(priority);
  if (!level || !hasOrdinal(level, seq)) return queue;
  const rest = withoutOrdinal(level, seq);
  const size = queue.size - 1;
  if (rest.size > 0) return { ...queue, size, levels: queue.levels.set(priority, rest) };
  return { size, priorities: queue.priorities.filter((other) => other !== priority), levels: queue.levels.delete(priority) };
}

/** All places in order, one at a time. */
export function* inOrder(queue: Queue): Generator<Place> {
  for (let rest = queue, place = first(rest); place; place = first(rest)) {
    yield place;
    rest = dequeued(rest, place);
  }
}
