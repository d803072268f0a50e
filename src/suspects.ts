/**
 * Executions that were at work several times in a row when their process ended go on one at a time: whichever ends it again is found out, and
 * the others are not counted with it.
 */

import type { Clock } from './actors/clock.ts';
import { isProgress } from './machines/protocol/recovery.ts';
import type { EventBus } from './runtime/events/event-bus.ts';

export interface SuspectServices {
  readonly clock: Clock;
  readonly bus: Pick<EventBus, 'subscribe'>;
  /** Starts one; false when it does not run. Never rejects. */
  readonly goOn: (executionId: string) => Promise<boolean>;
}

interface Turn {
  /** Resolves when it has got somewhere, or its time is up. */
  readonly over: Promise<void>;
}

/** So long each of them has for itself, when it gets nowhere and ends nothing. Milliseconds. */
const ALONE_MS = 30_000;

export class Suspects {
  readonly #services: SuspectServices;
  #waiting: readonly string[] = [];
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(services: SuspectServices) {
    this.#services = services;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Those whose turn has not come. */
  get waiting(): readonly string[] {
    return this.#waiting;
  }

  /** Resolves once the first of them runs; the others follow by themselves. */
  async begin(executionIds: readonly string[]): Promise<void> {
    this.#waiting = executionIds;
    const turn = await this.#next();
    if (turn) void this.#follow(turn);
  }

  /** No other one goes on, and nothing of it is left. */
  stop(): void {
    this.#isOver = true;
    this.#wake?.();
  }

  async #follow(first: Turn): Promise<void> {
    for (let turn: Turn | undefined = first; turn; turn = await this.#next()) await turn.over;
  }

  /** Starts the next one that runs; undefined when there is none. */
  async #next(): Promise<Turn | undefined> {
    for (let [id] = this.#waiting; id !== undefined && !this.#isOver; [id] = this.#waiting) {
      this.#waiting = this.#waiting.slice(1);
      const { over, leave } = this.#watch(id);
      const runs = await this.#services.goOn(id);
      if (!runs || this.#isOver) leave();
      if (runs) return { over };
    }
    return undefined;
  }

  #watch(executionId: string) {
    const { clock, bus } = this.#services;
    const { promise, resolve } = Promise.withResolvers<void>();
    const progress = bus.subscribe('**', (fact) => {
      if (fact.stream === executionId && isProgress(fact)) leave();
    });
    const timer = clock.setTimeout(() => leave(), ALONE_MS);
    const leave = (): void => {
      progress.unsubscribe();
      clock.clearTimeout(timer);
      resolve();
    };
    this.#wake = leave;
    return { over: promise, leave };
  }
}
