/** What the facts of a run say about its steps: a line of news for each fact worth one, and where every step stands. */

import type { ExecutionError } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { RunFact } from '../../machines/protocol/run.ts';
import type { StepFact } from '../../machines/protocol/step.ts';
import { oneLine, printDuration } from '../outcome.ts';

export type StepState = 'running' | 'completed' | 'failed' | 'skipped' | 'cancelled' | 'waiting';

export interface StepRow {
  readonly stepId: string;
  readonly state: StepState;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly error?: ExecutionError;
}

export interface StepNews {
  readonly kind: 'started' | 'retrying' | 'falling back' | 'completed' | 'failed' | 'skipped' | 'cancelled' | 'waiting';
  readonly stepId: string;
  /** What there is to say beside that. */
  readonly detail: string;
}

const ENDED: ReadonlySet<StepState> = new Set(['completed', 'failed', 'skipped', 'cancelled']);

export class StepBoard {
  readonly total: number;
  readonly #rows = new Map<string, StepRow>();
  #ended = 0;
  /** The failure that fails the run. */
  #fatal: StepRow | undefined;
  #firstAt: number | undefined;
  #lastAt = 0;

  constructor(total: number) {
    this.total = total;
  }

  get ended(): number {
    return this.#ended;
  }

  get fatal(): StepRow | undefined {
    return this.#fatal;
  }

  /** Between the first and the last fact so far, in milliseconds. */
  get elapsed(): number {
    return this.#lastAt - (this.#firstAt ?? this.#lastAt);
  }

  /** In the order in which the steps began. */
  rows(state?: StepState): readonly StepRow[] {
    const rows = [...this.#rows.values()];
    return state === undefined ? rows : rows.filter((row) => row.state === state);
  }

  /** `12 of 40 steps`, with what did not go well. */
  summary(): string {
    const counts = (['failed', 'skipped', 'cancelled', 'waiting'] as const).flatMap((state) => {
      const count = this.rows(state).length;
      return count === 0 ? [] : [`${count} ${state}`];
    });
    return [`${this.#ended} of ${this.total} ${this.total === 1 ? 'step' : 'steps'}`, ...counts].join(', ');
  }

  hear(fact: Fact): StepNews | undefined {
    this.#firstAt ??= fact.at;
    this.#lastAt = fact.at;
    const { type, at, payload } = fact as unknown as RunFact | StepFact;
    switch (type) {
      case 'tier2/step/started':
        this.#enter({ stepId: payload.stepId, state: 'running', startedAt: this.#rows.get(payload.stepId)?.startedAt ?? at });
        return payload.iteration > 1 ? undefined : { kind: 'started', stepId: payload.stepId, detail: '' };
      case 'tier3/attempt/failed':
        return { kind: 'retrying', stepId: payload.stepId, detail: describeRetry(payload.attempt, payload.error, payload.backoffMs) };
      case 'tier2/step/fell_back':
        return { kind: 'falling back', stepId: payload.stepId, detail: `${payload.action} after ${oneLine(payload.error.message)}` };
      case 'tier2/step/escalated':
        return this.#end(payload.stepId, 'waiting', at, `for a person, after ${oneLine(payload.error.message)}`, payload.error);
      case 'tier2/step/completed':
        return this.#end(payload.stepId, 'completed', at, '');
      case 'tier2/step/failed': {
        const news = this.#end(payload.stepId, 'failed', at, oneLine(payload.error.message), payload.error);
        if (payload.fatal) this.#fatal ??= this.#rows.get(payload.stepId);
        return news;
      }
      case 'tier2/step/skipped':
        return this.#end(payload.stepId, 'skipped', at, payload.reason);
      case 'tier2/step/cancelled':
        return this.#end(payload.stepId, 'cancelled', at, oneLine(payload.reason));
      default:
        return undefined;
    }
  }

  #enter(row: StepRow): void {
    const before = this.#rows.get(row.stepId);
    if (before && ENDED.has(before.state)) this.#ended -= 1;
    if (ENDED.has(row.state)) this.#ended += 1;
    this.#rows.set(row.stepId, row);
  }

  #end(stepId: string, state: Exclude<StepState, 'running'>, at: number, detail: string, error?: ExecutionError): StepNews {
    const before = this.#rows.get(stepId);
    this.#enter({ stepId, state, startedAt: before?.startedAt ?? at, endedAt: at, ...(error && { error }) });
    const took = before === undefined || state === 'waiting' ? '' : printDuration(at - before.startedAt);
    return { kind: state, stepId, detail: [took, detail].filter(Boolean).join('  ') };
  }
}

const describeRetry = (attempt: number, { message }: ExecutionError, backoffMs: number): string =>
  `attempt ${attempt} failed: ${oneLine(message)}; again in ${printDuration(backoffMs)}`;
