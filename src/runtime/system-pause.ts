/**
 * Pauses everything: while the system's circuit breaker is open, and while nothing can be written because the journal is full. Every root
 * execution is paused, and new ones are refused. Half-open, one new execution is the breaker's probe. When no reason is left, whatever was
 * paused here goes on.
 */

import type { AnyActorRef } from 'xstate';
import type { Clock } from '../actors/clock.ts';
import type { Breakers, Permit } from '../actors/services.ts';
import type { Logger } from '../actors/tool.ts';
import type { BreakerFact } from '../machines/protocol/breaker.ts';
import { executionError, SwarmchartError } from '../machines/protocol/errors.ts';
import type { ExecutionContext, ExecutionError, ExecutionResult, Tier } from '../machines/protocol/execution.ts';
import type { RecoveryFact } from '../machines/protocol/recovery.ts';
import { SYSTEM } from './breakers/doors.ts';
import { canContinue } from './execution/controls.ts';
import { type Directory, phaseOf, statusOf } from './execution/directory.ts';
import type { Execution } from './execution/handle.ts';
import type { JournalCondition } from './journal/journal.ts';

export interface SystemPauseServices {
  readonly clock: Clock;
  readonly log: Logger;
  readonly breakers: () => Pick<Breakers, 'enter'>;
  readonly directory: Pick<Directory, 'find'>;
  /** Ids of the root executions that live. */
  readonly live: () => Iterable<string>;
  readonly enqueue: (to: string, type: string, open: () => void) => void;
  /** Records about a live root execution that it is held here, or is not any more. */
  readonly record: (executionId: string, fact: RecoveryFact) => void;
}

type Reason = 'breaker' | 'journal';

export class SystemPause {
  readonly #services: SystemPauseServices;
  readonly #reasons = new Set<Reason>();
  #probe: string | undefined;
  /** Paused here and by nobody else: these go on when it is over. */
  readonly #held = new Set<string>();

  constructor(services: SystemPauseServices) {
    this.#services = services;
  }

  /** Hears of what the system's breaker records. */
  noted({ type, payload }: BreakerFact): void {
    const { log } = this.#services;
    if (type === 'breaker/opened') {
      log.warn(payload, 'the circuit breaker of the system is open: everything is paused');
      this.#probe = undefined;
      this.#begin('breaker');
    }
    if (type === 'breaker/closed') {
      log.info(payload, 'the circuit breaker of the system is closed');
      this.#probe = undefined;
      this.#end('breaker');
    }
  }

  /** Hears of whether the journal can be written. */
  heed(condition: JournalCondition): void {
    const { log } = this.#services;
    if (condition.status === 'full') {
      log.error({ message: condition.message }, 'the journal is full: everything is paused until there is room');
      this.#begin('journal');
    } else {
      log.info({}, 'the journal can be written again');
      this.#end('journal');
    }
  }

  /** Why a new root execution must not begin; undefined when it may, perhaps as the probe. Throws JOURNAL_FULL while not even that can be recorded. */
  admit(execution: Execution, tier: Tier): ExecutionError | undefined {
    if (this.#reasons.has('journal'))
      throw new SwarmchartError('JOURNAL_FULL', 'The journal is full: nothing new begins until there is room');
    if (!this.#reasons.has('breaker')) return undefined;
    const passage = this.#services.breakers().enter([SYSTEM]);
    if ('openAt' in passage) return executionError('SYSTEM_PAUSED', 'The system is paused until somebody resets its circuit breaker', tier);
    this.#probe = execution.context.executionId;
    void execution.result().then((result) => conclude(passage.permit, result));
    return undefined;
  }

  /** A root execution lives from now on: one that is restored, or was on its way when everything was paused, begins paused. */
  born({ executionId }: ExecutionContext): void {
    const entry = this.#services.directory.find(executionId);
    if (entry?.ref?.getSnapshot().status !== 'active') return;
    if (this.holds(executionId)) this.#pause(executionId, entry.ref, phaseOf(entry));
    else this.#resume(executionId, entry.ref, phaseOf(entry));
  }

  /** An earlier life of this runtime held it, and could not let it go. */
  adopt(executionId: string): void {
    this.#held.add(executionId);
  }

  /** Whether an execution must not be resumed by its caller. */
  holds(executionId: string): boolean {
    // The ids of children begin with that of their root, which has no slash.
    const isProbe = executionId.split('/', 1)[0] === this.#probe;
    return this.#reasons.has('journal') || (this.#reasons.has('breaker') && !isProbe);
  }

  /** Its caller has asked for a pause, too: it stays paused when this one is over. */
  leave(executionId: string): void {
    if (this.#held.delete(executionId)) this.#record(executionId, 'execution/released');
  }

  #begin(reason: Reason): void {
    this.#reasons.add(reason);
    for (const executionId of this.#services.live())
      this.#later(executionId, 'pause', (ref, phase) => this.#pause(executionId, ref, phase));
  }

  #end(reason: Reason): void {
    if (!this.#reasons.delete(reason)) return;
    // Another reason may remain, but not for the breaker's probe.
    for (const executionId of this.#held) this.#later(executionId, 'resume', (ref, phase) => this.#resume(executionId, ref, phase));
  }

  #later(executionId: string, name: string, act: (ref: AnyActorRef, phase: string) => void): void {
    this.#services.enqueue(executionId, `execution.${name}`, () => {
      const entry = this.#services.directory.find(executionId);
      if (entry?.ref?.getSnapshot().status === 'active') act(entry.ref, phaseOf(entry));
      else this.#held.delete(executionId);
    });
  }

  #pause(executionId: string, ref: AnyActorRef, phase: string): void {
    const status = statusOf(phase);
    const isPausedByOthers = status === 'paused' || status === 'pausing';
    if (!this.holds(executionId) || isPausedByOthers || !canContinue(phase)) return;
    this.#held.add(executionId);
    this.#record(executionId, 'execution/held');
    ref.send({ type: 'execution.pause', at: this.#services.clock.now(), epoch: 0 });
  }

  #resume(executionId: string, ref: AnyActorRef, phase: string): void {
    if (this.holds(executionId) || !this.#held.delete(executionId) || !canContinue(phase)) return;
    this.#record(executionId, 'execution/released');
    ref.send({ type: 'execution.resume', at: this.#services.clock.now() });
  }

  #record(executionId: string, type: 'execution/held' | 'execution/released'): void {
    this.#services.record(executionId, { type, at: this.#services.clock.now(), payload: {} });
  }
}

/** What a probe's end says about the system: a request that made no sense and one that was cancelled say nothing. */
function conclude(permit: Permit, { success, status, error }: ExecutionResult): void {
  if (success) permit.succeeded();
  else if (status === 'cancelled' || error?.errorClass === 'validation' || error?.code === 'REJECTED_BY_HUMAN') permit.released();
  else permit.failed();
}
