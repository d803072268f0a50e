/**
 * A journal on a store that survives: numbers commits, chains facts, and puts streams that are not what was committed into quarantine.
 *
 * It holds the ends of the streams that may go on, and nothing else: settled ones are looked up when somebody asks for them.
 */

import { SwarmchartError } from '../../../machines/protocol/errors.ts';
import type { Fact } from '../../../machines/protocol/facts.ts';
import { type Journal, type JournalCondition, type Recorded, type StreamInfo, statusAfter } from '../journal.ts';
import { chainHash } from './chain.ts';
import { CommitQueue } from './commit-queue.ts';
import { droppingOf } from './dropping.ts';
import { DurableReader } from './durable-reader.ts';
import { type Dropping, type FactRow, type FactStore, journalError } from './fact-store.ts';
import { inspectStore } from './opening.ts';
import { type KeepSettled, Retention } from './retention.ts';
import { freshTail, isAtRest, type Tail, tailOf } from './tail.ts';

export interface DurableJournalOptions {
  /** Rows in one commit; a single append may have more. @default 256 */
  readonly maxBatch?: number;
  /** What comes before each commit: all that is appended until then shares it. @default the promises that are settled already */
  readonly nextTurn?: () => Promise<void>;
  /** Lets others run between two pages of reading. @default like `nextTurn` */
  readonly breathe?: () => Promise<void>;
  /** Before something is tried again. @default by the process's timers */
  readonly wait?: (milliseconds: number) => Promise<void>;
  /** A stream of a service that has grown longer is cut to its last fact. @default 500 */
  readonly maxServiceFacts?: number;
  /** @default all */
  readonly keepSettled?: KeepSettled;
  /** Milliseconds since the epoch. @default the process's */
  readonly now?: () => number;
}

/** Of dropping that nobody waits for: what hinders it hinders the next append too, and that one tells. */
const ignored = (): void => undefined;
const microtask = (): Promise<void> => Promise.resolve();
const timer = (milliseconds: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, milliseconds));

export class DurableJournal implements Journal {
  readonly isDurable = true;
  readonly #store: FactStore;
  readonly #options: Required<DurableJournalOptions>;
  readonly #listeners: ((condition: JournalCondition) => void)[] = [];
  readonly #leaving = new Set<string>();
  #reader: DurableReader;
  #retention: Retention;
  #queue: CommitQueue | undefined;
  #closing: Promise<void> | undefined;
  #tails = new Map<string, Tail>();
  #isRetaining = false;
  #position = 0;
  #factVersion = 0;

  constructor(store: FactStore, options: DurableJournalOptions = {}) {
    const { maxBatch = 256, nextTurn = microtask, breathe = nextTurn, wait = timer, maxServiceFacts = 500 } = options;
    const { keepSettled = {}, now = Date.now } = options;
    this.#store = store;
    this.#options = { maxBatch, nextTurn, breathe, wait, maxServiceFacts, keepSettled, now };
    this.#retention = new Retention(store, keepSettled, now);
    this.#reader = new DurableReader(store, breathe);
  }

