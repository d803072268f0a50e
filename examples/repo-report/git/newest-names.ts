/**
 * Which name a file bears today, learned from renames while walking the history from the newest commit to the oldest.
 *
 * A branch may go on changing a file under its old name after the main line renamed it. Such changes are met before the
 * rename is; `lateNames` gives the names that turned out to be old ones.
 */

import type { Commit } from './commit.ts';

/** Pairs of an old name and the newest. */
export type LateNames = readonly (readonly [name: string, newest: string])[];

export class NewestNames {
  readonly #living: ReadonlySet<string>;
  readonly #newest = new Map<string, string>();
  readonly #unexplained = new Set<string>();

  /** @param living Paths that exist today, and so are nobody's old name while unrenamed. */
  constructor(living: ReadonlySet<string>) {
    this.#living = living;
  }

  /** The commit with today's names. Call once for each commit, children before parents. */
  apply(commit: Commit): Commit {
    const names = commit.files.map((file) => this.#nameOf(file.path));
    const files = commit.files.map(({ from, added, deleted }, index) => {
      const path = names[index] ?? '';
      if (from !== undefined) this.#newest.set(from, path);
      return { path, added, deleted };
    });
    return { ...commit, files };
  }

  /** Names handed out so far that a rename met later explains, with the newest name of each. Sorted by name. */
  lateNames(): LateNames {
    const late: [string, string][] = [];
    for (const name of this.#unexplained) {
      const newest = this.#follow(name);
      if (newest !== name) late.push([name, newest]);
    }
    return late.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #nameOf(path: string): string {
    const newest = this.#newest.get(path);
    if (newest !== undefined) return newest;
    if (!this.#living.has(path)) this.#unexplained.add(path);
    return path;
  }

  #follow(name: string): string {
    const seen = new Set<string>();
    let current = name;
    while (!seen.has(current) && !this.#living.has(current)) {
      seen.add(current);
      current = this.#newest.get(current) ?? current;
    }
    return current;
  }
}
