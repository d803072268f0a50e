/** Hygiene: what a newcomer or a packager looks for first. */

import { MARKERS, type Marker, type Tree, type TreeFile } from '../git/tree.ts';
import { isCi, isCode, isGenerated, isLicence, isLockFile, isReadme, isTest, isWrittenByHand } from './file-kinds.ts';
import { byName, type Ranking, rank, share, tally } from './ranking.ts';

export interface Hygiene {
  readonly files: number;
  readonly binaryFiles: number;
  readonly bytes: number;
  readonly markers: Readonly<Record<Marker, number>>;
  readonly markedFiles: Ranking<{ readonly path: string; readonly count: number }>;
  readonly licence: { readonly path: string; readonly kind: string } | null;
  readonly readme: string | null;
  readonly lockFiles: Ranking<string>;
  readonly ci: Ranking<string>;
  readonly largeFiles: Ranking<{ readonly path: string; readonly bytes: number }>;
  readonly largeFileBytes: number;
  readonly generatedFiles: Ranking<string>;
  readonly codeLines: number;
  readonly testLines: number;
  /** Lines of tests for each line of code; null without code. */
  readonly testsToCode: number | null;
}

/** How often each marker stands in each file that people write. */
export class MarkerCounter {
  readonly #markers = new Map<Marker, number>();
  readonly #files = new Map<string, number>();

  add(path: string, marker: Marker): void {
    if (!isWrittenByHand(path)) return;
    tally(this.#markers, marker);
    tally(this.#files, path);
  }

  counts(): Readonly<Record<Marker, number>> {
    return Object.fromEntries(MARKERS.map((marker) => [marker, this.#markers.get(marker) ?? 0])) as Record<Marker, number>;
  }

  files(limit: number): Hygiene['markedFiles'] {
    const files = [...this.#files].map(([path, count]) => ({ path, count }));
    return rank(
      files,
      limit,
      (file) => [file.count],
      (file) => file.path,
    );
  }
}

/** The licence that counts when there are several: the shortest name first, then the alphabet. */
export function findLicence(tree: Tree): TreeFile | undefined {
  const found = [...tree.values()].filter((file) => isLicence(file.path));
  return found.sort((a, b) => a.path.length - b.path.length || byName(a.path, b.path))[0];
}

export function hygieneOf(
  tree: Tree,
  lines: ReadonlyMap<string, number>,
  markers: MarkerCounter,
  licence: Hygiene['licence'],
  options: { readonly limit: number; readonly largeFileBytes: number },
): Hygiene {
  const { limit, largeFileBytes } = options;
  const files = [...tree.values()];
  const paths = files.map((file) => file.path);
  const linesOf = (chosen: readonly string[]): number => chosen.reduce((sum, path) => sum + (lines.get(path) ?? 0), 0);
  const code = paths.filter(isCode);
  const codeLines = linesOf(code.filter((path) => !isTest(path)));
  const testLines = linesOf(code.filter(isTest));
  return {
    files: files.length,
    binaryFiles: files.filter((file) => file.bytes > 0 && !lines.has(file.path)).length,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    markers: markers.counts(),
    markedFiles: markers.files(limit),
    licence,
    readme: paths.filter(isReadme).sort(byName)[0] ?? null,
    lockFiles: alphabetical(paths.filter(isLockFile), limit),
    ci: alphabetical(paths.filter(isCi), limit),
    largeFiles: rank(
      files.filter((file) => file.bytes >= largeFileBytes).map(({ path, bytes }) => ({ path, bytes })),
      limit,
      (file) => [file.bytes],
      (file) => file.path,
    ),
    largeFileBytes,
    generatedFiles: alphabetical(paths.filter(isGenerated), limit),
    codeLines,
    testLines,
    testsToCode: codeLines === 0 ? null : share(testLines, codeLines),
  };
}

const alphabetical = (paths: readonly string[], limit: number): Ranking<string> =>
  rank(
    paths,
    limit,
    () => [],
    (path) => path,
  );
