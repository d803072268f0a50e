/**
 * UnifiedExecutor: one step, from its start to its one terminal fact.
 *
 *   restoring → attempting { running ⇄ pausing ⇄ suspended, timingOut, cancelling } ⇄ backingOff ⇄ paused
 *             → completed · failed · cancelled
 *
 * `attempting` owns the attempt: whoever leaves it aborts the work. A pause lets an attempt finish, or suspends it where its tool
 * can; in `paused` and `suspended` no timer exists. Timeout and cancel abort the work's signal, then wait a grace period for it.
 * Never touches I/O: the attempt is a port.
 */

import { setup } from 'xstate';
import { type CommitParams, effect, port, type ReportParams, type StaleParams } from './effects.ts';
import type { ExecutorContext, ExecutorEvent, ExecutorTurn } from './executor.decisions.ts';
import * as decide from './executor.decisions.ts';
import { type ExecutorPhase, type ExecutorState, evolveExecutor, FRESH_EXECUTOR } from './executor.fold.ts';
import type { ExecutionContext } from './protocol/execution.ts';
import type { AttemptCommand, AttemptInput, StepFact, StepJob, TimedOutcome } from './protocol/step.ts';
import { untilDue } from './timers.ts';
import { Turn } from './turn.ts';
import { subtractCredits } from './usage.ts';

export interface ExecutorInput {
  readonly execution: ExecutionContext;
  readonly job: StepJob;
  /** Now, for the first fact. */
  readonly at: number;
  /** The fold of the facts of an earlier life. */
  readonly restored?: ExecutorState;
}

const chart = setup({
  types: {
    context: {} as ExecutorContext,
    events: {} as ExecutorEvent,
    input: {} as ExecutorInput,
    output: {} as TimedOutcome,
    tags: {} as 'live' | 'paused' | 'settled',
  },
  actors: { attempt: port<AttemptCommand, AttemptInput>('attempt') },
  actions: { commit: effect<CommitParams>(), report: effect<ReportParams>(), countStale: effect<StaleParams>() },
  delays: { untilDue: ({ context }) => untilDue(context) },
  guards: {
    isRefused: ({ context }) => context.state.phase === 'pending' && context.job.refusal !== undefined,
    isFresh: ({ context }) => context.state.phase === 'pending',
    phaseIs: ({ context }, phase: ExecutorPhase) => context.state.phase === phase,
    hasSucceeded: ({ context, event }) =>
      event.type === 'attempt.settled' && event.attempt === context.state.attempt && event.outcome.kind !== 'failed',
    canRetry: ({ context, event }) => isCurrent(context, event) && decide.hasRetryLeft(context, decide.failureOf(context, event).error),
    canRetryAfterPause: ({ context, event }) =>
      context.state.pauseRequested && isCurrent(context, event) && decide.hasRetryLeft(context, decide.failureOf(context, event).error),
    isCurrentAttempt: ({ context, event }) => isCurrent(context, event),
    isPresentPause: ({ context, event }) =>
      event.type === 'attempt.suspended' && isCurrent(context, event) && event.pause === context.state.pauses,
  },
});

const isCurrent = (context: ExecutorContext, event: ExecutorEvent): boolean =>
  event.type !== 'attempt.settled' && event.type !== 'attempt.suspended' ? true : event.attempt === context.state.attempt;

const recording = (decision: (turn: ExecutorTurn, context: ExecutorContext, event: ExecutorEvent) => void) =>
  chart.enqueueActions(({ context, event, enqueue }) => {
    const turn: ExecutorTurn = new Turn<ExecutorState, StepFact>(context.state, evolveExecutor);
    decision(turn, context, event);
    enqueue.assign({ state: turn.state });
    enqueue({ type: 'commit', params: { execution: context.execution, tier: 'tier3', facts: turn.facts } });
  });

