/** What somebody wants to hear of the facts that a pattern matches, and as what: user code, so that it may throw anything. */

import type { Fact } from '../../machines/protocol/facts.ts';
import { isPromise } from './waiting.ts';

export interface Sieve {
  /** Only the facts for which it gives true. */
  readonly filter?: (fact: Fact) => boolean | null | undefined;
  /** What is heard instead of the fact. */
  readonly transform?: (fact: Fact) => unknown;
}

/** What passes, or undefined when nothing does. Throws what the filter and the transform throw, and for those that answer later. */
export function sifted(fact: Fact, { filter, transform }: Sieve): { readonly value: unknown } | undefined {
  if (filter && !atOnce('filter', filter(fact))) return undefined;
  return { value: transform ? atOnce('transform', transform(fact)) : fact };
}

/** A promise is true whatever it is kept with, and nobody would wait for it. */
function atOnce<Answer>(what: string, answer: Answer): Answer {
  if (!isPromise(answer)) return answer;
  Promise.resolve(answer).catch(() => undefined);
  throw new TypeError(`a ${what} must answer at once, not with a promise`);
}
