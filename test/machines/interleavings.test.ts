/**
 * Every exported chart under at least ten thousand interleavings of whatever it may hear: commands, reports (also stale, repeated and late),
 * timers, and crashes after which it goes on from its committed facts. `npm run simulate -- --charts` tells more of them.
 */

import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StateMachine } from 'xstate';
import * as machines from '../../src/machines/machines.ts';
import { investigate } from '../../src/testing/shrinking.ts';
import { seeded } from '../../src/testing/testing.ts';
import { toldSeeds } from '../support/told-seeds.ts';
import { EVERY_CHART } from './paths/every-chart.ts';

const CHARTS = Object.entries(EVERY_CHART);
/** Multiplies the seeds of every chart. */
const TIMES = Number(process.env['CHART_SEEDS_TIMES'] ?? 1);

describe('the list of charts', () => {
  const exported = Object.values(machines).filter((value) => value instanceof StateMachine);

  it('has every chart that is exported, by its id', () => {
    const listed = CHARTS.map(([name, { machine }]) => [name, machine.id]);
    expect(listed).toEqual(listed.map(([name]) => [name, name]));
    expect(listed.map(([name]) => name).sort()).toEqual(exported.map(({ id }) => id).sort());
  });

  it.each(CHARTS)('knows a test of every path of the %s', (name) => {
    expect(existsSync(new URL(`${name}.paths.test.ts`, import.meta.url))).toBe(true);
  });

  it('tells at least 10,000 interleavings', () => {
    expect(CHARTS.reduce((sum, [, { seeds }]) => sum + seeds, 0)).toBeGreaterThanOrEqual(10_000);
  });
});

describe.each(CHARTS)('the %s', (name, { tell, seeds }) => {
  it(`keeps its promises in every interleaving (seeds 1 to ${seeds * TIMES})`, async () => {
    for (let seed = 1; seed <= seeds * TIMES; seed++) {
      if (tell(seeded(seed)).violations.length === 0) continue;
      const { text = '' } = (await investigate(async (pick) => tell(pick), seed)) ?? {};
      expect.fail(`${name}, ${text}\nor: npm run simulate -- --charts --only ${name} --runs 1 --from ${seed}`);
    }
    console.log(toldSeeds(name, 1, seeds * TIMES));
  }, 120_000);

  it('tells the same story again for the same seed', () => {
    for (const seed of [1, 7, 99, 1234]) {
      const [first, again] = [tell(seeded(seed)), tell(seeded(seed))];
      expect(again.trace).toEqual(first.trace);
      expect(again.facts).toEqual(first.facts);
    }
  });
});