export const executorMachine = chart
  .extend({
    actions: {
      recordStarted: recording(decide.recordStarted),
      recordInterrupted: recording(decide.recordInterrupted),
      refuseStep: recording(decide.refuseStep),
      recordNextAttempt: recording(decide.recordNextAttempt),
      recordAttemptFailed: recording(decide.recordAttemptFailed),
      recordTimingOut: recording(decide.recordTimingOut),
      recordPausing: recording(decide.recordPausing),
      recordPaused: recording(decide.recordPaused),
      recordSuspended: recording(decide.recordSuspended),
      recordResumed: recording(decide.recordResumed),
      recordCancelling: recording(decide.recordCancelling),
      recordCancelled: recording(decide.recordCancelled),
      recordCompleted: recording(decide.recordCompleted),
      recordFailed: recording(decide.recordFailed),
      abortAttempt: chart.sendTo('attempt', ({ context: { state } }) => ({
        type: 'attempt.abort',
        cause: state.phase === 'attempting.timingOut' ? 'timeout' : 'cancel',
        reason: state.reason ?? '',
      })),
      pauseAttempt: chart.sendTo('attempt', ({ context }) => ({ type: 'attempt.pause', pause: context.state.pauses })),
      resumeAttempt: chart.sendTo('attempt', { type: 'attempt.resume' }),
      reportPaused: chart.enqueueActions(({ context, event, enqueue, self }) => {
        const epoch = event.type === 'execution.pause' ? event.epoch : context.state.pauseEpoch;
        enqueue({ type: 'report', params: { message: { type: 'execution.paused', id: self.id, epoch, at: context.state.at } } });
      }),
      dropStale: chart.enqueueActions(({ event, enqueue }) => {
        enqueue({ type: 'countStale', params: { message: event.type } });
      }),
    },
  })
  .createMachine({
    id: 'executor',
    options: { maxIterations: 100 },
    context: ({ input }) => ({
      execution: input.execution,
      job: input.job,
      state: input.restored ?? FRESH_EXECUTOR,
      bornAt: input.at,
    }),
    output: ({ context }) => decide.outcomeOf(context),
    initial: 'restoring',
    states: {
      restoring: {
        always: [
          { guard: 'isRefused', target: 'failed', actions: 'refuseStep' },
          { guard: 'isFresh', target: 'attempting', actions: 'recordStarted' },
          { guard: { type: 'phaseIs', params: 'attempting.running' }, target: 'attempting.running', actions: 'recordInterrupted' },
          { guard: { type: 'phaseIs', params: 'attempting.pausing' }, target: 'attempting.pausing', actions: 'recordInterrupted' },
          { guard: { type: 'phaseIs', params: 'attempting.suspended' }, target: 'attempting.suspended', actions: 'recordInterrupted' },
          { guard: { type: 'phaseIs', params: 'attempting.timingOut' }, target: 'attempting.timingOut' },
          { guard: { type: 'phaseIs', params: 'attempting.cancelling' }, target: 'attempting.cancelling' },
          { guard: { type: 'phaseIs', params: 'backingOff' }, target: 'backingOff' },
          { guard: { type: 'phaseIs', params: 'paused' }, target: 'paused' },
          { guard: { type: 'phaseIs', params: 'completed' }, target: 'completed' },
          { guard: { type: 'phaseIs', params: 'cancelled' }, target: 'cancelled' },
          { target: 'failed' },
        ],
      },
      attempting: {
        invoke: { id: 'attempt', src: 'attempt', input: ({ context }) => attemptInput(context) },
        on: { 'xstate.error.actor.attempt': { target: 'failed', actions: 'recordFailed' } },
        initial: 'running',
        states: {
          running: {
            tags: 'live',
            after: { untilDue: { target: 'timingOut', actions: ['recordTimingOut', 'abortAttempt'] } },
            on: {
              'attempt.settled': [
                { guard: 'hasSucceeded', target: '#executor.completed', actions: 'recordCompleted' },
                { guard: 'canRetry', target: '#executor.backingOff', actions: 'recordAttemptFailed' },
                { guard: 'isCurrentAttempt', target: '#executor.failed', actions: 'recordFailed' },
                { actions: 'dropStale' },
              ],
              'execution.pause': { target: 'pausing', actions: ['recordPausing', 'pauseAttempt'] },
              'execution.cancel': { target: 'cancelling', actions: ['recordCancelling', 'abortAttempt'] },
            },
          },
          pausing: {
            tags: 'live',
            after: { untilDue: { target: 'timingOut', actions: ['recordTimingOut', 'abortAttempt'] } },
            on: {
              'attempt.settled': [
                { guard: 'hasSucceeded', target: '#executor.completed', actions: 'recordCompleted' },
                { guard: 'canRetry', target: '#executor.paused', actions: ['recordAttemptFailed', 'reportPaused'] },
                { guard: 'isCurrentAttempt', target: '#executor.failed', actions: 'recordFailed' },
                { actions: 'dropStale' },
              ],
              'attempt.suspended': [
                { guard: 'isPresentPause', target: 'suspended', actions: ['recordSuspended', 'reportPaused'] },
                { actions: 'dropStale' },
              ],
              'execution.pause': { actions: ['recordPausing', 'pauseAttempt'] },
              'execution.resume': { target: 'running', actions: ['recordResumed', 'resumeAttempt'] },
              'execution.cancel': { target: 'cancelling', actions: ['recordCancelling', 'abortAttempt'] },
            },
          },
          suspended: {
            tags: ['live', 'paused'],
            on: {
              'attempt.settled': [
                { guard: 'hasSucceeded', target: '#executor.completed', actions: 'recordCompleted' },
                { guard: 'canRetry', target: '#executor.paused', actions: 'recordAttemptFailed' },
                { guard: 'isCurrentAttempt', target: '#executor.failed', actions: 'recordFailed' },
                { actions: 'dropStale' },
              ],
              'execution.pause': { actions: 'reportPaused' },
              'execution.resume': { target: 'running', actions: ['recordResumed', 'resumeAttempt'] },
              'execution.cancel': { target: 'cancelling', actions: ['recordCancelling', 'abortAttempt'] },
            },
          },
          timingOut: {
            tags: 'live',
            after: {
              untilDue: [
                { guard: 'canRetryAfterPause', target: '#executor.paused', actions: ['recordAttemptFailed', 'reportPaused'] },
                { guard: 'canRetry', target: '#executor.backingOff', actions: 'recordAttemptFailed' },
                { target: '#executor.failed', actions: 'recordFailed' },
              ],
            },
            on: {
              'attempt.settled': [
                { guard: 'canRetryAfterPause', target: '#executor.paused', actions: ['recordAttemptFailed', 'reportPaused'] },
                { guard: 'canRetry', target: '#executor.backingOff', actions: 'recordAttemptFailed' },
                { guard: 'isCurrentAttempt', target: '#executor.failed', actions: 'recordFailed' },
                { actions: 'dropStale' },
              ],
              'execution.pause': { actions: 'recordPausing' },
              'execution.resume': { actions: 'recordResumed' },
              'execution.cancel': { target: 'cancelling', actions: ['recordCancelling', 'abortAttempt'] },
            },
          },
          cancelling: {
            tags: 'live',
            after: { untilDue: { target: '#executor.cancelled', actions: 'recordCancelled' } },
            on: {
              'xstate.error.actor.attempt': { target: '#executor.cancelled', actions: 'recordCancelled' },
              'attempt.settled': [
                { guard: 'isCurrentAttempt', target: '#executor.cancelled', actions: 'recordCancelled' },
                { actions: 'dropStale' },
              ],
            },
          },
        },
      },
      backingOff: {
        tags: 'live',
        after: { untilDue: { target: 'attempting', actions: 'recordNextAttempt' } },
        on: {
          'execution.pause': { target: 'paused', actions: ['recordPaused', 'reportPaused'] },
          'execution.cancel': { target: 'cancelled', actions: 'recordCancelled' },
        },
      },
      paused: {
        tags: ['live', 'paused'],
        on: {
          'execution.pause': { actions: 'reportPaused' },
          'execution.resume': { target: 'backingOff', actions: 'recordResumed' },
          'execution.cancel': { target: 'cancelled', actions: 'recordCancelled' },
        },
      },
      completed: { type: 'final', tags: 'settled' },
      failed: { type: 'final', tags: 'settled' },
      cancelled: { type: 'final', tags: 'settled' },
    },
    on: {
      'attempt.settled': { actions: 'dropStale' },
      'attempt.suspended': { actions: 'dropStale' },
      'xstate.error.actor.attempt': { actions: 'dropStale' },
    },
  });

export type UnifiedExecutor = typeof executorMachine;

function attemptInput({ execution, job, state }: ExecutorContext): AttemptInput {
  const { maxTokens } = job.allocation;
  return {
    execution,
    job,
    attempt: state.attempt,
    creditsLeft: subtractCredits(job.allocation.maxCredits, state.creditsUsed),
    ...(maxTokens !== undefined && { tokensLeft: maxTokens - state.tokensUsed }),
    mode: attemptMode(state.phase),
    pause: state.pauses,
  };
}

/** Anything but `run` only after a restart: an attempt that is entered on its way is always a fresh one. */
function attemptMode(phase: ExecutorPhase): AttemptInput['mode'] {
  switch (phase) {
    case 'attempting.cancelling':
    case 'attempting.timingOut':
      return 'aborted';
    case 'attempting.suspended':
      return 'suspended';
    case 'attempting.pausing':
      return 'pausing';
    default:
      return 'run';
  }
}
