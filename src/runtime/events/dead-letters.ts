/** What a route has given up: each in a stream of its own, which settles when it was delivered after all or thrown away. */

import type { Clock } from '../../actors/clock.ts';
import type { ExecutionError } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { LetterFact } from '../../machines/protocol/route.ts';
import type { Journal } from '../journal/journal.ts';
import { ServiceStream, type ServiceStreamServices } from './service-stream.ts';

/** A fact that a route has given up. */
export interface DeadLetter {
  readonly routeId: string;
  /** That of the fact. */
  readonly id: string;
  readonly fact: Fact;
  readonly error: ExecutionError;
  /** In all. */
  readonly attempts: number;
  readonly at: number;
}

interface Filed {
  readonly letter: DeadLetter;
  readonly stream: ServiceStream;
}

interface LetterServices extends ServiceStreamServices {
  readonly journal: Journal;
  readonly clock: Clock;
}

export class DeadLetters {
  readonly #routeId: string;
  readonly #services: LetterServices;
  readonly #filed = new Map<string, Filed>();

  private constructor(routeId: string, services: LetterServices) {
    this.#routeId = routeId;
    this.#services = services;
  }

  /** Those that the journal has. */
  static async open(routeId: string, services: LetterServices): Promise<DeadLetters> {
    const letters = new DeadLetters(routeId, services);
    for await (const { name, status } of services.journal.streams(letters.#prefix)) {
      if (status !== 'service') continue;
      const stream = await ServiceStream.open(name, services);
      const last = stream.earlier.at(-1) as (LetterFact & Fact) | undefined;
      if (last?.type === 'route/dead_lettered') letters.#file(last, stream);
    }
    return letters;
  }

  get size(): number {
    return this.#filed.size;
  }

  list(): readonly DeadLetter[] {
    return [...this.#filed.values()].map(({ letter }) => letter);
  }

  get(id: string): DeadLetter | undefined {
    return this.#filed.get(id)?.letter;
  }

  /** Also one that is there, with the attempts that were made since. Rejects with JOURNAL_FAILED. */
  async add(fact: Fact, error: ExecutionError, attempts: number): Promise<void> {
    const filed = this.#filed.get(fact.id);
    const stream = filed?.stream ?? (await ServiceStream.open(`${this.#prefix}${fact.id}`, this.#services));
    const payload = { routeId: this.#routeId, attempts: attempts + (filed?.letter.attempts ?? 0), error, fact };
    const body = { type: 'route/dead_lettered', at: this.#services.clock.now(), payload } as const;
    await stream.record(body);
    this.#file(body, stream);
  }

  /** False when there is none of this id. Rejects with JOURNAL_FAILED. */
  async remove(id: string, how: 'route/redriven' | 'route/discarded'): Promise<boolean> {
    const filed = this.#filed.get(id);
    if (!filed) return false;
    await filed.stream.record({ type: how, at: this.#services.clock.now(), payload: { routeId: this.#routeId } });
    return this.#filed.delete(id);
  }

  get #prefix(): string {
    return `route/${this.#routeId}/`;
  }

  #file({ at, payload }: Extract<LetterFact, { type: 'route/dead_lettered' }>, stream: ServiceStream): void {
    const { attempts, error, fact } = payload;
    this.#filed.set(fact.id, { letter: { routeId: this.#routeId, id: fact.id, fact, error, attempts, at }, stream });
  }
}
