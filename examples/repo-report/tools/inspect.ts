import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { defineTool, SwarmchartError } from 'swarmchart';
import { z } from 'zod';
import { type Git, gitIn } from '../git/git.ts';
import type { Inspection } from '../git/inspection.ts';

/** Finds out whether there is a repository that can be reported on, and pins the commit that the report is about. */
export const inspect = defineTool({
  name: 'repo.inspect',
  description: 'Checks that a folder is a git repository and says what state it is in.',
  timeoutMs: 60_000,
  input: z.object({ repo: z.string().min(1) }),
  async run({ repo }, { signal }): Promise<Inspection> {
    const folder = resolve(repo);
    await requireFolder(folder, repo);
    const here = gitIn(folder, signal);
    const gitVersion = await versionOf(here);
    const root = await rootOf(here, repo);
    const git = gitIn(root, signal);
    await refusePartialClone(git, repo);
    const head = await answer(git, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']);
    return {
      root,
      name: nameOf(root),
      head,
      branch: await answer(git, ['symbolic-ref', '--quiet', '--short', 'HEAD']),
      isShallow: (await answer(git, ['rev-parse', '--is-shallow-repository'])) === 'true',
      commits: head === null ? 0 : Number(await answer(git, ['rev-list', '--count', head])),
      tags: lines(await answer(git, ['for-each-ref', '--format=%(refname)', 'refs/tags'])),
      gitVersion,
    };
  },
});

async function requireFolder(folder: string, repo: string): Promise<void> {
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new SwarmchartError('INVALID_INPUT', `There is no folder "${repo}"`);
}

async function versionOf(git: Git): Promise<string> {
  try {
    const { stdout } = await git.text(['--version']);
    return stdout.replace('git version ', '').trim();
  } catch (error) {
    if (!(error instanceof SwarmchartError) || error.code !== 'PROCESS_NOT_FOUND') throw error;
    throw new SwarmchartError('PROCESS_NOT_FOUND', 'git was not found: install it, or put it on the PATH', { cause: error });
  }
}

async function rootOf(git: Git, repo: string): Promise<string> {
  const isInWorkTree = await git.text(['rev-parse', '--is-inside-work-tree']).catch((error: unknown) => {
    throw explain(error, repo);
  });
  const { stdout } = await git.text(['rev-parse', isInWorkTree.stdout.trim() === 'true' ? '--show-toplevel' : '--absolute-git-dir']);
  return stdout.replace(/\n$/, '');
}

function explain(error: unknown, repo: string): unknown {
  if (!(error instanceof SwarmchartError)) return error;
  const { stderr: told } = error.context ?? {};
  const stderr = String(told ?? '');
  if (stderr.includes('not a git repository')) {
    return new SwarmchartError('INVALID_INPUT', `"${repo}" is not a git repository, and no folder above it is one`, { cause: error });
  }
  if (stderr.includes('dubious ownership')) {
    return new SwarmchartError('INVALID_INPUT', `git does not trust "${repo}", because it belongs to someone else: ${stderr}`, {
      cause: error,
    });
  }
  return error;
}

/** Reading the history of a partial clone would fetch file contents over the network. */
async function refusePartialClone(git: Git, repo: string): Promise<void> {
  if ((await answer(git, ['config', '--get-regexp', '^(extensions\\.partialclone|remote\\..*\\.promisor)$'])) === null) return;
  throw new SwarmchartError('INVALID_INPUT', `"${repo}" is a partial clone: fetch all of it first (git fetch --refetch --no-filter)`);
}

/** What git prints, or null where it has no answer. */
async function answer(git: Git, args: readonly string[]): Promise<string | null> {
  const { exitCode, stdout } = await git.text(args, { acceptExitCodes: [0, 1] });
  return exitCode === 0 ? stdout.trim() : null;
}

const lines = (text: string | null): number => (text ? text.split('\n').length : 0);

const nameOf = (root: string): string => (basename(root) === '.git' ? basename(dirname(root)) : basename(root).replace(/\.git$/, ''));
