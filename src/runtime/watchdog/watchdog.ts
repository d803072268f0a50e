/**
 * Tells of an event loop that is held: by a tool that never returns, or one that computes for too long. Nothing in such a process can be
 * cancelled, timed out or logged any more; so a second thread watches it. There is one for all runtimes of a process.
 */

import { Worker } from 'node:worker_threads';
import { describe } from '../../actors/failure.ts';
import type { LoopWatch, NamedWork } from '../../actors/services.ts';
import type { Logger } from '../../actors/tool.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import { sharedMemory, WorkRecord } from './shared-record.ts';
import type { WatchData } from './watch-thread.ts';

/** Source: none of the documents. */
export interface WatchdogOptions {
  /** The event loop counts as held when it has not turned for so long. Milliseconds. @default 5_000 */
  readonly blockedMs?: number;
}

/** Of one runtime. */
export interface Watchdog extends LoopWatch {
  start(): void;
  /** Resolves when the thread is gone, or is needed by other runtimes. */
  stop(): Promise<void>;
}

const DEFAULT_BLOCKED_MS = 5_000;
const SHORTEST_MS = 10;
const LONGEST_MS = 2 ** 31 - 1;
/** Both threads rest at most so long between two beats, or looks at them. */
const LONGEST_REST_MS = 500;

/** Of this process, while any runtime wants it. */
let present: ThreadWatch | undefined;

/** A watchdog that is not started yet. Throws INVALID_VALUE. */
export function watchdog({ blockedMs = DEFAULT_BLOCKED_MS }: WatchdogOptions, log: Logger): Watchdog {
  if (typeof blockedMs !== 'number' || !(blockedMs >= SHORTEST_MS && blockedMs <= LONGEST_MS)) {
    const wanted = `a number of milliseconds from ${SHORTEST_MS} to ${LONGEST_MS}`;
    throw new SwarmchartError('INVALID_VALUE', `watchdog.blockedMs must be ${wanted}, got ${describe(blockedMs)}`);
  }
  const watcher: Watcher = { blockedMs: Math.round(blockedMs), log };
  let watch: ThreadWatch | undefined;
  return {
    around: async (work, begin) => (watch ? watch.around(work, begin) : begin()),
    start() {
      present ??= new ThreadWatch();
      watch = present;
      watch.join(watcher);
    },
    async stop() {
      const left = watch;
      watch = undefined;
      await left?.leave(watcher);
    },
  };
}

interface Watcher {
  readonly blockedMs: number;
  readonly log: Logger;
}

/** A Node can be built without an inspector. */
const inspector = process.getBuiltinModule('node:inspector') as typeof import('node:inspector') | undefined;
const isDebugged = (): boolean => inspector?.url() !== undefined;

class ThreadWatch {
  readonly #memory = sharedMemory();
  readonly #record = new WorkRecord(this.#memory);
  readonly #watchers = new Set<Watcher>();
  #thread: Worker | undefined;
  #beating: NodeJS.Timeout | undefined;
  #everyMs = 0;
  #beatAt = 0;
  #reports = 0;

  join(watcher: Watcher): void {
    this.#watchers.add(watcher);
    void this.#adapt();
  }

  /** What held the loop is told of as soon as it returns: the turn after that may be nobody's any more. */
  around<Result>(work: NamedWork, begin: () => Result | Promise<Result>): Promise<Result> {
    return this.#record.around(work, () => {
      try {
        return begin();
      } finally {
        if (this.#record.reports !== this.#reports) this.#beat();
      }
    });
  }

  async leave(watcher: Watcher): Promise<void> {
    if (this.#record.reports !== this.#reports) this.#beat();
    this.#watchers.delete(watcher);
    if (this.#watchers.size === 0 && present === this) present = undefined;
    await this.#adapt();
  }

  /** Watches as closely as the strictest of them wants. */
  async #adapt(): Promise<void> {
    const blockedMs = Math.min(...[...this.#watchers].map((watcher) => watcher.blockedMs));
    const everyMs = this.#watchers.size === 0 ? 0 : Math.max(1, Math.min(LONGEST_REST_MS, Math.floor(blockedMs / 10)));
    if (everyMs > 0) this.#record.blockedMs = blockedMs;
    if (everyMs === this.#everyMs) return;
    this.#everyMs = everyMs;
    clearInterval(this.#beating);
    const before = this.#thread;
    this.#thread = undefined;
    if (everyMs > 0) {
      this.#beatAt = performance.now();
      this.#record.beat(isDebugged());
      this.#beating = setInterval(() => this.#beat(), everyMs).unref();
      this.#thread = this.#startThread(everyMs);
    }
    await before?.terminate();
  }

  #startThread(everyMs: number): Worker {
    // Bundled or not, the thread's file lies beside this one, and has its ending.
    const file = new URL(import.meta.url.endsWith('.ts') ? './watch-thread.ts' : './watch-thread.js', import.meta.url);
    const workerData: WatchData = { memory: this.#memory, everyMs };
    const options = { workerData, name: 'swarmchart watchdog', execArgv: [], env: {}, resourceLimits: { maxOldGenerationSizeMb: 64 } };
    const thread = new Worker(file, options);
    thread.unref();
    thread.on('error', (error) => {
      const message = 'the watchdog has stopped: nobody tells when the event loop is held';
      for (const { log } of this.#watchers) log.warn({ err: error }, message);
    });
    return thread;
  }

  #beat(): void {
    const now = performance.now();
    const heldMs = Math.round(now - this.#beatAt);
    this.#beatAt = now;
    this.#record.beat(isDebugged());
    const { reports } = this.#record;
    if (reports === this.#reports) return;
    this.#reports = reports;
    for (const { log, blockedMs } of this.#watchers) {
      if (heldMs >= blockedMs) log.warn({ heldMs }, `the event loop was held ${this.#record.lastReport}`);
    }
  }
}
