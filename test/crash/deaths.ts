/** How a life of the process that is to crash ends. */

import type { Pick } from '../../src/testing/testing.ts';

export type Death =
  | { readonly kind: 'none' }
  /** Killed from outside once it has written so many lines into its ledger, and so many turns of the event loop later. */
  | { readonly kind: 'outside'; readonly lines: number; readonly turns: number }
  /** Killed from outside so many milliseconds after its first line: while it opens its journal and goes on. */
  | { readonly kind: 'starting'; readonly ms: number }
  /** It kills itself, at the place that is told. */
  | { readonly kind: 'inside'; readonly at: string };

/** Operations on the disk after which a thread may die: from the first when it opens the file on. */
const OPERATIONS = 150;

export function deathOf(pick: Pick): Death {
  const kind = pick(8);
  if (kind < 2) return { kind: 'outside', lines: 1 + pick(200), turns: pick(20) };
  if (kind === 2) return { kind: 'starting', ms: pick(60) };
  if (kind < 5) return { kind: 'inside', at: `effect:${1 + pick(15)}` };
  const moment = ['before', 'torn', 'after'][pick(3)] ?? 'before';
  return { kind: 'inside', at: `storage:${1 + pick(kind === 5 ? 12 : OPERATIONS)}:${moment}` };
}

export function describeDeath(death: Death): string {
  if (death.kind === 'outside') return `killed after ${death.lines} lines`;
  if (death.kind === 'starting') return `killed ${death.ms} ms after its first line`;
  return death.kind === 'inside' ? `killed itself at ${death.at}` : 'left alone';
}
