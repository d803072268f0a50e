/** What may be opened as a journal: its two files belong together, or nothing is touched. */

import { randomUUID } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { SwarmchartError } from '../../../machines/protocol/errors.ts';
import { FACT_VERSION } from '../../../machines/protocol/facts.ts';
import { type Head, isDamage, StoreError } from '../durable/fact-store.ts';
import { isNoDatabase, loadSqlite, withStoreErrors } from './engine.ts';
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

/** Not by `recursive`: Node then tries for ever where the system takes no folders, such as in /proc. */
export function makeFolderOf(path: string): void {
  const folder = dirname(resolve(path));
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return;
  if (stats) throw new StoreError('failed', `"${folder}" is no folder`);
  makeFolderOf(folder);
  try {
    mkdirSync(folder);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
}

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

/** Throws JOURNAL_DAMAGED for what is surely no journal. Unlike opening it, leaves nothing beside it. */
export function refuseStranger(files: JournalFiles): void {
  const { path } = files;
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) {
    if (isThere(path) || remainsOf(files).length > 0) throw damaged(path, missingDatabase(files));
    return;
  }
  if (!stats.isFile()) throw damaged(path, 'it is no file');
  const kind = kindOf(path);
  if (kind !== undefined && kind !== APPLICATION_ID) throw foreign(path, kind);
}

/** Throws what the system says, with the name of what it is about. */
export function requireWritable({ path, headsPath }: JournalFiles): void {
  for (const file of [dirname(path), path, headsPath]) if (existsSync(file)) accessSync(file, constants.W_OK);
}

/** As the main file says, for which SQLite needs no other. Undefined when it does not, or when this Node cannot ask. */
function kindOf(path: string): number | undefined {
  const { DatabaseSync } = loadSqlite();
  const url = pathToFileURL(path);
  url.searchParams.set('immutable', '1');
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(url, { readOnly: true });
    const [row] = database.prepare('PRAGMA application_id').all() as { application_id: number }[];
    return row?.application_id;
  } catch (thrown) {
    if (isNoDatabase(thrown)) throw damaged(path, thrown.message, thrown);
    return undefined;
  } finally {
    database?.close();
  }
}

/** Opens for reading, changing nothing. Throws JOURNAL_DAMAGED and JOURNAL_VERSION. */
export function openFiles(files: JournalFiles): OpenedFiles {
  const { path, headsPath } = files;
  if (!existsSync(path)) throw damaged(path, missingDatabase(files));
  refuseStranger(files);
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
    if (thrown instanceof StoreError && !isWritable(dirname(path))) throw unwritable(path, thrown);
    throw thrown;
  }
}

/** Whoever reads a database in WAL mode has to make the file that it shares with others, when that is not there. */
const unwritable = (path: string, cause: StoreError): StoreError =>
  new StoreError('failed', `"${dirname(path)}" cannot be written, and reading needs a file there, too: read a copy`, { cause });

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function checkFormat(path: string, reader: SqliteReader): void {
  const kind = reader.pragma('application_id');
  if (kind !== APPLICATION_ID) throw foreign(path, kind);
  const format = reader.pragma('user_version');
  if (format > FORMAT) throw newer(path, `has format ${format}, and this Swarmchart knows ${FORMAT}`);
  if (format < FORMAT) throw damaged(path, `it has format ${format}, which never was`);
}

function headsOf(headsPath: string, path: string, journalId: string, reader: SqliteReader): Pick<OpenedFiles, 'heads' | 'position'> {
  if (!existsSync(headsPath)) {
    if (reader.lastPosition() === 0) return { heads: new Map(), position: 0 };
    const advice = 'put it back, or begin another journal; any tool for SQLite shows the facts of this one';
    throw damaged(path, `the file with its heads, "${headsPath}", is missing: ${advice}`);
  }
  const log = readHeadLog(headsPath);
  if (!log) throw damaged(path, `"${headsPath}" holds no heads of a journal`);
  if (log.journalId !== journalId) throw damaged(path, `"${headsPath}" is of another journal (${log.journalId}, not ${journalId})`);
  return log;
}

const remainsOf = ({ path, headsPath }: JournalFiles): readonly string[] => [headsPath, `${path}-wal`].filter((file) => existsSync(file));

function missingDatabase(files: JournalFiles): string {
  const left = remainsOf(files);
  if (isThere(files.path)) return 'it is a link that leads nowhere';
  if (left.length === 0) return 'there is no such file';
  const names = left.map((file) => `"${file}"`).join(' and ');
  const are = left.length === 1 ? 'is' : 'are';
  return `it is missing, and ${names} ${are} still there: put it back, or remove what is left to begin a new journal`;
}

const damaged = (path: string, problem: string, cause?: unknown): SwarmchartError =>
  new SwarmchartError('JOURNAL_DAMAGED', `"${path}" cannot be opened as a journal: ${problem}`, { cause });

const foreign = (path: string, kind: number): SwarmchartError =>
  damaged(path, `it is a database of something else (application_id ${kind}); name another file`);

const newer = (path: string, what: string): SwarmchartError =>
  new SwarmchartError('JOURNAL_VERSION', `The journal "${path}" ${what}: open it with a newer one`);
