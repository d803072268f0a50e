/**
 * The one writer of a stream: numbers facts, appends them, and knows what is committed.
 *
 * It is the gate: effects wait here until the facts before them are committed, and facts are published only then.
 * After a failed commit the stream takes nothing more, and its gate never opens again.
 */

import { identityOf } from '../../actors/failure.ts';
import type { CommitParams } from '../../machines/effects.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import { envelope, type Fact } from '../../machines/protocol/facts.ts';
import type { Journal } from './journal.ts';

export interface FactStreamOptions {
  readonly name: string;
  readonly journal: Pick<Journal, 'append'>;
  /** Number of the last fact already in the journal. */
  readonly seq?: number;
  /** When that happened. */
  readonly at?: number;
  /** What facts become before they are written. @default themselves */
  readonly checked?: (facts: readonly Fact[]) => readonly Fact[];
  readonly onCommitted: (facts: readonly Fact[]) => void;
  readonly onFailed: (error: SwarmchartError) => void;
}

export class FactStream {
  readonly name: string;
  readonly #options: FactStreamOptions;
  #seq: number;
  #committed: number;
  #at: number;
  #last: Promise<void> | undefined;
  #failure: SwarmchartError | undefined;

  constructor(options: FactStreamOptions) {
    this.name = options.name;
    this.#options = options;
    this.#seq = options.seq ?? 0;
    this.#committed = this.#seq;
    this.#at = options.at ?? 0;
  }

  /** Number of its last fact, committed or not. */
  get seq(): number {
    return this.#seq;
  }

  /** When its last fact happened: nothing is recorded behind that. */
  get at(): number {
    return this.#at;
  }

  get failure(): SwarmchartError | undefined {
    return this.#failure;
  }

  record({ execution, tier, facts }: CommitParams): void {
    if (this.#failure || facts.length === 0) return;
    const expected = this.#seq;
    const recorded = facts.map((body, index) => envelope(body, expected + index + 1, this.name, tier, execution));
    const enveloped = this.#options.checked?.(recorded) ?? recorded;
    this.#seq += enveloped.length;
    this.#at = enveloped.at(-1)?.at ?? this.#at;
    try {
      const appended = this.#options.journal.append(this.name, expected, enveloped);
      if (appended || this.#committed < expected) this.#last = this.#afterwards(appended, enveloped);
      else this.#commit(enveloped);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** Resolves when everything recorded so far is committed; undefined when it is. Rejects with JOURNAL_FAILED. */
  committed(): Promise<void> | undefined {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#committed === this.#seq) return undefined;
    return (this.#last ?? Promise.resolve()).then(() => {
      if (this.#failure) throw this.#failure;
    });
  }

  /** Also facts that are committed at once wait here for those before them: they are published in order. */
  async #afterwards(appended: Promise<void> | undefined, facts: readonly Fact[]): Promise<void> {
    const before = this.#last;
    try {
      await appended;
      await before;
      if (!this.#failure) this.#commit(facts);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #commit(facts: readonly Fact[]): void {
    this.#committed += facts.length;
    this.#options.onCommitted(facts);
  }

  #fail(thrown: unknown): void {
    if (this.#failure) return;
    this.#failure = this.#committed === 0 && isConflict(thrown) ? takenName(this.name, thrown) : failureOf(this.name, thrown);
    this.#options.onFailed(this.#failure);
  }
}

const isConflict = (thrown: unknown): boolean => identityOf(thrown)?.code === 'JOURNAL_CONFLICT';

const takenName = (name: string, cause: unknown): SwarmchartError =>
  new SwarmchartError('DUPLICATE_EXECUTION', `The journal has an execution "${name}" already`, { cause });

function failureOf(name: string, cause: unknown): SwarmchartError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new SwarmchartError('JOURNAL_FAILED', `Stream "${name}" could not be written: ${message}`, { cause });
}
