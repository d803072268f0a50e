/** Circuit breakers: what they are told and what they record. */

import type { FactBody } from './facts.ts';

export interface BreakerOptions {
  /** Consecutive failures that open it. @default 5 */
  readonly failureThreshold: number;
  /** How long it stays open before it lets a probe through; null: until somebody resets it. Milliseconds. @default 30_000 */
  readonly resetMs: number | null;
  /** Successful probes that close it. @default 2 */
  readonly successThreshold: number;
  /** A probe that has not ended by then counts as failed. Milliseconds. @default 60_000 */
  readonly probeTimeoutMs: number;
}

/** Source: Execution Layer Architecture, "Circuit Breaker Pattern", which names no figures. */
export const DEFAULT_BREAKER: BreakerOptions = { failureThreshold: 5, resetMs: 30_000, successThreshold: 2, probeTimeoutMs: 60_000 };

export const BREAKER_SCOPES = ['tool', 'agent', 'module', 'layer', 'provider', 'system'] as const;
export type BreakerScope = (typeof BREAKER_SCOPES)[number];

/** Names one breaker of a runtime. */
export interface BreakerKey {
  readonly scope: BreakerScope;
  readonly key: string;
}

/** By a person: who. */
type By = { readonly by?: string };

/** `permit` names the call, so that a late answer of an earlier probe is not taken for the present one's. */
export type BreakerCommand =
  | { readonly type: 'breaker.acquired'; readonly permit: number; readonly at: number }
  | { readonly type: 'breaker.succeeded'; readonly permit: number; readonly at: number }
  | { readonly type: 'breaker.failed'; readonly permit: number; readonly at: number }
  /** The call was cancelled or invalid: it says nothing about the dependency. */
  | { readonly type: 'breaker.released'; readonly permit: number; readonly at: number }
  /** Nobody may call until somebody closes or resets it. */
  | ({ readonly type: 'breaker.forceOpen'; readonly at: number } & By)
  /** Everybody may call, whatever happened before. */
  | ({ readonly type: 'breaker.forceClose'; readonly at: number } & By)
  /** A probe may call, before the time or without one. */
  | ({ readonly type: 'breaker.reset'; readonly at: number } & By);

/** `by`: a person did it. */
export type BreakerFact =
  | FactBody<'breaker/failure/counted', BreakerKey & { readonly failures: number }>
  | FactBody<'breaker/failures/reset', BreakerKey>
  /** `until` null: held open until somebody closes or resets it. */
  | FactBody<'breaker/opened', BreakerKey & { readonly failures: number; readonly until: number | null } & By>
  | FactBody<'breaker/half_opened', BreakerKey & By>
  | FactBody<'breaker/probe/started', BreakerKey & { readonly permit: number; readonly dueAt: number }>
  | FactBody<'breaker/probe/succeeded', BreakerKey & { readonly successes: number }>
  | FactBody<'breaker/probe/released', BreakerKey>
  | FactBody<'breaker/closed', BreakerKey & By>
  /** What it guarded is gone, and all that was remembered of it. */
  | FactBody<'breaker/removed', BreakerKey>;
