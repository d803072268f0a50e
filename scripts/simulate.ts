/**
 * `npm run simulate -- --runs 10000 --from 1 [--swarms | --charts] [--only NAME]`: simulates runs, or whole swarms, or single charts, seed by
 * seed.
 *
 * Prints each seed whose story breaks an invariant, what is broken, and the shrunk story. Ends with 1 when there was any.
 */

import { parseArgs } from 'node:util';
import { investigate, type Pick, type Story, simulate, type Tale } from '../src/testing/testing.ts';
import { EVERY_CHART } from '../test/machines/paths/every-chart.ts';
import { restartedRun, restartedSwarm } from '../test/simulation/restart-stories.ts';
import { everyKind, runsWithinRuns, tightBudgets } from '../test/simulation/stories.ts';
import { sharedAgents, wholeSwarm } from '../test/simulation/swarm-stories.ts';
import { toldSeeds } from '../test/support/told-seeds.ts';

const RUNS = { everyKind, runsWithinRuns, tightBudgets, restartedRun };
const SWARMS = { wholeSwarm, sharedAgents, restartedSwarm };

function readOptions() {
  try {
    return parseArgs({
      options: {
        runs: { type: 'string', default: '1000' },
        from: { type: 'string', default: '1' },
        swarms: { type: 'boolean', default: false },
        charts: { type: 'boolean', default: false },
        only: { type: 'string' },
      },
    });
  } catch (thrown) {
    console.error(`error: ${thrown instanceof Error ? thrown.message : thrown}`);
    process.exit(2);
  }
}
const { values } = readOptions();
const [runs, from] = [Number(values.runs), Number(values.from)];
if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(from) || from < 0) {
  console.error('error: --runs takes a whole number from 1, --from one from 0');
  process.exit(2);
}

const told = (stories: Readonly<Record<string, (pick: Pick) => Story>>): readonly (readonly [string, Tale])[] =>
  Object.entries(stories).map(([name, storyOf]) => [name, (pick) => simulate(pick, storyOf(pick))]);
const charts = (): readonly (readonly [string, Tale])[] =>
  Object.entries(EVERY_CHART).map(([name, { tell }]) => [name, async (pick) => tell(pick)]);

const tales = values.charts ? charts() : told(values.swarms ? SWARMS : RUNS);
const chosen = tales.filter(([name]) => values.only === undefined || name === values.only);
if (chosen.length === 0) {
  console.error(`error: there is no story "${values.only}"; there are ${tales.map(([name]) => name).join(', ')}`);
  process.exit(2);
}

let broken = 0;
for (const [name, tell] of chosen) {
  let brokenHere = 0;
  for (let seed = from; seed < from + runs; seed++) {
    const finding = await investigate(tell, seed);
    if (!finding) continue;
    brokenHere++;
    console.log(`${name}, ${finding.text}\n`);
  }
  console.log(toldSeeds(name, from, runs, brokenHere));
  broken += brokenHere;
}
process.exitCode = broken > 0 ? 1 : 0;
