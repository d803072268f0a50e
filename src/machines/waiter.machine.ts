/**
 * WaiterStateMachine: one step that waits for a time, a signal or a person, from its start to its one terminal fact.
 *
 *   restoring → waiting ⇄ paused
 *             → completed · failed (expired, rejected) · cancelled
 *
 * A pause freezes a timer. A moment, and the expiry of a signal or an approval, stay where they are: what came due meanwhile is due at the
 * resume. An answer counts also in a pause, for it comes from outside. Whoever restores it hears again that it waits.
 */

import { setup } from 'xstate';
import { type CommitParams, effect, type ReportParams } from './effects.ts';
import type { TimedOutcome } from './protocol/step.ts';
import type { WaitCommand, WaiterInput as WaiterJobInput, WaitFact } from './protocol/wait.ts';
import { untilDue } from './timers.ts';
import { Turn } from './turn.ts';
import type { WaiterContext, WaiterTurn } from './waiter.decisions.ts';
import * as decide from './waiter.decisions.ts';
import { evolveWaiter, FRESH_WAITER, type WaiterPhase, type WaiterState } from './waiter.fold.ts';

export interface WaiterInput extends WaiterJobInput {
  /** Now, for the first fact. */
  readonly at: number;
  /** The fold of the facts of an earlier life. */
  readonly restored?: WaiterState;
}

const chart = setup({
  types: {
    context: {} as WaiterContext,
    events: {} as WaitCommand,
    input: {} as WaiterInput,
    output: {} as TimedOutcome,
    tags: {} as 'live' | 'paused' | 'waiting' | 'settled',
  },
  actions: { commit: effect<CommitParams>(), report: effect<ReportParams>() },
  delays: { untilDue: ({ context }) => untilDue(context) },
  guards: {
    isFresh: ({ context }) => context.state.phase === 'pending',
    phaseIs: ({ context }, phase: WaiterPhase) => context.state.phase === phase,
    expires: ({ context: { job } }) => job.for.type === 'signal' || job.for.type === 'approval',
    isValue: ({ event }) => event.type === 'wait.answered' && event.answer.kind === 'value',
  },
});

const recording = (decision: (turn: WaiterTurn, context: WaiterContext, event: WaitCommand) => void) =>
  chart.enqueueActions(({ context, event, enqueue }) => {
    const turn: WaiterTurn = new Turn<WaiterState, WaitFact>(context.state, evolveWaiter);
    decision(turn, context, event);
    enqueue.assign({ state: turn.state });
    enqueue({ type: 'commit', params: { execution: context.execution, tier: 'tier3', facts: turn.facts } });
  });

/** What ends the wait from outside, paused or not. */
const answers = {
  'wait.answered': [
    { guard: 'isValue', target: 'completed', actions: 'recordAnswered' },
    { target: 'failed', actions: 'recordRejected' },
  ],
  'execution.cancel': { target: 'cancelled', actions: 'recordCancelled' },
} as const;

export const waiterMachine = chart
  .extend({
    actions: {
      recordStarted: recording(decide.recordStarted),
      recordPaused: recording(decide.recordPaused),
      recordResumed: recording(decide.recordResumed),
      recordElapsed: recording(decide.recordElapsed),
      recordExpired: recording(decide.recordExpired),
      recordAnswered: recording(decide.recordAnswered),
      recordRejected: recording(decide.recordRejected),
      recordCancelled: recording(decide.recordCancelled),
      reportPaused: chart.enqueueActions(({ context, event, enqueue, self }) => {
        const epoch = event.type === 'execution.pause' ? event.epoch : context.state.pauseEpoch;
        enqueue({ type: 'report', params: { message: { type: 'execution.paused', id: self.id, epoch, at: context.state.at } } });
      }),
      reportWaiting: chart.enqueueActions(({ context, enqueue, self }) => {
        enqueue({ type: 'report', params: { message: { type: 'execution.waiting', id: self.id, at: context.state.at } } });
      }),
    },
  })
  .createMachine({
    id: 'waiter',
    options: { maxIterations: 100 },
    context: ({ input }) => ({
      execution: input.execution,
      job: input.job,
      state: input.restored ?? FRESH_WAITER,
      bornAt: input.at,
    }),
    output: ({ context }) => decide.outcomeOf(context),
    initial: 'restoring',
    states: {
      restoring: {
        always: [
          { guard: 'isFresh', target: 'waiting', actions: ['recordStarted', 'reportWaiting'] },
          { guard: { type: 'phaseIs', params: 'waiting' }, target: 'waiting', actions: 'reportWaiting' },
          { guard: { type: 'phaseIs', params: 'paused' }, target: 'paused', actions: 'reportWaiting' },
          { guard: { type: 'phaseIs', params: 'completed' }, target: 'completed' },
          { guard: { type: 'phaseIs', params: 'cancelled' }, target: 'cancelled' },
          { target: 'failed' },
        ],
      },
      waiting: {
        tags: ['live', 'waiting'],
        after: {
          untilDue: [
            { guard: 'expires', target: 'failed', actions: 'recordExpired' },
            { target: 'completed', actions: 'recordElapsed' },
          ],
        },
        on: { 'execution.pause': { target: 'paused', actions: ['recordPaused', 'reportPaused'] }, ...answers },
      },
      paused: {
        tags: ['live', 'paused'],
        on: {
          'execution.pause': { actions: 'reportPaused' },
          'execution.resume': { target: 'waiting', actions: 'recordResumed' },
          ...answers,
        },
      },
      completed: { type: 'final', tags: 'settled' },
      failed: { type: 'final', tags: 'settled' },
      cancelled: { type: 'final', tags: 'settled' },
    },
  });

export type WaiterStateMachine = typeof waiterMachine;
