import { defineTool } from 'swarmchart';
import { z } from 'zod';
import { AnalysisInput } from '../analyses/analysis-input.ts';
import { ChangeCounter, COUPLING_LIMITS, type Coupling, PairCounter } from '../analyses/pairs.ts';
import { gitIn } from '../git/git.ts';
import { readSpool } from '../git/spool.ts';
import { readTree } from '../git/tree.ts';

/** Files that change together. Reads the history twice: first to choose the files, then to pair them. */
export const coupling = defineTool({
  name: 'repo.coupling',
  description: 'Finds files that change together, with support and confidence.',
  timeoutMs: 600_000,
  input: AnalysisInput.extend({
    maxCommitFiles: z.number().int().positive().default(COUPLING_LIMITS.maxCommitFiles),
    maxFiles: z.number().int().positive().max(5_000).default(COUPLING_LIMITS.maxFiles),
    minSupport: z.number().int().positive().default(COUPLING_LIMITS.minSupport),
    minConfidence: z.number().min(0).max(1).default(COUPLING_LIMITS.minConfidence),
  }),
  async run({ inspection, log, limit, ...limits }, { signal }): Promise<Coupling> {
    const tree = await readTree(gitIn(inspection.root, signal), inspection.head);
    const changes = new ChangeCounter(tree, limits);
    for await (const commit of readSpool(log.spool, signal)) changes.add(commit);
    const pairs = new PairCounter(changes, limits);
    for await (const commit of readSpool(log.spool, signal)) pairs.add(commit);
    return pairs.coupling(limit);
  },
});
