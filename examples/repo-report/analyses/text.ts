/** Words, figures and tables for Markdown, safe for any file name. */

/** Code in running text or in a table cell: no backtick, pipe or line feed of a name can break out of it. */
export function inline(name: string): string {
  const visible = name
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => JSON.stringify(character).slice(1, -1))
    .replaceAll('|', '\\|');
  const longest = Math.max(0, ...[...visible.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const isPadded = visible.startsWith('`') || visible.endsWith('`') || visible.trim() === '';
  return isPadded ? `${fence} ${visible} ${fence}` : `${fence}${visible}${fence}`;
}

/** A person's name in a table cell: as text, with nothing in it that Markdown or HTML would act on. */
export const person = (name: string): string => name.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>|#~&!]/g, '\\$&');

export const number = (value: number): string => value.toLocaleString('en-US');
export const percent = (ratio: number): string => (ratio > 0 && ratio < 0.005 ? '< 1 %' : `${Math.round(ratio * 100)} %`);
export const plural = (count: number, noun: string): string => `${number(count)} ${noun}${count === 1 ? '' : 's'}`;

export function bytes(value: number): string {
  const unit = ['B', 'KiB', 'MiB', 'GiB', 'TiB'].findIndex((_, power) => value < 1024 ** (power + 1));
  const power = unit < 0 ? 4 : unit;
  return `${power === 0 ? value : (value / 1024 ** power).toFixed(1)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`;
}

const BAR_LENGTH = 24;
export const bar = (value: number, greatest: number): string => '█'.repeat(greatest === 0 ? 0 : Math.ceil((value / greatest) * BAR_LENGTH));

/** A table, aligned so that it reads well as text too. Columns are right-aligned where the heading ends in a colon. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const isFigure = headings.map((heading) => heading.endsWith(':'));
  const titles = headings.map((heading) => heading.replace(/:$/, ''));
  const widths = titles.map((title, column) =>
    rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), Math.max(3, title.length)),
  );
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, column) => (isFigure[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)));
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map((width, column) => (isFigure[column] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return [line(titles), line(rule), ...rows.map(line)].join('\n');
}

/** Nothing where nothing was left out. */
export const andMore = (leftOut: number, noun: string): string => (leftOut === 0 ? '' : `\n\n…and ${plural(leftOut, `more ${noun}`)}.`);
