/**
 * The thread of the watchdog. It counts how long the other one has not beaten, and says so on stderr itself: the other one cannot.
 *
 * A machine that sleeps, or a process that is stopped, holds up both threads: however late a look comes, it counts as one.
 */

import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { NamedWork } from '../../actors/services.ts';
import { type SharedMemory, WatchedThread } from './shared-record.ts';
import { stackOfMain } from './stack-of-main.ts';

const STDERR = 2;
const MOST_NAMED = 5;
/** A pipe whose reader is slow takes nothing for a while. */
const MOST_WRITES = 100;

export interface WatchData {
  readonly memory: SharedMemory;
  readonly everyMs: number;
}

const { memory, everyMs } = workerData as WatchData;
const thread = new WatchedThread(memory);

let beat = thread.beat;
let heldMs = 0;
let hasReported = false;
let lookedAt = performance.now();

setInterval(() => {
  const now = performance.now();
  const passed = Math.min(now - lookedAt, 2 * everyMs);
  lookedAt = now;
  const seen = thread.beat;
  if (seen !== beat) {
    beat = seen;
    heldMs = 0;
    hasReported = false;
    return;
  }
  heldMs += passed;
  // It turned at most one rest after its last beat.
  const surelyMs = heldMs - everyMs;
  if (hasReported || surelyMs < thread.blockedMs) return;
  hasReported = true;
  const culprit = described();
  thread.report(culprit);
  const forSeconds = `for ${(surelyMs / 1_000).toFixed(1)} s`;
  say(`swarmchart: the event loop of process ${process.pid} has been held ${forSeconds} ${culprit}; until it turns, nothing else does\n`);
  // Who is at a breakpoint must stay there.
  if (!thread.isDebugged) stackOfMain(sayStack);
}, everyMs);

function sayStack(frames: readonly string[]): void {
  // It may have gone on meanwhile: then it is not where it was.
  if (frames.length === 0 || thread.beat !== beat) return;
  say(`${clean(`swarmchart: it is at ${frames.join(', called by ')}`)}\n`);
}

function described(): string {
  const { holder, begun, unnamed } = thread.atWork();
  if (holder) return `by ${nameOf(holder)}`;
  const [only, ...others] = begun;
  if (!only) return unnamed === 0 ? 'while no step was at work' : `while ${unnamed} steps were at work`;
  if (others.length === 0 && unnamed === 0) return `while ${nameOf(only)} was at work`;
  const rest = begun.length + unnamed - MOST_NAMED;
  const names = begun.slice(0, MOST_NAMED).map(nameOf).join(', ');
  return `while these were at work: ${names}${rest > 0 ? ` and ${rest} more` : ''}`;
}

const nameOf = ({ name, stepId, executionId }: NamedWork): string =>
  clean(`${name.charAt(0).toLowerCase()}${name.slice(1)} (step "${stepId}" of execution "${executionId}")`);

/** Names are the user's: none of them may move a cursor. */
const clean = (text: string): string => text.replaceAll(/\p{Cc}/gu, '?');

function say(line: string): void {
  const bytes = Buffer.from(line);
  let written = 0;
  for (let writes = 0; written < bytes.length && writes < MOST_WRITES; writes++) {
    try {
      written += writeSync(STDERR, bytes, written);
    } catch (thrown) {
      // Nobody reads it: then it is in the log alone.
      if ((thrown as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}
