/**
 * Events of the embedder: validated, enriched, put through the stages of the intake, and recorded, each in a stream of its own, so that an id is there
 * once or not at all. Routes and triggers take them from the journal.
 *
 * Source: Implementation Guide, "Event System Foundation"; System Architecture, "Event Bus & Processing", which delivers before it stores: here nobody
 * hears of what is not committed.
 */

import { z } from 'zod';
import { asCause, identityOf, isSwarmchartError, wrapTierError } from '../../actors/failure.ts';
import { frozen } from '../../actors/json.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { ExecutionContext, JsonObject, Tier } from '../../machines/protocol/execution.ts';
import { envelope, type Fact } from '../../machines/protocol/facts.ts';
import type { Journal } from '../journal/journal.ts';
import { checked } from './door.ts';
import { Fifo } from './fifo.ts';
import type { Intake } from './intake.ts';
import { asPayload } from './payload.ts';

/** Something that happened outside, as it is told. */
export interface EmittedEvent {
  /** At least two segments of letters, digits, `_`, `-` and `.`; not one of the runtime's own, such as `tier2/…`. */
  readonly type: string;
  /** It must survive JSON, in at most 1 MiB. @default {} */
  readonly payload?: JsonObject;
  /** The same id is accepted once, for as long as the journal remembers it. @default a new one */
  readonly id?: string;
  /** @default 'tier1' */
  readonly tier?: Tier;
  /** The execution that it is about. @default its own stream, `event/<id>` */
  readonly executionId?: string;
  readonly parentExecutionId?: string;
  /** @default its execution */
  readonly swarmId?: string;
  /** @default its execution */
  readonly correlationId?: string;
  readonly userId?: string;
  /** The id of the fact that it follows from. */
  readonly parentEventId?: string;
}

export interface Emission {
  readonly id: string;
  /** `duplicate`: an event of this id was there, and nobody hears of it again. `dropped`: a filter of the intake did not let it in. */
  readonly outcome: 'recorded' | 'duplicate' | 'dropped';
  /** What was recorded. */
  readonly fact?: Fact;
}

export interface EmitterServices {
  readonly journal: Pick<Journal, 'append'>;
  readonly intake: Intake;
  readonly now: () => number;
  readonly createId: () => string;
  readonly publish: (facts: readonly Fact[]) => void;
  /** Takes the values of secrets out of whatever is written down. */
  readonly scrub: <Value>(value: Value) => Value;
  /** Facts that were published and that those who follow the journal have not read yet. */
  readonly unread: () => number;
}

/** First segments of the runtime's own facts. */
const RESERVED = [
  'tier1',
  'tier2',
  'tier3',
  'agent',
  'breaker',
  'supervisor',
  'execution',
  'event',
  'route',
  'trigger',
  'journal',
  'runtime',
];
/** Events that are under way or not read yet, before further ones wait: a journal in memory forgets. */
const MOST_AHEAD = 500;
const TYPE = /^[\w.-]+(\/[\w.-]+)+$/;

const id = z
  .string()
  .min(1)
  .max(256)
  .refine((given) => given.isWellFormed(), 'Expected well-formed text');
const type = z
  .string()
  .max(256)
  .regex(TYPE, 'Expected at least two segments of letters, digits, "_", "-" and ".", with slashes between them')
  .refine((given) => !RESERVED.includes(given.split('/', 1)[0] ?? ''), 'Expected none of the types of the runtime’s own facts');
const payload = z.unknown().transform((given, { addIssue }): JsonObject => {
  try {
    return asPayload(given);
  } catch (thrown) {
    addIssue(wrapTierError(thrown, 'tier1').message);
    return z.NEVER;
  }
});
const Event = z
  .strictObject({
    payload,
    id,
    tier: z.enum(['tier1', 'tier2', 'tier3']),
    executionId: id,
    parentExecutionId: id,
    swarmId: id,
    correlationId: id,
    userId: id,
    parentEventId: id,
  })
  .partial()
  .extend({ type });
