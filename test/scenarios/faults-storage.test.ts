/** Faults 3 to 10 of the catalogue, of the journal's file: on real files. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, parse } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Journal, type JournalCondition, readJournal, sqlite } from '../../src/index.ts';
import { sqliteJournal } from '../../src/runtime/journal/sqlite/sqlite.ts';
import { ending, idsOf, someFact, someFacts } from '../runtime/journal/some-facts.ts';
import { contentsOf, crashedCopyOf, flipBit, flipBitIn, headsOf, tearOff, walOf } from '../runtime/journal/sqlite/damage.ts';
import { temporaryFile, temporaryFolder } from '../runtime/journal/sqlite/temporary-folder.ts';
import { collectAll } from '../support/collect-all.ts';

async function opened<Kind extends Journal>(journal: Kind): Promise<Kind> {
  await journal.open();
  onTestFinished(() => journal.close());
  return journal;
}

/** Its status, by stream. */
async function damageIn(journal: Journal) {
  const streams = await collectAll(journal.streams());
  return Object.fromEntries(streams.map(({ name, damage }) => [name, damage]));
}

/** A file with a closed journal of three streams. */
async function closedFile(): Promise<string> {
  const path = temporaryFile();
  const journal = sqlite(path);
  await journal.open();
  for (const stream of ['one', 'two', 'three']) await journal.append(stream, 0, someFacts(stream, 1, 5));
  await journal.append('done', 0, [someFact('done', 1), ending('done', 2)]);
  await journal.close();
  return path;
}

/** As a killed process leaves it: nothing was moved from the write-ahead log to the database. Each fact is a commit of its own. */
async function crashedFile(streams: readonly string[], facts: number): Promise<string> {
  const path = temporaryFile();
  const journal = await opened(sqlite(path));
  for (const stream of streams) {
    for (let seq = 1; seq <= facts; seq++) await journal.append(stream, seq - 1, [someFact(stream, seq)]);
  }
  return crashedCopyOf(path);
}

async function verified(path: string) {
  const reader = await readJournal(path);
  const all = await collectAll(reader.verify());
  const pages = reader.verifyPages();
  await reader.close();
  return { problems: Object.fromEntries(all.flatMap(({ stream, problem }) => (problem ? [[stream, problem]] : []))), pages };
}

describe('fault 3: a full disk', () => {
  it('acknowledges nothing and loses nothing, says so once, and goes on in order when there is room', async () => {
    const path = temporaryFile();
    let database: DatabaseSync | undefined;
    const connect = (file: string) => {
      database = new DatabaseSync(file);
      return database;
    };
    let waits = 0;
    const makeRoom = async () => {
      waits += 1;
      if (waits === 3) database?.exec('PRAGMA max_page_count = 1000000');
    };
    const journal = await opened(sqliteJournal({ path, durability: 'process', connect }, { wait: makeRoom }));
    const conditions: JournalCondition['status'][] = [];
    journal.watch(({ status }) => conditions.push(status));
    await journal.append('a', 0, [someFact('a', 1)]);
    database?.exec('PRAGMA max_page_count = 1');
    const order: string[] = [];
    const big = { payload: { text: 'x'.repeat(20_000) } };
    const appends = [1, 2, 3, 4].map(async (seq) => {
      await journal.append('b', seq - 1, [someFact('b', seq, big)]);
      order.push(`b#${seq} after ${waits} waits`);
    });
    await Promise.all(appends);
    expect(order).toEqual([1, 2, 3, 4].map((seq) => `b#${seq} after 3 waits`));
    expect(conditions).toEqual(['full', 'ready']);
    expect(idsOf(await journal.read('b'))).toEqual(['b#1', 'b#2', 'b#3', 'b#4']);
  });

  it('does not keep a journal from being closed: what waits is refused, and reading still works', async () => {
    const path = temporaryFile();
    let database: DatabaseSync | undefined;
    const connect = (file: string) => {
      database = new DatabaseSync(file);
      return database;
    };
    const journal = sqliteJournal({ path, durability: 'process', connect }, { wait: () => Promise.resolve() });
    await journal.open();
    await journal.append('a', 0, [someFact('a', 1)]);
    database?.exec('PRAGMA max_page_count = 1');
    const waiting = journal.append('a', 1, [someFact('a', 2, { payload: { text: 'x'.repeat(20_000) } })]);
    expect(idsOf(await journal.read('a'))).toEqual(['a#1']);
    const refused = expect(waiting).rejects.toMatchObject({ code: 'JOURNAL_FAILED' });
    await journal.close();
    await refused;
    expect(idsOf(await (await opened(sqlite(path))).read('a'))).toEqual(['a#1']);
  });
});

