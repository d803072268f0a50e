/** Lets a process crash again and again until everything that it works at has settled, and says what is wrong. */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brokenStreams, differences, endedIn, lostAcknowledged, lostSince, repeatedEffects, wrongKeys } from './checks.ts';
import { type Death, deathsOf, describeDeath } from './deaths.ts';
import { readLedger } from './ledger.ts';
import { live, type Work } from './life.ts';
import { NOTHING, type Stored, stored } from './stored.ts';

export type CrashOptions = Omit<Work, 'folder'>;

export interface CrashReport {
  readonly kills: number;
  /** How each life ended. */
  readonly lives: readonly string[];
  /** Where it killed itself, each time that it did. */
  readonly places: readonly string[];
  /** Empty: nothing was lost, and nothing was done twice. */
  readonly problems: readonly string[];
}

/** Of one seed: more of them would only be kills of work that is nearly done. */
const MOST_KILLS = 15;

/** Works with one seed after the other until there were so many kills, or something is wrong. */
export async function crashSeeds(
  { seed: from, kills: wanted, ...options }: Omit<CrashOptions, 'durability'> & { readonly seed: number; readonly kills: number },
  durabilities: readonly Work['durability'][],
  told: (text: string) => void = () => {},
): Promise<CrashReport> {
  const places: string[] = [];
  let kills = 0;
  for (let index = 0; kills < wanted; index++) {
    const durability = durabilities[index % durabilities.length] ?? 'power';
    const seed = from + Math.floor(index / durabilities.length);
    const report = await crash({ ...options, durability }, deathsOf(seed).take(Math.min(MOST_KILLS, wanted - kills)));
    kills += report.kills;
    places.push(...report.places);
    const again = `npm run crash -- --seed ${seed} --kills ${report.kills} --durability ${durability}`;
    told(`seed ${seed}, ${durability}: ${report.kills} kills`);
    if (report.problems.length > 0) return { ...report, kills, places, problems: [...report.problems, `to try it again: ${again}`] };
  }
  return { kills, lives: [], places, problems: [] };
}

/** Each life ends as it is told, and what is left is worked off. The moments of kills from outside are those of a real machine, and never quite the same. */
export async function crash(options: CrashOptions, deaths: Iterable<Death>): Promise<CrashReport> {
  const undisturbed = await undisturbedRun(options.copies);
  const next = deaths[Symbol.iterator]();
  return inFolder(async (folder) => {
    const lives: string[] = [];
    const before: ReadonlySet<string>[] = [new Set()];
    let killed = 0;
    let last: Stored = NOTHING;
    const reportOf = (problems: readonly string[]): CrashReport => ({ kills: killed, lives, places: placesIn(folder), problems });
    for (;;) {
      const { value: death = { kind: 'none' } } = next.next() as { readonly value?: Death };
      const end = await live({ ...options, folder }, death);
      lives.push(`${describeDeath(death)}${end.how === 'over' && death.kind !== 'none' ? ', but was over before' : ''}`);
      if (end.how === 'failed') return reportOf([`life ${lives.length}: ${end.message}`]);
      if (end.how === 'killed') killed++;
      const now = await stored(folder);
      const ledger = readLedger(join(folder, 'ledger'));
      const problems = [...now.damages, ...lostSince(last.streams, now.streams), ...lostAcknowledged(ledger, now.streams)];
      problems.push(...wrongKeys(ledger, now.streams), ...repeatedEffects(ledger, before));
      if (end.how === 'over') problems.push(...brokenStreams(ledger, now.streams), ...differences(now.streams, undisturbed));
      if (problems.length > 0 || end.how === 'over') return reportOf(problems);
      last = now;
      before.push(endedIn(now.streams));
    }
  });
}

function placesIn(folder: string): readonly string[] {
  const path = join(folder, 'deaths');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
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
