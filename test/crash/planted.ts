/** A journal as a witness sees it; and journals with a defect, which the harness must find. */

import type { Fact, Journal } from '../../src/index.ts';

/** `early`: says committed before it is. `forgetful`: of a step that has completed it forgets that. */
export type Defect = 'early' | 'forgetful';

type Append = Journal['append'];

/** The same journal with some of its methods replaced. */
const replacing = (journal: Journal, methods: Partial<Journal>): Journal =>
  new Proxy(journal, {
    get(target, name) {
      const value = methods[name as keyof Journal] ?? Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

/** Hears of every append once it is committed, before anybody acts on it. */
export const witnessed = (journal: Journal, hear: (stream: string, facts: readonly Fact[]) => void): Journal =>
  replacing(journal, {
    append(stream, expectedSeq, facts) {
      const committed = journal.append(stream, expectedSeq, facts);
      if (committed) return committed.then(() => hear(stream, facts));
      hear(stream, facts);
      return undefined;
    },
  });

export function withDefect(journal: Journal, defect: Defect | undefined): Journal {
  if (defect === 'early') return replacing(journal, { append: appendingLater(journal) });
  return defect === 'forgetful' ? replacing(journal, { read: async (...asked) => (await journal.read(...asked)).map(forgotten) }) : journal;
}

/** Each append waits for the next ten. */
function appendingLater(journal: Journal): Append {
  const waiting: Parameters<Append>[] = [];
  const flush = () => {
    for (const each of waiting.splice(0)) void journal.append(...each);
  };
  return (...asked) => {
    waiting.push(asked);
    if (waiting.length >= 10) flush();
    else setTimeout(flush, 20);
    return undefined;
  };
}

const forgotten = (fact: Fact): Fact =>
  (fact.type === 'tier2/step/completed' || fact.type === 'tier3/execution/completed') && fact.executionId.includes('/each/')
    ? ({ ...fact, type: 'tier2/step/admitted' } as unknown as Fact)
    : fact;
