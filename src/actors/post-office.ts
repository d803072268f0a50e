/**
 * Delivery between actors.
 *
 * A message from one actor to another makes an asynchronous hop, because synchronous chains of actors overflow the stack. Messages of one
 * sender to one receiver keep their order. What an actor sends to itself, its timers, and what is sent from outside do not hop.
 * One of the few files that touch undocumented parts of XState 5 (`system._relay`); a test pins the behaviour.
 */

import type { AnyActorRef, EventObject } from 'xstate';
import type { Counters } from './services.ts';

/** A message on its way. `open` delivers it; it may be opened once. */
export interface Letter {
  readonly from: string;
  readonly to: string;
  readonly type: string;
  open(): void;
}

/** Decides when letters are opened: a queue in production, a seed in a simulation. */
export interface Carrier {
  carry(letter: Letter): void;
}

interface RelayingSystem {
  _relay(source: AnyActorRef | undefined, target: AnyActorRef, event: EventObject): void;
}

export class PostOffice {
  readonly #counters: Counters;
  readonly #carrier: Carrier;
  readonly #mailboxLimit: number;
  /** Letters from outside that are not answered yet, by receiver. */
  readonly #waiting = new Map<AnyActorRef, number>();

  constructor(carrier: Carrier, counters: Counters, mailboxLimit: number) {
    this.#carrier = carrier;
    this.#counters = counters;
    this.#mailboxLimit = mailboxLimit;
  }

  /** Takes over the delivery of a root actor's system. */
  serve(root: AnyActorRef): void {
    const system = root.system as unknown as RelayingSystem;
    const relay = system._relay;
    system._relay = (source, target, event) => {
      if (source === undefined || source === target) return relay(source, target, event);
      const open = () => {
        if (target.getSnapshot().status === 'active') relay(source, target, event);
        else this.#counters.deadLetters++;
      };
      this.#carrier.carry({ from: source.id, to: target.id, type: event.type, open });
    };
  }

  /**
   * Takes a letter from outside; `open` is called when it is its turn, delivers it itself, and resolves when it is answered: until then it
   * is in the receiver's mailbox. False, and nothing is taken, when that is full.
   */
  post(target: AnyActorRef, type: string, open: () => Promise<unknown>): boolean {
    const waiting = this.#waiting.get(target) ?? 0;
    if (waiting >= this.#mailboxLimit) return false;
    this.#waiting.set(target, waiting + 1);
    this.#carrier.carry({
      from: 'outside',
      to: target.id,
      type,
      open: () => {
        const answered = () => this.#answered(target);
        open().then(answered, answered);
      },
    });
    return true;
  }

  #answered(target: AnyActorRef): void {
    const left = (this.#waiting.get(target) ?? 1) - 1;
    if (left > 0) this.#waiting.set(target, left);
    else this.#waiting.delete(target);
  }

  /** Takes a letter that starts something: whoever sends it holds its answer, so there is no bound of ours. */
  enqueue(to: string, type: string, open: () => void): void {
    this.#carrier.carry({ from: 'outside', to, type, open });
  }
}

/** How long letters are opened before the event loop gets its turn. Milliseconds. */
const DEFAULT_SLICE_MS = 8;

/** Opens letters in the order in which they came: in a microtask, and after a slice of time in a later turn of the event loop. */
export class MailQueue implements Carrier {
  #letters: Letter[] = [];
  #next = 0;
  #isScheduled = false;
  #sliceStart = performance.now();
  readonly #sliceMs: number;

  /** @param sliceMs Infinite in tests on a virtual clock, which must not overtake letters that are under way. */
  constructor(sliceMs: number = DEFAULT_SLICE_MS) {
    this.#sliceMs = sliceMs;
  }

  carry(letter: Letter): void {
    this.#letters.push(letter);
    if (!this.#isScheduled) this.#schedule();
  }

  #schedule(): void {
    this.#isScheduled = true;
    if (performance.now() - this.#sliceStart < this.#sliceMs) queueMicrotask(() => this.#open());
    else setImmediate(() => this.#openInNewSlice());
  }

  #openInNewSlice(): void {
    this.#sliceStart = performance.now();
    this.#open();
  }

  /** A letter that throws is a defect that must be seen; the letters behind it are delivered all the same. */
  #open(): void {
    try {
      for (;;) {
        const letter = this.#letters[this.#next++];
        if (!letter) break;
        letter.open();
        if (performance.now() - this.#sliceStart >= this.#sliceMs) break;
      }
    } finally {
      this.#goOn();
    }
  }

  #goOn(): void {
    if (this.#next < this.#letters.length) {
      if (this.#next > 1024) {
        this.#letters = this.#letters.slice(this.#next);
        this.#next = 0;
      }
      this.#schedule();
      return;
    }
    this.#letters = [];
    this.#next = 0;
    this.#isScheduled = false;
  }
}
