/** The journal port: an append-only store of facts, one stream for each root execution. It knows nothing of this process. */

import type { Fact } from '../../machines/protocol/facts.ts';

export interface Journal {
  /**
   * Appends facts to a stream, all or none. `expectedSeq` is the number of the last fact that the writer knows (0 for a new stream);
   * if the stream is elsewhere, the append is refused. Undefined: they are committed already; else a promise that resolves when they are.
   */
  append(stream: string, expectedSeq: number, facts: readonly Fact[]): Promise<void> | undefined;
  /** The facts of a stream from number `from` (1 is the first), in order; none for an unknown stream. */
  read(stream: string, from?: number): Promise<readonly Fact[]>;
  /** Streams whose root execution has no terminal fact. */
  unsettled(): Promise<readonly string[]>;
  /** Makes the caller the only writer of a stream until released. Throws when another one is. */
  lease(stream: string): Promise<{ release(): void }>;
  close(): Promise<void>;
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
