/**
 * Circuit breaker, one for each key.
 *
 *   restoring → closed → open → halfOpen { idle ⇄ probing } → closed
 *               held: open until somebody closes or resets it
 *
 * Closed, it counts consecutive failures. Open, nobody may call. Half-open, one probe at a time: a failed or hung probe opens it again,
 * a cancelled one frees its place and counts as neither. It is held when a person opened it, and when it has no time to reset itself.
 *
 * Source: Execution Layer Architecture, "Circuit Breaker Pattern" (whose half-open state admits everybody; that is not copied).
 */

import { setup } from 'xstate';
import { type BreakerPhase, type BreakerState, CLOSED, evolveBreaker } from './breaker.fold.ts';
import { type CommitParams, effect, type StaleParams } from './effects.ts';
import type { BreakerCommand, BreakerFact, BreakerKey, BreakerOptions } from './protocol/breaker.ts';
import type { ExecutionContext } from './protocol/execution.ts';
import { untilDue } from './timers.ts';
import { Turn } from './turn.ts';

export interface BreakerInput extends BreakerKey {
  readonly options: BreakerOptions;
  /** Names the stream of the breaker's own facts. */
  readonly execution: ExecutionContext;
  readonly restored?: BreakerState;
  /** When it goes on from an earlier life: its timers keep what remains of their time. */
  readonly bornAt?: number;
}

interface BreakerContext extends BreakerInput {
  readonly state: BreakerState;
}
type BreakerTurn = Turn<BreakerState, BreakerFact>;

/** Where it goes when it opens by itself. */
const openPhase = ({ options }: BreakerContext): BreakerPhase => (options.resetMs === null ? 'held' : 'open');
/** Whether an event is the answer of the probe under way. */
const isOfProbe = ({ state }: BreakerContext, event: BreakerCommand): boolean => 'permit' in event && event.permit === state.permit;

const chart = setup({
  types: { context: {} as BreakerContext, events: {} as BreakerCommand, input: {} as BreakerInput },
  actions: { commit: effect<CommitParams>(), countStale: effect<StaleParams>() },
  delays: { untilDue: ({ context: { state, bornAt = 0 } }) => untilDue({ state, bornAt }) },
  guards: {
    phaseIs: ({ context }, phase: BreakerPhase) => context.state.phase === phase,
    isLastStraw: ({ context }, phase: BreakerPhase) =>
      context.state.failures + 1 >= context.options.failureThreshold && openPhase(context) === phase,
    hasFailures: ({ context }) => context.state.failures > 0,
    isPresentProbe: ({ context, event }) => isOfProbe(context, event),
    isFailedProbe: ({ context, event }, phase: BreakerPhase) => isOfProbe(context, event) && openPhase(context) === phase,
    isHeldOpen: ({ context }) => openPhase(context) === 'held',
    isEnough: ({ context, event }) => isOfProbe(context, event) && context.state.successes + 1 >= context.options.successThreshold,
  },
});

const recording = (decision: (context: BreakerContext, event: BreakerCommand) => BreakerFact) =>
  chart.enqueueActions(({ context, event, enqueue }) => {
    const turn: BreakerTurn = new Turn<BreakerState, BreakerFact>(context.state, evolveBreaker);
    turn.record(decision(context, event));
    enqueue.assign({ state: turn.state });
    enqueue({ type: 'commit', params: { execution: context.execution, tier: 'tier3', facts: turn.facts } });
  });

const keyOf = ({ scope, key }: BreakerContext): BreakerKey => ({ scope, key });
const opened = (context: BreakerContext, at: number): BreakerFact => {
  const { resetMs, failureThreshold } = context.options;
  const failures = Math.min(context.state.failures + 1, failureThreshold);
  return { type: 'breaker/opened', at, payload: { ...keyOf(context), failures, until: resetMs === null ? null : at + resetMs } };
};
const byOf = (event: BreakerCommand) => ('by' in event && event.by !== undefined ? { by: event.by } : {});
const permitOf = (event: BreakerCommand): number => ('permit' in event ? event.permit : 0);

