/**
 * Loaded before anything else into the process that is to crash, and into its threads: ends it with SIGKILL at a chosen place.
 *
 * `CRASH_AT=storage:17:torn`: at the 17th operation of a thread on its disk, with half of it done; also `before` and `after`.
 * `CRASH_AT=effect:3`: after the third effect of this life, before anything of it is committed.
 */

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { DatabaseSync, StatementSync } from 'node:sqlite';
import threads from 'node:worker_threads';

const [kind = '', count = '0', moment = 'before'] = (process.env['CRASH_AT'] ?? '').split(':');
let left = Number(count);

type Operation = (...args: unknown[]) => unknown;

/** Appends without counting as an operation on the disk. */
export const appendUnseen: (file: number, text: string) => void = fs.writeSync;

/** Counts the effects of this life. */
export function effectHappened(): void {
  if (kind === 'effect' && --left === 0) die();
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** @param half Does the operation in part. */
function watch(holder: object, name: string, half?: (whole: Operation, args: unknown[]) => void): void {
  const operations = holder as Record<string, Operation>;
  const whole = operations[name];
  if (!whole) return;
  operations[name] = function (this: unknown, ...args: unknown[]) {
    const isLast = --left === 0;
    if (isLast && moment === 'torn') half?.(whole.bind(this), args);
    if (isLast && moment !== 'after') die();
    const value = whole.apply(this, args);
    if (isLast) die();
    return value;
  };
}

function writeHalf(write: Operation, [target, data, ...rest]: unknown[]): void {
  if (typeof data === 'string') write(target, data.slice(0, data.length / 2), ...rest);
  else if (data instanceof Uint8Array) write(target, data.subarray(0, data.length / 2));
}

if (kind === 'storage') {
  watch(DatabaseSync.prototype, 'exec');
  watch(StatementSync.prototype, 'run');
  for (const name of ['writeSync', 'writeFileSync']) watch(fs, name, writeHalf);
  for (const name of ['openSync', 'fsyncSync', 'fdatasyncSync', 'ftruncateSync', 'renameSync', 'unlinkSync']) watch(fs, name);
  const { Worker } = threads;
  threads.Worker = class extends Worker {
    constructor(file: string | URL, options: threads.WorkerOptions = {}) {
      super(file, { ...options, execArgv: ['--import', import.meta.url], env: { CRASH_AT: process.env['CRASH_AT'] } });
    }
  };
  syncBuiltinESMExports();
}