describe('fault 4: a torn WAL tail', () => {
  it('is a loss that is found by the heads: those streams take nothing more and give what is sound, the others go on', async () => {
    const path = await crashedFile(['before', 'torn'], 20);
    tearOff(walOf(path), 4_096 + 24);
    expect((await verified(path)).problems).toEqual({ torn: 'it ends with fact 19, but 20 were committed' });
    const journal = await opened(sqlite(path));
    expect(await damageIn(journal)).toEqual({ before: undefined, torn: 'it ends with fact 19, but 20 were committed' });
    expect(await journal.unsettled()).toEqual(['before']);
    expect(await journal.read('torn')).toHaveLength(19);
    expect(() => journal.append('torn', 19, [someFact('torn', 20)])).toThrow(expect.objectContaining({ code: 'JOURNAL_DAMAGED' }));
    await journal.append('before', 20, [someFact('before', 21)]);
    expect(await journal.read('before')).toHaveLength(21);
  });

  it('is found again at every later start, until somebody drops the stream', async () => {
    const path = await crashedFile(['before', 'torn'], 20);
    tearOff(walOf(path), 3 * (4_096 + 24));
    for (const _ of ['first', 'second']) {
      const journal = sqlite(path);
      await journal.open();
      expect(await damageIn(journal)).toMatchObject({ before: undefined, torn: expect.stringContaining('but 20 were committed') });
      await journal.close();
    }
    const journal = await opened(sqlite(path));
    expect(await journal.drop('torn')).toBe(true);
    await journal.append('torn', 0, [someFact('torn', 1)]);
    await journal.close();
    await journal.open();
    expect(await damageIn(journal)).toEqual({ before: undefined, torn: undefined });
  });

  it('that takes a whole stream with it leaves its name and what is known of it', async () => {
    const path = await crashedFile(['before', 'lost'], 3);
    truncateSync(walOf(path), Math.floor(readFileSync(walOf(path)).length / 2));
    const journal = await opened(sqlite(path));
    const problem = 'nothing is left of it, but 3 facts were committed';
    expect(await journal.find('lost')).toMatchObject({ seq: 0, damage: problem });
    expect(() => journal.append('lost', 0, [someFact('lost', 1)])).toThrow(problem);
    expect(await journal.read('lost')).toEqual([]);
    expect(await journal.drop('lost')).toBe(true);
    await journal.append('lost', 0, [someFact('lost', 1)]);
    const positions = (await collectAll(journal.scan())).flat().map(({ position }) => position);
    expect(positions.at(-1)).toBeGreaterThan(6);
  });

  it('that was never acknowledged is no loss: a log of heads that is behind is repaired', async () => {
    const path = await crashedFile(['a'], 20);
    const heads = readFileSync(headsOf(path), 'utf8').trimEnd().split('\n');
    writeFileSync(headsOf(path), `${heads.slice(0, -2).join('\n')}\n${heads.at(-2)?.slice(0, 20)}`);
    const journal = await opened(sqlite(path));
    expect(await damageIn(journal)).toEqual({ a: undefined });
    expect(await journal.read('a')).toHaveLength(20);
    expect((await verified(path)).problems).toEqual({});
  });
});

describe('fault 5: a bit that flips in the WAL', () => {
  it('drops what was written after it, which is found by the heads', async () => {
    const path = await crashedFile(['before', 'torn'], 20);
    flipBitIn(walOf(path), '"id":"torn#17"');
    const journal = await opened(sqlite(path));
    expect(await damageIn(journal)).toEqual({
      before: undefined,
      torn: expect.stringMatching(/^it ends with fact 1\d, but 20 were committed$/),
    });
  });
});

