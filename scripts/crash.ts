/**
 * `npm run crash -- --kills 1000 [--seed 1] [--durability power|process]`: kills a process that works at everything, again and again, on a real
 * disk, and checks what is left each time. In turn for both durabilities when none is named.
 *
 * Prints what is lost or done twice, with the seed to try it again. Ends with 1 when there was any.
 */

import { parseArgs } from 'node:util';
import { crashSeeds } from '../test/crash/crashing.ts';

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        kills: { type: 'string', default: '200' },
        seed: { type: 'string', default: '1' },
        durability: { type: 'string' },
      },
    });
    const [kills, seed] = [Number(values.kills), Number(values.seed)];
    if (!Number.isSafeInteger(kills) || kills < 1 || !Number.isSafeInteger(seed) || seed < 0)
      throw new Error('--kills takes a whole number from 1, --seed one from 0');
    if (values.durability !== undefined && values.durability !== 'power' && values.durability !== 'process')
      throw new Error(`--durability is power or process, not "${values.durability}"`);
    const durabilities: readonly ('power' | 'process')[] = values.durability ? [values.durability] : ['power', 'process'];
    return { kills, seed, durabilities };
  } catch (thrown) {
    console.error(`error: ${thrown instanceof Error ? thrown.message : thrown}`);
    process.exit(2);
  }
}

const { kills, seed, durabilities } = readOptions();
const report = await crashSeeds({ kills, seed, copies: 2 }, durabilities, console.log);
for (const problem of report.problems) console.log(`  ✗ ${problem}`);
if (report.problems.length > 0) console.log(report.lives.map((life, index) => `  life ${index + 1}: ${life}`).join('\n'));
const places = Object.entries(Object.groupBy(report.places, (place) => place)).map(([place, all]) => `${all?.length} ${place}`);
console.log(
  `${report.kills} kills (of itself ${places.join(', ')}): ${report.problems.length === 0 ? 'nothing lost, nothing done twice' : 'broken'}`,
);
process.exitCode = report.problems.length > 0 ? 1 : 0;
