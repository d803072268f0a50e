/**
 * What a step and an agent cost: Swarmchart beside plain awaits and a plain XState program of the same chart shape.
 *
 *   npm run bench                 all shapes
 *   npm run bench -- durable      what it costs to survive, and recovery, alone
 *   npm run bench -- agents       what agents cost, alone
 *   npm run bench -- supervisor   what children of a supervisor cost, alone
 *   npm run bench -- events       what the event bus costs, alone
 *   npm run bench -- profile      the hottest functions of a chain and of a fan-out
 */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { benchAgents } from './agents.ts';
import { benchDurable } from './durable.ts';
import { benchEvents } from './events.ts';
import type { Measurement } from './measure.ts';
import { SHAPES, type Shape } from './subject.ts';
import { benchSupervisor } from './supervisor.ts';

const ROUNDS = 15;

/** A process for each measurement: nobody inherits another's heap or another's optimised code. */
function ask(mode: string, index: number): string {
  const worker = fileURLToPath(new URL('worker.ts', import.meta.url));
  const args = ['--expose-gc', '--disable-warning=ExperimentalWarning', worker, mode, String(index), String(ROUNDS)];
  return execFileSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, NODE_ENV: 'production' } });
}

function report(shape: Shape, index: number): void {
  const measured = JSON.parse(ask('time', index)) as readonly Measurement[];
  const floor = measured.find(({ subject }) => subject === 'XState floor')?.medianMs ?? Number.NaN;
  const peakMB = Number(ask('peak', index)) / 1024;
  console.log(`\n${shape.name} (median of ${ROUNDS} rounds)`);
  for (const { subject, medianMs, maxDelayMs } of measured) {
    const perStep = (1_000 * medianMs) / (shape.steps * shape.runs);
    console.log(
      [
        `  ${subject.padEnd(13)}`,
        `${medianMs.toFixed(2).padStart(9)} ms`,
        `${perStep.toFixed(2).padStart(8)} µs per step`,
        `${(medianMs / floor).toFixed(2).padStart(6)} × floor`,
        `event loop held up at most ${maxDelayMs.toFixed(1)} ms`,
      ].join('  '),
    );
  }
  console.log(`  peak memory of a Swarmchart process: ${peakMB.toFixed(0)} MB`);
}

const [, , only] = process.argv;
if (only === 'profile') {
  for (const index of [0, 2]) console.log(`\n${SHAPES[index]?.name}: time of their own\n${ask('profile', index)}`);
} else {
  if (only === undefined) for (const [index, shape] of SHAPES.entries()) report(shape, index);
  if (only === undefined || only === 'durable') benchDurable();
  if (only === undefined || only === 'agents') benchAgents();
  if (only === undefined || only === 'supervisor') await benchSupervisor();
  if (only === undefined || only === 'events') await benchEvents();
}
