/** Failures of what belongs to no execution: agents, and what circuit breakers guard. */

import { executionError } from '../../machines/protocol/errors.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { Books } from './books.ts';
import { Case } from './case.ts';
import type { Failure, FailureOutcome } from './failure.ts';
import type { PassedOn } from './passed-on.ts';
import { errorIn, hasError } from './reading.ts';

interface AgentPayload {
  readonly agentId?: string;
  readonly leases?: readonly string[];
  readonly leaseId?: string;
  readonly error?: unknown;
}

export class AgentFailures {
  readonly #books: Books;
  readonly #passedOn: PassedOn;
  /** By agent: those since it was ready last. */
  readonly #open = new Map<string, Failure[]>();

  constructor(books: Books, passedOn: PassedOn) {
    this.#books = books;
    this.#passedOn = passedOn;
  }

  hear(fact: Fact): void {
    const { agentId = '', leases = [], leaseId = '', error } = (fact.payload ?? {}) as AgentPayload;
    switch (fact.type) {
      case 'agent/crashed':
      case 'agent/lost': {
        const failure = this.#enter(fact, agentId, 'open');
        this.#passedOn.lost(leases, failure);
        const open = this.#open.get(agentId) ?? [];
        this.#open.set(agentId, [...open.slice(-MOST_OPEN), failure]);
        return;
      }
      case 'agent/restarted':
        return this.#became(agentId, 'retried', fact.at);
      case 'agent/ready':
        this.#became(agentId, 'recovered', fact.at);
        this.#open.delete(agentId);
        return;
      case 'agent/escalated':
        this.#gaveUp(fact, agentId);
        this.#open.delete(agentId);
        return;
      case 'agent/unregistered':
        this.#open.delete(agentId);
        return;
      case 'agent/refused':
        return this.#passedOn.refused(leaseId, this.#books.enter(fact, errorIn(fact), { source: 'agent' }, 'failed'));
      default:
        if (hasError(error)) this.#enter(fact, agentId, 'open');
    }
  }

  #enter(fact: Fact, agentId: string, outcome: FailureOutcome): Failure {
    return this.#books.enter(fact, errorIn(fact), { source: 'agent', agentId }, outcome);
  }

  /** Its last failure was one too many. */
  #gaveUp(fact: Fact, agentId: string): void {
    const last = this.#open.get(agentId)?.at(-1) ?? this.#enter(fact, agentId, 'failed');
    if (!last.isOfWork) last.became('failed', fact.at);
  }

  #became(agentId: string, outcome: FailureOutcome, at: number): void {
    for (const failure of this.#open.get(agentId) ?? []) if (!failure.isOfWork) failure.became(outcome, at);
  }
}

/** An agent that is restarted again and again is given up soon; this is for one whose policy knows no end. */
const MOST_OPEN = 100;

interface BreakerPayload {
  readonly scope?: string;
  readonly key?: string;
  readonly failures?: number;
  /** A person did it. */
  readonly by?: string;
  readonly error?: unknown;
}

/** The failures that a breaker counts are entered where they happen; that it opens is one more. */
export class BreakerFailures {
  readonly #books: Books;
  readonly #open = new Map<string, Case>();

  constructor(books: Books) {
    this.#books = books;
  }

  hear(fact: Fact): void {
    const { scope = '', key = '', failures = 0, by, error } = (fact.payload ?? {}) as BreakerPayload;
    const breaker = `${scope}/${key}`;
    switch (fact.type) {
      case 'breaker/opened':
      case 'breaker/held': {
        if (by !== undefined) return;
        const message = `The circuit breaker of ${scope} "${key}" has opened after ${failures} failures`;
        const failure = this.#books.enter(fact, executionError('CIRCUIT_OPEN', message, fact.tier), { source: 'breaker', breaker }, 'open');
        const open = this.#open.get(breaker) ?? new Case();
        this.#open.set(breaker, open);
        open.goesOn({ culprits: [failure], earlier: [] }, 'open', fact.at);
        return;
      }
      case 'breaker/half_opened': {
        const open = this.#open.get(breaker);
        if (open?.last) open.goesOn(open.last, 'retried', fact.at);
        return;
      }
      case 'breaker/closed':
        this.#open.get(breaker)?.wentWell(fact.at);
        this.#open.delete(breaker);
        return;
      default:
        if (hasError(error)) this.#books.enter(fact, errorIn(fact), { source: 'breaker', breaker }, 'open');
    }
  }
}
