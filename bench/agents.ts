/**
 * What an agent costs: in the pool, beside as many bare machines beneath one parent that keeps them in a map.
 *
 * Run by `npm run bench`, or alone with `npm run bench -- agents`. Each subject and number gets processes of its own, with the garbage
 * collector at hand.
 */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { AgentCosts } from './agents-subjects.ts';

const NUMBERS = [10_000, 100_000];
const ROUNDS = 3;
const SUBJECTS = ['Swarmchart', 'XState floor'] as const;

function ask(subject: string, agents: number): AgentCosts {
  const worker = fileURLToPath(new URL('agents-worker.ts', import.meta.url));
  const args = ['--expose-gc', '--max-old-space-size=4096', '--disable-warning=ExperimentalWarning', worker, subject, String(agents)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, NODE_ENV: 'production' } }));
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const UNITS = { spawn: 'µs', lease: 'µs', stop: 'µs', idle: 'bytes', delay: 'ms' } as const;
const NAMES = {
  spawn: 'spawn each',
  lease: 'lease and return each',
  stop: 'stop each',
  idle: 'idle memory each',
  delay: 'event loop held up at most',
} as const;

export function benchAgents(): void {
  for (const agents of NUMBERS) {
    console.log(`\n${agents.toLocaleString('en')} agents (median of ${ROUNDS} processes)`);
    const [ours, floor] = SUBJECTS.map((subject) => Array.from({ length: ROUNDS }, () => ask(subject, agents)));
    for (const what of Object.keys(UNITS) as (keyof AgentCosts)[]) {
      const mine = median((ours ?? []).map((costs) => costs[what]));
      const bare = median((floor ?? []).map((costs) => costs[what]));
      const digits = what === 'idle' ? 0 : 1;
      console.log(
        [
          `  ${NAMES[what].padEnd(27)}`,
          `${mine.toFixed(digits).padStart(8)} ${UNITS[what].padEnd(5)}`,
          `XState floor ${bare.toFixed(digits).padStart(8)} ${UNITS[what].padEnd(5)}`,
          `${(mine / bare).toFixed(2).padStart(6)} × floor`,
        ].join('  '),
      );
    }
  }
}
