/**
 * Ownership: who made the changes to the files of a folder. A change is one commit to one file that exists today.
 * Bus factor: the fewest people who together made at least half of the changes.
 */

import { type Commit, changedPaths, isWorkOfPeople } from '../git/commit.ts';
import { folderOf } from './file-kinds.ts';
import { type Ranking, rank, share, tally } from './ranking.ts';

export interface Owner {
  readonly author: string;
  readonly share: number;
}

export interface FolderOwnership {
  readonly folder: string;
  readonly changes: number;
  readonly people: number;
  readonly busFactor: number;
  /** Those with the greatest shares. */
  readonly owners: readonly Owner[];
}

export interface Ownership {
  /** Of the whole repository; null without changes. */
  readonly whole: FolderOwnership | null;
  readonly folders: Ranking<FolderOwnership>;
  readonly folderCount: number;
  /** How many of all folders have a bus factor of 1. */
  readonly onePersonFolders: number;
  /** Folders deeper than this count as part of the one above. */
  readonly depth: number;
}

const OWNERS_SHOWN = 3;

export class OwnershipCounter {
  readonly #living: { has(path: string): boolean };
  readonly #depth: number;
  readonly #folders = new Map<string, Map<string, number>>();
  readonly #whole = new Map<string, number>();

  constructor(living: { has(path: string): boolean }, depth: number) {
    this.#living = living;
    this.#depth = depth;
  }

  add(commit: Commit): void {
    if (!isWorkOfPeople(commit)) return;
    for (const path of changedPaths(commit)) {
      if (!this.#living.has(path)) continue;
      const folder = folderOf(path, this.#depth);
      const changes = this.#folders.get(folder) ?? new Map<string, number>();
      tally(changes, commit.author);
      tally(this.#whole, commit.author);
      this.#folders.set(folder, changes);
    }
  }

  ownership(limit: number): Ownership {
    const folders = [...this.#folders].map(([folder, changes]) => describe(folder, changes));
    return {
      whole: this.#whole.size === 0 ? null : describe('.', this.#whole),
      folders: rank(
        folders,
        limit,
        (folder) => [folder.changes],
        (folder) => folder.folder,
      ),
      folderCount: folders.length,
      onePersonFolders: folders.filter((folder) => folder.busFactor === 1).length,
      depth: this.#depth,
    };
  }
}

/** The fewest of these counts that make up at least half of their sum; 0 for none. */
export function busFactor(counts: Iterable<number>): number {
  const sorted = [...counts].sort((a, b) => b - a);
  const half = sorted.reduce((sum, count) => sum + count, 0) / 2;
  let covered = 0;
  let people = 0;
  while (covered < half) covered += sorted[people++] ?? half;
  return people;
}

function describe(folder: string, byAuthor: ReadonlyMap<string, number>): FolderOwnership {
  const changes = [...byAuthor.values()].reduce((sum, count) => sum + count, 0);
  const { top } = rank(
    byAuthor,
    OWNERS_SHOWN,
    ([, count]) => [count],
    ([author]) => author,
  );
  const owners = top.map(([author, count]) => ({ author, share: share(count, changes) }));
  return { folder, changes, people: byAuthor.size, busFactor: busFactor(byAuthor.values()), owners };
}
