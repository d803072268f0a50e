/** A runtime on a journal in a file; and nothing but the rows that it writes there, in the groups in which it commits them. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { DurableJournal } from '../src/runtime/journal/durable/durable-journal.ts';
import type { Batch, FactRow } from '../src/runtime/journal/durable/fact-store.ts';
import { sqlite } from '../src/runtime/journal/sqlite/sqlite.ts';
import { SqliteStore } from '../src/runtime/journal/sqlite/sqlite-store.ts';
import type { Subject } from './subject.ts';
import { swarmchartOn } from './swarmchart.ts';

export type Durability = 'power' | 'process';

const folder = mkdtempSync(join(tmpdir(), 'swarmchart-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = (): string => join(folder, `${++files}.db`);

export const durableSwarmchart = (durability: Durability): Subject =>
  swarmchartOn(`Swarmchart, ${durability}`, () => sqlite(newFile(), { durability }));

class WatchedStore extends SqliteStore {
  readonly groups: (readonly FactRow[])[] = [];

  override commit(batch: Batch): Promise<void> {
    this.groups.push(batch.rows);
    return super.commit(batch);
  }
}

/** What a durable runtime writes for a shape, group by group. */
async function groupsOf(durability: Durability, shape: Parameters<Subject['prepare']>[0]): Promise<readonly (readonly FactRow[])[]> {
  const store = new WatchedStore({ path: newFile(), durability });
  const breathe = async (): Promise<void> => void (await setImmediate());
  const options = durability === 'power' ? { breathe } : { breathe, nextTurn: breathe, maxBatch: 64 };
  const sample = await swarmchartOn('', () => new DurableJournal(store, options)).prepare(shape);
  await sample.work();
  await sample.end();
  return store.groups;
}

/** In a table with a key and nothing else, by one thread that does nothing else. */
export function rawRows(durability: Durability): Subject {
  let groups: Promise<readonly (readonly FactRow[])[]> | undefined;
  return {
    name: `node:sqlite rows, ${durability}`,
    async prepare(shape) {
      groups ??= groupsOf(durability, shape);
      const known = await groups;
      const database = new DatabaseSync(newFile());
      database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durability === 'power' ? 'FULL' : 'NORMAL'}`);
      database.exec('CREATE TABLE facts (position INTEGER PRIMARY KEY, stream INTEGER, seq INTEGER, at REAL, body TEXT, hash TEXT) STRICT');
      const insert = database.prepare('INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?)');
      return {
        async work() {
          for (const rows of known) {
            database.exec('BEGIN IMMEDIATE');
            for (const { position, stream, seq, at, body, hash } of rows) insert.run(position, stream, seq, at, body, hash);
            database.exec('COMMIT');
          }
        },
        end: async () => database.close(),
      };
    },
  };
}