describe('fault 6: rot in a row', () => {
  it('is found by the chain at the start, for a stream that goes on', async () => {
    const path = await closedFile();
    flipBitIn(path, '"id":"two#3"');
    expect(await verified(path)).toEqual({ problems: { two: 'fact 3 is not what was written' }, pages: [] });
    const journal = await opened(sqlite(path));
    expect(await damageIn(journal)).toMatchObject({ one: undefined, two: 'fact 3 is not what was written', three: undefined });
    expect(idsOf(await journal.read('two'))).toEqual(['two#1', 'two#2']);
    expect(await journal.unsettled()).toEqual(['one', 'three']);
    expect(idsOf((await collectAll(journal.scan())).flat().map(({ fact }) => fact)).filter((id) => id.startsWith('two'))).toEqual([
      'two#1',
      'two#2',
    ]);
  });

  it('is found when it is read, for a stream that has settled', async () => {
    const path = await closedFile();
    flipBitIn(path, '"id":"done#2"');
    const journal = await opened(sqlite(path));
    expect(idsOf(await journal.read('done'))).toEqual(['done#1']);
    expect(await journal.find('done')).toMatchObject({ status: 'settled', damage: 'fact 2 is not what was written' });
  });

  it('in a page that cannot be read at all is found too', async () => {
    const path = temporaryFile();
    const journal = sqlite(path);
    await journal.open();
    for (const stream of ['one', 'two', 'three']) {
      await journal.append(stream, 0, [someFact(stream, 1, { payload: { text: stream.repeat(4_000) } })]);
    }
    await journal.close();
    breakChainOfPages(path, 'two');
    const { problems, pages } = await verified(path);
    expect(problems).toEqual({ two: 'fact 1 cannot be read: database disk image is malformed' });
    expect(pages).not.toEqual([]);
    const reopened = await opened(sqlite(path));
    expect(await damageIn(reopened)).toMatchObject({ one: undefined, two: expect.any(String), three: undefined });
    expect(idsOf((await collectAll(reopened.scan())).flat().map(({ fact }) => fact))).toEqual(['one#1', 'three#1']);
  });
});

/** A long text goes on from page to page: the first of these leads nowhere afterwards. */
function breakChainOfPages(path: string, text: string): void {
  const bytes = readFileSync(path);
  const content = text.repeat(2_000).slice(0, 3_000);
  for (let page = 0; page < bytes.length; page += 4_096) {
    if (!bytes.subarray(page + 8, page + 4_096).includes(content) || bytes.readUInt32BE(page) === 0 || bytes.readUInt8(page) !== 0)
      continue;
    bytes.writeUInt32BE(0xffffffff, page);
    writeFileSync(path, bytes);
    return;
  }
  throw new Error(`"${text}" fills no page of ${path}`);
}

