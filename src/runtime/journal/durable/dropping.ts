/** What may be dropped of a stream: all of it when it is at rest or damaged; of a service, what is before its last fact. */

import type { Dropping, FactStore, StoredStream } from './fact-store.ts';
import { isAtRest } from './tail.ts';

/** Undefined for what must stay. */
export function droppingOf(store: FactStore, name: string, { isDamaged, isBusy }: { isDamaged: boolean; isBusy: boolean }) {
  const stream = store.find(name);
  if (isDamaged) return { id: stream?.id ?? 0, name };
  if (!stream) return undefined;
  if (stream.status === 'service') return cutOf(store, stream);
  return isAtRest(stream.status) && !isBusy ? { id: stream.id, name } : undefined;
}

/** Before its last fact that is committed. */
function cutOf(store: FactStore, { id, name, cut }: StoredStream): Dropping {
  const last = store.lastFact(id);
  const [before] = last ? store.facts(id, last.seq - 2, 1) : [];
  const isCutting = before && last && before.seq < last.seq;
  return { id, name, cut: isCutting ? { seq: before.seq, hash: before.hash } : cut };
}
