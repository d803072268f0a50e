/** Lists that a person can read: the first few, and how many more there were. Ties go by name, so that order never varies. */

export interface Ranking<T> {
  readonly top: readonly T[];
  readonly leftOut: number;
}

/** The greatest `limit` items by the figures given, the first figure foremost. */
export function rank<T>(items: Iterable<T>, limit: number, figures: (item: T) => readonly number[], name: (item: T) => string): Ranking<T> {
  const sorted = [...items].sort((a, b) => byFigures(figures(a), figures(b)) || byName(name(a), name(b)));
  return { top: sorted.slice(0, limit), leftOut: Math.max(0, sorted.length - limit) };
}

function byFigures(a: readonly number[], b: readonly number[]): number {
  for (const [index, figure] of a.entries()) {
    const difference = (b[index] ?? 0) - figure;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** By code units: the same on every machine, unlike `localeCompare`. */
export const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A part of a whole, from 0 to 1, to four places. */
export const share = (part: number, whole: number): number => (whole === 0 ? 0 : Math.round((part / whole) * 10_000) / 10_000);

export function tally<K>(counts: Map<K, number>, key: K, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
