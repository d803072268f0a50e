/** What the registry shows of a circuit breaker. */

import type { BreakerState } from '../../machines/breaker.fold.ts';
import type { BreakerKey } from '../../machines/protocol/breaker.ts';

export interface BreakerSnapshot extends BreakerKey {
  /** `held`: open until somebody closes or resets it. */
  readonly state: 'closed' | 'open' | 'held' | 'halfOpen';
  /** In a row. */
  readonly failures: number;
  /** Probes that succeeded since it was half-open. */
  readonly successes: number;
  /** A probe is under way. */
  readonly isProbing: boolean;
  /** While it is open: when it lets a probe through. Milliseconds since the epoch. */
  readonly openUntil?: number;
  /** When something last happened to it, in milliseconds since the epoch; absent when nothing has. */
  readonly changedAt?: number;
}

export function snapshotOf({ scope, key }: BreakerKey, { phase, failures, successes, dueAt, at }: BreakerState): BreakerSnapshot {
  return {
    scope,
    key,
    state: phase === 'halfOpen.idle' || phase === 'halfOpen.probing' ? 'halfOpen' : phase,
    failures,
    successes,
    isProbing: phase === 'halfOpen.probing',
    ...(phase === 'open' && { openUntil: dueAt }),
    ...(at > 0 && { changedAt: at }),
  };
}
