/**
 * The history on disk between steps: one compact JSON line a commit, newest first, and beside it the late names.
 * Written under another name and renamed when complete, so that a spool that exists is a whole one.
 */

import { createReadStream } from 'node:fs';
import { open, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { splitRecords } from 'swarmchart';
import type { Commit } from './commit.ts';
import type { LateNames } from './newest-names.ts';

const WRITE_BYTES = 256 * 1024;
/** A commit that touches a million files still fits. */
const MAX_LINE_BYTES = 512 * 1024 * 1024;

type SpoolLine = [
  hash: string,
  time: number,
  author: string,
  isBot: boolean,
  isMerge: boolean,
  files: [path: string, added: number | null, deleted: number | null][],
];

const lateNamesPath = (spool: string): string => `${spool}.names.json`;

/** Replaces whatever is there. Leaves nothing behind when it fails. */
export async function writeSpool(spool: string, commits: AsyncIterable<Commit>, lateNames: () => LateNames): Promise<void> {
  const draft = `${spool}.draft`;
  try {
    const file = await open(draft, 'w');
    try {
      let pending = '';
      for await (const commit of commits) {
        pending += `${JSON.stringify(toLine(commit))}\n`;
        if (pending.length < WRITE_BYTES) continue;
        await file.writeFile(pending);
        pending = '';
      }
      await file.writeFile(pending);
    } finally {
      await file.close();
    }
    await writeFile(lateNamesPath(spool), JSON.stringify(lateNames()));
    await rename(draft, spool);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** The commits, newest first, every file under its newest name. */
export async function* readSpool(spool: string, signal: AbortSignal): AsyncGenerator<Commit, void, void> {
  const lateNames = new Map(JSON.parse(await readFile(lateNamesPath(spool), 'utf8')) as LateNames);
  const lines = splitRecords(createReadStream(spool), { separator: '\n', maxRecordBytes: MAX_LINE_BYTES, source: spool });
  for await (const line of lines) {
    signal.throwIfAborted();
    if (line !== '') yield fromLine(JSON.parse(line) as SpoolLine, lateNames);
  }
}

/** Removes a spool, and its folder when nothing else is in it. */
export async function removeSpool(spool: string): Promise<void> {
  await rm(spool, { force: true });
  await rm(lateNamesPath(spool), { force: true });
  try {
    await rmdir(dirname(spool));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(code)) throw error;
  }
}

const toLine = (commit: Commit): SpoolLine => [
  commit.hash,
  commit.time,
  commit.author,
  commit.isBot,
  commit.isMerge,
  commit.files.map((file) => [file.path, file.added, file.deleted]),
];

const fromLine = ([hash, time, author, isBot, isMerge, files]: SpoolLine, lateNames: ReadonlyMap<string, string>): Commit => ({
  hash,
  time,
  author,
  isBot,
  isMerge,
  files: files.map(([path, added, deleted]) => ({ path: lateNames.get(path) ?? path, added, deleted })),
});
