/**
 * Coupling: files that change together.
 *
 * Support is the number of commits that changed both files. Confidence is the share of one file's commits that changed
 * the other too; a pair is told in the direction of its greater confidence.
 *
 * Memory is bounded: only the files changed most often are paired (1,000 files make half a million pairs at most).
 */

import { type Commit, changedPaths, isWorkOfPeople } from '../git/commit.ts';
import { byName, type Ranking, rank, share, tally } from './ranking.ts';

export interface CouplingLimits {
  /** Commits that change more files are left out: they couple everything with everything. */
  readonly maxCommitFiles: number;
  /** Only this many files, those changed most often, are paired. */
  readonly maxFiles: number;
  readonly minSupport: number;
  readonly minConfidence: number;
}

export const COUPLING_LIMITS: CouplingLimits = { maxCommitFiles: 50, maxFiles: 1_000, minSupport: 3, minConfidence: 0.5 };

export interface Pair {
  /** Commits to `file` also change `partner`, with this confidence. */
  readonly file: string;
  readonly partner: string;
  readonly support: number;
  readonly confidence: number;
  /** The confidence in the other direction. */
  readonly reverse: number;
}

export interface Coupling {
  readonly pairs: Ranking<Pair>;
  readonly commits: number;
  /** Commits left out for their size. */
  readonly hugeCommits: number;
  readonly files: number;
  /** Files not paired, because others change more often. */
  readonly filesLeftOut: number;
  readonly limits: CouplingLimits;
}

/** First pass: how often each living file changes. */
export class ChangeCounter {
  readonly #living: { has(path: string): boolean };
  readonly #limits: CouplingLimits;
  readonly #changes = new Map<string, number>();
  commits = 0;
  hugeCommits = 0;

  constructor(living: { has(path: string): boolean }, limits: CouplingLimits) {
    this.#living = living;
    this.#limits = limits;
  }

  add(commit: Commit): void {
    if (!isWorkOfPeople(commit)) return;
    if (commit.files.length > this.#limits.maxCommitFiles) {
      this.hugeCommits += 1;
      return;
    }
    this.commits += 1;
    for (const path of changedPaths(commit)) if (this.#living.has(path)) tally(this.#changes, path);
  }

  mostChanged(): Ranking<readonly [path: string, changes: number]> {
    return rank(
      this.#changes,
      this.#limits.maxFiles,
      ([, changes]) => [changes],
      ([path]) => path,
    );
  }
}

/** Second pass: how often each two of them change together. */
export class PairCounter {
  readonly #counted: ChangeCounter;
  readonly #limits: CouplingLimits;
  readonly #files: Ranking<readonly [path: string, changes: number]>;
  readonly #index: ReadonlyMap<string, number>;
  readonly #support = new Map<number, number>();

  constructor(counted: ChangeCounter, limits: CouplingLimits) {
    this.#counted = counted;
    this.#limits = limits;
    this.#files = counted.mostChanged();
    this.#index = new Map(this.#files.top.map(([path], index) => [path, index]));
  }

  add(commit: Commit): void {
    if (!isWorkOfPeople(commit) || commit.files.length > this.#limits.maxCommitFiles) return;
    const indices: number[] = [];
    for (const path of changedPaths(commit)) {
      const index = this.#index.get(path);
      if (index !== undefined) indices.push(index);
    }
    indices.sort((a, b) => a - b);
    for (const [position, first] of indices.entries()) {
      for (const second of indices.slice(position + 1)) tally(this.#support, first * this.#index.size + second);
    }
  }

  coupling(limit: number): Coupling {
    const { minSupport, minConfidence } = this.#limits;
    const pairs: Pair[] = [];
    for (const [key, support] of this.#support) {
      if (support < minSupport) continue;
      const pair = this.#pair(Math.floor(key / this.#index.size), key % this.#index.size, support);
      if (pair.confidence >= minConfidence) pairs.push(pair);
    }
    return {
      pairs: rank(
        pairs,
        limit,
        (pair) => [pair.support * pair.confidence, pair.support],
        (pair) => `${pair.file}\0${pair.partner}`,
      ),
      commits: this.#counted.commits,
      hugeCommits: this.#counted.hugeCommits,
      files: this.#index.size,
      filesLeftOut: this.#files.leftOut,
      limits: this.#limits,
    };
  }

  #pair(first: number, second: number, support: number): Pair {
    const [a = '', changesOfA = 0] = this.#files.top[first] ?? [];
    const [b = '', changesOfB = 0] = this.#files.top[second] ?? [];
    const isForward = changesOfA < changesOfB || (changesOfA === changesOfB && byName(a, b) < 0);
    const [changesOfFile, changesOfPartner] = isForward ? [changesOfA, changesOfB] : [changesOfB, changesOfA];
    return {
      ...(isForward ? { file: a, partner: b } : { file: b, partner: a }),
      support,
      confidence: share(support, changesOfFile),
      reverse: share(support, changesOfPartner),
    };
  }
}
