import { join, resolve } from 'node:path';
import { defineTool } from 'swarmchart';
import { z } from 'zod';
import type { Ownership } from '../analyses/bus-factor.ts';
import { Collection } from '../analyses/census.ts';
import type { Hotspots } from '../analyses/churn.ts';
import { findingsIn, notesOn } from '../analyses/findings.ts';
import type { Hygiene } from '../analyses/housekeeping.ts';
import { toMarkdown } from '../analyses/markdown.ts';
import type { Coupling } from '../analyses/pairs.ts';
import type { History, Report } from '../analyses/report.ts';
import { makeFolder, writeWhole } from '../git/files.ts';
import { Inspection } from '../git/inspection.ts';
import { removeSpool } from '../git/spool.ts';

export interface Written {
  /** Absolute paths. */
  readonly markdown: string;
  readonly json: string;
  readonly summary: {
    readonly repository: string;
    readonly commits: number;
    readonly people: number;
    readonly files: number;
    readonly busFactor: number | null;
    readonly notes: readonly string[];
    readonly findings: readonly string[];
  };
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

/** Writes `report.md` and `report.json`, each whole or not at all, and removes the spool. */
export const write = defineTool({
  name: 'repo.write',
  description: 'Writes the report as Markdown and as JSON.',
  timeoutMs: 60_000,
  input: z.object({
    out: z.string().min(1),
    inspection: Inspection,
    log: Collection,
    history: z.custom<History>(isObject),
    hotspots: z.custom<Hotspots>(isObject),
    coupling: z.custom<Coupling>(isObject),
    ownership: z.custom<Ownership>(isObject),
    hygiene: z.custom<Hygiene>(isObject),
  }),
  async run({ out, inspection, log: { spool, ...log }, ...analyses }, { signal }): Promise<Written> {
    const { name, head, branch, isShallow } = inspection;
    const report: Report = {
      format: 'repo-report/1',
      repository: { name, head, branch, isShallow },
      notes: notesOn(inspection, { spool, ...log }),
      findings: findingsIn(analyses),
      log,
      ...analyses,
    };
    const folder = resolve(out);
    const [markdown, json] = [join(folder, 'report.md'), join(folder, 'report.json')];
    await makeFolder(folder);
    signal.throwIfAborted();
    await writeWhole(json, `${JSON.stringify(report, null, 2)}\n`);
    await writeWhole(markdown, toMarkdown(report));
    await removeSpool(spool);
    return { markdown, json, summary: summaryOf(report) };
  },
});

const summaryOf = ({ repository, history, hygiene, ownership, notes, findings }: Report): Written['summary'] => ({
  repository: repository.name,
  commits: history.commits,
  people: history.people,
  files: hygiene.files,
  busFactor: ownership.whole?.busFactor ?? null,
  notes,
  findings,
});
