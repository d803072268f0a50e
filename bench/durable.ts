/**
 * What it costs to survive: a durable runtime beside the same one in memory, and beside nothing but its rows in groups of the same sizes. It is to
 * cost no more than the two together, with half as much again for the rows.
 *
 * Run by `npm run bench`, or alone with `npm run bench -- durable`. Each shape gets a process of its own, and so does recovery.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Measurement } from './measure.ts';
import { SHAPES, type Shape } from './subject.ts';

const ROUNDS = 7;
/** Of the cost of its rows, what a durable runtime may add to that of one in memory. */
const SHARE = 1.5;
const UNSETTLED = 10_000;

function ask(file: string, ...args: readonly string[]): string {
  const worker = fileURLToPath(new URL(file, import.meta.url));
  const flags = ['--expose-gc', '--max-old-space-size=4096', '--disable-warning=ExperimentalWarning'];
  return execFileSync(process.execPath, [...flags, worker, ...args], { encoding: 'utf8', env: { ...process.env, NODE_ENV: 'production' } });
}

function benchShape(shape: Shape, index: number): void {
  const measured = JSON.parse(ask('worker.ts', 'durable', String(index), String(ROUNDS))) as readonly Measurement[];
  const timeOf = (name: string): number => measured.find(({ subject }) => subject === name)?.medianMs ?? Number.NaN;
  const memory = timeOf('Swarmchart');
  console.log(`\n${shape.name}, durable (median of ${ROUNDS} rounds)`);
  for (const { subject, medianMs, maxDelayMs } of measured) {
    const [, durability] = /^Swarmchart, (\w+)$/.exec(subject) ?? [];
    const allowed = memory + SHARE * timeOf(`node:sqlite rows, ${durability}`);
    const compared = durability
      ? `${(medianMs / memory).toFixed(2)} × in memory, ${(medianMs / allowed).toFixed(2)} × what it may cost`
      : '';
    console.log(
      [
        `  ${subject.padEnd(25)}`,
        `${medianMs.toFixed(2).padStart(9)} ms`,
        `${((1_000 * medianMs) / (shape.steps * shape.runs)).toFixed(2).padStart(8)} µs per step`,
        `event loop held up at most ${maxDelayMs.toFixed(1)} ms`,
        compared,
      ].join('  '),
    );
  }
}

interface Recovery {
  readonly backMs: number;
  readonly overMs: number;
  readonly delayMs: number;
  readonly peakMB: number;
}

function benchRecovery(): void {
  const folder = mkdtempSync(join(tmpdir(), 'swarmchart-bench-'));
  try {
    const path = join(folder, 'journal.db');
    ask('recovery-worker.ts', 'leave', path, String(UNSETTLED));
    const { backMs, overMs, delayMs, peakMB } = JSON.parse(ask('recovery-worker.ts', 'recover', path, String(UNSETTLED))) as Recovery;
    console.log(`\nrecovery of ${UNSETTLED.toLocaleString('en')} runs of three steps, each interrupted in its second`);
    console.log(`  until the runtime is there  ${(backMs / 1_000).toFixed(2)} s`);
    console.log(
      `  until all runs have ended   ${(overMs / 1_000).toFixed(2)} s, event loop held up at most ${delayMs.toFixed(1)} ms, peak memory ${peakMB.toFixed(0)} MB`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function benchDurable(): void {
  for (const [index, shape] of SHAPES.entries()) if (shape.order === 'chain') benchShape(shape, index);
  benchRecovery();
}