describe('fault 7: files that are missing, or are something else', () => {
  const cases: readonly (readonly [string, (path: string) => void, RegExp])[] = [
    ['the database is missing', (path) => rmSync(path), /is missing, and ".*\.heads" is still there: put it back, or remove/],
    ['the heads are missing', (path) => rmSync(headsOf(path)), /the file with its heads, ".*\.heads", is missing/],
    ['the database is garbage', (path) => writeFileSync(path, 'not a database, not a database'.repeat(500)), /file is not a database/],
    ['the database is empty', (path) => truncateSync(path, 0), /application_id 0/],
    ['the database is of something else', (path) => becomeForeign(path), /a database of something else \(application_id 7\)/],
    ['the heads are garbage', (path) => writeFileSync(headsOf(path), 'garbage'), /holds no heads of a journal/],
    ['the first line of the heads is damaged', (path) => flipBit(headsOf(path), 20), /holds no heads of a journal/],
  ];

  it.each(cases)('are refused, and left as they are: %s', async (_, spoil, message) => {
    const path = await closedFile();
    spoil(path);
    const before = contentsOf(path);
    await expect(sqlite(path).open()).rejects.toMatchObject({ code: 'JOURNAL_DAMAGED', message: expect.stringMatching(message) });
    await expect(readJournal(path)).rejects.toMatchObject({ code: 'JOURNAL_DAMAGED' });
    expect(contentsOf(path)).toEqual(before);
  });

  it('are refused where there is a folder, or a link to a file that is not there', async () => {
    const folder = temporaryFolder();
    const link = join(folder, 'link.db');
    symlinkSync(join(folder, 'elsewhere.db'), link);
    const cases = [
      [folder, /it is no file/],
      [link, /it is a link that leads nowhere/],
    ] as const;
    for (const [path, message] of cases) {
      await expect(sqlite(path).open()).rejects.toMatchObject({ code: 'JOURNAL_DAMAGED', message: expect.stringMatching(message) });
      await expect(readJournal(path)).rejects.toMatchObject({ code: 'JOURNAL_DAMAGED', message: expect.stringMatching(message) });
    }
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
  });

  it.each(['power', 'process'] as const)('take nothing more when they were removed while they were open (%s)', async (durability) => {
    const path = temporaryFile();
    const journal = await opened(sqlite(path, { durability }));
    await journal.append('a', 0, [someFact('a', 1)]);
    rmSync(path);
    const message = expect.stringContaining('was removed or replaced while it was open');
    await expect(journal.append('a', 1, [someFact('a', 2)])).rejects.toMatchObject({ code: 'JOURNAL_FAILED', message });
  });

  it('are the same ones wherever the process goes', async () => {
    const { dir, base } = parse(temporaryFile());
    const before = process.cwd();
    onTestFinished(() => process.chdir(before));
    process.chdir(dir);
    const journal = sqlite(base);
    process.chdir(before);
    await opened(journal);
    expect(existsSync(join(dir, base))).toBe(true);
  });

  it('are refused when they are of two journals', async () => {
    const [path, other] = [await closedFile(), await closedFile()];
    writeFileSync(headsOf(path), readFileSync(headsOf(other)));
    await expect(sqlite(path).open()).rejects.toMatchObject({
      code: 'JOURNAL_DAMAGED',
      message: expect.stringContaining('of another journal'),
    });
  });

  it('are a loss that is found, when it is the WAL that is missing', async () => {
    const path = await crashedFile(['a', 'b'], 3);
    rmSync(walOf(path));
    const journal = await opened(sqlite(path));
    const problem = 'nothing is left of it, but 3 facts were committed';
    expect(await damageIn(journal)).toEqual({ a: problem, b: problem });
  });

  const strangers: readonly (readonly [string, (path: string) => void])[] = [
    ['garbage', (path) => writeFileSync(path, 'not a database, not a database'.repeat(500))],
    ['empty', (path) => writeFileSync(path, '')],
    ['of something else', (path) => makeDatabase(path)],
    ['a folder', (path) => mkdirSync(path)],
  ];

  it.each(strangers)('have nothing beside them after they were refused: one that is %s', async (_, make) => {
    const path = temporaryFile();
    make(path);
    for (const durability of ['power', 'process'] as const) {
      await expect(sqlite(path, { durability }).open()).rejects.toMatchObject({ code: 'JOURNAL_DAMAGED' });
    }
    await expect(readJournal(path)).rejects.toMatchObject({ code: 'JOURNAL_DAMAGED' });
    expect(readdirSync(dirname(path))).toEqual([basename(path)]);
  });

  it('have nothing beside what is left of them when the database is missing', async () => {
    const path = temporaryFile();
    writeFileSync(headsOf(path), readFileSync(headsOf(await closedFile())));
    await expect(sqlite(path).open()).rejects.toMatchObject({ code: 'JOURNAL_DAMAGED' });
    expect(readdirSync(dirname(path))).toEqual([basename(headsOf(path))]);
  });

  it.each(['', '/below'])('cannot be where a folder%s is no folder: the reason is told', async (below) => {
    const file = await closedFile();
    const message = `The journal cannot be opened, read or closed: "${file}" is no folder`;
    await expect(sqlite(`${file}${below}/journal.db`).open()).rejects.toMatchObject({ code: 'JOURNAL_FAILED', message });
  });

  // Node's own way to make folders goes on for ever there.
  it.runIf(existsSync('/proc/self'))('cannot be where the system takes no folders: the reason is told', async () => {
    const message = expect.stringMatching(/ENOENT.* mkdir '\/proc\/self\/below'/);
    await expect(sqlite('/proc/self/below/journal.db').open()).rejects.toMatchObject({ code: 'JOURNAL_FAILED', message });
  });

  it('may be copied, all of them, to another place, also as a killed process has left them', async () => {
    for (const path of [await closedFile(), await crashedFile(['one', 'two'], 3)]) {
      const copy = temporaryFile();
      for (const suffix of ['', '-wal', '.heads']) if (existsSync(path + suffix)) copyFileSync(path + suffix, copy + suffix);
      expect(await verified(copy)).toEqual({ problems: {}, pages: [] });
      const journal = await opened(sqlite(copy));
      const seq = (await journal.find('one'))?.seq ?? 0;
      await journal.append('one', seq, [someFact('one', seq + 1)]);
      expect(await journal.read('one')).toHaveLength(seq + 1);
    }
  });

  it('are made when none of them is there, with their folder', async () => {
    const path = `${temporaryFile()}/below/journal.db`;
    const journal = await opened(sqlite(path));
    expect(await collectAll(journal.streams())).toEqual([]);
    expect(existsSync(headsOf(path))).toBe(true);
  });
});

