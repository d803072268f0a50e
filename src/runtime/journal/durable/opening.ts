/** What is in a store when it is opened: the streams that may go on are verified wholly, the others by their ends. */

import { verifyEnd, verifyStream } from './chain.ts';
import type { Damage, DurableReader } from './durable-reader.ts';
import type { FactStore, Head, StoreContents, StoreReader } from './fact-store.ts';
import { pace } from './pace.ts';
import { type Tail, tailOf } from './tail.ts';

export interface Inspection {
  /** Of the streams that may go on, by their names. */
  readonly tails: Map<string, Tail>;
  /** As they are to be noted from now on: those of damaged streams still say how far they had come. */
  readonly heads: readonly Head[];
}

/** Notes the damage that it finds in the reader. */
export async function inspectStore(
  store: FactStore,
  reader: DurableReader,
  { heads: noted, position }: StoreContents,
  breathe: () => Promise<void>,
): Promise<Inspection> {
  const tails = new Map<string, Tail>();
  const heads: Head[] = [];
  const rest = new Map(noted);
  const paced = pace(breathe);
  for await (const stream of reader.stored({ statuses: ['unsettled', 'service'] })) {
    const { name } = stream;
    const head = rest.get(name);
    rest.delete(name);
    const { sound, problem } = await verifyStream(store, stream, head, paced);
    if (problem) reader.damage.set(name, { problem, sound: sound.seq });
    else tails.set(name, tailOf(stream, sound));
    const now: Head = { name, ...sound, position: head?.position ?? position, isFinal: false };
    heads.push(problem && head ? head : now);
  }
  for (const head of rest.values()) {
    const damage = await damageOfEnd(store, head);
    if (damage) reader.damage.set(head.name, damage);
    heads.push({ ...head, isFinal: damage === undefined });
    await paced(1);
  }
  return { tails, heads };
}

/** What is missing of a stream whose head is noted; undefined when it is there. */
export async function damageOfEnd(store: StoreReader, head: Head): Promise<Damage | undefined> {
  const stream = store.find(head.name);
  if (!stream) return { problem: `nothing is left of it, but ${head.seq} facts were committed`, sound: 0, isLost: true };
  if (!verifyEnd(store, stream, head)) return undefined;
  const { sound, problem } = await verifyStream(store, stream, head, () => undefined);
  return problem ? { problem, sound: sound.seq } : undefined;
}
