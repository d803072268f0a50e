/** What is true of a step that waits, folded from its facts. */

import type { ExecutionError, Json } from './protocol/execution.ts';
import type { ResolvedWait, WaitFact } from './protocol/wait.ts';

export type WaiterPhase = 'pending' | 'waiting' | 'paused' | 'completed' | 'failed' | 'cancelled';

export interface WaiterState {
  readonly phase: WaiterPhase;
  /** When the last fact happened. */
  readonly at: number;
  readonly startedAt: number;
  readonly for?: ResolvedWait;
  /** When its time is up. */
  readonly dueAt: number;
  /** Start of the current pause. */
  readonly pausedAt: number;
  readonly pausedMs: number;
  readonly pauseEpoch: number;
  readonly output: Json;
  readonly error?: ExecutionError;
  readonly reason?: string;
}

export const FRESH_WAITER: WaiterState = {
  phase: 'pending',
  at: 0,
  startedAt: 0,
  dueAt: 0,
  pausedAt: 0,
  pausedMs: 0,
  pauseEpoch: 0,
  output: null,
};

export function evolveWaiter(state: WaiterState, fact: WaitFact): WaiterState {
  const at = fact.at;
  switch (fact.type) {
    case 'tier3/wait/started':
      return { ...state, phase: 'waiting', at, startedAt: at, for: fact.payload.for, dueAt: fact.payload.dueAt };
    case 'tier3/wait/paused':
      return { ...state, phase: 'paused', at, pausedAt: at, pauseEpoch: fact.payload.epoch };
    case 'tier3/wait/resumed':
      return { ...state, phase: 'waiting', at, pausedMs: pausedUntil(state, at), dueAt: fact.payload.dueAt };
    case 'tier3/execution/completed':
      return { ...state, phase: 'completed', at, pausedMs: pausedUntil(state, at), output: fact.payload.output };
    case 'tier3/execution/failed':
      return { ...state, phase: 'failed', at, pausedMs: pausedUntil(state, at), error: fact.payload.error };
    case 'tier3/execution/cancelled':
      return { ...state, phase: 'cancelled', at, pausedMs: pausedUntil(state, at), reason: fact.payload.reason };
    default:
      return state;
  }
}

/** All time spent paused, up to the end of a pause that is on. */
export const pausedUntil = ({ phase, pausedMs, pausedAt }: WaiterState, at: number): number =>
  phase === 'paused' ? pausedMs + at - pausedAt : pausedMs;
