/** Where a subject spends its time, by V8's sampling profiler. */

import { Session } from 'node:inspector/promises';
import type { Shape, Subject } from './subject.ts';

const SHOWN = 15;
const WARM_UP_ROUNDS = 5;

/** The functions with the most time of their own, as a table. */
export async function profile(shape: Shape, subject: Subject, rounds: number): Promise<string> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 200 });
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    const sample = await subject.prepare(shape);
    if (round === 0) await session.post('Profiler.start');
    await sample.work();
    await sample.end();
  }
  const { profile: recorded } = await session.post('Profiler.stop');
  session.disconnect();

  const selfTimes = new Map<string, number>();
  const names = new Map(recorded.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  let total = 0;
  for (const [index, id] of (recorded.samples ?? []).entries()) {
    const name = names.get(id) ?? '';
    const time = recorded.timeDeltas?.[index] ?? 0;
    if (name.startsWith('(idle)')) continue;
    total += time;
    selfTimes.set(name, (selfTimes.get(name) ?? 0) + time);
  }
  const rows = [...selfTimes].sort(([, a], [, b]) => b - a).slice(0, SHOWN);
  const work = shape.steps * shape.runs * rounds;
  return rows
    .map(
      ([name, time]) => `${((100 * time) / total).toFixed(1).padStart(5)} %  ${(time / work).toFixed(2).padStart(6)} µs per step  ${name}`,
    )
    .join('\n');
}

function nameOf({ functionName, url, lineNumber }: { readonly functionName: string; readonly url: string; readonly lineNumber: number }) {
  const file = url.split(/\/(?:src|node_modules|bench)\//).at(-1) ?? url;
  return `${functionName || '(anonymous)'}${file ? ` (${file}:${lineNumber + 1})` : ''}`;
}
