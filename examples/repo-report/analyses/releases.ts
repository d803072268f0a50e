/** Releases, as tags tell of them. */

import { type Ranking, rank } from './ranking.ts';
import { isoDate } from './timeline.ts';

export interface Releases {
  readonly count: number;
  /** Newest first. */
  readonly latest: Ranking<{ readonly tag: string; readonly date: string }>;
  /** Null with fewer than two releases. */
  readonly medianDaysBetween: number | null;
  /** Tags that do not look like a version. */
  readonly otherTags: number;
}

export interface Tag {
  readonly name: string;
  /** When it was made, or else when its commit was; seconds since the epoch. */
  readonly time: number;
}

const VERSION = /(^|[^0-9a-z])v?\d+(\.\d+)+/i;
const SECONDS_A_DAY = 86_400;

export function releasesOf(tags: readonly Tag[], limit: number): Releases {
  const releases = tags.filter((tag) => VERSION.test(tag.name));
  const newestFirst = rank(
    releases,
    limit,
    (tag) => [tag.time],
    (tag) => tag.name,
  );
  return {
    count: releases.length,
    latest: { top: newestFirst.top.map(({ name, time }) => ({ tag: name, date: isoDate(time) })), leftOut: newestFirst.leftOut },
    medianDaysBetween: medianGap(releases.map((tag) => tag.time)),
    otherTags: tags.length - releases.length,
  };
}

function medianGap(times: readonly number[]): number | null {
  const sorted = [...times].sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((time, index) => (time - (sorted[index] ?? time)) / SECONDS_A_DAY);
  if (gaps.length === 0) return null;
  gaps.sort((a, b) => a - b);
  const middle = gaps.length / 2;
  const median = ((gaps[Math.ceil(middle) - 1] ?? 0) + (gaps[Math.floor(middle)] ?? 0)) / 2;
  return Math.round(median * 10) / 10;
}
