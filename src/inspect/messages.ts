/** The three messages that the Stately inspector understands, as `@statelyai/inspect` 0.7 sends them, made of plain JSON. */

import type { AnyActorRef, AnyEventObject } from 'xstate';
import type { Json } from '../machines/protocol/execution.ts';
import { type PlainLimits, toPlain } from './plain.ts';

interface Envelope {
  /** The XState session of the actor; unique in this process. */
  readonly sessionId: string;
  /** The session of the root of its actor system: one runtime is one root. */
  readonly rootId: string;
  /** Unique among the messages of one observer. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdAt: string;
  /** Of the protocol, that is, of `@statelyai/inspect`. Receivers take messages without it for something else. */
  readonly _version: string;
}

/** What an actor is: the first message about it. */
export interface ActorMessage extends Envelope {
  readonly type: '@xstate.actor';
  /** Its id below its parent, such as `run/a1`. */
  readonly name: string;
  readonly parentId?: string;
  /** JSON text: the configuration of its chart, or, of an actor that is no chart, an object with its id. */
  readonly definition: string;
  readonly snapshot: Json;
}

/** An event on its way to an actor. */
export interface EventMessage extends Envelope {
  readonly type: '@xstate.event';
  readonly event: { readonly [key: string]: Json; readonly type: string };
  /** The session of the sender; absent when it came from outside. */
  readonly sourceId?: string;
}

/** The state of an actor after an event. A status other than `active` is its last. */
export interface SnapshotMessage extends Envelope {
  readonly type: '@xstate.snapshot';
  readonly event: { readonly [key: string]: Json; readonly type: string };
  readonly snapshot: Json;
}

export type StatelyMessage = ActorMessage | EventMessage | SnapshotMessage;

export const PROTOCOL_VERSION = '0.7.2';
const DEFINITION_LIMITS: PlainLimits = { maxDepth: 50, maxCharacters: 1_000_000 };
const UNLIMITED = { maxCharacters: Number.POSITIVE_INFINITY, maxTextLength: Number.POSITIVE_INFINITY };

export interface Party {
  readonly ref: AnyActorRef;
  readonly rootId: string;
}

export class MessageWriter {
  readonly #limits: PlainLimits;
  readonly #now: () => number;
  /** By configuration: thousands of steps share one chart. */
  readonly #definitions = new WeakMap<object, string>();
  #messages = 0;

  constructor(limits: PlainLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  actor({ ref, rootId }: Party): ActorMessage {
    const parentId = ref._parent?.sessionId;
    return {
      type: '@xstate.actor',
      name: nameOf(ref),
      ...this.#envelope(ref, rootId),
      ...(parentId !== undefined && { parentId }),
      definition: this.#definition(ref),
      snapshot: toPlain(ref.getSnapshot(), this.#limits),
    };
  }

  event({ ref, rootId }: Party, event: AnyEventObject, source: AnyActorRef | undefined): EventMessage {
    return {
      type: '@xstate.event',
      ...this.#envelope(ref, rootId),
      event: this.#event(event),
      ...(source && { sourceId: source.sessionId }),
    };
  }

  snapshot({ ref, rootId }: Party, snapshot: unknown, event: AnyEventObject): SnapshotMessage {
    return {
      type: '@xstate.snapshot',
      ...this.#envelope(ref, rootId),
      event: this.#event(event),
      snapshot: toPlain(snapshot, this.#limits),
    };
  }

  /** Again plain, after somebody has changed it. */
  checked(message: StatelyMessage): StatelyMessage {
    return toPlain(message, { ...UNLIMITED, maxDepth: this.#limits.maxDepth + 2 }) as unknown as StatelyMessage;
  }

  #envelope(ref: AnyActorRef, rootId: string): Envelope {
    return { sessionId: ref.sessionId, rootId, id: String(++this.#messages), createdAt: String(this.#now()), _version: PROTOCOL_VERSION };
  }

  #event(event: AnyEventObject): EventMessage['event'] {
    return { ...(toPlain(event, this.#limits) as object), type: event.type };
  }

  #definition(ref: AnyActorRef): string {
    const chart = chartOf(ref);
    if (!chart) return JSON.stringify({ id: ref.id });
    const known = this.#definitions.get(chart);
    if (known !== undefined) return known;
    const text = JSON.stringify(toPlain(chart, DEFINITION_LIMITS));
    this.#definitions.set(chart, text);
    return text;
  }
}

/** The configuration of an actor's chart. XState's other logics keep a function here. */
function chartOf(ref: AnyActorRef): { readonly id?: unknown } | undefined {
  const { config } = ((ref as { readonly logic?: unknown }).logic ?? {}) as { readonly config?: unknown };
  return typeof config === 'object' && config !== null ? config : undefined;
}

/** An actor that got no id of its own is called as its chart is. */
function nameOf(ref: AnyActorRef): string {
  const id = ref.id === ref.sessionId ? chartOf(ref)?.id : undefined;
  return typeof id === 'string' ? id : ref.id;
}
