/** What a journal holds, read from a copy: so that nobody repairs or changes what the next life will find. */

import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Fact, readJournal } from '../../src/index.ts';

export interface Stored {
  /** By stream, those of root executions only. */
  readonly streams: ReadonlyMap<string, readonly Fact[]>;
  /** Why it cannot be trusted. */
  readonly damages: readonly string[];
}

export const NOTHING: Stored = { streams: new Map(), damages: [] };

export async function stored(folder: string): Promise<Stored> {
  const copy = `${folder}-copy`;
  rmSync(copy, { recursive: true, force: true });
  cpSync(folder, copy, { recursive: true });
  if (!existsSync(join(copy, 'journal.db'))) return NOTHING;
  const journal = await readJournal(join(copy, 'journal.db'));
  const streams = new Map<string, readonly Fact[]>();
  for await (const { name } of journal.streams()) if (!name.includes('/')) streams.set(name, await journal.read(name));
  const damages = [...journal.verifyPages()];
  for await (const { stream, problem } of journal.verify()) if (problem !== undefined) damages.push(`${stream}: ${problem}`);
  await journal.close();
  return { streams, damages };
}
