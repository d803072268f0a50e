/** The executions of a runtime by id, live or in its journal, and how they go on after a restart. */

import { setImmediate } from 'node:timers/promises';
import { describe, wrapTierError } from './actors/failure.ts';
import type { Handles } from './handles.ts';
import { SwarmchartError } from './machines/protocol/errors.ts';
import type { ExecutionError, ExecutionResult } from './machines/protocol/execution.ts';
import { envelope, type Fact } from './machines/protocol/facts.ts';
import { MOST_RECOVERIES, type RecoveryFact, SUSPECT_RECOVERIES } from './machines/protocol/recovery.ts';
import type { SwarmJob } from './machines/protocol/swarm.ts';
import type { Approvals } from './runtime/approvals.ts';
import type { Blackboards } from './runtime/blackboard.ts';
import { isId } from './runtime/door.ts';
import type { Execution, ExecutionHandle, SwarmHandle } from './runtime/execution/handle.ts';
import type { StreamInfo } from './runtime/journal/journal.ts';
import { restorationOf, type StreamRestoration } from './runtime/journal/restoration.ts';
import { resultIn } from './runtime/journal/result-in.ts';
import { Suspects } from './suspects.ts';
import type { System } from './system.ts';

export interface RecoveryServices {
  readonly system: System;
  readonly handles: Handles;
  readonly blackboards: Blackboards;
  readonly approvals: Approvals;
  readonly followSwarm: (execution: Execution, job: SwarmJob) => SwarmHandle;
  /** Hears of each run and step that goes on. */
  readonly followRun: (execution: Execution, restoration: StreamRestoration) => void;
}

/** An execution that could not go on. It stays in the journal as it is. */
export interface RecoveryTrouble {
  readonly executionId: string;
  readonly error: ExecutionError;
}

export interface Recovered {
  /** Ids of those that went on when this runtime was created, the oldest first. */
  readonly recovered: readonly string[];
  /** Of those that were given up then, having been recovered too often without progress. `resume` lets them go on all the same. */
  readonly deadLetters: readonly string[];
  readonly troubles: readonly RecoveryTrouble[];
  /** Of those that were at work each of the last times that their process ended: they go on one after another, these when it is their turn. */
  readonly waiting: readonly string[];
}

/** So many are brought back before the event loop gets its turn. */
const BATCH = 32;

export class Recoveries {
  readonly #services: RecoveryServices;
  readonly #recovered: string[] = [];
  readonly #deadLetters: string[] = [];
  readonly #troubles: RecoveryTrouble[] = [];
  readonly #suspects: Suspects;

  constructor(services: RecoveryServices) {
    this.#services = services;
    const { clock, bus } = services.system;
    this.#suspects = new Suspects({ clock, bus, goOn: (executionId) => this.#goOnInTurn(executionId) });
  }