/** What a call says that nobody asks any more. */
const stale = {
  'breaker.succeeded': { actions: 'dropStale' },
  'breaker.failed': { actions: 'dropStale' },
  'breaker.released': { actions: 'dropStale' },
} as const;

/** A person's commands. */
const forceOpen = { 'breaker.forceOpen': { target: '#breaker.held', actions: 'recordForcedOpen' } } as const;
const forceClose = { 'breaker.forceClose': { target: '#breaker.closed', actions: 'recordClosed' } } as const;
const reset = { 'breaker.reset': { target: '#breaker.halfOpen', actions: 'recordReset' } } as const;

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
      recordForcedOpen: recording((context, event) => ({
        type: 'breaker/opened',
        at: event.at,
        payload: { ...keyOf(context), failures: context.state.failures, until: null, ...byOf(event) },
      })),
      recordHungProbe: recording((context) => opened(context, context.state.dueAt)),
      recordHalfOpened: recording((context) => ({ type: 'breaker/half_opened', at: context.state.dueAt, payload: keyOf(context) })),
      recordReset: recording((context, event) => ({
        type: 'breaker/half_opened',
        at: event.at,
        payload: { ...keyOf(context), ...byOf(event) },
      })),
      recordProbe: recording((context, event) => ({
        type: 'breaker/probe/started',
        at: event.at,
        payload: { ...keyOf(context), permit: permitOf(event), dueAt: event.at + context.options.probeTimeoutMs },
      })),
      recordProbeSucceeded: recording((context, { at }) => ({
        type: 'breaker/probe/succeeded',
        at,
        payload: { ...keyOf(context), successes: context.state.successes + 1 },
      })),
      recordProbeReleased: recording((context, { at }) => ({ type: 'breaker/probe/released', at, payload: keyOf(context) })),
      recordClosed: recording((context, event) => ({
        type: 'breaker/closed',
        at: event.at,
        payload: { ...keyOf(context), ...byOf(event) },
      })),
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
          { guard: { type: 'phaseIs', params: 'held' }, target: 'held' },
          { guard: { type: 'phaseIs', params: 'halfOpen.idle' }, target: 'halfOpen.idle' },
          { guard: { type: 'phaseIs', params: 'halfOpen.probing' }, target: 'halfOpen.probing' },
          { target: 'closed' },
        ],
      },
      closed: {
        on: {
          'breaker.failed': [
            { guard: { type: 'isLastStraw', params: 'open' }, target: 'open', actions: 'recordOpened' },
            { guard: { type: 'isLastStraw', params: 'held' }, target: 'held', actions: 'recordOpened' },
            { actions: 'recordFailure' },
          ],
          'breaker.succeeded': { guard: 'hasFailures', actions: 'recordRecovery' },
          ...forceOpen,
        },
      },
      open: {
        after: { untilDue: { target: 'halfOpen', actions: 'recordHalfOpened' } },
        on: { ...stale, ...forceOpen, ...forceClose, ...reset },
      },
      held: { on: { ...stale, ...forceClose, ...reset } },
      halfOpen: {
        initial: 'idle',
        states: {
          idle: { on: { 'breaker.acquired': { target: 'probing', actions: 'recordProbe' } } },
          probing: {
            after: {
              untilDue: [
                { guard: 'isHeldOpen', target: '#breaker.held', actions: 'recordHungProbe' },
                { target: '#breaker.open', actions: 'recordHungProbe' },
              ],
            },
            on: {
              'breaker.succeeded': [
                { guard: 'isEnough', target: '#breaker.closed', actions: 'recordClosed' },
                { guard: 'isPresentProbe', target: 'idle', actions: 'recordProbeSucceeded' },
              ],
              'breaker.failed': [
                { guard: { type: 'isFailedProbe', params: 'open' }, target: '#breaker.open', actions: 'recordOpened' },
                { guard: { type: 'isFailedProbe', params: 'held' }, target: '#breaker.held', actions: 'recordOpened' },
              ],
              'breaker.released': { guard: 'isPresentProbe', target: 'idle', actions: 'recordProbeReleased' },
            },
          },
        },
        on: { ...stale, ...forceOpen, ...forceClose },
      },
    },
  });

export type CircuitBreaker = typeof breakerMachine;
