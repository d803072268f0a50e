/** The end of a stream that may go on, with what is not committed yet. */

import type { Fact } from '../../../machines/protocol/facts.ts';
import { firstStatus, type StreamStatus } from '../journal.ts';
import { type Mark, START, type StoredStream } from './fact-store.ts';

export interface Tail extends Mark {
  readonly id: number;
  readonly startedAt: number;
  readonly status: StreamStatus;
  /** Appends that are not committed yet. */
  readonly pending: number;
  /** Facts that were cut off its beginning, or will be. */
  readonly cut: number;
}

export const freshTail = (name: string, id: number, { at }: Fact): Tail => ({
  ...START,
  id,
  startedAt: at,
  status: firstStatus(name),
  pending: 0,
  cut: 0,
});

export const tailOf = ({ id, startedAt, status, cut }: StoredStream, { seq, hash }: Mark): Tail => ({
  id,
  startedAt,
  status,
  seq,
  hash,
  pending: 0,
  cut: cut.seq,
});

/** Nothing more is expected of it. */
export const isAtRest = (status: StreamStatus): boolean => status === 'settled' || status === 'dead';
