/** One failure, what became of it, and where it is counted. */

import type { ErrorClass, ErrorCode } from '../../machines/protocol/errors.ts';
import type { ExecutionError, Tier } from '../../machines/protocol/execution.ts';

/**
 * What became of a failure. `retried`, `fell_back`, `reassigned`, `replanned` and `escalated` are the rung that was taken for it, the
 * latest one; `recovered`: after that, what had failed went well; `failed`: no rung was left, or what was tried last for it failed with
 * the same error; `open`: nothing yet.
 */
export type FailureOutcome = 'open' | 'retried' | 'fell_back' | 'reassigned' | 'replanned' | 'escalated' | 'failed' | 'recovered';

/** A failure where it happened first. What it meant further up is its outcome, and no entry of its own. */
export interface ErrorEntry {
  /** Of the fact in which it was heard first. */
  readonly id: string;
  readonly at: number;
  readonly code: ErrorCode;
  readonly errorClass: ErrorClass;
  readonly message: string;
  /** Who failed: an execution of a tier, an agent, or what a circuit breaker guards. */
  readonly source: Tier | 'agent' | 'breaker';
  readonly executionId?: string;
  readonly swarmId?: string;
  readonly stepId?: string;
  readonly taskId?: string;
  /** Number of the attempt, of a step that was tried again. */
  readonly attempt?: number;
  /** Name of the tool, or `module.operation`. */
  readonly tool?: string;
  /** The agent that failed, or for whose task it happened. */
  readonly agentId?: string;
  /** Scope and key of the breaker, with a slash. */
  readonly breaker?: string;
  readonly outcome: FailureOutcome;
  /** When it came to its outcome. */
  readonly outcomeAt: number;
}

/** How many failures there were, and how many of them are at each outcome now. */
export interface ErrorTally {
  readonly total: number;
  readonly outcomes: Readonly<Partial<Record<FailureOutcome, number>>>;
}

export class Tally {
  #total = 0;
  readonly #outcomes = new Map<FailureOutcome, number>();

  joined(outcome: FailureOutcome): void {
    this.#total++;
    this.#add(outcome, 1);
  }

  moved(from: FailureOutcome, to: FailureOutcome): void {
    this.#add(from, -1);
    this.#add(to, 1);
  }

  toJSON(): ErrorTally {
    return { total: this.#total, outcomes: Object.fromEntries([...this.#outcomes].filter(([, count]) => count > 0)) };
  }

  #add(outcome: FailureOutcome, count: number): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + count);
  }
}

/** Where it happened, as far as that is known. */
export type Place = Pick<
  ErrorEntry,
  'source' | 'executionId' | 'swarmId' | 'stepId' | 'taskId' | 'attempt' | 'tool' | 'agentId' | 'breaker'
>;

export class Failure {
  readonly id: string;
  readonly at: number;
  readonly error: ExecutionError;
  place: Place;
  /** An agent's failure that a task has heard of: what becomes of the task is what became of it. */
  isOfWork = false;
  #outcome: FailureOutcome;
  #outcomeAt: number;
  readonly #tallies: Tally[] = [];

  constructor(id: string, at: number, error: ExecutionError, place: Place, outcome: FailureOutcome) {
    this.id = id;
    this.at = at;
    this.error = error;
    this.place = place;
    this.#outcome = outcome;
    this.#outcomeAt = at;
  }

  countIn(tally: Tally): void {
    this.#tallies.push(tally);
    tally.joined(this.#outcome);
  }

  became(outcome: FailureOutcome, at: number): void {
    for (const tally of this.#tallies) tally.moved(this.#outcome, outcome);
    this.#outcome = outcome;
    this.#outcomeAt = at;
  }

  get entry(): ErrorEntry {
    const { code, errorClass, message } = this.error;
    const { id, at } = this;
    return { id, at, code, errorClass, message, ...this.place, outcome: this.#outcome, outcomeAt: this.#outcomeAt };
  }
}
