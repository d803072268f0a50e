/** The files of one commit: what there is, how long it is, and what a search finds in it. Never reads the working tree. */

import type { Git } from './git.ts';

const LISTING = /^(\d+) (\w+) ([0-9a-f]+) +(\d+|-)\t([\s\S]*)$/;

export interface TreeFile {
  readonly path: string;
  readonly blob: string;
  readonly bytes: number;
}

export type Tree = ReadonlyMap<string, TreeFile>;

/** Regular files by path. Symbolic links and submodules are left out. */
export async function readTree(git: Git, head: string | null): Promise<Tree> {
  const tree = new Map<string, TreeFile>();
  if (head === null) return tree;
  for await (const record of git.records(['ls-tree', '-r', '-l', '-z', '--full-tree', head])) {
    const [, mode = '', kind, blob = '', bytes, path = ''] = LISTING.exec(record) ?? [];
    if (kind === 'blob' && mode.startsWith('100')) tree.set(path, { path, blob, bytes: Number(bytes) });
  }
  return tree;
}

/** Lines by path, for text files that have any. */
export async function countLines(git: Git, head: string | null): Promise<ReadonlyMap<string, number>> {
  const lines = new Map<string, number>();
  for await (const { path, text } of search(git, head, ['-c', '-e', ''])) lines.set(path, Number(text));
  return lines;
}

export const MARKERS = ['TODO', 'FIXME'] as const;
export type Marker = (typeof MARKERS)[number];

/** Every TODO and FIXME that stands as a word of its own, in text files. */
export async function* findMarkers(git: Git, head: string | null): AsyncGenerator<{ path: string; marker: Marker }, void, void> {
  for await (const { path, text } of search(git, head, ['-o', '-w', '-F', ...MARKERS.flatMap((marker) => ['-e', marker])])) {
    const marker = MARKERS.find((one) => one === text);
    if (marker) yield { path, marker };
  }
}

/** `git grep` prints `commit:path NUL text LF`, and a path may itself hold line feeds. */
async function* search(
  git: Git,
  head: string | null,
  pattern: readonly string[],
): AsyncGenerator<{ path: string; text: string }, void, void> {
  if (head === null) return;
  let start = '';
  const options = { separator: '\n', acceptExitCodes: [0, 1] } as const;
  for await (const line of git.records(
    ['grep', '-I', '-z', '--full-name', '--no-color', '--no-line-number', '--no-column', ...pattern, head, '--'],
    options,
  )) {
    const end = line.indexOf('\0');
    if (end < 0) {
      start += `${line}\n`;
      continue;
    }
    yield { path: (start + line.slice(0, end)).slice(head.length + 1), text: line.slice(end + 1) };
    start = '';
  }
}
