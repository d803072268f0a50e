/**
 * The events of a runtime: views over its committed facts, and the door for those of the embedder.
 *
 *   validate → enrich → filter, transform (the intake) → record → subscribers, streams, routes, triggers
 *
 * Source: Implementation Guide, "Event Bus Implementation"; System Architecture, "Event Processing".
 */

import { z } from 'zod';
import type { Clock } from '../../actors/clock.ts';
import type { Logger } from '../../actors/tool.ts';
import type { ExecutionContext } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import { checkObject, reading } from '../door.ts';
import type { Journal, Recorded } from '../journal/journal.ts';
import type { DeadLetter } from './dead-letters.ts';
import { aCount, checked } from './door.ts';
import { type Emission, type EmittedEvent, Emitter } from './emission.ts';
import type { EventBus } from './event-bus.ts';
import { Feed } from './feed.ts';
import { type FactFilter, type HistoryOptions, history, replay } from './history.ts';
import { Intake, type IntakeStage } from './intake.ts';
import { checkPattern } from './pattern.ts';
import { Reader } from './reader.ts';
import type { RouteSnapshot } from './route.ts';
import { type FollowingServices, type Redriven, type RouteDefinition, Routes } from './routes.ts';
import type { FactHandler } from './subscriber.ts';

export interface EventsServices {
  readonly bus: EventBus;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Logger;
  readonly createId: () => string;
  /** Takes the values of secrets out of whatever is written down. */
  readonly scrub: <Value>(value: Value) => Value;
}

export interface StreamOptions {
  /** What comes after this position, everything from the start, or what is committed from now on. @default 'now' */
  readonly from?: 'now' | 'start' | number;
  /** Facts that wait in memory for a slow reader; the others wait in the journal. @default 1_000 */
  readonly bufferLimit?: number;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

const Stream = z
  .strictObject({
    from: z.union([z.enum(['now', 'start']), z.int().min(0)]),
    bufferLimit: aCount,
    signal: z.instanceof(AbortSignal),
  })
  .partial();

const Context = z.object({
  executionId: z.string(),
  parentExecutionId: z.string().optional(),
  swarmId: z.string(),
  correlationId: z.string(),
  userId: z.string(),
});

const FOLLOWER_BUFFER = 100;
/** A follower that hears nothing writes down how far it is after so many facts. */
const MARK_EVERY = 10_000;
/** How long a stop waits for followers to write down how far they are: a journal may be full. */
const CLOSE_WITHIN_MS = 1_000;

export class Events {
  readonly subscribe: EventBus['subscribe'];
  readonly #services: EventsServices;
  readonly #feed: Feed;
  readonly #intake = new Intake();
  readonly #emitter: Emitter;
  readonly #routes: Routes;
  readonly #followers: { stop(): Promise<void> }[] = [];
  #stopping: Promise<unknown> | undefined;

