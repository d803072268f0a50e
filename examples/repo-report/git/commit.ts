/** A commit as the analyses see it. */

export interface FileChange {
  readonly path: string;
  /** The earlier path, when this commit renamed the file. */
  readonly from?: string;
  /** Null for binary files. */
  readonly added: number | null;
  readonly deleted: number | null;
}

export interface Commit {
  readonly hash: string;
  /** When it was written (author date), in seconds since the epoch. */
  readonly time: number;
  /** After mailmap. People are told apart by name, as `git shortlog` does. */
  readonly author: string;
  readonly isBot: boolean;
  /** Merges are counted, but their file changes are those of the commits they bring in, so they have none of their own. */
  readonly isMerge: boolean;
  readonly files: readonly FileChange[];
}

/** Whether a commit says something about how people change the files. */
export const isWorkOfPeople = (commit: Commit): boolean => !commit.isMerge && !commit.isBot;

export const changedPaths = (commit: Commit): ReadonlySet<string> => new Set(commit.files.map((file) => file.path));