  async open(): Promise<void> {
    if (this.#queue) throw new SwarmchartError('JOURNAL_LOCKED', 'This journal has a writer already');
    const { maxBatch, nextTurn, breathe, wait, keepSettled, now } = this.#options;
    const queue = new CommitQueue(this.#store, { maxRows: maxBatch, nextTurn, wait, onCondition: (condition) => this.#tell(condition) });
    this.#queue = queue;
    this.#isRetaining = false;
    try {
      const contents = await this.#store.open();
      this.#reader = new DurableReader(this.#store, breathe);
      this.#retention = new Retention(this.#store, keepSettled, now);
      const { tails, heads } = await inspectStore(this.#store, this.#reader, contents, breathe);
      this.#position = Math.max(contents.position, this.#store.lastPosition());
      await this.#store.rewriteHeads(heads, this.#position);
      this.#tails = tails;
      this.#factVersion = contents.factVersion;
    } catch (thrown) {
      // Whatever closing says against it, the first error is the one to tell.
      await this.#store.close().catch(() => undefined);
      this.#queue = undefined;
      throw journalError(thrown);
    }
    queue.sweepLater();
    this.#retain(queue);
  }

  append(stream: string, expectedSeq: number, facts: readonly Fact[]): Promise<void> | undefined {
    const queue = this.#writing();
    if (queue.failure) throw queue.failure;
    const tail = this.#tails.get(stream) ?? this.#lookUp(stream);
    const damage = this.#reader.damage.get(stream);
    if (damage) throw new SwarmchartError('JOURNAL_DAMAGED', `Stream "${stream}" takes nothing more: ${damage.problem}`);
    const seq = tail?.seq ?? 0;
    if (seq !== expectedSeq || this.#leaving.has(stream)) {
      const place = this.#leaving.has(stream) ? 'being dropped' : `at ${seq}`;
      throw new SwarmchartError('JOURNAL_CONFLICT', `Stream "${stream}" is ${place}, the writer expected ${expectedSeq}`);
    }
    checkRows(stream, facts);
    const [first] = facts;
    return first && this.#commit(queue, stream, tail ?? freshTail(stream, this.#position + 1, first), facts);
  }

  read(stream: string, from?: number): Promise<readonly Fact[]> {
    return this.#reader.read(stream, from);
  }

  async find(stream: string): Promise<StreamInfo | undefined> {
    return this.#reader.find(stream);
  }

  streams(prefix?: string): AsyncIterable<StreamInfo> {
    return this.#reader.streams(prefix);
  }

  unsettled(): Promise<readonly string[]> {
    return this.#reader.unsettled();
  }

  scan(after?: number): AsyncIterable<readonly Recorded[]> {
    return this.#reader.scan(after);
  }

  end(): Promise<number> {
    return this.#reader.end();
  }

  /** Also forgets what is left of a damaged stream. */
  async drop(stream: string): Promise<boolean> {
    let dropped = 0;
    await this.#writing().add(async () => {
      dropped = await this.#dropNow([stream]);
    });
    if (dropped > 0) this.#retention.recount();
    return dropped > 0;
  }

  watch(listener: (condition: JournalCondition) => void): void {
    this.#listeners.push(listener);
  }

  /** What was appended is committed first, unless the disk is full. */
  close(): Promise<void> {
    if (this.#queue) this.#closing ??= this.#close(this.#queue);
    return this.#closing ?? Promise.resolve();
  }

  /** Whoever closes it a second time waits for the first. */
  async #close(queue: CommitQueue): Promise<void> {
    try {
      await queue.close();
      this.#tails.clear();
      await this.#store.close();
    } catch (thrown) {
      throw journalError(thrown);
    } finally {
      this.#queue = undefined;
      this.#closing = undefined;
    }
  }

  #writing(): CommitQueue {
    if (!this.#queue || this.#queue.isClosing) throw new SwarmchartError('JOURNAL_FAILED', 'The journal is not open');
    return this.#queue;
  }

  #commit(queue: CommitQueue, name: string, tail: Tail, facts: readonly Fact[]): Promise<void> {
    const rows: FactRow[] = [];
    let { seq, hash, status } = tail;
    let factVersion = this.#factVersion;
    for (const fact of facts) {
      const body = JSON.stringify(fact);
      seq += 1;
      hash = chainHash(hash, name, seq, body);
      status = statusAfter(fact) ?? status;
      factVersion = Math.max(factVersion, fact.v);
      rows.push({ position: this.#position + rows.length + 1, stream: tail.id, seq, at: fact.at, body, hash });
    }
    const { id, startedAt } = tail;
    const changedAt = rows.at(-1)?.at ?? startedAt;
    const hasChanged = tail.seq === 0 || status !== tail.status;
    const append = {
      name,
      rows,
      stream: hasChanged ? { id, name, status, startedAt, changedAt, seq, hash } : undefined,
      isFinal: isAtRest(status),
      factVersion: factVersion > this.#factVersion ? factVersion : undefined,
    };
    this.#position += rows.length;
    this.#factVersion = factVersion;
    this.#tails.set(name, { ...tail, seq, hash, status, pending: tail.pending + 1 });
    return queue.add(append).then(() => this.#afterCommit(queue, name));
  }

  #afterCommit(queue: CommitQueue, name: string): void {
    const before = this.#tails.get(name);
    if (!before) return;
    const tail = { ...before, pending: before.pending - 1 };
    if (tail.pending === 0 && isAtRest(tail.status)) this.#rest(queue, name, tail);
    else if (tail.status === 'service' && tail.seq - tail.cut > this.#options.maxServiceFacts) this.#cutLater(queue, name, tail);
    else this.#tails.set(name, tail);
  }

  #rest(queue: CommitQueue, name: string, { status }: Tail): void {
    this.#tails.delete(name);
    if (status !== 'settled') return;
    this.#retention.count();
    this.#retain(queue);
  }

  #retain(queue: CommitQueue): void {
    if (this.#isRetaining || !this.#retention.isTimeToLook) return;
    this.#isRetaining = true;
    const dropDue = async (): Promise<void> => {
      const due = this.#retention.due((name) => this.#reader.damage.has(name));
      this.#retention.dropped(await this.#dropNow(due));
    };
    const isOver = () => {
      this.#isRetaining = false;
    };
    queue
      .add(dropDue)
      .finally(isOver)
      .then(() => this.#retain(queue), ignored);
  }

  #cutLater(queue: CommitQueue, name: string, tail: Tail): void {
    this.#tails.set(name, { ...tail, cut: tail.seq - 1 });
    queue.add(async () => void (await this.#dropNow([name]))).catch(ignored);
  }

  #lookUp(name: string): Tail | undefined {
    const stream = this.#reader.foundWithEnd(name);
    return stream && tailOf(stream, this.#store.lastFact(stream.id) ?? stream.cut);
  }

  /** An errand of the queue: what was appended before it is committed. Returns how many there were to drop. */
  async #dropNow(names: readonly string[]): Promise<number> {
    const droppings = names.flatMap((name) => this.#droppingOf(name) ?? []);
    if (droppings.length === 0) return 0;
    const leaving = droppings.filter(({ cut }) => !cut).map(({ name }) => name);
    for (const name of leaving) this.#leaving.add(name);
    try {
      await this.#store.drop(droppings);
      for (const name of leaving) {
        this.#tails.delete(name);
        this.#reader.damage.delete(name);
      }
    } finally {
      for (const name of leaving) this.#leaving.delete(name);
    }
    this.#queue?.sweepLater();
    return droppings.length;
  }

  #droppingOf(name: string): Dropping | undefined {
    const isBusy = (this.#tails.get(name)?.pending ?? 0) > 0;
    return droppingOf(this.#store, name, { isDamaged: this.#reader.damage.has(name), isBusy });
  }

  #tell(condition: JournalCondition): void {
    for (const listener of this.#listeners) listener(condition);
  }
}

/** What the store would refuse is refused alone: an append that the store refuses is the end of the journal. */
function checkRows(stream: string, facts: readonly Fact[]): void {
  if (!stream.isWellFormed())
    throw new SwarmchartError('INVALID_VALUE', `A stream's name must be well-formed text, got ${JSON.stringify(stream)}`);
  const timeless = facts.find(({ at }) => !Number.isFinite(at));
  if (timeless) throw new SwarmchartError('INVALID_VALUE', `When a fact of "${stream}" happened must be a number, got ${timeless.at}`);
}
