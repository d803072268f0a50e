/** What the journal knows of circuit breakers. The last fact of each says how it is. */

import { type BreakerState, CLOSED, evolveBreaker } from '../../machines/breaker.fold.ts';
import type { BreakerFact, BreakerKey } from '../../machines/protocol/breaker.ts';
import type { JournalReader } from '../journal/journal.ts';

export interface BreakerRecord {
  /** Of its stream. */
  readonly name: string;
  /** Number of its last fact. */
  readonly seq: number;
  readonly key: BreakerKey;
  readonly state: BreakerState;
}

export async function* remembered(journal: JournalReader): AsyncGenerator<BreakerRecord> {
  for await (const { name, seq, damage } of journal.streams('breaker/')) {
    if (damage !== undefined) continue;
    const [last] = (await journal.read(name, seq)) as readonly unknown[] as readonly BreakerFact[];
    if (!last) continue;
    const { scope, key } = last.payload;
    yield { name, seq, key: { scope, key }, state: evolveBreaker(CLOSED, last) };
  }
}

/** As good as one that was never needed. */
export const isForgotten = ({ phase, failures }: BreakerState): boolean => phase === 'closed' && failures === 0;
