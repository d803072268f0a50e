/** One life of the process that is to crash, as the process that kills it sees it. */

import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Death } from './deaths.ts';
import type { Defect } from './planted.ts';

export interface Work {
  readonly folder: string;
  readonly durability: 'power' | 'process';
  readonly copies: number;
  readonly defect?: Defect;
}

/** `failed`: it ended in a way that nobody chose. */
export type End = { readonly how: 'killed' | 'over' } | { readonly how: 'failed'; readonly message: string };

/** Longer than any life; one that lasts so long hangs. */
const PATIENCE_MS = 60_000;

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url));
const ASSASSIN = fileURLToPath(new URL('assassin.ts', import.meta.url));

export function live({ folder, durability, copies, defect }: Work, death: Death): Promise<End> {
  const flags = ['--disable-warning=ExperimentalWarning', '--import', ASSASSIN];
  const child = spawn(process.execPath, [...flags, CHILD, folder, durability, String(copies), ...(defect ? [defect] : [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      // Starts are most of what a crash costs.
      NODE_COMPILE_CACHE: join(tmpdir(), 'swarmchart-crash-cache'),
      ...(death.kind === 'inside' && { CRASH_AT: death.at, CRASH_NOTE: join(folder, 'deaths') }),
    },
  });
  const kill = () => void child.kill('SIGKILL');
  let lines = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    if (lines === 0 && death.kind === 'starting') setTimeout(kill, death.ms);
    const isDue = death.kind === 'outside' && lines < death.lines && lines + chunk.length >= death.lines;
    lines += chunk.length;
    if (isDue) inTurns(death.turns, kill);
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  return new Promise((resolve) => {
    let isHanging = false;
    const patience = setTimeout(() => {
      isHanging = true;
      kill();
    }, PATIENCE_MS);
    child.on('close', (code, signal) => {
      clearTimeout(patience);
      if (isHanging) resolve({ how: 'failed', message: `it did not end within ${PATIENCE_MS} ms, after ${lines} lines; ${said}` });
      else if (signal === 'SIGKILL') resolve({ how: 'killed' });
      else if (code === 0) resolve({ how: 'over' });
      else resolve({ how: 'failed', message: `it ended with ${signal ?? code}: ${said}` });
    });
  });
}

function inTurns(turns: number, then: () => void): void {
  if (turns === 0) then();
  else setImmediate(() => inTurns(turns - 1, then));
}
