/** `swarmchart journal prune`: drops executions that have ended, having archived them where that is asked for. */

import { archiveStreams } from '../../runtime/journal/export.ts';
import type { Journal, JournalReader, StreamInfo } from '../../runtime/journal/journal.ts';
import { isOfExecution } from '../journal/executions.ts';
import { type ReadFlags, writingJournal } from '../journal/journal-file.ts';
import { toFile } from '../journal/jsonl-file.ts';
import { EXIT, UsageError } from '../outcome.ts';
import type { Terminal } from '../terminal.ts';

export interface PruneFlags extends ReadFlags {
  /** Milliseconds. */
  readonly olderThan?: number;
  readonly keep?: number;
  readonly archive?: string;
  readonly json?: boolean;
}

const DOCUMENT_VERSION = 1;

export async function prune({ olderThan, keep, archive, json, ...flags }: PruneFlags, terminal: Terminal): Promise<number> {
  const { cwd, stdout } = terminal;
  if (olderThan === undefined && keep === undefined) {
    throw new UsageError('INVALID_INPUT', 'Say what is dropped', { hint: '--older-than 30d, or --keep 100' });
  }
  return writingJournal(flags, cwd, async ({ journal, place }) => {
    const streams = await ended(journal, { olderThan, keep });
    const dropped = archive === undefined ? await dropAll(journal, streams) : await archiveAll(journal, streams, cwd, archive);
    if (json) await stdout.line(JSON.stringify({ v: DOCUMENT_VERSION, journal: place.path, dropped }));
    else {
      const what = `${dropped} execution${dropped === 1 ? '' : 's'} dropped`;
      await stdout.line(archive === undefined ? what : `${what}, archived in ${archive}`);
    }
    return EXIT.succeeded;
  });
}

async function dropAll(journal: Journal, streams: readonly string[]): Promise<number> {
  let dropped = 0;
  for (const name of streams) if (await journal.drop(name)) dropped += 1;
  return dropped;
}

/** Each is on the disk before it is dropped. */
const archiveAll = (journal: Journal, streams: readonly string[], cwd: string, archive: string): Promise<number> =>
  toFile(cwd, archive, 'a', (write, sync) =>
    archiveStreams(
      journal,
      async (lines) => {
        await write(lines.map((line) => `${line}\n`).join(''));
        await sync();
      },
      { streams },
    ),
  );

type Bounds = Readonly<Record<'olderThan' | 'keep', number | undefined>>;

/** Executions that have ended, the oldest first; what is quarantined or was given up is for a person to look at. */
async function ended(reader: JournalReader, { olderThan, keep }: Bounds): Promise<readonly string[]> {
  const all: StreamInfo[] = [];
  for await (const info of reader.streams()) {
    if (isOfExecution(info) && info.status === 'settled' && info.damage === undefined) all.push(info);
  }
  const latest = olderThan === undefined ? Number.POSITIVE_INFINITY : Date.now() - olderThan;
  const few = keep === undefined ? all : all.slice(0, Math.max(0, all.length - keep));
  return few.filter(({ changedAt }) => changedAt <= latest).map(({ name }) => name);
}
