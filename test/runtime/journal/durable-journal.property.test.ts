/** Whatever is appended and dropped, and wherever the process dies: what was acknowledged is there, without a gap, and nothing is called damaged. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fact } from '../../../src/index.ts';
import { DurableJournal } from '../../../src/runtime/journal/durable/durable-journal.ts';
import { settlePromises } from '../../../src/testing/testing.ts';
import { collectAll } from '../../support/collect-all.ts';
import { CrashingStore, Disk, type Moment } from './crashing-store.ts';
import { ending, idsOf, someFact } from './some-facts.ts';

const MOMENTS: readonly Moment[] = ['before the rows', 'before the heads', 'before the answer'];
const STREAMS = ['a', 'b', 'breaker/c', 'event/d'];

type Deed =
  | { readonly do: 'append'; readonly stream: string; readonly facts: number; readonly isLast: boolean }
  | { readonly do: 'drop'; readonly stream: string }
  | { readonly do: 'let it commit' };

const stream = fc.constantFrom(...STREAMS);
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('append'), stream, facts: fc.integer({ min: 1, max: 4 }), isLast: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop'), stream }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('let it commit') }) },
);
const life = fc.record({
  deeds: fc.array(deed, { maxLength: 12 }),
  /** It dies when it has passed so many moments of this kind. */
  moment: fc.constantFrom(...MOMENTS),
  countdown: fc.integer({ min: 0, max: 8 }),
});
type Life = typeof life extends fc.Arbitrary<infer Value> ? Value : never;

/** How far each stream was said to be, and how far it may be. */
interface Known {
  acknowledged: number;
  attempted: number;
  isDropping: boolean;
}

/** Whether it died before it was through. */
async function live(disk: Disk, known: Map<string, Known>, { deeds, moment, countdown }: Life): Promise<boolean> {
  let left = countdown;
  const store = new CrashingStore(disk, (reached) => reached === moment && left-- === 0);
  const journal = new DurableJournal(store, { maxBatch: 3, maxServiceFacts: 5 });
  await journal.open();
  await checkAll(journal, known);
  for (const each of deeds) {
    if (each.do === 'let it commit') await settlePromises();
    else if (each.do === 'drop') drop(journal, known, each.stream);
    else append(journal, known, each);
    if (store.isDead) return true;
  }
  await settlePromises();
  return store.isDead;
}

function append(journal: DurableJournal, known: Map<string, Known>, { stream: name, facts: count, isLast }: Deed & { do: 'append' }): void {
  const state = known.get(name) ?? { acknowledged: 0, attempted: 0, isDropping: false };
  if (state.isDropping) return;
  known.set(name, state);
  const from = state.attempted;
  const facts: Fact[] = Array.from({ length: count }, (_, index) => someFact(name, from + index + 1));
  if (isLast && !name.includes('/')) facts.push(ending(name, from + count + 1));
  state.attempted += facts.length;
  void journal.append(name, from, facts)?.then(() => {
    state.acknowledged = Math.max(state.acknowledged, from + facts.length);
  });
}

function drop(journal: DurableJournal, known: Map<string, Known>, name: string): void {
  const state = known.get(name);
  if (!state) return;
  state.isDropping = true;
  void journal.drop(name).then((isDropped) => {
    state.isDropping = false;
    if (isDropped && !name.startsWith('breaker/')) known.delete(name);
  });
}

async function checkAll(journal: DurableJournal, known: Map<string, Known>): Promise<void> {
  for (const info of await collectAll(journal.streams())) expect(info.damage, info.name).toBeUndefined();
  for (const [name, state] of known) {
    const facts = await journal.read(name);
    const last = facts.at(-1)?.seq ?? 0;
    if (state.isDropping && last === 0) {
      known.delete(name);
      continue;
    }
    expect(last).toBeGreaterThanOrEqual(state.acknowledged);
    expect(last).toBeLessThanOrEqual(state.attempted);
    const first = facts[0]?.seq ?? 1;
    if (!name.startsWith('breaker/')) expect(first).toBe(1);
    expect(idsOf(facts)).toEqual(facts.map((_, index) => `${name}#${first + index}`));
    known.set(name, { acknowledged: last, attempted: last, isDropping: false });
  }
  const positions = (await collectAll(journal.scan())).flat().map(({ position }) => position);
  expect(positions).toEqual([...new Set(positions)].sort((one, other) => one - other));
}

describe('a durable journal', () => {
  it('loses nothing that was acknowledged, wherever it dies, life after life', async () => {
    const deaths = new Set<Moment>();
    await fc.assert(
      fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 4 }), async (lives) => {
        const disk = new Disk();
        const known = new Map<string, Known>();
        for (const each of lives) if (await live(disk, known, each)) deaths.add(each.moment);
        const journal = new DurableJournal(new CrashingStore(disk));
        await journal.open();
        await checkAll(journal, known);
      }),
      { numRuns: 500 },
    );
    expect([...deaths].sort()).toEqual([...MOMENTS].sort());
  });
});
