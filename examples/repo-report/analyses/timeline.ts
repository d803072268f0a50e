/** Commits and people over time. Merges and bots are counted apart. */

import type { Commit } from '../git/commit.ts';
import { byName, type Ranking, rank, share, tally } from './ranking.ts';

export interface Period {
  /** `2024` or `2024-05`. */
  readonly period: string;
  /** By people, without merges. */
  readonly commits: number;
  readonly people: number;
  readonly merges: number;
  readonly botCommits: number;
}

export interface Timeline {
  readonly commits: number;
  readonly merges: number;
  readonly botCommits: number;
  readonly people: number;
  readonly bots: readonly string[];
  /** Dates in UTC; null without commits. */
  readonly first: string | null;
  readonly last: string | null;
  readonly activeMonths: number;
  readonly years: readonly Period[];
  /** The most recent months with commits, oldest first. */
  readonly months: readonly Period[];
  readonly monthsLeftOut: number;
  readonly authors: Ranking<{ readonly author: string; readonly commits: number; readonly share: number }>;
}

const MONTHS_SHOWN = 24;

interface Tally {
  commits: number;
  merges: number;
  botCommits: number;
  readonly people: Set<string>;
}

export class TimelineBuilder {
  readonly #years = new Map<string, Tally>();
  readonly #months = new Map<string, Tally>();
  readonly #authors = new Map<string, number>();
  readonly #bots = new Set<string>();
  readonly #total = emptyTally();
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  add(commit: Commit): void {
    const date = isoDate(commit.time);
    const month = date.slice(0, -3);
    for (const tally of [this.#total, tallyOf(this.#years, month.slice(0, -3)), tallyOf(this.#months, month)]) count(tally, commit);
    if (commit.isBot) this.#bots.add(commit.author);
    else if (!commit.isMerge) tally(this.#authors, commit.author);
    this.#first = Math.min(this.#first, commit.time);
    this.#last = Math.max(this.#last, commit.time);
  }

  timeline(limit: number): Timeline {
    const months = periods(this.#months);
    const isEmpty = months.length === 0;
    const authors = [...this.#authors].map(([author, commits]) => ({ author, commits, share: share(commits, this.#total.commits) }));
    return {
      commits: this.#total.commits,
      merges: this.#total.merges,
      botCommits: this.#total.botCommits,
      people: this.#total.people.size,
      bots: [...this.#bots].sort(byName).slice(0, limit),
      first: isEmpty ? null : isoDate(this.#first),
      last: isEmpty ? null : isoDate(this.#last),
      activeMonths: months.length,
      years: periods(this.#years),
      months: months.slice(-MONTHS_SHOWN),
      monthsLeftOut: Math.max(0, months.length - MONTHS_SHOWN),
      authors: rank(
        authors,
        limit,
        (one) => [one.commits],
        (one) => one.author,
      ),
    };
  }
}

/** `2024-05-31`, in UTC. Years before 0 and after 9999 carry a sign, as ISO 8601 has it. */
export const isoDate = (seconds: number): string => new Date(seconds * 1000).toISOString().replace(/T.*$/, '');

const emptyTally = (): Tally => ({ commits: 0, merges: 0, botCommits: 0, people: new Set() });

function tallyOf(tallies: Map<string, Tally>, period: string): Tally {
  const found = tallies.get(period) ?? emptyTally();
  tallies.set(period, found);
  return found;
}

function count(tally: Tally, commit: Commit): void {
  if (commit.isMerge) tally.merges += 1;
  else if (commit.isBot) tally.botCommits += 1;
  else {
    tally.commits += 1;
    tally.people.add(commit.author);
  }
}

const periods = (tallies: ReadonlyMap<string, Tally>): Period[] =>
  [...tallies]
    .sort(([a], [b]) => byName(a, b))
    .map(([period, { commits, people, merges, botCommits }]) => ({ period, commits, people: people.size, merges, botCommits }));
