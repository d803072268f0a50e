/** What a journal forgets by itself: settled streams beyond the bounds, and the beginnings of long service streams. */

import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Journal, sqlite } from '../../../../src/index.ts';
import { sqliteJournal } from '../../../../src/runtime/journal/sqlite/sqlite.ts';
import { collectAll } from '../../../support/collect-all.ts';
import { ending, idsOf, someFact } from '../some-facts.ts';
import { crashedCopyOf, headsOf } from './damage.ts';
import { temporaryFile } from './temporary-folder.ts';

async function opened<Kind extends Journal>(journal: Kind): Promise<Kind> {
  await journal.open();
  onTestFinished(() => journal.close());
  return journal;
}

async function settle(journal: Journal, from: number, to: number) {
  for (let number = from; number <= to; number++) {
    await journal.append(`run-${number}`, 0, [someFact(`run-${number}`, 1), { ...ending(`run-${number}`, 2), at: number }]);
  }
}

const namesIn = async (journal: Journal) => (await collectAll(journal.streams())).map(({ name }) => name);

const durabilities = ['power', 'process'] as const;

describe.each(durabilities)('settled streams (%s)', (durability) => {
  it('are all kept, unless somebody says otherwise', async () => {
    const path = temporaryFile();
    const journal = await opened(sqlite(path, { durability }));
    await settle(journal, 1, 200);
    await journal.close();
    await journal.open();
    expect(await namesIn(journal)).toHaveLength(200);
  });

  it('are dropped beyond a number, those that settled first; what goes on stays', async () => {
    const path = temporaryFile();
    const journal = await opened(sqlite(path, { durability, keepSettled: { maxStreams: 10 } }));
    await journal.append('open', 0, [someFact('open', 1)]);
    await settle(journal, 1, 300);
    expect((await namesIn(journal)).length).toBeLessThan(10 + 2 * 64);
    await journal.close();
    expect(await namesInAfterOpening(path, { maxStreams: 10 })).toEqual([
      'open',
      ...Array.from({ length: 10 }, (_, index) => `run-${291 + index}`),
    ]);
  });

  it('are not dropped for those that somebody has dropped already', async () => {
    const journal = await opened(sqlite(temporaryFile(), { durability, keepSettled: { maxStreams: 100 } }));
    await settle(journal, 1, 100);
    for (let number = 1; number <= 90; number++) await journal.drop(`run-${number}`);
    await settle(journal, 101, 180);
    expect(await namesIn(journal)).toHaveLength(90);
  });

  it('are dropped beyond an age', async () => {
    const path = temporaryFile();
    const journal = await opened(sqlite(path, { durability }));
    await settle(journal, 1, 20);
    await journal.close();
    expect(await namesInAfterOpening(path, { maxAgeMs: 5 }, () => 20)).toEqual([
      'run-15',
      'run-16',
      'run-17',
      'run-18',
      'run-19',
      'run-20',
    ]);
  });
});

/** Opening begins to drop, and closing waits for it. */
async function namesInAfterOpening(path: string, keepSettled: { maxStreams?: number; maxAgeMs?: number }, now = () => 0) {
  const journal = sqliteJournal({ path, durability: 'process' }, { keepSettled, now });
  await journal.open();
  await journal.close();
  await journal.open();
  onTestFinished(() => journal.close());
  return namesIn(journal);
}

describe('a dropped stream', () => {
  it('leaves no row and no head, and its place in the order of commits to nobody', async () => {
    const path = temporaryFile();
    const journal = await opened(sqlite(path));
    await settle(journal, 1, 3);
    const before = (await collectAll(journal.scan())).flat().at(-1)?.position ?? 0;
    for (const name of await namesIn(journal)) await journal.drop(name);
    await untilSwept(path);
    expect(rowsIn(path)).toEqual({ streams: 0, facts: 0, dropped: 0 });
    await journal.close();
    await journal.open();
    expect(readFileSync(headsOf(path), 'utf8')).not.toContain('run-');
    await journal.append('after', 0, [someFact('after', 1)]);
    expect((await collectAll(journal.scan())).flat()[0]?.position).toBeGreaterThan(before);
  });

  it('of many facts is gone at once, and its rows are deleted after a crash too', async () => {
    const path = temporaryFile();
    const journal = await opened(sqlite(path));
    const facts = Array.from({ length: 2_000 }, (_, index) => someFact('long', index + 1));
    await journal.append('long', 0, [...facts, ending('long', 2_001)]);
    await journal.drop('long');
    const copy = crashedCopyOf(path);
    expect(rowsIn(copy).facts).toBeGreaterThan(0);
    const later = await opened(sqlite(copy));
    expect(await later.read('long')).toEqual([]);
    expect(await collectAll(later.scan())).toEqual([]);
    await untilSwept(copy);
    expect(rowsIn(copy).facts).toBe(0);
  });
});

/** Rows are deleted while nothing else is to be done. */
async function untilSwept(path: string) {
  while (rowsIn(path).dropped > 0) await setImmediate();
}

function rowsIn(path: string) {
  const database = new DatabaseSync(path, { readOnly: true });
  const count = (table: string) => database.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.['count'] as number;
  const counts = { streams: count('streams'), facts: count('facts'), dropped: count('dropped') };
  database.close();
  return counts;
}

describe('a service', () => {
  it('is cut to its last fact when it has grown long; the chain goes on from there, also after a restart', async () => {
    const path = temporaryFile();
    const journal = await opened(sqlite(path));
    for (let seq = 1; seq <= 501; seq++) await journal.append('breaker/x', seq - 1, [someFact('breaker/x', seq)]);
    await journal.append('breaker/x', 501, [someFact('breaker/x', 502)]);
    expect(idsOf(await journal.read('breaker/x'))).toEqual(['breaker/x#501', 'breaker/x#502']);
    await journal.close();
    await journal.open();
    expect(await journal.find('breaker/x')).toMatchObject({ status: 'service', seq: 502 });
    expect((await journal.find('breaker/x'))?.damage).toBeUndefined();
    await journal.append('breaker/x', 502, [someFact('breaker/x', 503)]);
    expect(idsOf(await journal.read('breaker/x', 502))).toEqual(['breaker/x#502', 'breaker/x#503']);
  });
});
