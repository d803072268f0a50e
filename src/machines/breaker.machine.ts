/**
 * Circuit breaker, one for each key.
 *
 *   restoring → closed → open → halfOpen { idle ⇄ probing } → closed
 *
 * Closed, it counts consecutive failures. Open, nobody may call. Half-open, one probe at a time: a failed or hung probe opens it again,
 * a cancelled one frees its place and counts as neither.
 *
 * Source: Execution Layer Architecture, "Circuit Breaker Pattern" (whose half-open state admits everybody; that is not copied).
 */

import { setup } from 'xstate';
import { type CommitParams, effect, type StaleParams } from './effects.ts';
import type { BreakerCommand, BreakerFact, BreakerOptions, BreakerScope } from './protocol/breaker.ts';
import type { ExecutionContext } from './protocol/execution.ts';
import { Turn } from './turn.ts';

export type BreakerPhase = 'closed' | 'open' | 'halfOpen.idle' | 'halfOpen.probing';

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

export interface BreakerInput {
  readonly scope: BreakerScope;
  readonly key: string;
  readonly options: BreakerOptions;
  /** Names the stream of the breaker's own facts. */
  readonly execution: ExecutionContext;
  readonly restored?: BreakerState;
}

interface BreakerContext extends BreakerInput {
  readonly state: BreakerState;
}
type BreakerTurn = Turn<BreakerState, BreakerFact>;

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
    case 'breaker/opened':
      return { ...state, at, phase: 'open', failures: fact.payload.failures, successes: 0, dueAt: fact.payload.until };
    case 'breaker/half_opened':
      return { ...state, at, phase: 'halfOpen.idle', successes: 0 };
    case 'breaker/probe/started':
      return { ...state, at, phase: 'halfOpen.probing', permit: fact.payload.permit, dueAt: fact.payload.dueAt };
    case 'breaker/probe/succeeded':
      return { ...state, at, phase: 'halfOpen.idle', successes: fact.payload.successes };
    case 'breaker/probe/released':
      return { ...state, at, phase: 'halfOpen.idle' };
    case 'breaker/closed':
      return { ...CLOSED, at };
    default:
      return state;
  }
}

const chart = setup({
  types: { context: {} as BreakerContext, events: {} as BreakerCommand, input: {} as BreakerInput },
  actions: { commit: effect<CommitParams>(), countStale: effect<StaleParams>() },
  delays: { untilDue: ({ context: { state } }) => Math.max(0, state.dueAt - state.at) },
  guards: {
    phaseIs: ({ context }, phase: BreakerPhase) => context.state.phase === phase,
    isLastStraw: ({ context: { state, options } }) => state.failures + 1 >= options.failureThreshold,
    hasFailures: ({ context }) => context.state.failures > 0,
    isPresentProbe: ({ context, event }) => event.permit === context.state.permit,
    isEnough: ({ context: { state, options }, event }) => event.permit === state.permit && state.successes + 1 >= options.successThreshold,
  },
});

const recording = (decision: (context: BreakerContext, event: BreakerCommand) => BreakerFact) =>
  chart.enqueueActions(({ context, event, enqueue }) => {
    const turn: BreakerTurn = new Turn<BreakerState, BreakerFact>(context.state, evolveBreaker);
    turn.record(decision(context, event));
    enqueue.assign({ state: turn.state });
    enqueue({ type: 'commit', params: { execution: context.execution, tier: 'tier3', facts: turn.facts } });
  });

const keyOf = ({ scope, key }: BreakerContext) => ({ scope, key });
const opened = (context: BreakerContext, at: number): BreakerFact => {
  const failures = Math.min(context.state.failures + 1, context.options.failureThreshold);
  return { type: 'breaker/opened', at, payload: { ...keyOf(context), failures, until: at + context.options.resetMs } };
};

export const breakerMachine = chart
  .extend({
    actions: {
      recordFailure: recording((context, { at }) => ({
        type: 'breaker/failure/counted',
        at,
        payload: { ...keyOf(context), failures: context.state.failures + 1 },
      })),
      recordRecovery: recording((context, { at }) => ({ type: 'breaker/failures/reset', at, payload: keyOf(context) })),
      recordOpened: recording((context, { at }) => opened(context, at)),
      recordHungProbe: recording((context) => opened(context, context.state.dueAt)),
      recordHalfOpened: recording((context) => ({ type: 'breaker/half_opened', at: context.state.dueAt, payload: keyOf(context) })),
      recordProbe: recording((context, { at, permit }) => ({
        type: 'breaker/probe/started',
        at,
        payload: { ...keyOf(context), permit, dueAt: at + context.options.probeTimeoutMs },
      })),
      recordProbeSucceeded: recording((context, { at }) => ({
        type: 'breaker/probe/succeeded',
        at,
        payload: { ...keyOf(context), successes: context.state.successes + 1 },
      })),
      recordProbeReleased: recording((context, { at }) => ({ type: 'breaker/probe/released', at, payload: keyOf(context) })),
      recordClosed: recording((context, { at }) => ({ type: 'breaker/closed', at, payload: keyOf(context) })),
      dropStale: chart.enqueueActions(({ event, enqueue }) => {
        enqueue({ type: 'countStale', params: { message: event.type } });
      }),
    },
  })
  .createMachine({
    id: 'breaker',
    options: { maxIterations: 100 },
    context: ({ input }) => ({ ...input, state: input.restored ?? CLOSED }),
    initial: 'restoring',
    states: {
      restoring: {
        always: [
          { guard: { type: 'phaseIs', params: 'open' }, target: 'open' },
          { guard: { type: 'phaseIs', params: 'halfOpen.idle' }, target: 'halfOpen.idle' },
          { guard: { type: 'phaseIs', params: 'halfOpen.probing' }, target: 'halfOpen.probing' },
          { target: 'closed' },
        ],
      },
      closed: {
        on: {
          'breaker.failed': [{ guard: 'isLastStraw', target: 'open', actions: 'recordOpened' }, { actions: 'recordFailure' }],
          'breaker.succeeded': { guard: 'hasFailures', actions: 'recordRecovery' },
        },
      },
      open: {
        after: { untilDue: { target: 'halfOpen', actions: 'recordHalfOpened' } },
        on: {
          'breaker.failed': { actions: 'dropStale' },
          'breaker.succeeded': { actions: 'dropStale' },
          'breaker.released': { actions: 'dropStale' },
        },
      },
      halfOpen: {
        initial: 'idle',
        states: {
          idle: { on: { 'breaker.acquired': { target: 'probing', actions: 'recordProbe' } } },
          probing: {
            after: { untilDue: { target: '#breaker.open', actions: 'recordHungProbe' } },
            on: {
              'breaker.succeeded': [
                { guard: 'isEnough', target: '#breaker.closed', actions: 'recordClosed' },
                { guard: 'isPresentProbe', target: 'idle', actions: 'recordProbeSucceeded' },
              ],
              'breaker.failed': { guard: 'isPresentProbe', target: '#breaker.open', actions: 'recordOpened' },
              'breaker.released': { guard: 'isPresentProbe', target: 'idle', actions: 'recordProbeReleased' },
            },
          },
        },
        on: {
          'breaker.succeeded': { actions: 'dropStale' },
          'breaker.failed': { actions: 'dropStale' },
          'breaker.released': { actions: 'dropStale' },
        },
      },
    },
  });

export type CircuitBreaker = typeof breakerMachine;
