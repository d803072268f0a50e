/** The report as a page for people. */

import { historySection, hygieneSection } from './markdown-facts.ts';
import type { Report } from './report.ts';
import { andMore, inline, number, percent, person, plural, table } from './text.ts';

export function toMarkdown(report: Report): string {
  const { repository, notes, findings } = report;
  const sections = [
    `# ${inline(repository.name)}: a report on the repository`,
    introduction(report),
    ...notes.map((note) => `> **Note.** ${note}`),
    keyFigures(report),
    findings.length > 0 ? `## What stands out\n\n${findings.map((finding) => `- ${finding}`).join('\n')}` : '',
    ...(repository.head === null
      ? []
      : [historySection(report), hotspotSection(report), couplingSection(report), ownershipSection(report), hygieneSection(report)]),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function introduction({ repository: { head, branch }, history }: Report): string {
  if (head === null) return `Branch ${inline(branch ?? 'HEAD')}, without commits.`;
  const where = branch === null ? 'a detached HEAD' : `branch ${inline(branch)}`;
  return `State of ${where} at ${inline(head.slice(0, 12))}, with history from ${history.first} to ${history.last}. All dates are those of commits, in UTC.`;
}

function keyFigures({ history, hygiene, log, ownership }: Report): string {
  const rows = [
    ['Commits by people', number(history.commits)],
    ['Merges', number(history.merges)],
    ['Commits by bots', number(history.botCommits)],
    ['People', number(history.people)],
    ['Releases', number(history.releases.count)],
    ['Files', number(hygiene.files)],
    ['Lines of code / of tests', `${number(hygiene.codeLines)} / ${number(hygiene.testLines)}`],
    ['Renames followed', number(log.renames)],
    ['Bus factor', ownership.whole ? number(ownership.whole.busFactor) : '–'],
  ];
  return `## Key figures\n\n${table(['', 'Figure:'], rows)}`;
}

function hotspotSection({ hotspots: { files, notRanked } }: Report): string {
  if (files.top.length === 0) return '';
  const rows = files.top.map((file) => [
    inline(file.path),
    file.score.toFixed(1),
    number(file.commits),
    number(file.churn),
    number(file.people),
    number(file.lines),
  ]);
  const unranked = notRanked === 0 ? '' : ` ${plural(notRanked, 'lock or generated file')} ${notRanked === 1 ? 'is' : 'are'} not ranked.`;
  return [
    `## Hotspots\n\nLong files that many people change much: where a clean-up pays most. The score is lines changed × people × lines today, with 100 for the hottest.${unranked}`,
    table(['File', 'Score:', 'Commits:', 'Lines changed:', 'People:', 'Lines today:'], rows) + andMore(files.leftOut, 'file'),
  ].join('\n\n');
}

function couplingSection({ coupling }: Report): string {
  const { pairs, hugeCommits, filesLeftOut, limits } = coupling;
  const huge = hugeCommits === 0 ? '' : ` ${plural(hugeCommits, 'commit')} with more than ${limits.maxCommitFiles} files left out.`;
  const rare = filesLeftOut === 0 ? '' : ` Only the ${number(coupling.files)} files changed most often were compared.`;
  const heading = `## Coupling\n\nFiles that change together, though nothing may say so in the code. Confidence: of the commits that changed the first file, how many changed the second too.${huge}${rare}`;
  if (pairs.top.length === 0)
    return `${heading}\n\nNo two files changed together often enough to say so (${limits.minSupport} commits, a confidence of ${percent(limits.minConfidence)}).`;
  const rows = pairs.top.map((pair) => [
    inline(pair.file),
    inline(pair.partner),
    number(pair.support),
    percent(pair.confidence),
    percent(pair.reverse),
  ]);
  return `${heading}\n\n${table(['File', 'Changes with', 'Together:', 'Confidence:', 'Reverse:'], rows)}${andMore(pairs.leftOut, 'pair')}`;
}

function ownershipSection({ ownership: { folders, depth } }: Report): string {
  if (folders.top.length === 0) return '';
  const rows = folders.top.map(({ folder, changes, people, busFactor, owners }) => [
    inline(folder),
    number(changes),
    number(people),
    number(busFactor),
    owners.map((owner) => `${person(owner.author)} ${percent(owner.share)}`).join(', '),
  ]);
  return [
    `## Ownership\n\nWho changed what exists today, by folder (to ${plural(depth, 'level')}). Bus factor: the fewest people who together made at least half of the changes.`,
    table(['Folder', 'Changes:', 'People:', 'Bus factor:', 'Greatest shares'], rows) + andMore(folders.leftOut, 'folder'),
  ].join('\n\n');
}
