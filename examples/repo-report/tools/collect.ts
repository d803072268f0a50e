import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { defineTool } from 'swarmchart';
import { z } from 'zod';
import { Census, type Collection } from '../analyses/census.ts';
import type { Commit } from '../git/commit.ts';
import { makeFolder } from '../git/files.ts';
import { type Git, gitIn } from '../git/git.ts';
import { Inspection } from '../git/inspection.ts';
import { logArguments, parseLog } from '../git/log.ts';
import { NewestNames } from '../git/newest-names.ts';
import { writeSpool } from '../git/spool.ts';
import { readTree } from '../git/tree.ts';

/** Reads the whole history in one pass into a spool file that the analyses share. Memory: one commit, and the names of files. */
export const collect = defineTool({
  name: 'repo.collect',
  description: 'Reads the history once and keeps it in a file for the analyses.',
  timeoutMs: 1_800_000,
  input: z.object({ inspection: Inspection, out: z.string().min(1) }),
  async run({ inspection, out }, { signal, idempotencyKey, log }): Promise<Collection> {
    const { root, head } = inspection;
    const folder = join(resolve(out), '.work');
    await makeFolder(folder);
    const spool = join(folder, `commits-${createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 16)}.jsonl`);

    const git = gitIn(root, signal);
    const names = new NewestNames(new Set((await readTree(git, head)).keys()));
    const census = new Census();
    let boundaryCommits = 0;
    const boundary = inspection.isShallow ? await shallowBoundary(git, root) : new Set<string>();

    async function* commits(): AsyncGenerator<Commit, void, void> {
      if (head === null) return;
      for await (const logged of parseLog(git.records(logArguments(head)))) {
        // At the edge of a shallow clone every file looks new, which would make one author the owner of everything.
        const isAtBoundary = boundary.has(logged.hash);
        if (isAtBoundary) boundaryCommits += 1;
        const commit = isAtBoundary ? { ...logged, files: [] } : logged;
        census.add(commit);
        yield names.apply(commit);
      }
    }
    await writeSpool(spool, commits(), () => names.lateNames());
    const collection = { spool, boundaryCommits, ...census.counts() };
    log.info({ commits: collection.commits }, 'history collected');
    return collection;
  },
});

async function shallowBoundary(git: Git, root: string): Promise<ReadonlySet<string>> {
  const { stdout } = await git.text(['rev-parse', '--git-path', 'shallow']);
  const list = await readFile(resolve(root, stdout.replace(/\n$/, '')), 'utf8');
  return new Set(list.split('\n').filter(Boolean));
}
