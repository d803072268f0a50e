/** What is true of a step's execution, folded from its facts. */

import type { ExecutionError, Json, ResourceUsage } from './protocol/execution.ts';
import type { AttemptUsage, StepFact } from './protocol/step.ts';
import { addCounts, addCredits } from './usage.ts';

/** The chart's state, as a path. */
export type ExecutorPhase =
  | 'pending'
  | 'attempting.running'
  | 'attempting.pausing'
  | 'attempting.suspended'
  | 'attempting.timingOut'
  | 'attempting.cancelling'
  | 'backingOff'
  | 'paused'
  | 'completed'
  | 'failed'
  | 'cancelled';

export interface ExecutorState {
  readonly phase: ExecutorPhase;
  /** When the last fact happened. */
  readonly at: number;
  readonly startedAt: number;
  /** The attempt under way or, between attempts, the last one. */
  readonly attempt: number;
  /** When the running timer is due: the attempt's timeout, the grace period's end, or the next attempt. */
  readonly dueAt: number;
  /** What was left of that timer when it was frozen by a pause. */
  readonly remainingMs: number;
  /** A pause was asked for while an attempt still settles; it takes effect before the next one. */
  readonly pauseRequested: boolean;
  readonly pauseEpoch: number;
  /** Pauses so far; an answer to an earlier one is stale. */
  readonly pauses: number;
  /** The suspended attempt ended with its process: it begins anew when the pause is over, and what it had used is booked. */
  readonly isLost: boolean;
  /** Start of the current pause. */
  readonly pausedAt: number;
  readonly pausedMs: number;
  readonly creditsUsed: string;
  readonly memoryUsedMB: number;
  readonly tokensUsed: number;
  readonly output: Json;
  readonly skipped: boolean;
  readonly error?: ExecutionError;
  readonly reason?: string;
}

export const FRESH_EXECUTOR: ExecutorState = {
  phase: 'pending',
  at: 0,
  startedAt: 0,
  attempt: 0,
  dueAt: 0,
  remainingMs: 0,
  pauseRequested: false,
  pauseEpoch: 0,
  pauses: 0,
  isLost: false,
  pausedAt: 0,
  pausedMs: 0,
  creditsUsed: '0',
  memoryUsedMB: 0,
  tokensUsed: 0,
  output: null,
  skipped: false,
};

export const withUsage = (state: ExecutorState, usage: AttemptUsage) => ({
  creditsUsed: addCredits(state.creditsUsed, usage.credits),
  memoryUsedMB: Math.max(state.memoryUsedMB, usage.memoryMB),
  tokensUsed: addCounts(state.tokensUsed, usage.tokens),
});

/** What an executor has used so far, without the attempt under way. */
export function usageIn({ attempt, skipped, creditsUsed, memoryUsedMB, tokensUsed }: ExecutorState, durationMs = 0): ResourceUsage {
  const stepsExecuted = skipped || attempt === 0 ? 0 : 1;
  return { creditsUsed, durationMs, memoryUsedMB, stepsExecuted, ...(tokensUsed > 0 && { tokensUsed }) };
}

const usedIn = ({ creditsUsed, memoryUsedMB, tokensUsed = 0 }: ResourceUsage) => ({ creditsUsed, memoryUsedMB, tokensUsed });

export function evolveExecutor(state: ExecutorState, fact: StepFact): ExecutorState {
  const at = fact.at;
  switch (fact.type) {
    case 'tier3/execution/started':
      return { ...state, phase: 'attempting.running', at, startedAt: at, attempt: 1, dueAt: fact.payload.dueAt };
    case 'tier3/attempt/started':
      return { ...state, phase: 'attempting.running', at, attempt: fact.payload.attempt, dueAt: fact.payload.dueAt };
    case 'tier3/attempt/failed': {
      const { error, usage, backoffMs, parked } = fact.payload;
      const failed = { ...state, ...withUsage(state, usage), at, error, pausedMs: pausedUntil(state, at) };
      return parked
        ? { ...failed, phase: 'paused', remainingMs: backoffMs, pausedAt: at }
        : { ...failed, phase: 'backingOff', dueAt: at + backoffMs };
    }
    case 'tier3/attempt/interrupted': {
      const { usage, dueAt } = fact.payload;
      const isSuspended = state.phase === 'attempting.suspended';
      return { ...state, ...withUsage(state, usage), at, ...(isSuspended ? { remainingMs: dueAt - at, isLost: true } : { dueAt }) };
    }
    case 'tier3/execution/timing_out':
      return { ...state, phase: 'attempting.timingOut', at, dueAt: fact.payload.graceUntil };
    case 'tier3/execution/pausing': {
      const isNew = state.phase === 'attempting.running';
      const phase = isNew ? 'attempting.pausing' : state.phase;
      return { ...state, phase, at, pauseRequested: true, pauseEpoch: fact.payload.epoch, pauses: state.pauses + (isNew ? 1 : 0) };
    }
    case 'tier3/execution/paused': {
      const remainingMs = state.phase === 'paused' ? state.remainingMs : Math.max(0, state.dueAt - at);
      const phase = fact.payload.suspended ? 'attempting.suspended' : 'paused';
      return { ...state, phase, at, remainingMs, pausedAt: at, pauseRequested: true, pauseEpoch: fact.payload.epoch };
    }
    case 'tier3/execution/resumed':
      return resumed(state, at);
    case 'tier3/execution/cancelling':
      return {
        ...state,
        phase: 'attempting.cancelling',
        at,
        dueAt: fact.payload.graceUntil,
        reason: fact.payload.reason,
        pausedMs: pausedUntil(state, at),
      };
    case 'tier3/execution/completed':
      return {
        ...state,
        phase: 'completed',
        at,
        output: fact.payload.output,
        skipped: fact.payload.skipped,
        ...usedIn(fact.payload.usage),
        pausedMs: pausedUntil(state, at),
      };
    case 'tier3/execution/failed':
    case 'tier3/execution/cancelled': {
      const { usage, attempts: attempt } = fact.payload;
      const settled = { ...state, at, attempt, ...usedIn(usage), pausedMs: pausedUntil(state, at) };
      return fact.type === 'tier3/execution/failed'
        ? { ...settled, phase: 'failed', error: fact.payload.error }
        : { ...settled, phase: 'cancelled', reason: fact.payload.reason };
    }
    default:
      return state;
  }
}

/** All time spent paused, up to the end of a pause that is on. */
export const pausedUntil = ({ phase, pausedMs, pausedAt }: ExecutorState, at: number): number =>
  phase === 'paused' || phase === 'attempting.suspended' ? pausedMs + at - pausedAt : pausedMs;

function resumed(state: ExecutorState, at: number): ExecutorState {
  const awake = { ...state, at, pauseRequested: false, isLost: false };
  switch (state.phase) {
    case 'attempting.pausing':
      return { ...awake, phase: 'attempting.running' };
    case 'attempting.suspended':
      return { ...awake, phase: 'attempting.running', dueAt: at + state.remainingMs, pausedMs: pausedUntil(state, at) };
    case 'paused':
      return { ...awake, phase: 'backingOff', dueAt: at + state.remainingMs, pausedMs: pausedUntil(state, at) };
    default:
      return awake;
  }
}
