/**
 * From a seed whose story breaks something to the shortest list of choices found that still breaks something.
 *
 * Chunks of choices are taken out, large ones first, then single choices are lowered; what no longer fails is put back. After the end of
 * the list always the first possibility is chosen, so a short list is a simple story.
 */

import { type Pick, recorded, scripted, seeded } from './random.ts';

/** What a story that was told shows. */
export interface Told {
  /** Empty: everything held. */
  readonly violations: readonly string[];
  /** What happened, in order, for people. */
  readonly trace: readonly string[];
}

/** Tells one story: everything that can go one way or another asks `pick`, and nothing else decides. */
export type Tale<Report extends Told = Told> = (pick: Pick) => Promise<Report>;

export interface Finding<Report extends Told = Told> {
  readonly seed: number;
  /** The story that the seed tells. */
  readonly first: Report;
  /** The shortest story that was found. */
  readonly report: Report;
  /** Tell it again with `scripted(choices)`. */
  readonly choices: readonly number[];
  /** For people: what is broken, what happened, and how to tell it again. */
  readonly text: string;
}

export interface ShrinkOptions {
  /** How many stories are told at most. @default 500 */
  readonly maxTries?: number;
}

/** The first of `runs` seeds, from `from`, whose story breaks something, shrunk; undefined when everything holds. */
export async function search<Report extends Told>(
  tell: Tale<Report>,
  { from = 1, runs = 100, ...options }: ShrinkOptions & { readonly from?: number; readonly runs?: number } = {},
): Promise<Finding<Report> | undefined> {
  for (let seed = from; seed < from + runs; seed++) {
    const finding = await investigate(tell, seed, options);
    if (finding) return finding;
  }
  return undefined;
}

/** Tells the story of a seed, and shrinks it when something is broken in it. */
export async function investigate<Report extends Told>(
  tell: Tale<Report>,
  seed: number,
  options: ShrinkOptions = {},
): Promise<Finding<Report> | undefined> {
  const choices: number[] = [];
  const first = await tell(recorded(seeded(seed), choices));
  if (first.violations.length === 0) return undefined;
  const shortest = await shrink(tell, choices, options);
  // A story that is not told alike for the same choices has something in it that does not ask.
  const { report = first, choices: replayable } = shortest ?? { choices };
  const text = textOf(seed, report, replayable, shortest !== undefined);
  return { seed, first, report, choices: replayable, text };
}

/** The shortest list that was found, with its story; undefined when the given one breaks nothing. */
export async function shrink<Report extends Told>(
  tell: Tale<Report>,
  choices: readonly number[],
  { maxTries = 500 }: ShrinkOptions = {},
): Promise<{ readonly choices: readonly number[]; readonly report: Report } | undefined> {
  let best: { readonly choices: readonly number[]; readonly report: Report } | undefined;
  let tries = 0;
  const attempt = async (candidate: readonly number[]): Promise<boolean> => {
    if (tries++ >= maxTries) return false;
    const report = await tell(scripted(candidate));
    if (report.violations.length > 0) best = { choices: withoutEnd(candidate), report };
    return report.violations.length > 0;
  };
  if (!(await attempt(choices))) return undefined;
  const current = () => best?.choices ?? choices;
  for (let before = -1; before !== current().length && tries < maxTries; ) {
    before = current().length;
    for (let size = Math.ceil(before / 2); size > 0; size = Math.floor(size / 2)) {
      for (let start = 0; start < current().length; ) {
        const shorter = current().toSpliced(start, size);
        if (!(await attempt(shorter))) start += size;
      }
    }
    for (let index = 0; index < current().length; index++) await lower(index, current, attempt);
  }
  return best;
}

/** To the first possibility, or the lowest that a halving finds. */
async function lower(index: number, current: () => readonly number[], attempt: (candidate: readonly number[]) => Promise<boolean>) {
  for (let lowest = 0; lowest < (current()[index] ?? 0); ) {
    const choice = current()[index] ?? 0;
    const value = lowest === 0 ? 0 : Math.floor((lowest + choice) / 2);
    if (!(await attempt(current().with(index, value)))) lowest = value + 1;
  }
}

/** After its end a list goes on with zeros. */
function withoutEnd(choices: readonly number[]): readonly number[] {
  return choices.slice(0, choices.findLastIndex((choice) => choice !== 0) + 1);
}

const textOf = (seed: number, { violations, trace }: Told, choices: readonly number[], isReplayable: boolean): string =>
  [
    `seed ${seed}:`,
    ...violations.map((violation) => `  ✗ ${violation}`),
    'what happened:',
    ...trace.map((label, index) => `  ${index + 1}. ${label}`),
    isReplayable
      ? `tell it again: scripted(${JSON.stringify(choices)})`
      : 'it is told otherwise for the same choices: something in it does not ask',
  ].join('\n');
