/**
 * Hotspots: files that change much, by many hands, and are long. Score = lines changed × people × lines today,
 * scaled so that the hottest file has 100. Only files that exist today, and that people write.
 */

import { type Commit, isWorkOfPeople } from '../git/commit.ts';
import type { Tree } from '../git/tree.ts';
import { isWrittenByHand } from './file-kinds.ts';
import { type Ranking, rank } from './ranking.ts';

export interface Hotspot {
  readonly path: string;
  readonly score: number;
  readonly commits: number;
  /** Lines added and removed, over its whole history and all its names. */
  readonly churn: number;
  readonly people: number;
  readonly lines: number;
  readonly bytes: number;
}

export interface Hotspots {
  readonly files: Ranking<Hotspot>;
  /** Lock files and generated files, which are not ranked. */
  readonly notRanked: number;
}

interface Changes {
  commits: number;
  churn: number;
  readonly people: Set<string>;
}

export class ChurnCounter {
  readonly #tree: Tree;
  readonly #changes = new Map<string, Changes>();

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  add(commit: Commit): void {
    if (!isWorkOfPeople(commit)) return;
    for (const { path, added, deleted } of commit.files) {
      if (!this.#tree.has(path)) continue;
      const changes = this.#changes.get(path) ?? { commits: 0, churn: 0, people: new Set() };
      changes.commits += 1;
      changes.churn += (added ?? 0) + (deleted ?? 0);
      changes.people.add(commit.author);
      this.#changes.set(path, changes);
    }
  }

  hotspots(lines: ReadonlyMap<string, number>, limit: number): Hotspots {
    const measured: Hotspot[] = [];
    let notRanked = 0;
    for (const [path, { commits, churn, people }] of this.#changes) {
      if (!isWrittenByHand(path)) {
        notRanked += 1;
        continue;
      }
      const length = lines.get(path) ?? 0;
      const score = churn * people.size * length;
      if (score > 0)
        measured.push({ path, score, commits, churn, people: people.size, lines: length, bytes: this.#tree.get(path)?.bytes ?? 0 });
    }
    const { top, leftOut } = rank(
      measured,
      limit,
      (file) => [file.score],
      (file) => file.path,
    );
    const hottest = top[0]?.score ?? 1;
    return { files: { top: top.map((file) => ({ ...file, score: Math.round((file.score / hottest) * 1000) / 10 })), leftOut }, notRanked };
  }
}
