/**
 * What the system's circuit breaker does: while it is open every root execution is paused, and new ones are refused. Half-open, one new
 * execution is the probe; when it succeeds, whatever was paused here goes on.
 */

import type { AnyActorRef } from 'xstate';
import type { Clock } from '../actors/clock.ts';
import type { Breakers, Permit } from '../actors/services.ts';
import type { Logger } from '../actors/tool.ts';
import type { BreakerFact } from '../machines/protocol/breaker.ts';
import { executionError } from '../machines/protocol/errors.ts';
import type { ExecutionContext, ExecutionError, ExecutionResult, Tier } from '../machines/protocol/execution.ts';
import { SYSTEM } from './breakers/doors.ts';
import { canContinue } from './execution/controls.ts';
import { type Directory, phaseOf, statusOf } from './execution/directory.ts';
import type { Execution } from './execution/handle.ts';

export interface SystemPauseServices {
  readonly clock: Clock;
  readonly log: Logger;
  readonly breakers: () => Pick<Breakers, 'enter'>;
  readonly directory: Pick<Directory, 'find'>;
  /** Ids of the root executions that live. */
  readonly live: () => Iterable<string>;
  readonly enqueue: (to: string, type: string, open: () => void) => void;
}

export class SystemPause {
  readonly #services: SystemPauseServices;
  #isOn = false;
  #probe: string | undefined;
  /** Paused here and by nobody else: these go on when it is over. */
  readonly #held = new Set<string>();

  constructor(services: SystemPauseServices) {
    this.#services = services;
  }

  /** Hears of what the system's breaker records. */
  noted({ type, payload }: BreakerFact): void {
    const { log, live } = this.#services;
    if (type === 'breaker/opened') {
      this.#isOn = true;
      this.#probe = undefined;
      log.warn(payload, 'the circuit breaker of the system is open: everything is paused');
      for (const executionId of live()) this.#later(executionId, 'pause', (ref, phase) => this.#pause(executionId, ref, phase));
    }
    if (type === 'breaker/closed') {
      this.#isOn = false;
      this.#probe = undefined;
      log.info(payload, 'the circuit breaker of the system is closed');
      for (const executionId of this.#held) this.#later(executionId, 'resume', (ref, phase) => this.#resume(executionId, ref, phase));
    }
  }

  /** Why a new root execution must not begin; undefined when it may, perhaps as the probe. */
  admit(execution: Execution, tier: Tier): ExecutionError | undefined {
    if (!this.#isOn) return undefined;
    const passage = this.#services.breakers().enter([SYSTEM]);
    if ('openAt' in passage) return executionError('SYSTEM_PAUSED', 'The system is paused until somebody resets its circuit breaker', tier);
    this.#probe = execution.context.executionId;
    void execution.result().then((result) => conclude(passage.permit, result));
    return undefined;
  }

  /** A root execution lives from now on: one that is restored, or was on its way when the breaker opened, begins paused. */
  born({ executionId }: ExecutionContext): void {
    if (!this.#isOn || executionId === this.#probe) return;
    const entry = this.#services.directory.find(executionId);
    if (entry?.ref?.getSnapshot().status === 'active') this.#pause(executionId, entry.ref, phaseOf(entry));
  }

  /** Whether an execution must not be resumed by its caller. */
  holds(executionId: string): boolean {
    // The ids of children begin with that of their root, which has no slash.
    return this.#isOn && executionId.split('/', 1)[0] !== this.#probe;
  }

  /** Its caller has asked for a pause, too: it stays paused when this one is over. */
  leave(executionId: string): void {
    this.#held.delete(executionId);
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
    if (!this.#isOn || executionId === this.#probe || isPausedByOthers || !canContinue(phase)) return;
    this.#held.add(executionId);
    ref.send({ type: 'execution.pause', at: this.#services.clock.now(), epoch: 0 });
  }

  #resume(executionId: string, ref: AnyActorRef, phase: string): void {
    if (this.#isOn || !this.#held.delete(executionId) || !canContinue(phase)) return;
    ref.send({ type: 'execution.resume', at: this.#services.clock.now() });
  }
}

/** What a probe's end says about the system: a request that made no sense and one that was cancelled say nothing. */
function conclude(permit: Permit, { success, status, error }: ExecutionResult): void {
  if (success) permit.succeeded();
  else if (status === 'cancelled' || error?.errorClass === 'validation' || error?.code === 'REJECTED_BY_HUMAN') permit.released();
  else permit.failed();
}
