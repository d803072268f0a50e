/** The blackboards of all swarms: a service, so that a run without a swarm can write one. Every write is a fact, and facts restore the boards. */

import type { Blackboard, BlackboardEntry, WriteCondition } from '../actors/blackboard.ts';
import type { Clock } from '../actors/clock.ts';
import { describe } from '../actors/failure.ts';
import { copyOf } from '../actors/json.ts';
import type { Secrets } from '../actors/services.ts';
import { SwarmchartError } from '../machines/protocol/errors.ts';
import type { Json } from '../machines/protocol/execution.ts';
import type { Fact, FactBody } from '../machines/protocol/facts.ts';
import { Board, slotOf, type WriteRequest } from './blackboard-board.ts';
import { type Operation, restored } from './blackboard-values.ts';
import { checkObject, reading } from './door.ts';

export type BlackboardFact = FactBody<
  'tier1/blackboard/written',
  {
    readonly key: string;
    readonly operation: Operation;
    /** The new value; null for a deletion. */
    readonly value: Json;
    readonly version: number;
    readonly by?: string;
  }
>;

export interface BlackboardServices {
  readonly clock: Pick<Clock, 'now'>;
  /** Records a write, in the order of the calls. Undefined: it is committed already; else it resolves when it is, and rejects when it is lost. */
  readonly record: (swarmId: string, fact: BlackboardFact) => Promise<void> | undefined;
  /** The board of a live swarm is not forgotten. */
  readonly isLive: (swarmId: string) => boolean;
  readonly secrets: Pick<Secrets, 'scrub' | 'scrubAny'>;
}

export interface Writer {
  /** Execution id, for the entries that it writes. */
  readonly by?: string;
  /** Once it is aborted, writes are refused with its reason. */
  readonly signal?: AbortSignal;
}

/** Throws INVALID_VALUE: a condition that nobody understands must not be taken for none. */
function checkCondition(condition: WriteCondition | undefined): number | undefined {
  if (condition === undefined) return undefined;
  checkObject('The condition of a write', condition, 'INVALID_VALUE');
  const ifVersion: unknown = reading('The condition of a write', () => condition.ifVersion, 'INVALID_VALUE');
  if (ifVersion === undefined || (typeof ifVersion === 'number' && Number.isSafeInteger(ifVersion))) return ifVersion;
  throw new SwarmchartError('INVALID_VALUE', `ifVersion is the number of a version, got ${describe(ifVersion)}`);
}

/** Boards that are remembered. Beyond, the one written longest ago is forgotten first, with its versions; a live swarm's never is. */
const MAX_BOARDS = 1_000;

export class Blackboards {
  readonly #services: BlackboardServices;
  /** In the order in which they were last written. */
  readonly #boards = new Map<string, Board>();

  constructor(services: BlackboardServices) {
    this.#services = services;
  }

  /** A swarm's blackboard, for one writer. It exists once it is written; until then it is empty. */
  of(swarmId: string, { by, signal }: Writer = {}): Blackboard {
    const write = async (operation: Operation, key: string, given?: unknown, condition?: WriteCondition): Promise<BlackboardEntry> => {
      signal?.throwIfAborted();
      const ifVersion = checkCondition(condition);
      const { secrets, clock } = this.#services;
      const scrub = (value: Json): Json => secrets.scrub(value);
      return this.#write(swarmId, { operation, key: secrets.scrubAny(key), given, scrub, ifVersion, by, at: clock.now() });
    };
    return {
      swarmId,
      get: (key) => this.#boards.get(swarmId)?.get(key),
      entries: () => this.#boards.get(swarmId)?.entries() ?? new Map(),
      set: (key, value, condition) => write('set', key, value, condition),
      append: (key, item) => write('append', key, item),
      increment: (key, amount = 1) => write('increment', key, amount),
      merge: (key, members) => write('merge', key, members),
      deepMerge: (key, members) => write('deepMerge', key, members),
      delete: (key, condition) => write('delete', key, undefined, condition),
    };
  }

  /** Brings boards to where these facts left them; facts of other kinds are passed over. Records nothing. */
  fold(facts: Iterable<Fact>): void {
    for (const { type, swarmId, at, payload } of facts) {
      if (type !== 'tier1/blackboard/written') continue;
      const { key, operation, value, version, by } = payload as BlackboardFact['payload'];
      const board = this.#boards.get(swarmId) ?? new Board(swarmId);
      const sized = restored(copyOf(value));
      const slot = slotOf(sized, { key, value: sized.value, version, ...(by !== undefined && { by }), at }, operation === 'delete');
      board.begin(slot);
      this.#remember(board);
      board.keep(slot);
    }
  }

  /** Everything up to the gate happens at once, so that calls are served in their order. */
  async #write(swarmId: string, request: WriteRequest): Promise<BlackboardEntry> {
    if (typeof swarmId !== 'string' || swarmId === '') throw new SwarmchartError('INVALID_VALUE', 'A blackboard belongs to a swarm id');
    const { operation, key, at } = request;
    const board = this.#boards.get(swarmId) ?? new Board(swarmId);
    const slot = reading('The value', () => board.next(request), 'INVALID_VALUE');
    if (!slot) return Object.freeze({ key, value: null, version: board.versionOf(key), at });
    const { value, version, by } = slot.entry;
    board.begin(slot);
    this.#remember(board);
    try {
      const payload = { key, operation, value, version, ...(by !== undefined && { by }) };
      const committed = this.#services.record(swarmId, { type: 'tier1/blackboard/written', at, payload });
      if (committed) await committed;
    } catch (thrown) {
      board.drop(slot);
      throw thrown;
    }
    board.keep(slot);
    return slot.entry;
  }

  #remember(board: Board): void {
    const isNew = !this.#boards.delete(board.swarmId);
    this.#boards.set(board.swarmId, board);
    if (!isNew) return;
    for (const [swarmId, oldest] of this.#boards) {
      if (this.#boards.size <= MAX_BOARDS) return;
      if (!oldest.isBusy && !this.#services.isLive(swarmId)) this.#boards.delete(swarmId);
    }
  }
}
