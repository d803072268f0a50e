/** Reads a journal's file beside whoever writes it: takes no lease, changes nothing. */

import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { type Damage, DurableReader } from '../durable/durable-reader.ts';
import { type Head, isDamage, journalError } from '../durable/fact-store.ts';
import { damageOfEnd } from '../durable/opening.ts';
import { pace } from '../durable/pace.ts';
import { type StreamVerification, verifyStore } from '../durable/verification.ts';
import type { JournalReader } from '../journal.ts';
import { type JournalFiles, journalFiles, type OpenedFiles, openFiles } from './files.ts';
import { readHeadLog } from './head-log.ts';
import type { SqliteReader } from './sqlite-reader.ts';

export interface JournalFileReader extends JournalReader {
  /** Verifies every fact of every stream. Takes as long as reading all of it. */
  verify(): AsyncIterable<StreamVerification>;
  /** What is wrong with the file itself, apart from what it says: empty when nothing is. Holds the thread while it reads all of it. */
  verifyPages(): readonly string[];
}

const breathe = async (): Promise<void> => void (await setImmediate());

/**
 * Opens a journal's file for reading, also while somebody writes it; the folder must be one that may be written. Rejects with JOURNAL_DAMAGED for
 * what is no journal, has lost its parts or is not there, with JOURNAL_VERSION for a newer one, and with JOURNAL_FAILED for what cannot be read.
 */
export async function readJournal(path: string): Promise<JournalFileReader> {
  const files = journalFiles(path);
  const { reader: store, heads } = opened(files);
  const readHeads = (): ReadonlyMap<string, Head> =>
    (existsSync(files.headsPath) ? readHeadLog(files.headsPath)?.heads : undefined) ?? new Map();
  const reader = new DurableReader(store, breathe);
  await noteDamage(store, reader, heads, readHeads);
  return {
    read: (stream, from) => reader.read(stream, from),
    find: (stream) => reader.find(stream),
    streams: (prefix) => reader.streams(prefix),
    unsettled: () => reader.unsettled(),
    scan: (after) => reader.scan(after),
    end: () => reader.end(),
    verify: () => verifyStore(store, reader, readHeads, breathe),
    verifyPages: () => pagesOf(store),
    close: async () => store.close(),
  };
}

function opened(files: JournalFiles): OpenedFiles {
  try {
    return openFiles(files);
  } catch (thrown) {
    throw journalError(thrown);
  }
}

/** A page that is damaged can be one that the check needs to go on. */
function pagesOf(store: SqliteReader): readonly string[] {
  try {
    return store.problemsOfPages();
  } catch (thrown) {
    if (isDamage(thrown)) return [thrown.message];
    throw journalError(thrown);
  }
}

/** What is dropped while this looks is not damaged: its head is gone by then. */
async function noteDamage(
  store: SqliteReader,
  { damage }: DurableReader,
  heads: ReadonlyMap<string, Head>,
  readHeads: () => ReadonlyMap<string, Head>,
): Promise<void> {
  const found = new Map<string, Damage>();
  const paced = pace(breathe);
  for (const head of heads.values()) {
    const damageHere = await damageOfEnd(store, head);
    if (damageHere) found.set(head.name, damageHere);
    await paced(1);
  }
  const still = found.size > 0 ? readHeads() : heads;
  for (const [name, damageHere] of found) if (still.has(name)) damage.set(name, damageHere);
}
