/**
 * One who reads the committed facts that a pattern matches, in order, each once.
 *
 *   catching up (from the journal) ⇄ following (from its buffer)
 *
 * Its memory has an end: when it is too slow for its buffer it goes back to the journal, where the facts wait for it.
 */

import { frozen } from '../../actors/json.ts';
import type { Logger } from '../../actors/tool.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { Journal, Recorded } from '../journal/journal.ts';
import type { Feed, Follower } from './feed.ts';
import { Fifo } from './fifo.ts';
import { compilePattern } from './pattern.ts';

/** Without a fact: so far there was nothing for it. */
export interface Passed {
  readonly position: number;
  readonly fact?: Fact;
}

export interface ReaderOptions {
  readonly feed: Feed;
  readonly journal: Pick<Journal, 'scan'>;
  readonly log: Logger;
  readonly pattern: string;
  /** It reads what comes after this position. */
  readonly from: number | Promise<number>;
  /** Facts that wait in memory. */
  readonly bufferLimit: number;
  /** After so many facts that are not for it, it tells how far it is. @default never */
  readonly markEvery?: number;
  /** Closes it. */
  readonly signal?: AbortSignal;
}

/** Of services that move on because of what they read: what they record of that is for nobody who would move on because of it. */
export const isBookkeeping = ({ stream }: Fact): boolean => stream.startsWith('route/') || stream.startsWith('trigger/');

export class Reader implements Follower, AsyncIterable<Passed> {
  /** Facts that the journal had forgotten before they could be read. */
  missed = 0;
  readonly #options: ReaderOptions;
  readonly #matches: (type: string) => boolean;
  readonly #buffer = new Fifo<Passed>();
  /** Of the last fact that it was given, that is in its buffer, or that is not for it. */
  #position = 0;
  #isFollowing = false;
  #isEnded = false;
  #isClosed = false;
  #wake: PromiseWithResolvers<void> | undefined;
  #unmarked = 0;
  /** Facts for it that went by after this position while it was not following, and that it has not found in the journal yet. */
  #owed = 0;
  #owedAfter = 0;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#matches = compilePattern(options.pattern);
    // Whoever reads gets the rejection.
    if (options.from instanceof Promise) options.from.catch(() => undefined);
  }

  offer(recorded: Recorded): void {
    const { position, fact } = recorded;
    if (position <= this.#position) return;
    const isWanted = this.#matches(fact.type);
    if (this.#isFollowing && isWanted && this.#buffer.length >= this.#options.bufferLimit) {
      this.#isFollowing = false;
      this.#owedAfter = this.#position;
    }
    if (this.#isFollowing) {
      this.#position = position;
      const passed = isWanted ? frozen(recorded) : this.#mark(recorded);
      if (passed) this.#keep(passed);
    } else if (isWanted) this.#owed++;
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.resolve();
  }

  /** At once, whatever is in its buffer. */
  close(): void {
    this.#isClosed = true;
    this.#buffer.clear();
    this.end();
  }

  /** To be iterated once. */
  [Symbol.asyncIterator](): AsyncIterator<Passed, undefined, undefined> {
    const passed = this.#read();
    return {
      next: () => passed.next(),
      // While it waits for more, a generator would not hear of it.
      return: async () => {
        this.close();
        return passed.return(undefined);
      },
    };
  }

  async *#read(): AsyncGenerator<Passed, undefined, undefined> {
    const { feed, from, signal } = this.#options;
    const close = () => this.close();
    try {
      if (signal?.aborted) return;
      signal?.addEventListener('abort', close, { once: true });
      this.#position = await from;
      await feed.add(this);
      // What went by in between is found in the journal, or owed from here on.
      this.#owed = 0;
      this.#owedAfter = feed.position;
      while (!this.#isClosed) {
        const next = this.#buffer.shift();
        if (next) yield next;
        else if (this.#isEnded) break;
        else if (this.#isFollowing) await this.#news();
        else yield* this.#catchUp();
      }
    } finally {
      signal?.removeEventListener('abort', close);
      feed.remove(this);
    }
  }

  async *#catchUp(): AsyncGenerator<Passed, void, undefined> {
    const { feed, journal } = this.#options;
    const goal = feed.position;
    for await (const batch of journal.scan(this.#position)) {
      for (const recorded of batch) {
        if (this.#isEnded) return;
        this.#position = recorded.position;
        const isWanted = this.#matches(recorded.fact.type);
        if (isWanted && recorded.position > this.#owedAfter && recorded.position <= feed.position) this.#owed--;
        const passed = isWanted ? frozen(recorded) : this.#mark(recorded);
        if (passed) yield passed;
      }
    }
    this.#position = Math.max(this.#position, goal);
    if (this.#position < feed.position) return;
    this.#isFollowing = true;
    this.#settleOwed();
  }

  #settleOwed(): void {
    const { log, pattern } = this.#options;
    if (this.#owed > 0) log.warn({ pattern, facts: this.#owed }, 'the journal had forgotten facts before a reader got to them');
    this.missed += this.#owed;
    this.#owed = 0;
  }

  #mark({ position, fact }: Recorded): Passed | undefined {
    const { markEvery = Number.POSITIVE_INFINITY, bufferLimit } = this.#options;
    if (!isBookkeeping(fact)) this.#unmarked++;
    if (this.#unmarked < markEvery || this.#buffer.length >= bufferLimit) return undefined;
    this.#unmarked = 0;
    return { position };
  }

  #keep(passed: Passed): void {
    this.#buffer.push(passed);
    this.#wake?.resolve();
  }

  async #news(): Promise<void> {
    this.#wake = Promise.withResolvers();
    await this.#wake.promise;
    this.#wake = undefined;
  }
}
