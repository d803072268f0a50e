/**
 * One trigger: starts its workflow for each fact that it wants, once.
 *
 * The run's id follows from the trigger's and the fact's: whoever finds a stream of that name knows that the workflow was started, also after a restart.
 * So a crash between the fact's commit and the run's first one loses nothing, and one after it doubles nothing.
 */

import { createHash } from 'node:crypto';
import { asCause, describe, errorClassOf, identityOf, wrapTierError } from '../../actors/failure.ts';
import { toJson } from '../../actors/json.ts';
import { backoffMs } from '../../machines/backoff.ts';
import { isRetryable, SwarmchartError } from '../../machines/protocol/errors.ts';
import type { JsonObject } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import { DEFAULT_BACKOFF } from '../../machines/protocol/plan.ts';
import type { ExecutionHandle } from '../execution/handle.ts';
import { Follower, type FollowerServices } from './follower.ts';
import type { Passed } from './reader.ts';
import type { FollowingServices } from './routes.ts';
import { sifted } from './sieve.ts';
import type { TriggerState } from './trigger-state.ts';
import { pause } from './waiting.ts';

export interface CheckedTrigger<Workflow> {
  readonly id: string;
  readonly pattern: string;
  readonly workflow: Workflow;
  readonly where?: (fact: Fact) => boolean | null | undefined;
  readonly input?: (fact: Fact) => JsonObject;
  readonly allowCycles: boolean;
  readonly maxConcurrent: number;
}

/** What starts a run. */
export type StartRun<Workflow> = (workflow: Workflow, options: StartOptions) => ExecutionHandle;
interface StartOptions {
  readonly input: JsonObject;
  readonly context: { readonly executionId: string; readonly correlationId: string; readonly userId?: string };
}

export interface TriggerSnapshot {
  readonly id: string;
  readonly pattern: string;
  readonly state: 'idle' | 'starting' | 'waiting' | 'stopped';
  /** In the journal: what comes up to there is done with. */
  readonly position: number;
  /** These three since it was registered first. */
  readonly started: number;
  readonly passedOver: number;
  readonly failed: number;
  /** Runs that it started in this process and that have not ended. */
  readonly running: number;
  /** Facts that the journal had forgotten before it got to them, in this process. */
  readonly missed: number;
}

export interface TriggerServices<Workflow> extends FollowerServices, Pick<FollowingServices, 'journal' | 'scrub'> {
  readonly start: StartRun<Workflow>;
}

type Outcome = 'started' | 'passedOver' | 'failed' | 'stopped';

const MAX_INPUT_BYTES = 8 * 1_048_576;
const HASH_LENGTH = 24;

export class Trigger<Workflow> {
  readonly #trigger: CheckedTrigger<Workflow>;
  readonly #services: TriggerServices<Workflow>;
  readonly #follower: Follower;
  #state: TriggerState;
  #doing: TriggerSnapshot['state'] = 'idle';
  #running = 0;
  #room: PromiseWithResolvers<void> | undefined;

