/** The routes of a runtime, and their dead letters. */

import { z } from 'zod';
import type { Clock } from '../../actors/clock.ts';
import { describe } from '../../actors/failure.ts';
import type { Logger } from '../../actors/tool.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import { type Backoff, DEFAULT_BACKOFF } from '../../machines/protocol/plan.ts';
import { isId } from '../door.ts';
import type { Journal } from '../journal/journal.ts';
import { didYouMean } from '../workflow/suggest.ts';
import { type DeadLetter, DeadLetters } from './dead-letters.ts';
import { aCount, aFunction, checked, positiveMs } from './door.ts';
import { checkPattern } from './pattern.ts';
import type { Reader } from './reader.ts';
import { type CheckedRoute, type Delivery, Route, type RouteSnapshot } from './route.ts';
import { foldRoute } from './route-state.ts';
import { ServiceStream } from './service-stream.ts';

export interface RouteDefinition {
  /** Letters, digits, `_`, `-` and `.`: names it for good, also after a restart. */
  readonly id: string;
  readonly pattern: string;
  /** What it throws or rejects with is a failed attempt. */
  readonly deliver: (delivery: Delivery) => unknown;
  /** Only the facts for which it gives true. */
  readonly filter?: (fact: Fact) => boolean | null | undefined;
  /** What is delivered instead of the fact. */
  readonly transform?: (fact: Fact) => unknown;
  /** @default 3 retries, after 1 s, 2 s and 4 s */
  readonly retry?: { readonly maxRetries?: number; readonly backoff?: Partial<Backoff> };
  /** How long one attempt may take. Milliseconds. @default 30_000 */
  readonly timeoutMs?: number;
  /** With so many dead letters it delivers nothing more until there are fewer. @default 1_000 */
  readonly deadLetterLimit?: number;
}

/** What came of trying dead letters again. */
export interface Redriven {
  readonly delivered: number;
  readonly failed: number;
}

export interface FollowingServices {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Logger;
  readonly publish: (facts: readonly Fact[]) => void;
  /** Takes the values of secrets out of whatever is written down. */
  readonly scrub: <Value>(value: Value) => Value;
  readonly read: (pattern: string, from: number) => Reader;
}

export const serviceId = z.string().regex(/^[\w.-]{1,100}$/, 'Expected 1 to 100 letters, digits, "_", "-" and "."');

const Definition = z
  .strictObject({
    filter: aFunction<NonNullable<RouteDefinition['filter']>>(),
    transform: aFunction<NonNullable<RouteDefinition['transform']>>(),
    retry: z
      .strictObject({
        maxRetries: z.int().min(0).max(1_000),
        backoff: z
          .strictObject({
            strategy: z.enum(['fixed', 'linear', 'exponential']),
            baseMs: z.number().nonnegative(),
            factor: z.number().positive(),
            maxMs: z.number().nonnegative(),
            jitter: z.number().min(0).max(1),
          })
          .partial(),
      })
      .partial(),
    timeoutMs: positiveMs,
    deadLetterLimit: aCount,
  })
  .partial()
  .extend({ id: serviceId, pattern: z.string(), deliver: aFunction<RouteDefinition['deliver']>() });

export class Routes {
  readonly #services: FollowingServices;
  /** One that is being registered or unregistered holds its place. */
  readonly #routes = new Map<string, Route | undefined>();
  #isStopped = false;

  constructor(services: FollowingServices) {
    this.#services = services;
  }

  /** See `Events.route`. */
  async register(given: RouteDefinition): Promise<void> {
    const route = checkedRoute(given);
    const { id, pattern } = route;
    if (this.#isStopped) throw new SwarmchartError('RUNTIME_STOPPED', 'The runtime has been stopped');
    if (this.#routes.has(id)) throw new SwarmchartError('DUPLICATE_ID', `There is a route "${id}" already`);
    this.#routes.set(id, undefined);
    try {
      const { journal, clock, log, scrub, read } = this.#services;
      const stream = await ServiceStream.open(`route/${id}`, this.#services);
      const state = foldRoute(stream.earlier);
      const position = state.position ?? (await journal.end());
      const letters = await DeadLetters.open(id, this.#services);
      const payload = { routeId: id, pattern, ...state, position };
      await stream.record({ type: 'route/registered', at: clock.now(), payload });
      const started = new Route(route, { ...state, position }, { stream, letters, clock, log, scrub, read: (from) => read(pattern, from) });
      this.#routes.set(id, started);
      if (this.#isStopped) await started.stop();
    } catch (thrown) {
      this.#routes.delete(id);
      throw thrown;
    }
  }

  async unregister(id: string): Promise<boolean> {
    const route = this.#routes.get(id);
    if (!route) return false;
    // Until that is recorded the id is taken: a stream has one writer.
    this.#routes.set(id, undefined);
    try {
      await route.unregister();
    } finally {
      this.#routes.delete(id);
    }
    return true;
  }

  list(): readonly RouteSnapshot[] {
    return this.#all().map(({ snapshot }) => snapshot);
  }

  deadLetters(routeId?: string): readonly DeadLetter[] {
    const routes = routeId === undefined ? this.#all() : [this.#find(routeId)];
    return routes.flatMap(({ letters }) => letters.list());
  }

  async redrive(routeId: string, letterId?: string): Promise<Redriven> {
    const route = this.#find(routeId);
    const ids = letterId === undefined ? route.letters.list().map(({ id }) => id) : [letterId];
    let delivered = 0;
    for (const id of ids) if (await route.redrive(id)) delivered++;
    return { delivered, failed: ids.length - delivered };
  }

  discard(routeId: string, letterId: string): Promise<boolean> {
    return this.#find(routeId).discard(letterId);
  }

  /** Resolves when each has written down how far it got. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#all().map((route) => route.stop()));
  }

  #all(): readonly Route[] {
    return [...this.#routes.values()].filter((route) => route !== undefined);
  }

  #find(id: string): Route {
    const route = this.#routes.get(id);
    if (route) return route;
    const guess = isId(id) ? didYouMean(id, [...this.#routes.keys()]) : '';
    throw new SwarmchartError('INVALID_VALUE', `There is no route ${describe(id)}.${guess}`);
  }
}

function checkedRoute(given: unknown): CheckedRoute {
  const { retry, ...definition } = checked('The route', Definition, given, 'INVALID_VALUE');
  checkPattern(definition.pattern);
  const backoff = Object.fromEntries(Object.entries(retry?.backoff ?? {}).filter(([, value]) => value !== undefined));
  return {
    timeoutMs: 30_000,
    deadLetterLimit: 1_000,
    ...definition,
    retry: { maxRetries: retry?.maxRetries ?? 3, backoff: { ...DEFAULT_BACKOFF, ...backoff } },
  };
}
