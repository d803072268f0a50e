/** The sections of the page that tell what happened and what there is. */

import type { Report } from './report.ts';
import { andMore, bar, bytes, inline, number, percent, person, plural, table } from './text.ts';
import type { Period } from './timeline.ts';

/** Short histories are told by month, long ones by year. */
const MONTHS_TOLD = 12;

export function historySection({ history }: Report): string {
  const { years, months, monthsLeftOut, authors, releases, bots } = history;
  const isLong = monthsLeftOut > 0 || months.length > MONTHS_TOLD;
  const people = authors.top.map((one) => [person(one.author), number(one.commits), percent(one.share)]);
  const tags = releases.latest.top.map((release) => [inline(release.tag), release.date]);
  return [
    `## History\n\n${plural(history.activeMonths, 'month')} with commits, from ${history.first} to ${history.last}. Merges and bots are counted apart.`,
    isLong ? periods('Year', years) : '',
    periods('Month', months.slice(-MONTHS_TOLD)),
    people.length > 0 ? `### People\n\n${table(['Author', 'Commits:', 'Share:'], people)}${andMore(authors.leftOut, 'author')}` : '',
    bots.length > 0 ? `Bots: ${bots.map(inline).join(', ')}.` : '',
    tags.length > 0 ? `### Releases\n\n${table(['Tag', 'Date'], tags)}${andMore(releases.latest.leftOut, 'release')}` : '',
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function periods(heading: string, shown: readonly Period[]): string {
  const greatest = Math.max(0, ...shown.map((one) => one.commits));
  const rows = shown.map((one) => [
    one.period,
    number(one.commits),
    number(one.people),
    number(one.merges),
    number(one.botCommits),
    bar(one.commits, greatest),
  ]);
  return table([heading, 'Commits:', 'People:', 'Merges:', 'Bots:', ''], rows);
}

export function hygieneSection({ hygiene }: Report): string {
  const { markers, licence, lockFiles, ci, generatedFiles, largeFiles, testsToCode } = hygiene;
  const rows = [
    ['README', hygiene.readme === null ? 'none' : inline(hygiene.readme)],
    ['Licence', licence ? `${inline(licence.path)} (${licence.kind})` : 'none'],
    ['Lock files', listed(lockFiles.top, lockFiles.leftOut)],
    ['CI', listed(ci.top, ci.leftOut)],
    ['TODO / FIXME', `${number(markers.TODO)} / ${number(markers.FIXME)}`],
    ['Tests to code', testsToCode === null ? 'no code recognised' : `${testsToCode.toFixed(2)} lines of tests for each line of code`],
    ['Files', `${number(hygiene.files)} (${number(hygiene.binaryFiles)} binary), ${bytes(hygiene.bytes)}`],
    ['Generated files', listed(generatedFiles.top, generatedFiles.leftOut)],
  ];
  const marked = hygiene.markedFiles.top.map((file) => [inline(file.path), number(file.count)]);
  const large = largeFiles.top.map((file) => [inline(file.path), bytes(file.bytes)]);
  return [
    `## Hygiene\n\n${table(['', ''], rows)}`,
    marked.length > 0
      ? `### Most TODO and FIXME\n\n${table(['File', 'Count:'], marked)}${andMore(hygiene.markedFiles.leftOut, 'file')}`
      : '',
    large.length > 0 ? `### Large files\n\n${table(['File', 'Size:'], large)}${andMore(largeFiles.leftOut, 'file')}` : '',
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const NAMES_LISTED = 3;

function listed(names: readonly string[], leftOut: number): string {
  if (names.length === 0) return 'none';
  const more = names.length + leftOut - NAMES_LISTED;
  return names.slice(0, NAMES_LISTED).map(inline).join(', ') + (more > 0 ? ` and ${number(more)} more` : '');
}
