import { defineTool } from 'swarmchart';
import { AnalysisInput } from '../analyses/analysis-input.ts';
import { ChurnCounter, type Hotspots } from '../analyses/churn.ts';
import { gitIn } from '../git/git.ts';
import { readSpool } from '../git/spool.ts';
import { countLines, readTree } from '../git/tree.ts';

/** Files that change much, by many hands, and are long. */
export const hotspots = defineTool({
  name: 'repo.hotspots',
  description: 'Ranks files by lines changed, people and size.',
  timeoutMs: 600_000,
  input: AnalysisInput,
  async run({ inspection, log, limit }, { signal }): Promise<Hotspots> {
    const git = gitIn(inspection.root, signal);
    const counter = new ChurnCounter(await readTree(git, inspection.head));
    for await (const commit of readSpool(log.spool, signal)) counter.add(commit);
    return counter.hotspots(await countLines(git, inspection.head), limit);
  },
});
