/**
 * Reads `git log -z --numstat`, a record at a time:
 *
 *   \x01 hash, parents, author time, commit time, address, name (one a line)
 *   [\n] added \t deleted \t path
 *   [\n] added \t deleted \t        followed by two records: the old path, the new path
 */

import { SwarmchartError } from 'swarmchart';
import { isBot } from './bots.ts';
import type { Commit, FileChange } from './commit.ts';

const HEADER_MARK = '\x01';
const NUMSTAT = /^\n?(\d+|-)\t(\d+|-)\t([\s\S]*)$/;
const LAST_SANE_SECOND = 253_402_300_799; // 9999-12-31, beyond which dates cannot be printed

/** Children before parents, newest first; renames detected; merges without file changes. */
export const logArguments = (head: string): string[] => [
  'log',
  '-z',
  '--date-order',
  '--numstat',
  '--find-renames',
  '-l1000',
  '--diff-algorithm=myers',
  '--no-relative',
  '--no-ext-diff',
  '--no-textconv',
  '--no-color',
  '--ignore-submodules=none',
  '-O/dev/null',
  '--use-mailmap',
  '--encoding=UTF-8',
  '--format=%x01%H%n%P%n%at%n%ct%n%aE%n%aN',
  head,
  '--',
];

export async function* parseLog(records: AsyncIterable<string>): AsyncGenerator<Commit, void, void> {
  let commit: (Commit & { files: FileChange[] }) | undefined;
  let rename: { readonly added: number | null; readonly deleted: number | null; from?: string } | undefined;
  for await (const record of records) {
    if (rename) {
      if (rename.from === undefined) {
        rename.from = record;
      } else {
        commit?.files.push({ path: record, from: rename.from, added: rename.added, deleted: rename.deleted });
        rename = undefined;
      }
    } else if (record.startsWith(HEADER_MARK)) {
      if (commit) yield commit;
      commit = parseHeader(record.slice(1));
    } else if (record !== '') {
      const [, added, deleted, path] = NUMSTAT.exec(record) ?? [];
      if (!commit || path === undefined) throw unexpected(record);
      const counts = { added: count(added), deleted: count(deleted) };
      if (path === '') rename = counts;
      else commit.files.push({ path, ...counts });
    }
  }
  if (rename) throw unexpected('the end, in the middle of a rename');
  if (commit) yield commit;
}

function parseHeader(header: string): Commit & { files: FileChange[] } {
  const [hash, parents, authorTime, commitTime, email, name] = header.split('\n');
  if (!hash || parents === undefined || email === undefined || name === undefined) throw unexpected(header);
  return {
    hash,
    time: saneTime(authorTime) ?? saneTime(commitTime) ?? 0,
    author: name.trim() || email || 'unknown',
    isBot: isBot(name, email),
    isMerge: parents.includes(' '),
    files: [],
  };
}

const count = (digits: string | undefined): number | null => (digits === '-' ? null : Number(digits));

function saneTime(digits: string | undefined): number | undefined {
  const time = Number(digits || Number.NaN);
  return Number.isFinite(time) && Math.abs(time) <= LAST_SANE_SECOND ? time : undefined;
}

const unexpected = (what: string): SwarmchartError =>
  new SwarmchartError('PROCESS_FAILED', `git log wrote something unexpected: ${JSON.stringify(what.slice(0, 200))}`);
