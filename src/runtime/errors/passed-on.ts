/** Failures of the pool and its agents that somebody is about to hear of: there they are no new ones. */

import type { ExecutionError } from '../../machines/protocol/execution.ts';
import { sameness } from './case.ts';
import type { Failure } from './failure.ts';

export class PassedOn {
  readonly #limit: number;
  readonly #byLease = new Map<string, Failure>();
  /** Refusals by their error, for those who hear it without the lease's id. */
  readonly #byError = new Map<string, { readonly failure: Failure; readonly leaseId: string }>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  lost(leaseIds: readonly string[], failure: Failure): void {
    for (const leaseId of leaseIds) this.#keep(this.#byLease, leaseId, failure);
  }

  refused(leaseId: string, failure: Failure): void {
    this.#keep(this.#byLease, leaseId, failure);
    this.#keep(this.#byError, sameness(failure.error), { failure, leaseId });
  }

  lease(leaseId = ''): Failure | undefined {
    const failure = this.#byLease.get(leaseId);
    if (!failure) return undefined;
    this.#byLease.delete(leaseId);
    const key = sameness(failure.error);
    if (this.#byError.get(key)?.leaseId === leaseId) this.#byError.delete(key);
    return failure;
  }

  refusal(error: ExecutionError): Failure | undefined {
    if (this.#byError.size === 0) return undefined;
    const found = this.#byError.get(sameness(error));
    return found && this.lease(found.leaseId);
  }

  /** Some are never asked for: whoever held the lease has ended. */
  #keep<Value>(kept: Map<string, Value>, key: string, value: Value): void {
    kept.set(key, value);
    for (const oldest of kept.keys()) {
      if (kept.size <= this.#limit) return;
      kept.delete(oldest);
    }
  }
}
