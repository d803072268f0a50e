/** What may be opened as a journal: its two files belong together, or nothing is touched. */

import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, lstatSync, mkdirSync, openSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { SwarmchartError } from '../../../machines/protocol/errors.ts';
import { FACT_VERSION } from '../../../machines/protocol/facts.ts';
import { type Head, isDamage } from '../durable/fact-store.ts';
import { loadSqlite, withStoreErrors } from './engine.ts';
import { readHeadLog, syncFolder } from './head-log.ts';
import { APPLICATION_ID, FORMAT, SCHEMA } from './schema.ts';
import { SqliteReader } from './sqlite-reader.ts';

export interface JournalFiles {
  /** The same file always has the same, by whatever way it was named. */
  readonly path: string;
  readonly headsPath: string;
}

export function journalFiles(named: string): JournalFiles {
  const path = realPathOf(resolve(named));
  return { path, headsPath: `${path}.heads` };
}

function realPathOf(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  return existsSync(dirname(path)) ? join(realpathSync(dirname(path)), basename(path)) : path;
}

export const makeFolderOf = (path: string): void => void mkdirSync(dirname(resolve(path)), { recursive: true });

/** Also a link that leads nowhere: a new database must not take its place. */
const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

export interface OpenedFiles {
  readonly reader: SqliteReader;
  readonly journalId: string;
  readonly factVersion: number;
  readonly heads: ReadonlyMap<string, Head>;
  readonly position: number;
}

/** Makes an empty database where there is no file at all. */
export function createDatabase({ path, headsPath }: JournalFiles): void {
  if (isThere(path) || existsSync(headsPath) || existsSync(`${path}-wal`)) return;
  const { DatabaseSync } = loadSqlite();
  const unfinished = `${path}.new`;
  for (const file of [unfinished, `${unfinished}-wal`, `${unfinished}-shm`, `${unfinished}-journal`]) rmSync(file, { force: true });
  withStoreErrors(path, () => {
    const database = new DatabaseSync(unfinished);
    try {
      database.exec(`PRAGMA journal_mode = WAL; BEGIN; ${SCHEMA}`);
      database.prepare("INSERT INTO meta (name, value) VALUES ('journalId', ?), ('factVersion', '0')").run(randomUUID());
      database.exec('COMMIT');
    } finally {
      database.close();
    }
    const file = openSync(unfinished, 'r+');
    fsyncSync(file);
    closeSync(file);
    renameSync(unfinished, path);
    syncFolder(dirname(path));
  });
}

/** Opens for reading, changing nothing. Throws JOURNAL_DAMAGED and JOURNAL_VERSION. */
export function openFiles(files: JournalFiles): OpenedFiles {
  const { path, headsPath } = files;
  if (!existsSync(path)) throw damaged(path, missingDatabase(files));
  if (!statSync(path).isFile()) throw damaged(path, 'it is no file');
  const { DatabaseSync } = loadSqlite();
  const database = withStoreErrors(path, () => new DatabaseSync(path, { readOnly: true }));
  const reader = new SqliteReader(database, path);
  try {
    checkFormat(path, reader);
    const journalId = reader.meta('journalId');
    if (journalId === undefined) throw damaged(path, 'it does not say which journal it is');
    const factVersion = Number(reader.meta('factVersion') ?? 0);
    if (factVersion > FACT_VERSION) throw newer(path, `holds facts of version ${factVersion}, and this Swarmchart knows ${FACT_VERSION}`);
    return { reader, journalId, factVersion, ...headsOf(headsPath, path, journalId, reader) };
  } catch (thrown) {
    reader.close();
    if (isDamage(thrown)) throw damaged(path, thrown.message, thrown);
    throw thrown;
  }
}

function checkFormat(path: string, reader: SqliteReader): void {
  const kind = reader.pragma('application_id');
  if (kind !== APPLICATION_ID) throw damaged(path, `it is a database of something else (application_id ${kind}); name another file`);
  const format = reader.pragma('user_version');
  if (format > FORMAT) throw newer(path, `has format ${format}, and this Swarmchart knows ${FORMAT}`);
  if (format < FORMAT) throw damaged(path, `it has format ${format}, which never was`);
}

function headsOf(headsPath: string, path: string, journalId: string, reader: SqliteReader): Pick<OpenedFiles, 'heads' | 'position'> {
  if (!existsSync(headsPath)) {
    if (reader.lastPosition() === 0) return { heads: new Map(), position: 0 };
    const advice = 'put it back; or read what there is with readJournal and begin another journal';
    throw damaged(path, `the file with its heads, "${headsPath}", is missing: ${advice}`);
  }
  const log = readHeadLog(headsPath);
  if (!log) throw damaged(path, `"${headsPath}" holds no heads of a journal`);
  if (log.journalId !== journalId) throw damaged(path, `"${headsPath}" is of another journal (${log.journalId}, not ${journalId})`);
  return log;
}

function missingDatabase({ path, headsPath }: JournalFiles): string {
  const left = [headsPath, `${path}-wal`].filter((file) => existsSync(file)).map((file) => `"${file}"`);
  if (isThere(path)) return 'it is a link that leads nowhere';
  if (left.length === 0) return 'there is no such file';
  return `it is missing, and ${left.join(' and ')} is still there: put it back, or remove what is left to begin a new journal`;
}

const damaged = (path: string, problem: string, cause?: unknown): SwarmchartError =>
  new SwarmchartError('JOURNAL_DAMAGED', `"${path}" cannot be opened as a journal: ${problem}`, { cause });

const newer = (path: string, what: string): SwarmchartError =>
  new SwarmchartError('JOURNAL_VERSION', `The journal "${path}" ${what}: open it with a newer one`);
