/**
 * One route: delivers the facts that its pattern matches, in order, one at a time, each at least once.
 *
 *   idle → delivering ⇄ backingOff → idle          full: as many dead letters as it may have; it waits until there are fewer
 *                     ↘ a dead letter              stopped
 *
 * What cannot be delivered after its retries becomes a dead letter, and the route goes on with the next one.
 *
 * Source: System Architecture, "Event Routing and Distribution".
 */

import { wrapTierError } from '../../actors/failure.ts';
import { backoffMs } from '../../machines/backoff.ts';
import type { ExecutionError } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { RetryPolicy } from '../../machines/protocol/plan.ts';
import type { DeadLetters } from './dead-letters.ts';
import { Follower, type FollowerServices } from './follower.ts';
import type { Passed } from './reader.ts';
import type { RouteState } from './route-state.ts';
import { type Sieve, sifted } from './sieve.ts';
import { pause, within } from './waiting.ts';

/** One attempt to deliver. */
export interface Delivery {
  readonly fact: Fact;
  /** What the route's transform made of it, else the fact. */
  readonly value: unknown;
  /** The fact's id, the same for every attempt, also after a restart: hand it to whatever must not act twice. */
  readonly idempotencyKey: string;
  /** 1 for the first of a series. */
  readonly attempt: number;
  /** Aborted when it takes too long, and when the route stops. */
  readonly signal: AbortSignal;
}

export interface CheckedRoute extends Sieve {
  readonly id: string;
  readonly pattern: string;
  readonly deliver: (delivery: Delivery) => unknown;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
  readonly deadLetterLimit: number;
}

export interface RouteSnapshot {
  readonly id: string;
  readonly pattern: string;
  readonly state: 'idle' | 'delivering' | 'backingOff' | 'full' | 'stopped';
  /** In the journal: what comes up to there is done with. */
  readonly position: number;
  /** These four since it was registered first. */
  readonly delivered: number;
  readonly filtered: number;
  readonly deadLetters: number;
  /** Attempts that failed, in this process. */
  readonly failures: number;
  /** Facts that the journal had forgotten before it got to them, in this process. */
  readonly missed: number;
  readonly lastError?: ExecutionError;
}

export interface RouteServices extends FollowerServices {
  readonly letters: DeadLetters;
  readonly scrub: <Value>(value: Value) => Value;
}

interface GivenUp {
  readonly error: ExecutionError;
  readonly attempts: number;
}

export class Route {
  readonly #route: CheckedRoute;
  readonly #services: RouteServices;
  readonly #follower: Follower;
  #state: RouteState;
  #doing: RouteSnapshot['state'] = 'idle';
  #failures = 0;
  #lastError: ExecutionError | undefined;
  /** What is to be delivered waits for what is being delivered. */
  #line: Promise<unknown> = Promise.resolve();
  #room: PromiseWithResolvers<void> | undefined;

