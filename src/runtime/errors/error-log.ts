/**
 * The central log of errors: a view over committed facts. Every failure has one entry, where it happened first, however far it travels;
 * the entry tells what became of it.
 *
 * Source: Execution Layer Architecture, "Error Handling and Recovery".
 */

import { describe } from '../../actors/failure.ts';
import type { Logger } from '../../actors/tool.ts';
import { ERROR_CLASSES, type ErrorClass, type ErrorCode, SwarmchartError } from '../../machines/protocol/errors.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import { checkObject, reading } from '../door.ts';
import { endsStream } from '../journal/journal.ts';
import { didYouMean } from '../workflow/suggest.ts';
import { Books, type ErrorCounts } from './books.ts';
import type { ErrorEntry } from './failure.ts';
import { AgentFailures, BreakerFailures } from './keepers.ts';
import { PassedOn } from './passed-on.ts';
import { errorIn, hasError, payloadOf } from './reading.ts';
import { StreamCases } from './stream-cases.ts';

export interface ErrorLogOptions {
  /** Entries that are kept; older ones are only counted. @default 1_000 */
  readonly limit?: number;
}

export interface ErrorFilter {
  readonly class?: ErrorClass;
  readonly code?: ErrorCode;
  /** Only what happened then or later. Milliseconds since the epoch. */
  readonly since?: number;
}

const DEFAULT_LIMIT = 1_000;
const MOST_ENTRIES = 1_000_000;

export class ErrorLog {
  readonly #log: Logger;
  readonly #books: Books;
  readonly #passedOn: PassedOn;
  readonly #agents: AgentFailures;
  readonly #breakers: BreakerFailures;
  readonly #streams = new Map<string, StreamCases>();

  /** Throws INVALID_VALUE. */
  constructor(options: ErrorLogOptions, log: Logger) {
    checkObject('errors', options, 'INVALID_VALUE');
    const { limit = DEFAULT_LIMIT } = reading('errors', () => ({ limit: options.limit }), 'INVALID_VALUE');
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST_ENTRIES) {
      throw new SwarmchartError('INVALID_VALUE', `errors.limit must be an integer from 1 to ${MOST_ENTRIES}, got ${describe(limit)}`);
    }
    this.#log = log;
    this.#books = new Books(limit);
    this.#passedOn = new PassedOn(limit);
    this.#agents = new AgentFailures(this.#books, this.#passedOn);
    this.#breakers = new BreakerFailures(this.#books);
  }

  /** The latest failures, newest last: those that are of the class, have the code, and happened no earlier. Throws INVALID_VALUE. */
  list(filter: ErrorFilter = {}): readonly ErrorEntry[] {
    const { class: errorClass, code, since = 0 } = checkFilter(filter);
    const wanted = this.#books.latest.filter(
      ({ error, at }) =>
        (errorClass === undefined || error.errorClass === errorClass) && (code === undefined || error.code === code) && at >= since,
    );
    return wanted.map(({ entry }) => entry);
  }

  /** How many failures there were since the runtime was created, also those that `list` no longer has. */
  counts(): ErrorCounts {
    return this.#books.counts;
  }

  /** In the order in which they were committed. Never throws. */
  hear(facts: readonly Fact[]): void {
    for (const fact of facts) {
      try {
        this.#hear(fact);
      } catch (thrown) {
        this.#log.error({ err: thrown, fact: fact.id }, 'the error log could not make sense of a fact');
      }
    }
  }

  /** The execution goes on no more, and no fact will say so. */
  forget(executionId: string): void {
    this.#streams.delete(executionId);
  }

  #hear(fact: Fact): void {
    const { type, stream } = fact;
    if (type.startsWith('agent/')) return this.#agents.hear(fact);
    if (type.startsWith('breaker/')) return this.#breakers.hear(fact);
    // What happened outside is no failure of the runtime, whatever is called an error there.
    if (stream.startsWith('event/')) return;
    if (!type.startsWith('tier')) return this.#hearOther(fact);
    // A board outlives its swarm.
    if (type === 'tier1/blackboard/written') return;
    const known = this.#streams.get(stream);
    const cases = known ?? new StreamCases(this.#books, this.#passedOn);
    if (!known) this.#streams.set(stream, cases);
    cases.hear(fact);
    if (endsStream(fact)) this.#streams.delete(stream);
  }

  #hearOther(fact: Fact): void {
    const { tier, executionId, swarmId } = fact;
    if (hasError(payloadOf(fact).error)) this.#books.enter(fact, errorIn(fact), { source: tier, executionId, swarmId }, 'open');
  }
}

const CODES = Object.keys(ERROR_CLASSES);
const CLASSES = [...new Set<string>(Object.values(ERROR_CLASSES))];

/** A name that there is not would find nothing, which looks like good news. */
function checkFilter(given: unknown): ErrorFilter {
  checkObject('The filter', given, 'INVALID_VALUE');
  const filter = given as ErrorFilter;
  const read = () => ({ errorClass: filter.class, code: filter.code, since: filter.since });
  const { errorClass, code, since } = reading('The filter', read, 'INVALID_VALUE');
  checkName('class of errors', errorClass, CLASSES);
  checkName('error code', code, CODES);
  if (since !== undefined && (typeof since !== 'number' || Number.isNaN(since))) {
    throw new SwarmchartError('INVALID_VALUE', `since is a moment in milliseconds, got ${describe(since)}`);
  }
  return {
    ...(errorClass !== undefined && { class: errorClass }),
    ...(code !== undefined && { code }),
    ...(since !== undefined && { since }),
  };
}

function checkName(what: string, given: unknown, names: readonly string[]): void {
  if (given === undefined || (typeof given === 'string' && names.includes(given))) return;
  const guess = typeof given === 'string' ? didYouMean(given, names) : '';
  throw new SwarmchartError('INVALID_VALUE', `There is no ${what} ${describe(given)}.${guess}`);
}
