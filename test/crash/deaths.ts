/** How a life of the process that is to crash ends. */

import { type Pick, seeded } from '../../src/testing/testing.ts';

export type Death =
  | { readonly kind: 'none' }
  /** Killed from outside once it has written so many lines into its ledger, and so many turns of the event loop later. */
  | { readonly kind: 'outside'; readonly lines: number; readonly turns: number }
  /** Killed from outside so many milliseconds after its first line: while it opens its journal and goes on. */
  | { readonly kind: 'starting'; readonly ms: number }
  /** It kills itself at a place. */
  | { readonly kind: 'inside'; readonly at: string };

/** So often a place may be passed before it is the last one: few lives of our work come to their end before. */
const MOST = { effect: 12, rows: 80, commit: 15, heads: 15, disk: 80 } as const;
/** Operations with which a journal is opened, about. */
const OPENING = 12;

const places = Object.entries(MOST);

function deathOf(pick: Pick): Death {
  const kind = pick(10);
  if (kind < 2) return { kind: 'outside', lines: 1 + pick(100), turns: pick(20) };
  if (kind === 2) return { kind: 'starting', ms: pick(80) };
  const moment = ['before', 'torn', 'after'][pick(3)] ?? 'before';
  if (kind === 3) return { kind: 'inside', at: `disk:${1 + pick(OPENING)}:${moment}` };
  const [place, most] = places[pick(places.length)] ?? ['effect', 1];
  return { kind: 'inside', at: `${place}:${1 + pick(most)}${place === 'effect' ? '' : `:${moment}`}` };
}

/** One life in so many gets somewhere: what is recovered too often without progress is given up. */
const GENEROUS = 5;

/** The deaths of a seed, without end. */
export function* deathsOf(seed: number): Generator<Death> {
  const pick = seeded(seed);
  for (let life = 1; ; life++) {
    const death = deathOf(pick);
    yield life % GENEROUS === 0 ? { kind: 'outside', lines: 80 + pick(80), turns: pick(20) } : death;
  }
}

export function describeDeath(death: Death): string {
  if (death.kind === 'outside') return `killed after ${death.lines} lines`;
  if (death.kind === 'starting') return `killed ${death.ms} ms after its first line`;
  return death.kind === 'inside' ? `killed itself at ${death.at}` : 'left alone';
}
