/** What is counted while the history is read. */

import { z } from 'zod';
import type { Commit } from '../git/commit.ts';

export const Collection = z.object({
  /** Path of the spool file. */
  spool: z.string(),
  commits: z.number(),
  merges: z.number(),
  botCommits: z.number(),
  renames: z.number(),
  binaryChanges: z.number(),
  largestCommit: z.object({ hash: z.string(), files: z.number() }).nullable(),
  /** Commits at the edge of a shallow clone, whose changes are unknown. */
  boundaryCommits: z.number(),
});
export type Collection = z.infer<typeof Collection>;

export class Census {
  #commits = 0;
  #merges = 0;
  #botCommits = 0;
  #renames = 0;
  #binaryChanges = 0;
  #largestCommit: { hash: string; files: number } | null = null;

  add(commit: Commit): void {
    this.#commits += 1;
    if (commit.isMerge) this.#merges += 1;
    if (commit.isBot) this.#botCommits += 1;
    for (const file of commit.files) {
      if (file.from !== undefined) this.#renames += 1;
      if (file.added === null) this.#binaryChanges += 1;
    }
    if (commit.files.length > (this.#largestCommit?.files ?? 0)) this.#largestCommit = { hash: commit.hash, files: commit.files.length };
  }

  counts(): Omit<Collection, 'spool' | 'boundaryCommits'> {
    return {
      commits: this.#commits,
      merges: this.#merges,
      botCommits: this.#botCommits,
      renames: this.#renames,
      binaryChanges: this.#binaryChanges,
      largestCommit: this.#largestCommit,
    };
  }
}
