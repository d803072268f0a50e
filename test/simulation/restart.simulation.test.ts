/**
 * Runs and swarms whose process crashes at any moment: between an effect and its commit, inside a group commit, between a commit and its heads,
 * before it is acknowledged, while it starts. Whatever the moment, what starts again on the disk goes on to an end; nothing that was acknowledged
 * is lost, nothing that was committed is done again, keys stay, heads are right, nothing sound is quarantined, and every other invariant holds.
 */

import { afterEach, describe, expect, it, vi } from 'vitest';
import { DurableJournal } from '../../src/runtime/journal/durable/durable-journal.ts';
import type { Batch } from '../../src/runtime/journal/durable/fact-store.ts';
import { SimulatedDisk } from '../../src/testing/simulated-disk.ts';
import { type Pick, type Story, seeded, simulate } from '../../src/testing/testing.ts';
import { toldSeeds } from '../support/told-seeds.ts';
import { restartedRun, restartedSwarm } from './restart-stories.ts';

const SEEDS = Number(process.env['RESTART_SEEDS'] ?? 250);
const STORIES = [
  ['of a run', 'restartedRun', '', restartedRun],
  ['of a swarm', 'restartedSwarm', '--swarms ', restartedSwarm],
] as const;

const CRASH = 'the process crashes';
const MOMENTS = ['committed', 'noted', 'acknowledged', 'rewritten'];

describe.each(STORIES)('a simulated story %s whose process crashes', (_, name, flag, storyOf: (pick: Pick) => Story) => {
  const tell = (seed: number) => {
    const pick = seeded(seed);
    return simulate(pick, storyOf(pick));
  };

  it(`settles and keeps every invariant, wherever it crashes (seeds 1 to ${SEEDS})`, async () => {
    const ends = new Set<string>();
    const told = new Set<string>();
    const moments = new Set<string>();
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violations: found, result, trace, facts } = await tell(seed);
      expect(found, `seed ${seed}, npm run simulate -- ${flag}--only ${name} --runs 1 --from ${seed}:\n${trace.join('\n')}`).toEqual([]);
      ends.add(result?.status ?? 'none');
      for (const { type } of facts) told.add(type);
      for (const [index, label] of trace.entries()) if (label === CRASH) moments.add(trace[index - 1]?.split(' ').at(-1) ?? '');
    }
    expect([...ends].sort()).toEqual(['cancelled', 'completed', 'failed']);
    for (const type of ['execution/recovered', 'tier3/attempt/interrupted']) expect(told).toContain(type);
    for (const moment of MOMENTS) expect(moments).toContain(moment);
    console.log(toldSeeds(name, 1, SEEDS));
  }, 240_000);

  it('tells the same story again for the same seed', async () => {
    for (const seed of [1, 7, 99]) {
      const [first, again] = [await tell(seed), await tell(seed)];
      expect(again.trace).toEqual(first.trace);
      expect(again.facts).toEqual(first.facts);
    }
  });
});

describe('the simulation finds', () => {
  afterEach(() => void vi.restoreAllMocks());
  /** The first of some seeds by whose story it comes to light. */
  const seedThatFinds = async (violation: RegExp): Promise<number | undefined> => {
    for (let seed = 1; seed <= 200; seed++) {
      const pick = seeded(seed);
      const { violations } = await simulate(pick, restartedRun(pick));
      if (violations.some((each) => violation.test(each))) return seed;
    }
    return undefined;
  };

  it('a journal that says committed before it is', async () => {
    const { append } = DurableJournal.prototype;
    vi.spyOn(DurableJournal.prototype, 'append').mockImplementation(function (this: DurableJournal, ...asked) {
      void append.apply(this, asked)?.catch(() => undefined);
      return Promise.resolve();
    });
    expect(await seedThatFinds(/was said to be committed up to \d+, and has \d+ facts/)).toBeDefined();
  });

  it('a journal that forgets that a step has ended', async () => {
    const { read } = DurableJournal.prototype;
    vi.spyOn(DurableJournal.prototype, 'read').mockImplementation(async function (this: DurableJournal, ...asked) {
      const facts = await read.apply(this, asked);
      return facts.map((fact) => (/(execution|step)\/completed$/.test(fact.type) ? { ...fact, type: 'tier2/step/admitted' } : fact));
    });
    expect(await seedThatFinds(/acts again after its end was committed/)).toBeDefined();
  });

  it('a store that notes heads before their rows', async () => {
    const { write } = SimulatedDisk.prototype;
    const late: Batch[] = [];
    vi.spyOn(SimulatedDisk.prototype, 'write').mockImplementation(function (this: SimulatedDisk, batch) {
      for (const each of late.splice(0)) write.call(this, each);
      late.push(batch);
    });
    expect(await seedThatFinds(/is held to be damaged/)).toBeDefined();
  });
});
