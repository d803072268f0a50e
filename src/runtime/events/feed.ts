/**
 * The end of the journal, read once for all who follow it: streams, routes and triggers.
 *
 * What is published only tells that there is more; what they get comes from the journal, in the order of its commits, with its position. A reader that
 * is too slow for its buffer reads on by itself, until it is here again.
 */

import type { Clock } from '../../actors/clock.ts';
import { asCause } from '../../actors/failure.ts';
import type { Logger } from '../../actors/tool.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { Journal, Recorded } from '../journal/journal.ts';

/** What follows the end of the journal. Must not throw. */
export interface Follower {
  /** Hears every fact that is committed, once, in order. */
  offer(recorded: Recorded): void;
  /** Nothing more will come; what it has, it may still give. */
  end(): void;
}

export interface FeedServices {
  readonly journal: Pick<Journal, 'scan' | 'end'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Tells of what is published, until what it returns is called. */
  readonly watch: (watcher: (facts: readonly Fact[]) => void) => () => void;
  /** There is less that has not been read. */
  readonly onRead?: () => void;
}

const RETRY_MS = 1_000;

export class Feed {
  readonly #services: FeedServices;
  readonly #followers = new Set<Follower>();
  #position = 0;
  /** Facts that were published since what was read last. */
  #unread = 0;
  #reading: Promise<void> | undefined;
  #started: Promise<void> | undefined;
  #unwatch: (() => void) | undefined;
  #retry: unknown;
  #isClosed = false;

  constructor(services: FeedServices) {
    this.#services = services;
  }

  /** Of the last fact that followers were offered. */
  get position(): number {
    return this.#position;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** From now on it hears of everything; resolves when that is so. Rejects when the journal cannot be read. */
  async add(follower: Follower): Promise<void> {
    if (this.#isClosed) return follower.end();
    this.#followers.add(follower);
    this.#started ??= this.#start();
    await this.#started;
  }

  remove(follower: Follower): void {
    if (this.#followers.delete(follower) && this.#followers.size === 0) this.#rest();
  }

  /** Facts that were published and not read yet, for those who follow; none while the journal cannot be read: nobody should wait for that. */
  get unread(): number {
    return this.#retry === undefined ? this.#unread : 0;
  }

  /** Offers what is committed by now. */
  async catchUp(): Promise<void> {
    if (!this.#started) return;
    this.#unread++;
    await (this.#reading ?? this.#read());
  }

  /** All who follow have heard what they will hear. */
  close(): void {
    this.#isClosed = true;
    for (const follower of this.#followers) follower.end();
    this.#rest();
  }

  async #start(): Promise<void> {
    const before = this.#reading;
    this.#unwatch = this.#services.watch((facts) => this.#news(facts.length));
    try {
      await before;
      this.#position = await this.#services.journal.end();
    } catch (thrown) {
      this.#rest();
      throw thrown;
    }
  }

  #rest(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#started = undefined;
    this.#unread = 0;
    this.#services.onRead?.();
    if (this.#retry !== undefined) this.#services.clock.clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  #news(count: number): void {
    this.#unread += count;
    if (!this.#reading && this.#retry === undefined) void this.#read();
  }

  /** Never rejects. */
  #read(): Promise<void> {
    this.#reading = this.#readAll();
    return this.#reading;
  }

  async #readAll(): Promise<void> {
    try {
      await this.#started;
      while (this.#unread > 0) {
        const before = this.#unread;
        for await (const batch of this.#services.journal.scan(this.#position)) this.#pass(batch);
        this.#unread = Math.max(0, this.#unread - before);
        this.#services.onRead?.();
      }
    } catch (thrown) {
      this.#services.log.error({ err: asCause(thrown) }, 'the journal could not be read for those who follow it');
      if (this.#started) this.#retry = this.#services.clock.setTimeout(() => this.#tryAgain(), RETRY_MS);
      this.#services.onRead?.();
    } finally {
      // In the same turn in which nothing was unread: what is published in the next one begins to read anew.
      this.#reading = undefined;
    }
  }

  #tryAgain(): void {
    this.#retry = undefined;
    void this.#read();
  }

  #pass(batch: readonly Recorded[]): void {
    for (const recorded of batch) {
      this.#position = recorded.position;
      for (const follower of this.#followers) follower.offer(recorded);
    }
  }
}
