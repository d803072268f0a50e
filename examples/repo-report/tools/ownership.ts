import { defineTool } from 'swarmchart';
import { z } from 'zod';
import { AnalysisInput } from '../analyses/analysis-input.ts';
import { type Ownership, OwnershipCounter } from '../analyses/bus-factor.ts';
import { gitIn } from '../git/git.ts';
import { readSpool } from '../git/spool.ts';
import { readTree } from '../git/tree.ts';

/** Who changes which folder, and on how few people it depends. */
export const ownership = defineTool({
  name: 'repo.ownership',
  description: 'Shares of changes by folder and person, with bus factors.',
  timeoutMs: 600_000,
  input: AnalysisInput.extend({ depth: z.number().int().positive().default(2) }),
  async run({ inspection, log, limit, depth }, { signal }): Promise<Ownership> {
    const tree = await readTree(gitIn(inspection.root, signal), inspection.head);
    const counter = new OwnershipCounter(tree, depth);
    for await (const commit of readSpool(log.spool, signal)) counter.add(commit);
    return counter.ownership(limit);
  },
});
