import { defineTool } from 'swarmchart';
import { z } from 'zod';
import { findLicence, type Hygiene, hygieneOf, MarkerCounter } from '../analyses/housekeeping.ts';
import { licenceKind } from '../analyses/licences.ts';
import { type Git, gitIn } from '../git/git.ts';
import { Inspection } from '../git/inspection.ts';
import { countLines, findMarkers, readTree, type TreeFile } from '../git/tree.ts';

/** Longer texts than this are no licence. */
const MAX_LICENCE_BYTES = 1024 * 1024;

/** What the newest commit holds: licence, readme, lock files, markers, large and generated files, tests. */
export const hygiene = defineTool({
  name: 'repo.hygiene',
  description: 'Looks for TODO and FIXME, licence, lock files, large and generated files, and tests.',
  timeoutMs: 600_000,
  input: z.object({
    inspection: Inspection,
    limit: z.number().int().positive().default(20),
    largeFileBytes: z
      .number()
      .int()
      .positive()
      .default(1024 * 1024),
  }),
  async run({ inspection, limit, largeFileBytes }, { signal }): Promise<Hygiene> {
    const { root, head } = inspection;
    const git = gitIn(root, signal);
    const tree = await readTree(git, head);
    const lines = await countLines(git, head);
    const markers = new MarkerCounter();
    for await (const { path, marker } of findMarkers(git, head)) markers.add(path, marker);
    return hygieneOf(tree, lines, markers, await readLicence(git, findLicence(tree)), { limit, largeFileBytes });
  },
});

async function readLicence(git: Git, file: TreeFile | undefined): Promise<Hygiene['licence']> {
  if (!file) return null;
  if (file.bytes > MAX_LICENCE_BYTES) return { path: file.path, kind: 'unknown' };
  const { stdout } = await git.text(['cat-file', 'blob', file.blob]);
  return { path: file.path, kind: licenceKind(stdout) };
}
