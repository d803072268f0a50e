/** What a route and a trigger have in common: a place in the journal, a life in which they take one fact after the other, and an end of it. */

import type { Clock } from '../../actors/clock.ts';
import { asCause } from '../../actors/failure.ts';
import type { Logger } from '../../actors/tool.ts';
import type { FactBody } from '../../machines/protocol/facts.ts';
import { Cursor } from './cursor.ts';
import { follow } from './follow.ts';
import type { Passed, Reader } from './reader.ts';
import type { ServiceStream } from './service-stream.ts';

export interface FollowerServices {
  readonly stream: ServiceStream;
  readonly clock: Clock;
  readonly log: Logger;
  readonly read: (from: number) => Reader;
}

export interface FollowerOptions {
  readonly position: number;
  /** What is recorded of a position. */
  readonly advanced: (position: number) => FactBody;
  /** Takes a fact, or a position up to which there is none for it. */
  readonly take: (passed: Passed) => Promise<void>;
  /** For the log. */
  readonly who: object;
  /** What the log says when its stream cannot be written. */
  readonly lament: string;
}

export class Follower {
  readonly cursor: Cursor;
  readonly #services: FollowerServices;
  readonly #options: FollowerOptions;
  readonly #stopping = new AbortController();
  readonly #life: Promise<void>;
  #missed = 0;
  #reader: Reader | undefined;

  constructor(services: FollowerServices, options: FollowerOptions) {
    this.#services = services;
    this.#options = options;
    const { stream, clock, log } = services;
    const { position, advanced, take, who } = options;
    this.cursor = new Cursor({ stream, clock, position, advanced, onFailed: (error) => this.giveUp(error) });
    this.#life = follow({ read: () => this.#read(), take, signal: this.signal, clock, log, who });
  }

  /** Aborted once it takes nothing more. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Resolves when it takes nothing more. */
  get life(): Promise<void> {
    return this.#life;
  }

  /** Facts that the journal had forgotten before it got to them. */
  get missed(): number {
    return this.#missed + (this.#reader?.missed ?? 0);
  }

  abort(reason: Error): void {
    this.#stopping.abort(reason);
  }

  /** Takes nothing more. Resolves when how far it got is written down. */
  async stop(reason: Error): Promise<void> {
    this.abort(reason);
    await this.#life;
    await this.cursor.write();
    this.cursor.rest();
  }

  /** What it does cannot be recorded any more. */
  giveUp(thrown: unknown): void {
    if (this.signal.aborted) return;
    const { who, lament } = this.#options;
    this.#services.log.error({ err: asCause(thrown), ...who }, lament);
    this.#stopping.abort(thrown);
    this.cursor.rest();
  }

  #read(): Reader {
    this.#missed += this.#reader?.missed ?? 0;
    this.#reader = this.#services.read(this.cursor.position);
    return this.#reader;
  }
}
