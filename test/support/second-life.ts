/** What a process leaves behind when it is killed: its journal as far as it was committed, and nothing else. */

import { MemoryJournal } from '../../src/index.ts';
import type { JournalReader } from '../../src/runtime/journal/journal.ts';

/** A journal with the same facts in the same order. The runtime that wrote the other one may live on: nobody hears of it. */
export async function leftBehind(journal: JournalReader): Promise<MemoryJournal> {
  const copy = new MemoryJournal();
  for await (const batch of journal.scan()) for (const { fact } of batch) copy.append(fact.stream, fact.seq - 1, [fact]);
  return copy;
}
