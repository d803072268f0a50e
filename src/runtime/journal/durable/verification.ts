/** Verifies all of a store, also one that somebody writes. */

import { verifyNamed } from './chain.ts';
import type { DurableReader } from './durable-reader.ts';
import type { Head, StoreReader } from './fact-store.ts';
import { pace } from './pace.ts';

export interface StreamVerification {
  readonly stream: string;
  /** That are sound. */
  readonly facts: number;
  readonly problem?: string;
}

/** Every stream, with its facts held against each other and against its head, as it was noted before the facts were read. */
export async function* verifyStore(
  store: StoreReader,
  reader: DurableReader,
  readHeads: () => ReadonlyMap<string, Head>,
  breathe: () => Promise<void>,
): AsyncGenerator<StreamVerification> {
  const rest = new Map(readHeads());
  const paced = pace(breathe);
  for await (const { name } of reader.stored()) {
    const verdict = await verifyNamed(store, name, rest.get(name), paced);
    rest.delete(name);
    if (!verdict) continue;
    const { facts, problem } = verdict;
    yield problem === undefined ? { stream: name, facts } : { stream: name, facts, problem };
  }
  // A stream that was dropped in the meantime is not lost.
  const still = rest.size > 0 ? readHeads() : rest;
  for (const { name, seq } of rest.values()) {
    if (!still.has(name) || store.find(name)) continue;
    yield { stream: name, facts: 0, problem: `nothing is left of it, but ${seq} facts were committed` };
  }
}