  constructor(services: EventsServices) {
    this.#services = services;
    const { bus, journal, clock, log, createId, scrub } = services;
    this.subscribe = bus.subscribe.bind(bus);
    this.#feed = new Feed({ journal, clock, log, watch: (watcher) => bus.watch(watcher), onRead: () => this.#emitter.letIn() });
    this.#emitter = new Emitter({
      journal,
      intake: this.#intake,
      now: () => clock.now(),
      createId,
      scrub,
      publish: (facts) => bus.publish(facts),
      unread: () => this.#feed.unread,
    });
    this.#routes = new Routes(this.following);
    this.#followers.push(this.#routes);
  }

  /** What those need who act on facts: routes, triggers. */
  get following(): FollowingServices {
    const { bus, journal, clock, log, scrub } = this.#services;
    const read = (pattern: string, from: number) =>
      new Reader({ feed: this.#feed, journal, log, pattern, from, bufferLimit: FOLLOWER_BUFFER, markEvery: MARK_EVERY });
    return { journal, clock, log, scrub, publish: (facts: readonly Fact[]) => bus.publish(facts), read };
  }

  /** It is stopped with the others. */
  stopAlso(follower: { stop(): Promise<void> }): void {
    this.#followers.push(follower);
  }

  /**
   * Records an event of the embedder, and hands it to whoever wants it. Resolves when it is committed, and never waits for those who hear it. Rejects
   * with INVALID_INPUT (with every problem) for what is no event, also when a stage of the intake throws; JOURNAL_FAILED; RUNTIME_STOPPED.
   */
  emit(event: EmittedEvent): Promise<Emission> {
    return this.#emitter.emit(event);
  }

  /** As `emit`, for an event about an execution: whose it is and what it belongs to is in its context. */
  async emitExecutionEvent(
    execution: ExecutionContext,
    event: Omit<EmittedEvent, 'executionId' | 'parentExecutionId' | 'swarmId' | 'correlationId' | 'userId'>,
  ): Promise<Emission> {
    checkObject('The event', event);
    const context = checked('The context', Context, execution, 'INVALID_INPUT');
    return this.#emitter.emit({ ...reading('The event', () => ({ ...event })), ...context });
  }

  /** What events go through before they are recorded, after the stages that are there. Returns what takes it out again. Throws INVALID_VALUE. */
  intake(stage: IntakeStage): () => void {
    return this.#intake.add(stage);
  }

  /** The latest facts that the journal has and that match, in the order of their commits. Rejects with INVALID_VALUE. */
  history(options: HistoryOptions = {}): Promise<readonly Fact[]> {
    return history(this.#services.journal, options);
  }

  /** Gives the handler every fact that the journal has by now and that matches, in the order of their commits, and waits for it each time. */
  replay(pattern: string, options: FactFilter, handler: FactHandler): Promise<number> {
    return replay(this.#services.journal, pattern, options, handler);
  }

  /**
   * Every committed fact that matches, in the order of the commits, each once, with its position, from where a later stream can go on. A reader that is slow
   * costs no memory: the facts wait in the journal. Ends when it is left, when its signal is aborted, and when the runtime stops, also for one that is
   * behind, with what waits in its memory; the rest is in the journal. Throws INVALID_VALUE.
   */
  stream(pattern: string, options: StreamOptions = {}): AsyncIterable<Recorded> {
    checkPattern(pattern);
    const { from = 'now', bufferLimit = 1_000, signal } = checked('The stream', Stream, options, 'INVALID_VALUE');
    const { journal, log } = this.#services;
    const position = from === 'start' ? 0 : from === 'now' ? journal.end() : from;
    const more = signal && { signal };
    return new Reader({ feed: this.#feed, journal, log, pattern, from: position, bufferLimit, ...more }) as AsyncIterable<Recorded>;
  }

  /**
   * Delivers the facts that are committed from now on and match: in order, with retries, each at least once, also across a restart, after which the route is
   * to be registered again and goes on where it was. Resolves when that is recorded. Rejects with INVALID_VALUE (with every problem) or DUPLICATE_ID.
   */
  route(definition: RouteDefinition): Promise<void> {
    return this.#routes.register(definition);
  }

  /** It delivers nothing more, and forgets how far it was and its dead letters. False for one that there is not. */
  unroute(routeId: string): Promise<boolean> {
    return this.#routes.unregister(routeId);
  }

  routes(): readonly RouteSnapshot[] {
    return this.#routes.list();
  }

  /** What could not be delivered, the oldest first: of one route, or of all. Throws INVALID_VALUE for a route that there is not. */
  deadLetters(routeId?: string): readonly DeadLetter[] {
    return this.#routes.deadLetters(routeId);
  }

  /** Tries the dead letters of a route again, or one of them. Resolves when that is over. Rejects with INVALID_VALUE for a route that there is not. */
  redrive(routeId: string, letterId?: string): Promise<Redriven> {
    return this.#routes.redrive(routeId, letterId);
  }

  /** Throws a dead letter away. False when there is no such letter. */
  async discard(routeId: string, letterId: string): Promise<boolean> {
    return this.#routes.discard(routeId, letterId);
  }

  /** Routes deliver no more, triggers start nothing more. */
  stopFollowers(): void {
    this.#stopping ??= Promise.all(this.#followers.map((follower) => follower.stop()));
  }

  /** After it nothing is emitted, and streams end with what is committed. Resolves, at most a second later, when followers have written down how far they are. */
  async close(): Promise<void> {
    this.stopFollowers();
    this.#emitter.close();
    const { clock } = this.#services;
    const late = Promise.withResolvers<void>();
    const timer = clock.setTimeout(() => late.resolve(), CLOSE_WITHIN_MS);
    await Promise.race([this.#stopping?.then(() => this.#feed.catchUp()), late.promise]);
    clock.clearTimeout(timer);
    this.#feed.close();
  }
}
