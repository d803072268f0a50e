/** Real git repositories with a known history: fixed dates, fixed identities, nothing of the machine's configuration. */

import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runProcess } from 'swarmchart';

export interface CommitSpec {
  /** @default 'Change' */
  readonly message?: string;
  /** @default 'Ann' */
  readonly author?: string;
  /** @default the author in lower case, at example.com */
  readonly email?: string;
  /** @default noon UTC, one day after the commit before; the first is of 2024-01-01 */
  readonly date?: string;
  readonly write?: Readonly<Record<string, string | Uint8Array>>;
  readonly remove?: readonly string[];
  /** Old path to new path. Happens before `write`. */
  readonly rename?: Readonly<Record<string, string>>;
  /** Branch to work on; made at the current commit when there is none of that name. */
  readonly on?: string;
  /** Branch to merge, with a merge commit. */
  readonly merge?: string;
  readonly tag?: string;
}

const FIRST_DAY = Date.UTC(2024, 0, 1, 12);
const DAY_MS = 86_400_000;

export const ISOLATED = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C', TZ: 'UTC' };

export async function git(folder: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { stdout } = await runProcess(['git', '-C', folder, ...args], { env: { ...ISOLATED, ...env } });
  return stdout;
}

/** Makes the folder a repository on branch `main`. Returns the folder. */
export async function buildRepository(folder: string, commits: readonly CommitSpec[]): Promise<string> {
  await mkdir(folder, { recursive: true });
  await git(folder, ['init', '--quiet', '--initial-branch=main']);
  const branches = new Set(['main']);
  for (const [index, commit] of commits.entries()) {
    if (commit.on !== undefined) {
      await git(folder, ['switch', '--quiet', ...(branches.has(commit.on) ? [] : ['--create']), commit.on]);
      branches.add(commit.on);
    }
    await makeCommit(folder, commit, new Date(FIRST_DAY + index * DAY_MS).toISOString());
  }
  return folder;
}

async function makeCommit(folder: string, commit: CommitSpec, day: string): Promise<void> {
  const { message = 'Change', author = 'Ann', email = `${author.toLowerCase().replace(/\s+/g, '.')}@example.com`, date = day } = commit;
  const identity = {
    GIT_AUTHOR_NAME: author,
    GIT_AUTHOR_EMAIL: email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: author,
    GIT_COMMITTER_EMAIL: email,
    GIT_COMMITTER_DATE: date,
  };
  if (commit.merge !== undefined) await git(folder, ['merge', '--quiet', '--no-ff', '--no-commit', commit.merge], identity);
  for (const [from, to] of Object.entries(commit.rename ?? {})) {
    await mkdir(dirname(join(folder, to)), { recursive: true });
    await rename(join(folder, from), join(folder, to));
  }
  for (const path of commit.remove ?? []) await rm(join(folder, path));
  for (const [path, content] of Object.entries(commit.write ?? {})) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  await git(folder, ['add', '--all']);
  await git(folder, ['commit', '--quiet', '--allow-empty', '--no-verify', '--message', message], identity);
  if (commit.tag !== undefined) await git(folder, ['tag', '--annotate', '--message', commit.tag, commit.tag], identity);
}

/** A bare repository of any size within seconds, from a `git fast-import` stream whose branch is `refs/heads/main`. */
export async function importRepository(folder: string, stream: Iterable<string>): Promise<string> {
  await mkdir(folder, { recursive: true });
  await git(folder, ['init', '--quiet', '--bare', '--initial-branch=main']);
  const script = `${folder}.fast-import`;
  await writeFile(script, stream);
  await runProcess(['sh', '-c', 'git -C "$1" fast-import --quiet < "$2"', 'sh', folder, script], { env: ISOLATED });
  await rm(script);
  return folder;
}

/** `count` commits, an hour apart, by five people and a bot, over a few hundred files; every 50th touches `wide` files. */
export function* syntheticHistory(count: number, wide = 60): Generator<string> {
  const start = Date.UTC(2010, 0, 1) / 1000;
  for (let index = 0; index < count; index += 1) {
    const author =
      index % 11 === 0
        ? 'dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>'
        : `Person ${index % 5} <p${index % 5}@example.com>`;
    const date = `${start + index * 3_600} +0000`;
    yield `commit refs/heads/main\nmark :${index + 1}\nauthor ${author} ${date}\ncommitter ${author} ${date}\ndata 6\nChange\n`;
    if (index > 0) yield `from :${index}\n`;
    const files = index % 50 === 0 ? wide : 1 + (index % 4);
    for (let file = 0; file < files; file += 1) {
      const number = files === wide ? file : (index * 7 + file * 3) % 300;
      const text = Array.from({ length: 1 + (index % 20) }, (_, line) => `line ${line} of ${index}\n`).join('');
      yield `M 100644 inline folder${number % 12}/file${number}.ts\ndata ${Buffer.byteLength(text)}\n${text}\n`;
    }
  }
}
