/** The demo's report in a few lines, read from the `report.json` that its last step has written. */

import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const ranking = <Item extends z.ZodType>(item: Item) => z.object({ top: z.array(item) });

const Report = z.object({
  repository: z.object({ name: z.string() }),
  notes: z.array(z.string()),
  history: z.object({
    commits: z.number(),
    merges: z.number(),
    people: z.number(),
    first: z.string().nullable(),
    last: z.string().nullable(),
  }),
  hotspots: z.object({ files: ranking(z.object({ path: z.string(), commits: z.number(), churn: z.number(), people: z.number() })) }),
  coupling: z.object({ pairs: ranking(z.object({ file: z.string(), partner: z.string(), support: z.number(), confidence: z.number() })) }),
  ownership: z.object({
    whole: z.object({ busFactor: z.number(), owners: z.array(z.object({ author: z.string(), share: z.number() })) }).nullable(),
  }),
  hygiene: z.object({
    files: z.number(),
    markers: z.record(z.string(), z.number()),
    licence: z.object({ kind: z.string() }).nullable(),
    readme: z.string().nullable(),
    lockFiles: ranking(z.string()),
    testsToCode: z.number().nullable(),
  }),
});
export type Report = z.infer<typeof Report>;

export const readReport = async (path: string): Promise<Report> => Report.parse(JSON.parse(await readFile(path, 'utf8')));

const HOTSPOTS_SHOWN = 3;

export function summaryTable({ repository, notes, history, hotspots, coupling, ownership, hygiene }: Report): string {
  const [pair] = coupling.pairs.top;
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['Repository', [repository.name]],
    ['Commits', [`${history.commits}${period(history)}`]],
    ['Authors', [String(history.people)]],
    [
      'Hotspots',
      hotspots.files.top
        .slice(0, HOTSPOTS_SHOWN)
        .map(({ path, commits, people }) => `${path}  ${plural(commits, 'commit')}, ${plural(people, 'person', 'people')}`),
    ],
    ['Coupling', pair ? [`${pair.file} → ${pair.partner}  ${percent(pair.confidence)} of its changes (${pair.support} commits)`] : []],
    ['Bus factor', ownership.whole ? [`${ownership.whole.busFactor}${owners(ownership.whole)}`] : []],
    ['Hygiene', [hygieneLine(hygiene)]],
    ['Note', notes],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows
    .filter(([name, lines]) => name !== 'Note' || lines.length > 0)
    .flatMap(([name, lines]) =>
      (lines.length === 0 ? ['–'] : lines).map((line, index) => `${(index === 0 ? name : '').padEnd(width)}  ${line}`),
    )
    .join('\n');
}

const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
const percent = (share: number): string => `${Math.round(share * 100)} %`;
const period = ({ first, last }: Report['history']): string => (first && last ? `  ${first} to ${last}` : '');

function owners({ owners: [first] }: NonNullable<Report['ownership']['whole']>): string {
  return first ? `  ${first.author} made ${percent(first.share)} of the changes` : '';
}

function hygieneLine({ files, markers, licence, readme, lockFiles, testsToCode }: Report['hygiene']): string {
  const marked = Object.entries(markers).map(([marker, count]) => `${count} ${marker}`);
  return [
    plural(files, 'file'),
    ...marked,
    licence ? `licence ${licence.kind}` : 'no licence',
    ...(readme ? [] : ['no README']),
    lockFiles.top.length > 0 ? plural(lockFiles.top.length, 'lock file') : 'no lock file',
    ...(testsToCode === null ? [] : [`${testsToCode.toFixed(2)} lines of tests for each line of code`]),
  ].join(', ');
}
