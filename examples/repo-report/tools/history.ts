import { defineTool } from 'swarmchart';
import { AnalysisInput } from '../analyses/analysis-input.ts';
import { releasesOf, type Tag } from '../analyses/releases.ts';
import type { History } from '../analyses/report.ts';
import { TimelineBuilder } from '../analyses/timeline.ts';
import { type Git, gitIn } from '../git/git.ts';
import { readSpool } from '../git/spool.ts';

/** Commits and people over time, and releases. */
export const history = defineTool({
  name: 'repo.history',
  description: 'Counts commits and people by month and year, and lists releases.',
  timeoutMs: 600_000,
  input: AnalysisInput,
  async run({ inspection, log, limit }, { signal }): Promise<History> {
    const builder = new TimelineBuilder();
    for await (const commit of readSpool(log.spool, signal)) builder.add(commit);
    const tags = await readTags(gitIn(inspection.root, signal));
    return { ...builder.timeline(limit), releases: releasesOf(tags, limit) };
  },
});

/** Tags with a date. Those of a tree or a blob have none. */
async function readTags(git: Git): Promise<Tag[]> {
  const tags: Tag[] = [];
  const format = '--format=%(creatordate:unix) %(refname:strip=2)';
  for await (const line of git.records(['for-each-ref', format, 'refs/tags'], { separator: '\n' })) {
    const [, time, name] = /^(\d+) (.+)$/.exec(line) ?? [];
    if (time !== undefined && name !== undefined) tags.push({ name, time: Number(time) });
  }
  return tags;
}