  constructor(route: CheckedRoute, state: RouteState & { readonly position: number }, services: RouteServices) {
    this.#route = route;
    this.#state = state;
    this.#services = services;
    this.#follower = new Follower(services, {
      position: state.position,
      advanced: (position) => ({ type: 'route/advanced', at: services.clock.now(), payload: { position, ...this.#totals() } }),
      take: (passed) => this.#take(passed),
      who: { route: route.id },
      lament: 'a route stopped: how far it is cannot be recorded',
    });
    this.#follower.signal.addEventListener('abort', () => this.#room?.resolve());
    void this.#follower.life.then(() => {
      this.#doing = 'stopped';
    });
  }

  get snapshot(): RouteSnapshot {
    const { id, pattern } = this.#route;
    return {
      id,
      pattern,
      state: this.#doing,
      position: this.#follower.cursor.position,
      ...this.#totals(),
      deadLetters: this.letters.size,
      failures: this.#failures,
      missed: this.#follower.missed,
      ...(this.#lastError && { lastError: this.#lastError }),
    };
  }

  get letters(): DeadLetters {
    return this.#services.letters;
  }

  /** Tries a dead letter again, with as many retries as ever, once what is being delivered is done with. False when there is no such letter, or it failed. */
  redrive(letterId: string): Promise<boolean> {
    return this.#inLine(async () => {
      const letter = this.letters.get(letterId);
      if (!letter) return false;
      const outcome = await this.#deliver(letter.fact);
      if (this.#follower.signal.aborted) return false;
      if (typeof outcome === 'object') {
        // It may have been thrown away meanwhile, for good.
        if (this.letters.get(letterId)) await this.#bury(letter.fact, outcome);
      } else await this.#count(outcome, this.#follower.cursor.position, letter.fact);
      return typeof outcome === 'string';
    });
  }

  /** False when there is no such letter. */
  async discard(letterId: string): Promise<boolean> {
    return this.#recorded(() => this.letters.remove(letterId, 'route/discarded'));
  }

  /** Delivers nothing more, not even what is under way. Resolves when how far it got is written down. */
  async stop(): Promise<void> {
    await this.#follower.stop(new Error('the route was stopped'));
  }

  /** Stops for good: registered again it begins anew. */
  async unregister(): Promise<void> {
    await this.stop();
    for (const { id } of this.letters.list()) await this.letters.remove(id, 'route/discarded');
    await this.#services.stream.record({ type: 'route/unregistered', at: this.#services.clock.now(), payload: {} });
  }

  #totals() {
    return { delivered: this.#state.delivered, filtered: this.#state.filtered };
  }

  async #take({ position, fact }: Passed): Promise<void> {
    await this.#untilThereIsRoom();
    if (fact) await this.#inLine(() => this.#handle(fact, position));
    else await this.#follower.cursor.moveTo(position);
  }

  async #handle(fact: Fact, position: number): Promise<void> {
    const outcome = await this.#deliver(fact);
    if (this.#follower.signal.aborted) return;
    if (typeof outcome === 'string') return this.#count(outcome, position, fact);
    await this.#bury(fact, outcome);
    await this.#follower.cursor.moveTo(position);
  }

  /** It may have been a dead letter, in this life or in one that ended before it could go on from there. */
  async #count(outcome: 'delivered' | 'filtered', position: number, fact: Fact): Promise<void> {
    this.#state = { ...this.#state, [outcome]: this.#state[outcome] + 1 };
    await this.#recorded(() => this.letters.remove(fact.id, 'route/redriven'));
    await this.#follower.cursor.moveTo(position);
  }

  async #deliver(fact: Fact): Promise<'delivered' | 'filtered' | GivenUp> {
    const { id, retry, timeoutMs, deliver } = this.#route;
    const { clock, scrub } = this.#services;
    const { signal } = this.#follower;
    for (let attempt = 1; ; attempt++) {
      try {
        this.#doing = 'delivering';
        const passed = sifted(fact, this.#route);
        if (!passed) return 'filtered';
        const { value } = passed;
        await within(clock, timeoutMs, signal, (own) => deliver({ fact, value, idempotencyKey: fact.id, attempt, signal: own }));
        return 'delivered';
      } catch (thrown) {
        const error = scrub(wrapTierError(thrown, fact.tier));
        if (signal.aborted) return { error, attempts: attempt };
        this.#failures++;
        this.#lastError = error;
        if (!error.retryable || attempt > retry.maxRetries) return { error, attempts: attempt };
        this.#doing = 'backingOff';
        await pause(clock, backoffMs(retry.backoff, attempt, `${id}/${fact.id}`), signal);
        if (signal.aborted) return { error, attempts: attempt };
      } finally {
        this.#doing = 'idle';
      }
    }
  }

  async #bury(fact: Fact, { error, attempts }: GivenUp): Promise<void> {
    const { log } = this.#services;
    log.error({ route: this.#route.id, fact: fact.id, attempts, err: error }, 'a fact could not be delivered, and is a dead letter');
    await this.#recorded(() => this.letters.add(fact, error, attempts));
  }

  /** Rejects when it cannot be recorded; then the route stops. */
  async #recorded<Result>(record: () => Promise<Result>): Promise<Result> {
    try {
      const result = await record();
      this.#room?.resolve();
      return result;
    } catch (thrown) {
      this.#follower.giveUp(thrown);
      throw thrown;
    }
  }

  async #untilThereIsRoom(): Promise<void> {
    while (this.letters.size >= this.#route.deadLetterLimit && !this.#follower.signal.aborted) {
      this.#doing = 'full';
      this.#room = Promise.withResolvers();
      await this.#room.promise;
      this.#doing = 'idle';
    }
  }

  async #inLine<Result>(work: () => Promise<Result>): Promise<Result> {
    const before = this.#line;
    const mine = before.then(work);
    this.#line = mine.catch(() => undefined);
    return mine;
  }
}
