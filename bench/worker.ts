/** One shape in a process of its own: `time` compares all subjects in memory, `durable` those on a disk, `peak` reports the memory of Swarmchart alone, `profile` its hot functions. */

import { durableSwarmchart, rawRows } from './durable-subjects.ts';
import { measure } from './measure.ts';
import { plainAwaits } from './plain-awaits.ts';
import { profile } from './profile.ts';
import { SHAPES } from './subject.ts';
import { swarmchart } from './swarmchart.ts';
import { xstateFloor } from './xstate-floor.ts';

const [mode = 'time', index = '0', rounds = '15'] = process.argv.slice(2);
const shape = SHAPES[Number(index)];
if (!shape) throw new RangeError(`There is no shape ${index}`);

if (mode === 'time') {
  console.log(JSON.stringify(await measure(shape, [swarmchart, xstateFloor, plainAwaits], Number(rounds))));
} else if (mode === 'durable') {
  const durable = (['power', 'process'] as const).flatMap((durability) => [durableSwarmchart(durability), rawRows(durability)]);
  console.log(JSON.stringify(await measure(shape, [swarmchart, ...durable], Number(rounds))));
} else if (mode === 'peak') {
  const sample = await swarmchart.prepare(shape);
  await sample.work();
  await sample.end();
  console.log(process.resourceUsage().maxRSS);
} else {
  console.log(await profile(shape, swarmchart, Number(rounds)));
}
