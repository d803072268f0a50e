/**
 * Loaded before anything else into the process that is to crash, and into its threads: ends it with SIGKILL at a chosen place.
 *
 * `CRASH_AT=commit:17:after`: when a thread has committed for the 17th time. Places are `rows`, `commit`, `heads` and `disk`, which is any of
 * these and whatever else is done to files; moments are `before`, `after` and, for what is written to a file, `torn`.
 * `CRASH_AT=effect:3`: after the third effect of this life, before anything of it is committed.
 */

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { DatabaseSync, StatementSync } from 'node:sqlite';
import threads from 'node:worker_threads';

const [place = '', count = '0', moment = 'before'] = (process.env['CRASH_AT'] ?? '').split(':');
const note = process.env['CRASH_NOTE'] ?? '';
let left = Number(count);

type Operation = (...args: unknown[]) => unknown;

/** Appends to an open file without counting as an operation on the disk. */
export const appendUnseen: (file: number, text: string) => void = fs.writeSync;
const openUnseen = fs.openSync;

/** Counts the effects of this life. */
export function effectHappened(): void {
  if (place === 'effect' && --left === 0) die('effect');
}

/** The last thing that it does is to say where. */
function die(where: string): void {
  appendUnseen(openUnseen(note, 'a'), `${where}\n`);
  process.kill(process.pid, 'SIGKILL');
}

interface Watched {
  readonly place: (args: readonly unknown[]) => string;
  /** Does it in part. */
  readonly half?: (whole: Operation, args: readonly unknown[]) => void;
}

function watch(holder: object, name: string, { place: placeOf, half }: Watched): void {
  const operations = holder as Record<string, Operation>;
  const whole = operations[name];
  if (!whole) return;
  operations[name] = function (this: unknown, ...args: unknown[]) {
    const here = placeOf(args);
    const isLast = (place === 'disk' || place === here) && --left === 0;
    if (isLast && moment === 'torn' && half) {
      half(whole.bind(this), args);
      die(`torn ${here}`);
    }
    if (isLast && moment !== 'after') die(`before ${here}`);
    const value = whole.apply(this, args);
    if (isLast) die(`after ${here}`);
    return value;
  };
}

/** `write(file, bytes, offset, length, position)` */
const HALF: Watched['half'] = (write, [file, bytes, offset, length, position]) => {
  if (bytes instanceof Uint8Array) write(file, bytes, offset, Math.floor(Number(length) / 2), position);
};

if (['disk', 'rows', 'commit', 'heads'].includes(place)) {
  watch(DatabaseSync.prototype, 'exec', { place: ([sql]) => (sql === 'COMMIT' ? 'commit' : 'files') });
  watch(StatementSync.prototype, 'run', { place: () => 'rows' });
  watch(fs, 'writeSync', { place: () => 'heads', half: HALF });
  for (const name of ['openSync', 'fsyncSync', 'fdatasyncSync', 'ftruncateSync', 'renameSync', 'rmSync'])
    watch(fs, name, { place: () => 'files' });
  const { Worker } = threads;
  threads.Worker = class extends Worker {
    constructor(file: string | URL, options: threads.WorkerOptions = {}) {
      const env = { CRASH_AT: process.env['CRASH_AT'], CRASH_NOTE: note };
      super(file, { ...options, execArgv: ['--import', import.meta.url], env });
    }
  };
  syncBuiltinESMExports();
}
