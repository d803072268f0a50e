/** Circuit breakers: what they are told and what they record. */

import type { FactBody } from './facts.ts';

export interface BreakerOptions {
  /** Consecutive failures that open it. @default 5 */
  readonly failureThreshold: number;
  /** How long it stays open before it lets a probe through. Milliseconds. @default 30_000 */
  readonly resetMs: number;
  /** Successful probes that close it. @default 2 */
  readonly successThreshold: number;
  /** A probe that has not ended by then counts as failed. Milliseconds. @default 60_000 */
  readonly probeTimeoutMs: number;
}

/** Source: Execution Layer Architecture, "Circuit Breaker Pattern", which names no figures. */
export const DEFAULT_BREAKER: BreakerOptions = { failureThreshold: 5, resetMs: 30_000, successThreshold: 2, probeTimeoutMs: 60_000 };

export type BreakerScope = 'tool' | 'agent' | 'module' | 'layer' | 'provider' | 'system';

/** `permit` names the call, so that a late answer of an earlier probe is not taken for the present one's. */
export type BreakerCommand =
  | { readonly type: 'breaker.acquired'; readonly permit: number; readonly at: number }
  | { readonly type: 'breaker.succeeded'; readonly permit: number; readonly at: number }
  | { readonly type: 'breaker.failed'; readonly permit: number; readonly at: number }
  /** The call was cancelled or invalid: it says nothing about the dependency. */
  | { readonly type: 'breaker.released'; readonly permit: number; readonly at: number };

type Key = { readonly scope: BreakerScope; readonly key: string };

export type BreakerFact =
  | FactBody<'breaker/failure/counted', Key & { readonly failures: number }>
  | FactBody<'breaker/failures/reset', Key>
  | FactBody<'breaker/opened', Key & { readonly failures: number; readonly until: number }>
  | FactBody<'breaker/half_opened', Key>
  | FactBody<'breaker/probe/started', Key & { readonly permit: number; readonly dueAt: number }>
  | FactBody<'breaker/probe/succeeded', Key & { readonly successes: number }>
  | FactBody<'breaker/probe/released', Key>
  | FactBody<'breaker/closed', Key>;
