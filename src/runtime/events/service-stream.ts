/** A stream of a service in the journal: what it recorded in an earlier life, and what it records from now on. */

import type { ExecutionContext } from '../../machines/protocol/execution.ts';
import type { Fact, FactBody } from '../../machines/protocol/facts.ts';
import { FactStream } from '../journal/fact-stream.ts';
import type { Journal } from '../journal/journal.ts';

export interface ServiceStreamServices {
  readonly journal: Pick<Journal, 'append' | 'read' | 'find' | 'drop'>;
  readonly publish: (facts: readonly Fact[]) => void;
  /** Takes the values of secrets out of whatever is written down. */
  readonly scrub: <Value>(value: Value) => Value;
}

export class ServiceStream {
  /** What is in the journal of it already. */
  readonly earlier: readonly Fact[];
  readonly #stream: FactStream;
  readonly #execution: ExecutionContext;
  readonly #journal: ServiceStreamServices['journal'];

  private constructor(name: string, earlier: readonly Fact[], seq: number, { journal, publish, scrub }: ServiceStreamServices) {
    this.earlier = earlier;
    this.#journal = journal;
    this.#execution = { executionId: name, swarmId: name, userId: 'runtime', timestamp: 0, correlationId: name };
    // Whoever records hears of a failure.
    this.#stream = new FactStream({ name, journal, seq, checked: scrub, onCommitted: publish, onFailed: () => undefined });
  }

  static async open(name: string, services: ServiceStreamServices): Promise<ServiceStream> {
    const info = await services.journal.find(name);
    const earlier = info ? await services.journal.read(name) : [];
    return new ServiceStream(name, earlier, info?.seq ?? 0, services);
  }

  /** Resolves when it is committed. Rejects with JOURNAL_FAILED; then nothing more can be recorded. */
  async record(fact: FactBody): Promise<void> {
    this.#stream.record({ execution: this.#execution, tier: 'tier1', facts: [fact] });
    await this.#stream.committed();
  }

  /** Forgets all but the last fact, which must say everything. */
  async compact(): Promise<void> {
    await this.#journal.drop(this.#stream.name);
  }
}
