/** Lets a process crash again and again until everything that it works at has settled, and says what is wrong. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seeded } from '../../src/testing/testing.ts';
import { brokenStreams, differences, endedIn, lostAcknowledged, lostSince, repeatedEffects, wrongKeys } from './checks.ts';
import { type Death, deathOf, describeDeath } from './deaths.ts';
import { readLedger } from './ledger.ts';
import { live, type Work } from './life.ts';
import type { Defect } from './planted.ts';
import { NOTHING, type Stored, stored } from './stored.ts';

export interface CrashOptions {
  readonly seed: number;
  /** At most; when everything has settled before, there are fewer. */
  readonly kills: number;
  readonly durability: Work['durability'];
  readonly copies: number;
  readonly defect?: Defect;
}

export interface CrashReport {
  readonly kills: number;
  /** How each life ended. */
  readonly lives: readonly string[];
  readonly problems: readonly string[];
}

export async function crash(options: CrashOptions): Promise<CrashReport> {
  const { seed, kills, durability, copies, defect } = options;
  const undisturbed = await undisturbedRun(copies);
  const pick = seeded(seed);
  return inFolder(async (folder) => {
    const work: Work = { folder, durability, copies, ...(defect && { defect }) };
    const ledgerPath = join(folder, 'ledger');
    const lives: string[] = [];
    const before: ReadonlySet<string>[] = [new Set()];
    let killed = 0;
    let last: Stored = NOTHING;
    for (;;) {
      const death: Death = killed < kills ? deathOf(pick) : { kind: 'none' };
      const end = await live(work, death);
      lives.push(`${describeDeath(death)}${end.how === 'over' ? ', but was over before' : ''}`);
      if (end.how === 'failed') return { kills: killed, lives, problems: [`life ${lives.length}: ${end.message}`] };
      const now = await stored(folder);
      const ledger = readLedger(ledgerPath);
      const problems = [...now.damages, ...lostSince(last.streams, now.streams), ...lostAcknowledged(ledger, now.streams)];
      last = now;
      before.push(endedIn(now.streams));
      if (end.how === 'over') problems.push(...brokenStreams(ledger, now.streams), ...differences(now.streams, undisturbed));
      problems.push(...wrongKeys(ledger, now.streams), ...repeatedEffects(ledger, before));
      if (end.how === 'killed') killed++;
      if (problems.length > 0 || end.how === 'over') return { kills: killed, lives, problems };
    }
  });
}

const known = new Map<number, Promise<Stored['streams']>>();

/** What the same work comes to when nobody disturbs it. */
function undisturbedRun(copies: number): Promise<Stored['streams']> {
  const run = known.get(copies) ?? workUndisturbed(copies);
  known.set(copies, run);
  return run;
}

const workUndisturbed = (copies: number): Promise<Stored['streams']> =>
  inFolder(async (folder) => {
    const end = await live({ folder, durability: 'process', copies }, { kind: 'none' });
    if (end.how !== 'over') throw new Error(`The work does not come to an end even undisturbed: ${JSON.stringify(end)}`);
    return (await stored(folder)).streams;
  });

async function inFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const parent = mkdtempSync(join(tmpdir(), 'swarmchart-crash-'));
  const folder = join(parent, 'work');
  mkdirSync(folder);
  try {
    return await work(folder);
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}
