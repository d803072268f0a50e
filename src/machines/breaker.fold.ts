/** What is true of a circuit breaker, folded from its facts. */

import type { BreakerFact } from './protocol/breaker.ts';

/** `held`: open without a time at which that ends. */
export type BreakerPhase = 'closed' | 'open' | 'held' | 'halfOpen.idle' | 'halfOpen.probing';

export interface BreakerState {
  readonly phase: BreakerPhase;
  readonly at: number;
  readonly failures: number;
  readonly successes: number;
  /** The probe under way. */
  readonly permit: number;
  /** End of the open period, or of the probe's time. */
  readonly dueAt: number;
}

export const CLOSED: BreakerState = { phase: 'closed', at: 0, failures: 0, successes: 0, permit: 0, dueAt: 0 };

/** Whether a call may go through now. */
export const admits = (state: BreakerState): boolean => state.phase === 'closed' || state.phase === 'halfOpen.idle';

export function evolveBreaker(state: BreakerState, fact: BreakerFact): BreakerState {
  const at = fact.at;
  switch (fact.type) {
    case 'breaker/failure/counted':
      return { ...state, at, failures: fact.payload.failures };
    case 'breaker/failures/reset':
      return { ...state, at, failures: 0 };
    case 'breaker/opened': {
      const { failures, until } = fact.payload;
      return { ...state, at, phase: until === null ? 'held' : 'open', failures, successes: 0, dueAt: until ?? 0 };
    }
    case 'breaker/half_opened':
      return { ...state, at, phase: 'halfOpen.idle', successes: 0 };
    case 'breaker/probe/started':
      return { ...state, at, phase: 'halfOpen.probing', permit: fact.payload.permit, dueAt: fact.payload.dueAt };
    case 'breaker/probe/succeeded':
      return { ...state, at, phase: 'halfOpen.idle', successes: fact.payload.successes };
    case 'breaker/probe/released':
      return { ...state, at, phase: 'halfOpen.idle' };
    case 'breaker/closed':
    case 'breaker/removed':
      return { ...CLOSED, at };
    default:
      return state;
  }
}
