/**
 * Hands committed facts to subscribers.
 *
 * Publishing never waits and runs no code of theirs: each subscriber has its own bounded queue and hears its facts in order, one at a time. A handler
 * that throws or hangs is logged and harms nobody. When a queue is full its subscription says what happens; the journal still has the facts.
 * A fact is one object for all who hear it and for a journal in memory: it is frozen before anybody gets it.
 *
 * Source: Implementation Guide, "Event Bus Implementation".
 */

import type { Clock } from '../../actors/clock.ts';
import { frozen } from '../../actors/json.ts';
import type { Logger } from '../../actors/tool.ts';
import type { Tier } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import { checkPattern, compilePattern } from './pattern.ts';
import type { Sieve } from './sieve.ts';
import { type FactHandler, type Overflow, Subscriber, type Subscription } from './subscriber.ts';
import { checkSubscription } from './subscription-options.ts';

export interface SubscribeOptions extends Sieve {
  /** Facts that may wait for the handler. @default 10_000 */
  readonly queueLimit?: number;
  /** What happens when so many wait. @default 'drop-oldest' */
  readonly overflow?: Overflow;
  /** How long the handler may take for one fact. Milliseconds. @default 5_000 */
  readonly timeoutMs?: number;
}

export interface EventBusOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** @default 5_000 */
  readonly handlerTimeoutMs?: number;
  /** @default 10_000 */
  readonly queueLimit?: number;
  /** Hears every fact at once, before all subscribers, and misses none. Must not throw. */
  readonly first?: (facts: readonly Fact[]) => void;
}

interface Listening {
  readonly matches: (type: string) => boolean;
  readonly tier: Tier | undefined;
}

/** Types for which it is remembered who listens; those of events are whatever their embedder calls them. */
const REMEMBERED_TYPES = 1_000;

export class EventBus {
  readonly #subscribers = new Map<Subscriber, Listening>();
  /** Who listens to a type, in the order of their subscriptions: found once, and forgotten whenever one comes or goes. */
  readonly #byType = new Map<string, readonly (readonly [Subscriber, Tier | undefined])[]>();
  readonly #watchers = new Set<(facts: readonly Fact[]) => void>();
  readonly #options: Required<EventBusOptions>;

  constructor({ handlerTimeoutMs = 5_000, queueLimit = 10_000, first = () => undefined, ...rest }: EventBusOptions) {
    this.#options = { ...rest, handlerTimeoutMs, queueLimit, first };
  }

  /**
   * Calls `handler` for every fact committed from now on whose type matches the pattern, and which passes the filter. Throws INVALID_VALUE, with
   * every problem, for what is no pattern, no function or no such option.
   */
  subscribe(pattern: string, handler: FactHandler, options?: SubscribeOptions & { readonly transform?: never }): Subscription;
  subscribe<Heard>(
    pattern: string,
    handler: (heard: Heard) => unknown,
    options: SubscribeOptions & { readonly transform: (fact: Fact) => Heard },
  ): Subscription;
  subscribe(pattern: string, handler: (heard: never) => unknown, options: SubscribeOptions = {}): Subscription {
    return this.#subscribe(pattern, handler, options);
  }

  /** As `subscribe`, only of what a tier records. */
  ofTier(tier: Tier): EventBus['subscribe'] {
    return (pattern: string, handler: (heard: never) => unknown, options: SubscribeOptions = {}) =>
      this.#subscribe(pattern, handler, options, tier);
  }

  publish(facts: readonly Fact[]): void {
    this.#options.first(facts);
    for (const watcher of this.#watchers) watcher(facts);
    if (this.#subscribers.size === 0) return;
    for (const fact of facts) {
      for (const [subscriber, tier] of this.#listeners(fact.type))
        if (tier === undefined || tier === fact.tier) subscriber.offer(frozen(fact));
    }
  }

  /** Hears every fact at once, before all subscribers, until what is returned is called. Must not throw. */
  watch(watcher: (facts: readonly Fact[]) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Takes no more facts and leaves no timer. What subscribers were offered before, they still hear. */
  close(): void {
    for (const subscriber of this.#subscribers.keys()) subscriber.leave();
  }

  #subscribe(pattern: string, handler: (heard: never) => unknown, given: SubscribeOptions, tier?: Tier): Subscription {
    checkPattern(pattern);
    const { handlerTimeoutMs, clock, log } = this.#options;
    const checked = checkSubscription(handler, given);
    const subscriber = new Subscriber({
      queueLimit: this.#options.queueLimit,
      overflow: 'drop-oldest',
      timeoutMs: handlerTimeoutMs,
      ...checked,
      pattern,
      handler,
      clock,
      log,
      onLeave: (leaving) => {
        this.#subscribers.delete(leaving);
        this.#byType.clear();
      },
    });
    this.#subscribers.set(subscriber, { matches: compilePattern(pattern), tier });
    this.#byType.clear();
    return subscriber;
  }

  #listeners(type: string): readonly (readonly [Subscriber, Tier | undefined])[] {
    const known = this.#byType.get(type);
    if (known) return known;
    const found = [...this.#subscribers]
      .filter(([, { matches }]) => matches(type))
      .map(([subscriber, { tier }]) => [subscriber, tier] as const);
    if (this.#byType.size >= REMEMBERED_TYPES) this.#byType.clear();
    this.#byType.set(type, found);
    return found;
  }
}
