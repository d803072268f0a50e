/** Where each task and step stands. */

import type { ExecutionError } from '../../machines/protocol/execution.ts';
import type { ResolvedWait } from '../../machines/protocol/wait.ts';

export type State = 'running' | 'completed' | 'failed' | 'skipped' | 'cancelled' | 'waiting';

/** A task of a swarm, or a step of one run. */
export interface Row {
  /** The same id may occur in several runs: with the run's own id it is unique. */
  readonly key: string;
  readonly id: string;
  readonly label: string;
  /** Execution id of its run; of a task, its swarm's. */
  readonly runId: string;
  readonly state: State;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly error?: ExecutionError;
  readonly waitsFor?: ResolvedWait;
  /** False of what a person cannot have tried again. */
  readonly canRetry?: false;
}

export class Rows {
  /** The execution that was started; its rows are counted. */
  root = '';
  readonly #rows = new Map<string, Row>();
  readonly #counts = { running: 0, completed: 0, failed: 0, skipped: 0, cancelled: 0, waiting: 0 };
  /** What failed first in each run in such a way that the run fails. */
  readonly #fatal = new Map<string, Row>();
  #timers = 0;

  /** Waits that end by themselves, at any depth. */
  get timers(): number {
    return this.#timers;
  }

  /** The failure that fails the whole. */
  get fatal(): Row | undefined {
    return this.#fatal.get(this.root);
  }

  /** The step with which that began, which may be deep within. */
  get culprit(): Row | undefined {
    const { fatal } = this;
    return fatal && ([...this.#fatal.values()].find(({ runId }) => runId.startsWith(`${this.root}/${fatal.id}/`)) ?? fatal);
  }

  count(state: State): number {
    return this.#counts[state];
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  /** In the order in which they began. */
  in(state: State): readonly Row[] {
    return [...this.#rows.values()].filter((row) => row.state === state);
  }

  set(row: Row): void {
    const before = this.#rows.get(row.key);
    if (row.runId === this.root) {
      if (before) this.#counts[before.state] -= 1;
      this.#counts[row.state] += 1;
    }
    this.#timers += Number(isTimer(row)) - Number(before !== undefined && isTimer(before));
    this.#rows.set(row.key, row);
  }

  /** Takes away rows of the execution that was started. */
  drop(isDropped: (row: Row) => boolean): void {
    for (const [key, row] of this.#rows) {
      if (row.runId !== this.root || !isDropped(row)) continue;
      this.#rows.delete(key);
      this.#counts[row.state] -= 1;
    }
  }

  setFatal(key: string): void {
    const row = this.#rows.get(key);
    if (row && !this.#fatal.has(row.runId)) this.#fatal.set(row.runId, row);
  }
}

const isTimer = ({ state, waitsFor }: Row): boolean => state === 'waiting' && (waitsFor?.type === 'timer' || waitsFor?.type === 'time');
