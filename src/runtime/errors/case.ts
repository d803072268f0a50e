/**
 * How failures are bound to what may still make up for them: the attempts of a step, the steps of a run, the tasks of a swarm.
 *
 * A failure travels upwards as the same error. Wherever it arrives, it is told by its code and message from one that is new there.
 */

import type { ExecutionError } from '../../machines/protocol/execution.ts';
import type { Failure, FailureOutcome } from './failure.ts';

/** Whom an error is due to, and the failures before, which hope for the same ending. */
export interface Blame {
  readonly culprits: readonly Failure[];
  readonly earlier: readonly Failure[];
}

export const sameness = ({ code, message }: ExecutionError): string => `${code}\n${message}`;

/** Failures that one case remembers for the day when all goes well; those before are left as they are. */
const MOST_OPEN = 1_000;

/** Something that can fail, and can be made up for. */
export class Case {
  /** What it failed with so far, when more is to be tried. */
  readonly #open = new Set<Failure>();
  readonly #arrived = new Map<string, { readonly culprits: Failure[]; readonly earlier: Failure[]; readonly start: number }>();
  #start = 0;
  /** What it was blamed on last. */
  last: Blame | undefined;
  #lastKey = '';
  /** Whether the last failure fails what encloses it. */
  isFatal = false;

  /** What failed beneath it has this error. */
  arrive(error: ExecutionError, blame: Blame): void {
    const key = sameness(error);
    const before = this.#arrived.get(key);
    if (before?.start !== this.#start) {
      this.#arrived.set(key, { culprits: [...blame.culprits], earlier: [...blame.earlier], start: this.#start });
      return;
    }
    for (const failure of blame.culprits) before.culprits.push(failure);
    for (const failure of blame.earlier) before.earlier.push(failure);
  }

  blameFor(error: ExecutionError): Blame | undefined {
    return this.#arrived.get(sameness(error));
  }

  /** What it was blamed on last, if that was for this error. */
  lastFor(error: ExecutionError): Blame | undefined {
    return this.#lastKey === sameness(error) ? this.last : undefined;
  }

  /** It starts anew: what arrives from now on is new, but it may still end with what it failed with before. */
  startsAnew(): void {
    this.#start++;
    this.#lastKey = '';
  }

  /** The next error like this one is another. */
  hasDealtWith(error: ExecutionError): void {
    this.#arrived.delete(sameness(error));
  }

  /** More is tried: this is what is done about it. */
  goesOn(blame: Blame, outcome: FailureOutcome, at: number, error?: ExecutionError): void {
    this.last = blame;
    this.#lastKey = error ? sameness(error) : '';
    for (const failure of blame.culprits) failure.became(outcome, at);
    this.hope(blame);
  }

  /** Should it go well after all, that makes up for these too. */
  hope({ culprits, earlier }: Blame): void {
    for (const failure of earlier) this.#open.add(failure);
    for (const failure of culprits) this.#open.add(failure);
    for (const oldest of this.#open) {
      if (this.#open.size <= MOST_OPEN) return;
      this.#open.delete(oldest);
    }
  }

  /** Nothing is left to try. What it hands up hopes for whoever is above it. */
  gaveUp({ culprits, earlier }: Blame, at: number): Blame {
    for (const failure of culprits) failure.became('failed', at);
    const others = new Set([...this.#open, ...earlier]);
    for (const failure of culprits) others.delete(failure);
    this.last = { culprits, earlier: [...others] };
    return this.last;
  }

  wentWell(at: number): void {
    for (const failure of this.#open) failure.became('recovered', at);
    this.#open.clear();
  }
}

/** An execution, with the steps or the tasks in it that have failed. */
export class ExecutionCase extends Case {
  readonly parts = new Map<string, Case>();

  part(id: string): Case {
    const known = this.parts.get(id);
    if (known) return known;
    const part = new Case();
    this.parts.set(id, part);
    return part;
  }
}
