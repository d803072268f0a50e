/** The actors that live, up to a number, each told of parents first: what a viewer that comes late has to be told. */

import type { AnyActorRef } from 'xstate';
import type { Party } from './messages.ts';

export class Living {
  /** By session. XState books sessions upwards, so parents stand before their children. */
  readonly #parties = new Map<string, Party>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#parties.size;
  }

  /** False: there are too many already, and this one will not be shown. */
  enter(party: Party): boolean {
    if (this.#parties.size >= this.#limit) return false;
    this.#parties.set(party.ref.sessionId, party);
    return true;
  }

  leave({ sessionId }: AnyActorRef): void {
    this.#parties.delete(sessionId);
  }

  has({ sessionId }: AnyActorRef): boolean {
    return this.#parties.has(sessionId);
  }

  all(): Iterable<Party> {
    return this.#parties.values();
  }
}