  constructor(trigger: CheckedTrigger<Workflow>, state: TriggerState & { readonly position: number }, services: TriggerServices<Workflow>) {
    this.#trigger = trigger;
    this.#state = state;
    this.#services = services;
    this.#follower = new Follower(services, {
      position: state.position,
      advanced: (position) => ({ type: 'trigger/advanced', at: services.clock.now(), payload: { position, ...this.#totals() } }),
      take: (passed) => this.#take(passed),
      who: { trigger: trigger.id },
      lament: 'a trigger stopped: what it does cannot be recorded',
    });
    this.#follower.signal.addEventListener('abort', () => this.#room?.resolve());
    void this.#follower.life.then(() => {
      this.#doing = 'stopped';
    });
  }

  get snapshot(): TriggerSnapshot {
    const { id, pattern } = this.#trigger;
    const { missed } = this.#follower;
    return { id, pattern, state: this.#doing, position: this.#follower.cursor.position, ...this.#totals(), running: this.#running, missed };
  }

  /** Starts nothing more. Resolves when how far it got is written down. */
  async stop(): Promise<void> {
    await this.#follower.stop(new Error('the trigger was stopped'));
  }

  /** Stops for good: registered again it begins anew. */
  async unregister(): Promise<void> {
    await this.stop();
    await this.#services.stream.record({ type: 'trigger/unregistered', at: this.#services.clock.now(), payload: {} });
  }

  #totals() {
    const { started, passedOver, failed } = this.#state;
    return { started, passedOver, failed };
  }

  async #take({ position, fact }: Passed): Promise<void> {
    const outcome = fact && (await this.#act(fact, position));
    // What is behind a fact that it could not act on must not be counted as done with.
    if (outcome === 'stopped') return this.#follower.abort(new Error('the trigger stopped'));
    if (outcome) this.#state = { ...this.#state, [outcome]: this.#state[outcome] + 1 };
    if (outcome === 'failed') this.#follower.cursor.isWrittenAt(position);
    else await this.#follower.cursor.moveTo(position);
  }

  async #act(fact: Fact, position: number): Promise<Outcome> {
    const { journal } = this.#services;
    const executionId = executionIdOf(this.#trigger.id, fact);
    try {
      if (!this.#isWanted(fact)) return 'passedOver';
      const input = asInput(this.#trigger.input?.(fact) ?? {});
      if (await journal.find(executionId)) return 'started';
      await this.#untilThereIsRoom();
      const { correlationId, userId } = fact;
      return await this.#start({ input, context: { executionId, correlationId, ...(userId !== undefined && { userId }) } });
    } catch (thrown) {
      return await this.#fail(fact, position, thrown);
    } finally {
      this.#doing = 'idle';
    }
  }

  #isWanted(fact: Fact): boolean {
    const { where, allowCycles, id } = this.#trigger;
    if (!allowCycles && (isRunOf(id, fact.stream) || isRunOf(id, fact.executionId))) return false;
    return sifted(fact, where ? { filter: where } : {}) !== undefined;
  }

  /** Resolves when it is committed that the run has begun. Rejects with what refuses it for good. */
  async #start(options: StartOptions): Promise<Outcome> {
    const { clock, log, start } = this.#services;
    const { signal } = this.#follower;
    this.#doing = 'starting';
    for (let tries = 1; !signal.aborted; tries++) {
      try {
        return await this.#begun(start(this.#trigger.workflow, options));
      } catch (thrown) {
        const code = identityOf(thrown)?.code;
        if (code === 'DUPLICATE_EXECUTION') return 'started';
        if (code === 'RUNTIME_STOPPED') break;
        if (!isRetryable(errorClassOf(thrown, () => undefined))) throw thrown;
        log.warn({ err: asCause(thrown), trigger: this.#trigger.id, tries }, 'a trigger could not start its workflow yet');
        await pause(clock, backoffMs(DEFAULT_BACKOFF, tries, options.context.executionId), signal);
      }
    }
    return 'stopped';
  }

  async #begun(execution: ExecutionHandle): Promise<Outcome> {
    this.#running++;
    void execution.result().then(() => {
      this.#running--;
      this.#room?.resolve();
    });
    const facts = execution.facts()[Symbol.asyncIterator]();
    const { done } = await facts.next();
    if (!done) return 'started';
    const { error } = await execution.result();
    if (error?.code !== 'RUNTIME_STOPPED') this.#follower.giveUp(error);
    return 'stopped';
  }

  async #untilThereIsRoom(): Promise<void> {
    while (this.#running >= this.#trigger.maxConcurrent && !this.#follower.signal.aborted) {
      this.#doing = 'waiting';
      this.#room = Promise.withResolvers();
      await this.#room.promise;
    }
  }

  /** Rejects when it cannot be recorded. */
  async #fail(fact: Fact, position: number, thrown: unknown): Promise<Outcome> {
    const { clock, log, scrub, stream } = this.#services;
    const error = scrub(wrapTierError(thrown, fact.tier));
    log.error({ err: error, trigger: this.#trigger.id, fact: fact.id }, 'a trigger cannot start its workflow for a fact');
    const totals = { ...this.#totals(), failed: this.#state.failed + 1 };
    try {
      await stream.record({ type: 'trigger/failed', at: clock.now(), payload: { position, ...totals, factId: fact.id, error } });
      return 'failed';
    } catch (refused) {
      this.#follower.giveUp(refused);
      return 'stopped';
    }
  }
}

/** The same whenever the trigger meets the fact. */
export const executionIdOf = (triggerId: string, fact: Fact): string => {
  const hash = createHash('sha256').update(JSON.stringify([triggerId, fact.id]));
  return `${triggerId}-${hash.digest('hex').slice(0, HASH_LENGTH)}`;
};

/** Also what is below it: the ids of children begin with that of their root. */
function isRunOf(triggerId: string, executionId: string): boolean {
  const [root = ''] = executionId.split('/', 1);
  const hash = root.slice(triggerId.length + 1);
  return root.startsWith(`${triggerId}-`) && hash.length === HASH_LENGTH && /^[0-9a-f]+$/.test(hash);
}

function asInput(given: unknown): JsonObject {
  const json = toJson(given, 'The trigger', MAX_INPUT_BYTES);
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as JsonObject;
  throw new SwarmchartError('INVALID_INPUT', `The input of a trigger must be an object, got ${describe(given)}`);
}