/** In WAL mode, as the journal's own. */
function makeDatabase(path: string): void {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE things (name TEXT)');
  database.close();
}

function becomeForeign(path: string): void {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA application_id = 7');
  database.close();
}

describe('fault 8: a second process', () => {
  it('is refused and told who holds the journal; a dead holder is none', async () => {
    const path = await closedFile();
    const holder = spawn(process.execPath, [fileURLToPath(new URL('journal-holder.ts', import.meta.url)), path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void holder.kill('SIGKILL'));
    await once(holder.stdout, 'data');
    const message = expect.stringMatching(new RegExp(`is being written by process ${holder.pid} on .+, since 20\\d\\d-.+Z$`));
    await expect(sqlite(path).open()).rejects.toMatchObject({ code: 'JOURNAL_LOCKED', retryable: true, message });
    const reader = await readJournal(path);
    expect(await reader.read('one')).toHaveLength(5);
    await reader.close();
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const journal = await opened(sqlite(path));
    expect(await journal.read('one')).toHaveLength(5);
  });

  it('is refused in the same process as well', async () => {
    const path = await closedFile();
    await opened(sqlite(path));
    const message = expect.stringContaining(`process ${process.pid} on`);
    await expect(sqlite(path, { durability: 'process' }).open()).rejects.toMatchObject({ code: 'JOURNAL_LOCKED', message });
  });
});

describe('fault 9: a newer version', () => {
  it.each([
    ['of the tables', 'PRAGMA user_version = 2', /has format 2, and this Swarmchart knows 1/],
    ['of a fact', "UPDATE meta SET value = '2' WHERE name = 'factVersion'", /holds facts of version 2, and this Swarmchart knows 1/],
  ])('%s is refused, and nothing is changed', async (_, change, message) => {
    const path = await closedFile();
    const database = new DatabaseSync(path);
    database.exec(change);
    database.close();
    const before = contentsOf(path);
    for (const durability of ['power', 'process'] as const) {
      const refusal = { code: 'JOURNAL_VERSION', message: expect.stringMatching(message) };
      await expect(sqlite(path, { durability }).open()).rejects.toMatchObject(refusal);
      await expect(readJournal(path)).rejects.toMatchObject(refusal);
    }
    expect(contentsOf(path)).toEqual(before);
  });
});

describe('fault 10: a database that somebody holds for a while', () => {
  it.each(['power', 'process'] as const)('is tried again, in order, and nothing is lost (%s)', async (durability) => {
    const path = temporaryFile();
    let waits = 0;
    const wait = async () => {
      waits += 1;
      if (waits === 3) other.exec('COMMIT');
    };
    const journal = await opened(sqliteJournal({ path, durability }, { wait }));
    const other = new DatabaseSync(path);
    onTestFinished(() => other.close());
    other.exec('BEGIN IMMEDIATE');
    await Promise.all([1, 2].map(async (seq) => journal.append('a', seq - 1, [someFact('a', seq)])));
    expect(waits).toBe(3);
    expect(idsOf(await journal.read('a'))).toEqual(['a#1', 'a#2']);
  });

  it('for ever is a failure, after which the journal takes nothing more', async () => {
    const path = temporaryFile();
    const paused: number[] = [];
    const wait = async (milliseconds: number) => void paused.push(milliseconds);
    const journal = await opened(sqliteJournal({ path, durability: 'process' }, { wait }));
    const other = new DatabaseSync(path);
    onTestFinished(() => other.close());
    other.exec('BEGIN IMMEDIATE');
    const waiting = [journal.append('a', 0, [someFact('a', 1)]), journal.append('b', 0, [someFact('b', 1)])];
    const refusal = { code: 'JOURNAL_FAILED', message: expect.stringContaining('database is locked') };
    for (const each of waiting) await expect(each).rejects.toMatchObject(refusal);
    expect(paused.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(1_000);
    other.exec('ROLLBACK');
    expect(() => journal.append('c', 0, [someFact('c', 1)])).toThrow(expect.objectContaining(refusal));
    expect(await collectAll(journal.streams())).toEqual([]);
  });
});
