/** All failures that were heard of: the latest ones, and how many there were of each kind. */

import type { ErrorClass, ErrorCode } from '../../machines/protocol/errors.ts';
import type { ExecutionError } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import { type ErrorTally, Failure, type FailureOutcome, type Place, Tally } from './failure.ts';

export interface ErrorCounts {
  readonly total: number;
  readonly classes: Readonly<Partial<Record<ErrorClass, ErrorTally>>>;
  readonly codes: Readonly<Partial<Record<ErrorCode, ErrorTally>>>;
  /** By the tool's name, or `module.operation`. */
  readonly tools: Readonly<Record<string, ErrorTally>>;
  /** By the agent's id. */
  readonly agents: Readonly<Record<string, ErrorTally>>;
}

/** Stands for all names that came after the table was full. */
const OTHERS = '(others)';

export class Books {
  readonly #limit: number;
  #latest: Failure[] = [];
  #total = 0;
  readonly #classes = new Map<string, Tally>();
  readonly #codes = new Map<string, Tally>();
  readonly #tools = new Map<string, Tally>();
  readonly #agents = new Map<string, Tally>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  enter(fact: Fact, error: ExecutionError, place: Place, outcome: FailureOutcome): Failure {
    const failure = new Failure(fact.id, fact.at, error, place, outcome);
    this.#total++;
    this.#latest.push(failure);
    // Half of a full list at once, so that each costs the same.
    if (this.#latest.length >= 2 * this.#limit) this.#latest = this.#latest.slice(-this.#limit);
    failure.countIn(this.#tallyOf(this.#classes, error.errorClass));
    failure.countIn(this.#tallyOf(this.#codes, error.code));
    this.#countPlace(failure, place);
    return failure;
  }

  /** Now it is known where it did its harm. */
  locate(failure: Failure, place: Place): void {
    const { place: known } = failure;
    const { tool, agentId } = place;
    failure.place = { ...place, ...known, source: place.source };
    this.#countPlace(failure, {
      source: place.source,
      ...(known.tool === undefined && tool !== undefined && { tool }),
      ...(known.agentId === undefined && agentId !== undefined && { agentId }),
    });
  }

  /** Oldest first. */
  get latest(): readonly Failure[] {
    return this.#latest.slice(-this.#limit);
  }

  get counts(): ErrorCounts {
    return {
      total: this.#total,
      classes: tableOf(this.#classes),
      codes: tableOf(this.#codes),
      tools: tableOf(this.#tools),
      agents: tableOf(this.#agents),
    };
  }

  #countPlace(failure: Failure, { tool, agentId }: Place): void {
    if (tool !== undefined) failure.countIn(this.#tallyOf(this.#tools, tool));
    if (agentId !== undefined) failure.countIn(this.#tallyOf(this.#agents, agentId));
  }

  #tallyOf(tallies: Map<string, Tally>, name: string): Tally {
    const known = tallies.get(name);
    if (known) return known;
    if (tallies.size >= this.#limit && name !== OTHERS) return this.#tallyOf(tallies, OTHERS);
    const tally = new Tally();
    tallies.set(name, tally);
    return tally;
  }
}

/** Names are the user's: none of them may be taken for a prototype. */
function tableOf(tallies: ReadonlyMap<string, Tally>): Record<string, ErrorTally> {
  const table: Record<string, ErrorTally> = Object.create(null) as Record<string, ErrorTally>;
  for (const [name, tally] of tallies) table[name] = tally.toJSON();
  return table;
}
