/**
 * The journal port: an append-only store of facts. It knows nothing of this process.
 *
 * A stream whose name has no slash holds a root execution, and all below it. Other streams are of services: `breaker/tool/search`.
 * An event that came from outside is a stream of its own, `event/<id>`, so that it is there once or not at all.
 */

import type { Fact } from '../../machines/protocol/facts.ts';

/** `unsettled`: it goes on after a restart. `dead`: it was recovered too often without progress, and goes on when somebody says so. */
export type StreamStatus = 'unsettled' | 'settled' | 'dead' | 'service';

export interface StreamInfo {
  readonly name: string;
  readonly status: StreamStatus;
  /** Number of its last fact. */
  readonly seq: number;
  /** Of its first and its last fact. Milliseconds since the epoch, by the clock of the runtime that wrote them. */
  readonly startedAt: number;
  readonly changedAt: number;
  /** Why it takes nothing more: what it holds is not what was committed. Its sound facts, up to the damage, can still be read. */
  readonly damage?: string;
}

/** A fact with its place in the order of all commits: positions grow, and may have gaps. */
export interface Recorded {
  readonly position: number;
  readonly fact: Fact;
}

/** `full`: nothing can be committed until there is room again; appends wait. */
export type JournalCondition = { readonly status: 'ready' } | { readonly status: 'full'; readonly message: string };

/** What can be read of a journal, also by those who do not write it. */
export interface JournalReader {
  /** The committed facts of a stream from number `from` (1 is the first), in order; none for an unknown stream. */
  read(stream: string, from?: number): Promise<readonly Fact[]>;
  /** What is known of one stream, undefined for an unknown one. */
  find(stream: string): Promise<StreamInfo | undefined>;
  /** All streams whose name begins with `prefix`, in the order of their first facts. */
  streams(prefix?: string): AsyncIterable<StreamInfo>;
  /** Streams of root executions that are `unsettled` and undamaged, the oldest first. */
  unsettled(): Promise<readonly string[]>;
  /** Committed facts of all streams after a position, in the order in which they were committed, in batches; ends with what is committed now. */
  scan(after?: number): AsyncIterable<readonly Recorded[]>;
  /** The position of the last committed fact, 0 without one: where a scan would end if it began now. */
  end(): Promise<number>;
  close(): Promise<void>;
}

export interface Journal extends JournalReader {
  /** Whether what is committed outlives this process. */
  readonly isDurable: boolean;
  /**
   * Makes the caller the only writer until `close`. Called once, before anything else. Rejects with JOURNAL_LOCKED while somebody else writes,
   * JOURNAL_DAMAGED for what is no journal or has lost its parts, JOURNAL_VERSION for one of a newer version; then nothing was changed.
   */
  open(): Promise<void>;
  /**
   * Appends facts to a stream, all or none. `expectedSeq` is the number of the last fact that the writer knows (0 for a new stream);
   * if the stream is elsewhere, the append is refused with JOURNAL_CONFLICT. Undefined: they are committed already; else a promise that resolves
   * when they are. Appends are committed in the order in which they were made.
   */
  append(stream: string, expectedSeq: number, facts: readonly Fact[]): Promise<void> | undefined;
  /** Forgets a stream that is `settled`, `dead` or damaged; of a service's all but its last fact. False for what goes on, and for an unknown one. */
  drop(stream: string): Promise<boolean>;
  /** Calls back whenever the condition changes. */
  watch(listener: (condition: JournalCondition) => void): void;
}

const TERMINAL = new Set([
  'tier1/swarm/coordination_completed',
  'tier1/swarm/coordination_failed',
  'tier1/swarm/coordination_cancelled',
  'tier2/routine/completed',
  'tier2/routine/failed',
  'tier2/routine/cancelled',
  'tier3/execution/completed',
  'tier3/execution/failed',
  'tier3/execution/cancelled',
]);

/** Whether a fact ends its execution. */
export const isTerminal = ({ type }: Fact): boolean => TERMINAL.has(type);

/** Whether a fact ends its stream: it ends the stream's root. */
export const endsStream = (fact: Fact): boolean => fact.executionId === fact.stream && isTerminal(fact);

/** Of a stream that has no facts yet. */
export function firstStatus(stream: string): StreamStatus {
  if (stream.startsWith('event/')) return 'settled';
  return stream.includes('/') ? 'service' : 'unsettled';
}

/** After a fact of it; undefined when that says nothing. */
export function statusAfter(fact: Fact): StreamStatus | undefined {
  if (fact.executionId !== fact.stream) return undefined;
  if (fact.type === 'execution/dead_lettered') return 'dead';
  if (fact.type === 'execution/recovered') return 'unsettled';
  if (fact.type === 'route/redriven' || fact.type === 'route/discarded') return 'settled';
  return isTerminal(fact) ? 'settled' : undefined;
}
