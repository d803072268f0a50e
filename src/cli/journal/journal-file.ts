/** The file of a journal: by default in the folder that the command line keeps its things in. */

import { existsSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Journal } from '../../runtime/journal/journal.ts';
import { type JournalFileReader, readJournal } from '../../runtime/journal/sqlite/read-journal.ts';
import { sqlite } from '../../runtime/journal/sqlite/sqlite.ts';
import type { Kept } from '../execute.ts';
import { shellWord, UsageError } from '../outcome.ts';
import { OWN_FOLDER, prepareFolder } from '../own-folder.ts';
import { explainingJournal } from './journal-errors.ts';
import { holderOf, Runners } from './runners.ts';

export const DURABILITIES = ['power', 'process'] as const;

export interface ReadFlags {
  readonly journal?: string;
}

export interface JournalFlags {
  /** False: none. */
  readonly journal?: string | false;
  readonly durability?: (typeof DURABILITIES)[number];
}

export interface JournalPlace extends Kept {
  /** Absolute. */
  readonly path: string;
  /** As it is told to people. */
  readonly shown: string;
}

export interface KeptJournal extends JournalPlace {
  /** What else can be done while another process has it. */
  readonly whenLocked: string;
  readonly journal: Journal;
}

export interface OpenedJournal {
  readonly reader: JournalFileReader;
  readonly runners: Runners;
  readonly place: JournalPlace;
}

const DEFAULT_PATH = join(OWN_FOLDER, 'journal.db');

/** Throws UsageError for what can be none. */
export function placeOf(given: string | false | undefined, cwd: string): JournalPlace {
  if (given === '')
    throw new UsageError('INVALID_VALUE', '--journal: "" names no file', { hint: `name one, or leave it out: it is ${DEFAULT_PATH} then` });
  const named = given || DEFAULT_PATH;
  const path = resolve(cwd, named);
  const shown = relative(cwd, path).startsWith('..') ? path : relative(cwd, path) || '.';
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError('INVALID_VALUE', `The journal ${shown} is a folder`, {
      hint: `name a file: --journal ${shellWord(join(named, 'journal.db'))}`,
    });
  }
  return { path, shown, option: path === join(cwd, DEFAULT_PATH) ? '' : ` --journal ${shellWord(named)}` };
}

/** What a run is kept in; a runtime opens it. Undefined when it keeps nothing. */
export async function keptFor(
  { journal, durability = 'power' }: JournalFlags,
  cwd: string,
  whenLocked = 'use another journal: --journal other.db, or none: --no-journal',
): Promise<KeptJournal | undefined> {
  if (journal === false) return undefined;
  const place = placeOf(journal, cwd);
  if (place.option === '') {
    try {
      await prepareFolder(cwd);
    } catch (thrown) {
      const hint = 'name another file: --journal FILE, or keep nothing: --no-journal';
      throw new UsageError('INVALID_VALUE', `No journal can be kept in ${OWN_FOLDER}: ${(thrown as Error).message}`, {
        hint,
        cause: thrown,
      });
    }
  }
  return { ...place, whenLocked, journal: sqlite(place.path, { durability }) };
}

/** Also while another process writes. Throws UsageError when there is none, or none that can be used. */
export function readingJournal<Result>(
  flags: ReadFlags | JournalFlags,
  cwd: string,
  work: (opened: OpenedJournal) => Promise<Result>,
): Promise<Result> {
  const place = placeOf(flags.journal, cwd);
  requireJournal(place);
  return explainingJournal(place.shown, async () => {
    const reader = await readJournal(place.path);
    try {
      return await work({ reader, runners: await Runners.in(cwd, await holderOf(place.path)), place });
    } finally {
      await reader.close();
    }
  });
}

/** As its only writer, without a runtime. */
export function writingJournal<Result>(
  flags: ReadFlags,
  cwd: string,
  work: (opened: { readonly journal: Journal; readonly place: JournalPlace }) => Promise<Result>,
): Promise<Result> {
  const place = placeOf(flags.journal, cwd);
  requireJournal(place);
  return explainingJournal(place.shown, async () => {
    const journal = sqlite(place.path);
    await journal.open();
    try {
      return await work({ journal, place });
    } finally {
      await journal.close();
    }
  });
}

/** One that was lost is not taken for one that never was: opening it says so. */
function requireJournal({ path, shown }: JournalPlace): void {
  if (['', '-wal', '.heads'].some((suffix) => existsSync(`${path}${suffix}`))) return;
  const hint = 'swarmchart run FILE makes one; --journal FILE names another';
  throw new UsageError('INVALID_INPUT', `There is no journal ${shown} yet`, { hint });
}