type CheckedEvent = ReturnType<typeof checkedEvent>;

const checkedEvent = (given: unknown) => checked('The event', Event, given, 'INVALID_INPUT');

export class Emitter {
  readonly #services: EmitterServices;
  /** Streams of events that are being committed. */
  readonly #underWay = new Map<string, Promise<boolean>>();
  /** Those that wait for room, the oldest first. */
  readonly #waiting = new Fifo<() => void>();
  #ahead = 0;
  #isClosed = false;

  constructor(services: EmitterServices) {
    this.#services = services;
  }

  /** See `Events.emit`. */
  async emit(given: EmittedEvent): Promise<Emission> {
    const event = checkedEvent(given);
    if (this.#waiting.length > 0 || !this.#hasRoom()) await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    else this.#ahead++;
    try {
      return await this.#take(event);
    } finally {
      this.#ahead--;
      this.letIn();
    }
  }

  /** There may be room for more. */
  letIn(): void {
    while (this.#waiting.length > 0 && this.#hasRoom()) {
      this.#ahead++;
      this.#waiting.shift()?.();
    }
  }

  close(): void {
    this.#isClosed = true;
    this.letIn();
  }

  #hasRoom(): boolean {
    return this.#isClosed || this.#ahead + this.#services.unread() < MOST_AHEAD;
  }

  async #take(event: CheckedEvent): Promise<Emission> {
    if (this.#isClosed) throw new SwarmchartError('RUNTIME_STOPPED', 'The runtime has been stopped');
    const asked = frozen(this.#enriched(event));
    const eventId = asked.stream.slice('event/'.length);
    const admitted = this.#services.intake.take(asked);
    if (!admitted) return { id: eventId, outcome: 'dropped' };
    const fact = frozen(this.#services.scrub(admitted));
    if (!(await this.#isNew(fact))) return { id: eventId, outcome: 'duplicate' };
    this.#services.publish([fact]);
    return { id: eventId, outcome: 'recorded', fact };
  }

  #enriched(event: CheckedEvent): Fact {
    const at = this.#services.now();
    const stream = `event/${event.id ?? this.#services.createId()}`;
    const executionId = event.executionId ?? stream;
    const execution: ExecutionContext = {
      executionId,
      swarmId: event.swarmId ?? executionId,
      correlationId: event.correlationId ?? executionId,
      userId: event.userId ?? 'anonymous',
      timestamp: at,
      ...(event.parentExecutionId !== undefined && { parentExecutionId: event.parentExecutionId }),
    };
    return {
      ...envelope({ type: event.type, at, payload: event.payload ?? {} }, 1, stream, event.tier ?? 'tier1', execution),
      ...(event.userId !== undefined && { userId: event.userId }),
      ...(event.parentEventId !== undefined && { parentEventId: event.parentEventId }),
    };
  }

  async #isNew(fact: Fact): Promise<boolean> {
    const { stream } = fact;
    const before = this.#underWay.get(stream);
    const mine = before ?? this.#appended(fact);
    if (!before) this.#underWay.set(stream, mine);
    try {
      // What somebody is told is a duplicate must be as safe as if it were none.
      return (await mine) && !before;
    } catch (thrown) {
      if (isSwarmchartError(thrown)) throw thrown;
      throw new SwarmchartError('JOURNAL_FAILED', `The event "${fact.id}" could not be recorded: ${asCause(thrown).message}`, {
        cause: thrown,
      });
    } finally {
      if (!before) this.#underWay.delete(stream);
    }
  }

  /** False when there is an event of this id already. */
  async #appended(fact: Fact): Promise<boolean> {
    try {
      await this.#services.journal.append(fact.stream, 0, [fact]);
      return true;
    } catch (thrown) {
      if (identityOf(thrown)?.code === 'JOURNAL_CONFLICT') return false;
      throw thrown;
    }
  }
}
