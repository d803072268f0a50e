/**
 * `npm run simulate -- --runs 10000 --from 1 [--swarms]`: simulates runs, or whole swarms, seed by seed.
 *
 * Prints each seed whose story breaks an invariant, what is broken, and the shrunk story. Ends with 1 when there was any.
 */

import { parseArgs } from 'node:util';
import { investigate, type Pick, type Story, simulate } from '../src/testing/testing.ts';
import { everyKind, runsWithinRuns, tightBudgets } from '../test/simulation/stories.ts';
import { sharedAgents, wholeSwarm } from '../test/simulation/swarm-stories.ts';

const RUNS = { everyKind, runsWithinRuns, tightBudgets };
const SWARMS = { wholeSwarm, sharedAgents };

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    swarms: { type: 'boolean', default: false },
  },
});
const [runs, from] = [Number(values.runs), Number(values.from)];
if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(from) || from < 0) {
  console.error('error: --runs takes a whole number from 1, --from one from 0');
  process.exit(2);
}

let broken = 0;
const stories: Readonly<Record<string, (pick: Pick) => Story>> = values.swarms ? SWARMS : RUNS;
for (const [name, storyOf] of Object.entries(stories)) {
  let brokenHere = 0;
  for (let seed = from; seed < from + runs; seed++) {
    const finding = await investigate((pick) => simulate(pick, storyOf(pick)), seed);
    if (!finding) continue;
    brokenHere++;
    console.log(`${name}, ${finding.text}\n`);
  }
  console.log(`${name}: seeds ${from} to ${from + runs - 1}, ${brokenHere === 0 ? 'every invariant held' : `${brokenHere} broken`}`);
  broken += brokenHere;
}
process.exitCode = broken > 0 ? 1 : 0;
