/**
 * Hands committed facts to subscribers.
 *
 * Publishing never waits: each subscriber has its own bounded queue and hears its facts in order, one at a time. A handler that throws
 * or hangs is logged and harms nobody. When a queue is full its oldest fact is dropped and counted; the journal still has it.
 *
 * Source: Implementation Guide, "Event Bus Implementation".
 */

import type { Clock } from '../../actors/clock.ts';
import { describe } from '../../actors/failure.ts';
import type { Logger } from '../../actors/tool.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import { isId } from '../door.ts';
import { compilePattern } from './pattern.ts';

export type FactHandler = (fact: Fact) => unknown;

export interface Subscription {
  /** Facts that were dropped because the handler was too slow. */
  readonly dropped: number;
  unsubscribe(): void;
}

export interface EventBusOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a handler may take for one fact. Milliseconds. @default 5_000 */
  readonly handlerTimeoutMs?: number;
  /** Facts that wait for one subscriber. @default 10_000 */
  readonly queueLimit?: number;
  /** Hears every fact at once, before all subscribers, and misses none. Must not throw. */
  readonly first?: (facts: readonly Fact[]) => void;
}

export class EventBus {
  readonly #subscribers = new Set<Subscriber>();
  readonly #options: Required<EventBusOptions>;

  constructor({ handlerTimeoutMs = 5_000, queueLimit = 10_000, first = () => undefined, ...rest }: EventBusOptions) {
    this.#options = { ...rest, handlerTimeoutMs, queueLimit, first };
  }

  /** Calls `handler` for every fact committed from now on whose type matches the pattern. Throws INVALID_VALUE for what is no pattern or no function. */
  subscribe(pattern: string, handler: FactHandler): Subscription {
    if (!isId(pattern)) throw new SwarmchartError('INVALID_VALUE', `A pattern of facts is a text, got ${describe(pattern)}`);
    if (typeof handler !== 'function')
      throw new SwarmchartError('INVALID_VALUE', `A handler of facts is a function, got ${describe(handler)}`);
    const subscriber = new Subscriber(pattern, handler, this.#options, () => this.#subscribers.delete(subscriber));
    this.#subscribers.add(subscriber);
    return subscriber;
  }

  publish(facts: readonly Fact[]): void {
    this.#options.first(facts);
    for (const subscriber of this.#subscribers) {
      for (const fact of facts) subscriber.offer(fact);
    }
  }

  /** Takes no more facts and leaves no timer. What subscribers were offered before, they still hear. */
  close(): void {
    for (const subscriber of this.#subscribers) subscriber.leave();
  }
}

class Subscriber implements Subscription {
  dropped = 0;
  readonly #pattern: string;
  readonly #matches: (type: string) => boolean;
  readonly #handler: FactHandler;
  readonly #options: Required<EventBusOptions>;
  readonly #onLeave: () => void;
  #queue: Fact[] = [];
  #isBusy = false;
  #hasLeft = false;
  /** Runs while the handler takes its time. */
  #timer: unknown;

  constructor(pattern: string, handler: FactHandler, options: Required<EventBusOptions>, onLeave: () => void) {
    this.#pattern = pattern;
    this.#matches = compilePattern(pattern);
    this.#handler = handler;
    this.#options = options;
    this.#onLeave = onLeave;
  }

  offer(fact: Fact): void {
    if (!this.#matches(fact.type)) return;
    this.#queue.push(fact);
    if (this.#queue.length > this.#options.queueLimit) {
      this.#queue.shift();
      this.dropped++;
    }
    if (!this.#isBusy) {
      this.#isBusy = true;
      queueMicrotask(() => void this.#work());
    }
  }

  unsubscribe(): void {
    this.#queue = [];
    this.leave();
  }

  /** A handler that is at work is not timed any more. */
  leave(): void {
    this.#hasLeft = true;
    this.#stopTimer();
    this.#onLeave();
  }

  async #work(): Promise<void> {
    for (let fact = this.#queue.shift(); fact; fact = this.#queue.shift()) await this.#handle(fact);
    this.#isBusy = false;
  }

  async #handle(fact: Fact): Promise<void> {
    const { clock, log, handlerTimeoutMs } = this.#options;
    try {
      const handled = this.#handler(fact);
      if (!(handled instanceof Promise)) return;
      const timeout = Promise.withResolvers<never>();
      const giveUp = () => timeout.reject(new Error(`did not finish within ${handlerTimeoutMs} ms`));
      if (!this.#hasLeft) this.#timer = clock.setTimeout(giveUp, handlerTimeoutMs);
      await Promise.race([handled, timeout.promise]);
    } catch (thrown) {
      log.error({ err: thrown, pattern: this.#pattern, fact: fact.id }, 'event handler failed');
    } finally {
      this.#stopTimer();
    }
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
