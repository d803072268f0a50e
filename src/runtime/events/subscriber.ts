/** One subscriber: its facts in order, one at a time, in a queue that has an end. Whatever its code does harms nobody else. */

import type { Clock } from '../../actors/clock.ts';
import type { Logger } from '../../actors/tool.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import { Fifo } from './fifo.ts';
import { type Sieve, sifted } from './sieve.ts';
import { isPromise } from './waiting.ts';

export type FactHandler = (fact: Fact) => unknown;

export interface Subscription {
  /** Facts that were dropped because the handler was too slow. */
  readonly dropped: number;
  /** Facts that a filter, a transform or the handler failed on. */
  readonly failed: number;
  /** It hears no more: of itself, with its runtime, or because its queue was full. */
  readonly isClosed: boolean;
  unsubscribe(): void;
}

/** What becomes of a fact for which a subscriber has no room: it goes, the oldest that waits goes, or the subscription ends. */
export type Overflow = 'drop-oldest' | 'drop-newest' | 'close';

export interface SubscriberOptions extends Sieve {
  readonly pattern: string;
  readonly handler: (heard: never) => unknown;
  readonly queueLimit: number;
  readonly overflow: Overflow;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onLeave: (subscriber: Subscriber) => void;
}

export class Subscriber implements Subscription {
  dropped = 0;
  failed = 0;
  readonly #options: SubscriberOptions;
  readonly #queue = new Fifo<Fact>();
  #isBusy = false;
  #hasLeft = false;
  /** Runs while the handler takes its time. */
  #timer: unknown;

  constructor(options: SubscriberOptions) {
    this.#options = options;
  }

  get isClosed(): boolean {
    return this.#hasLeft;
  }

  /** Never runs the subscriber's code. */
  offer(fact: Fact): void {
    if (this.#hasLeft || (this.#queue.length >= this.#options.queueLimit && !this.#makeRoom())) return;
    this.#queue.push(fact);
    if (!this.#isBusy) {
      this.#isBusy = true;
      queueMicrotask(() => void this.#work());
    }
  }

  unsubscribe(): void {
    this.#queue.clear();
    this.leave();
  }

  /** It still hears what it was offered before; a handler that is at work is not timed any more. */
  leave(): void {
    this.#hasLeft = true;
    this.#stopTimer();
    this.#options.onLeave(this);
  }

  #makeRoom(): boolean {
    const { overflow, pattern, queueLimit, log } = this.#options;
    this.dropped++;
    if (overflow === 'drop-oldest') this.#queue.shift();
    if (overflow === 'close') {
      log.error({ pattern, queueLimit }, 'a subscription was closed: its handler was too slow');
      this.leave();
    }
    return overflow === 'drop-oldest';
  }

  async #work(): Promise<void> {
    for (let fact = this.#queue.shift(); fact; fact = this.#queue.shift()) await this.#handle(fact);
    this.#isBusy = false;
  }

  async #handle(fact: Fact): Promise<void> {
    const { clock, log, timeoutMs, pattern, handler } = this.#options;
    try {
      const passed = sifted(fact, this.#options);
      if (!passed) return;
      const handled = handler(passed.value as never);
      if (!isPromise(handled)) return;
      const timeout = Promise.withResolvers<never>();
      const giveUp = () => timeout.reject(new Error(`did not finish within ${timeoutMs} ms`));
      if (!this.#hasLeft) this.#timer = clock.setTimeout(giveUp, timeoutMs);
      await Promise.race([handled, timeout.promise]);
    } catch (thrown) {
      this.failed++;
      log.error({ err: thrown, pattern, fact: fact.id }, 'event handler failed');
    } finally {
      this.#stopTimer();
    }
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