  /** What became, when this runtime was created, of the executions that had not ended. */
  get outcome(): Recovered {
    return { recovered: this.#recovered, deadLetters: this.#deadLetters, troubles: this.#troubles, waiting: this.#suspects.waiting };
  }

  /** A root execution that lives; undefined for any other. */
  get(executionId: string): ExecutionHandle | SwarmHandle | undefined {
    const { system, handles } = this.#services;
    const root = isId(executionId) ? system.find(executionId) : undefined;
    if (!root) return undefined;
    return root.tier === 'tier1' ? handles.swarm(root.execution) : handles.execution(root.execution, root.tier);
  }

  /** All root executions that the journal has, in the order in which they began. */
  async *list(): AsyncGenerator<StreamInfo> {
    for await (const info of this.#services.system.journal.streams()) if (!info.name.includes('/')) yield info;
  }

  /**
   * Goes on with an execution that the journal has and that has not ended: also with one that was given up. One that lives already is only looked
   * up. Rejects with EXECUTION_NOT_FOUND, INVALID_INPUT for one that has ended, JOURNAL_DAMAGED.
   */
  async resume(executionId: string): Promise<ExecutionHandle | SwarmHandle> {
    const living = this.get(executionId);
    if (living) return living;
    this.#services.system.mustRun();
    const info = await this.#infoOf(executionId);
    if (info.status === 'settled') throw new SwarmchartError('INVALID_INPUT', `Execution "${executionId}" has ended`);
    const facts = await this.#services.system.journal.read(executionId);
    const restoration = restorationOf(facts);
    return this.get(executionId) ?? this.start(restoration, facts, info.status === 'dead' ? 1 : restoration.recoveries + 1);
  }

  /**
   * How one ended, also in an earlier life of this runtime; of one that lives, how it will. Undefined for one that has not ended and does not live.
   * Rejects with EXECUTION_NOT_FOUND, JOURNAL_DAMAGED.
   */
  async result(executionId: string): Promise<ExecutionResult | undefined> {
    const living = this.get(executionId);
    if (living) return living.result();
    const info = await this.#infoOf(executionId);
    return info.status === 'settled' ? resultIn(await this.#services.system.journal.read(executionId)) : undefined;
  }

  /** From now on it goes on only when `resume` names it. False for one that lives, has ended, or was given up before, and for an unknown one. */
  async giveUp(executionId: string): Promise<boolean> {
    const { system } = this.#services;
    system.mustRun();
    const info = isId(executionId) && !this.get(executionId) ? await system.journal.find(executionId) : undefined;
    if (info?.status !== 'unsettled' || info.damage !== undefined) return false;
    await this.#giveUp(restorationOf(await system.journal.read(executionId)));
    return true;
  }

  /** Brings back all that had not ended. Never rejects because of one of them. */
  async recoverAll(): Promise<void> {
    const { journal, log } = this.#services.system;
    const names = await journal.unsettled();
    const suspects: { readonly executionId: string; readonly recoveries: number }[] = [];
    for (const [index, executionId] of names.entries()) {
      await this.#orTrouble(executionId, async () => {
        const facts = await journal.read(executionId);
        const restoration = restorationOf(facts);
        const { recoveries } = restoration;
        if (recoveries >= MOST_RECOVERIES) await this.#giveUp(restoration);
        else if (recoveries >= SUSPECT_RECOVERIES) suspects.push({ executionId, recoveries });
        else this.#goOn(restoration, facts);
      });
      if (index % BATCH === BATCH - 1) await setImmediate();
    }
    // Whoever was alone most often comes last: the others are then out of its way.
    suspects.sort((one, other) => one.recoveries - other.recoveries);
    await this.#suspects.begin(suspects.map(({ executionId }) => executionId));
    if (names.length > 0) log.info({ ...counted(this.outcome) }, 'executions of the journal go on');
  }

  /** What has not gone on yet does not any more. */
  stop(): void {
    this.#suspects.stop();
  }

  /** Whether it runs now, and did not before. */
  async #goOnInTurn(executionId: string): Promise<boolean> {
    let isBegun = false;
    await this.#orTrouble(executionId, async () => {
      const { journal } = this.#services.system;
      const info = await journal.find(executionId);
      // Somebody may have asked for it meanwhile.
      if (info?.status !== 'unsettled') return;
      const facts = await journal.read(executionId);
      if (this.get(executionId) || this.#suspects.isOver) return;
      this.#goOn(restorationOf(facts), facts);
      isBegun = true;
    });
    return isBegun;
  }

  #goOn(restoration: StreamRestoration, facts: readonly Fact[]): void {
    this.start(restoration, facts, restoration.recoveries + 1);
    this.#recovered.push(restoration.context.executionId);
  }

  /** Never rejects. */
  async #orTrouble(executionId: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      this.#services.system.log.error({ err: thrown, execution: executionId }, 'an execution cannot go on after the restart');
      this.#troubles.push({ executionId, error: wrapTierError(thrown, 'tier2') });
    }
  }

  /** Starts it in this very turn: whatever must be there before it runs, such as the agents of a swarm, is. */
  start(restoration: StreamRestoration, facts: readonly Fact[], recovery?: number): ExecutionHandle | SwarmHandle {
    const { system, handles, blackboards, approvals, followSwarm, followRun } = this.#services;
    const { tier, context, job } = restoration;
    const execution = system.start(tier, context, job, { ...restoration, ...(recovery !== undefined && { recovery }) });
    blackboards.fold(facts);
    system.errors.hear(facts);
    approvals.hear(facts);
    if (tier === 'tier1') return followSwarm(execution, job as SwarmJob);
    followRun(execution, restoration);
    return handles.execution(execution, tier);
  }

  async #infoOf(executionId: string): Promise<StreamInfo> {
    const info = isId(executionId) ? await this.#services.system.journal.find(executionId) : undefined;
    if (!info || info.name.includes('/'))
      throw new SwarmchartError('EXECUTION_NOT_FOUND', `There is no execution ${describe(executionId)}`);
    if (info.damage !== undefined) throw new SwarmchartError('JOURNAL_DAMAGED', `Execution "${executionId}" is damaged: ${info.damage}`);
    return info;
  }

  async #giveUp({ context, tier, seq, at, recoveries }: StreamRestoration): Promise<void> {
    const { journal, bus, clock, log } = this.#services.system;
    const { executionId } = context;
    const body: RecoveryFact = { type: 'execution/dead_lettered', at: Math.max(at, clock.now()), payload: { recoveries } };
    const fact = envelope(body, seq + 1, executionId, tier, context);
    await journal.append(executionId, seq, [fact]);
    log.error({ execution: executionId, recoveries }, 'an execution was recovered too often without progress, and is given up');
    this.#deadLetters.push(executionId);
    bus.publish([fact]);
  }
}

const counted = ({ recovered, deadLetters, troubles, waiting }: Recovered) => ({
  waiting: waiting.length,
  recovered: recovered.length,
  deadLetters: deadLetters.length,
  troubles: troubles.length,
});
