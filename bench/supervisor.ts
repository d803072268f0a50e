/**
 * What a child of a dynamic supervisor costs: to start it and to stop it, each on request, while as many others live.
 *
 * Run by `npm run bench`, or alone with `npm run bench -- supervisor`. It costs the same however many there are, or something is wrong.
 */

import { fromCallback } from 'xstate';
import { startSupervisor } from '../src/runtime/supervision/supervisor.ts';

const NUMBERS = [1_000, 10_000, 100_000];
const ROUNDS = 3;
const idle = fromCallback(() => {});

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Microseconds for each start, and for each stop. */
async function once(children: number): Promise<{ readonly start: number; readonly stop: number }> {
  const { ok: supervisor, error } = await startSupervisor({
    kinds: { idle },
    template: { id: 'child', src: 'idle', restart: 'temporary' },
  });
  if (!supervisor) throw new Error(error.message);
  const ids: string[] = [];
  const began = performance.now();
  for (let n = 0; n < children; n++) {
    const { ok } = await supervisor.startChild({});
    if (ok?.id !== undefined) ids.push(ok.id);
  }
  const started = performance.now();
  for (const id of ids) await supervisor.terminateChild(id);
  const stopped = performance.now();
  const { ok: counts } = await supervisor.countChildren();
  if (ids.length !== children || counts?.active !== 0)
    throw new Error(`${ids.length} of ${children} were started, ${counts?.active} live on`);
  await supervisor.stop();
  return { start: (1_000 * (started - began)) / children, stop: (1_000 * (stopped - started)) / children };
}

export async function benchSupervisor(): Promise<void> {
  for (const children of NUMBERS) {
    const rounds: Awaited<ReturnType<typeof once>>[] = [];
    for (let n = 0; n < ROUNDS; n++) rounds.push(await once(children));
    const of = (what: 'start' | 'stop') => `${what} each ${median(rounds.map((round) => round[what])).toFixed(1)} µs`;
    console.log(
      `\n${children.toLocaleString('en')} children of one supervisor (median of ${ROUNDS} rounds): ${of('start')}, ${of('stop')}`,
    );
  }
}
