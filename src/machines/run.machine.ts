/**
 * RunStateMachine: one run of a workflow, from its start to its one terminal fact.
 *
 *   restoring → running ⇄ pausing ⇄ paused          running ⇄ waiting (for somebody outside)
 *             → completed · failing → (compensating) → failed · cancelling → (compensating) → cancelled
 *
 * A step starts when its own dependencies have settled and there is room and budget. The nursery holds the steps' executors for
 * the run's whole life, so a pause or a cancel reaches them and is over only when each of them has answered.
 */

import { setup } from 'xstate';
import { type CommitParams, effect, port, type ReportParams, type StaleParams } from './effects.ts';
import type { ExecutionContext } from './protocol/execution.ts';
import type { NurseryCommand, ReusedStep, RunJob } from './protocol/run.ts';
import * as children from './run.children.ts';
import * as compensate from './run.compensation.ts';
import type { RunEvent, RunOutcome } from './run.decisions.ts';
import * as decide from './run.decisions.ts';
import { isHeldUp } from './run.dispatch.ts';
import { FRESH_RUN, onlyOutsideCanContinue, type RunPhase, type RunState } from './run.state.ts';
import { type RunContext, RunTurn } from './run.turn.ts';
import * as waits from './run.waits.ts';
import { untilDue, untilExpiry } from './timers.ts';
import { expiryId } from './votes.ts';

export interface RunInput {
  readonly execution: ExecutionContext;
  readonly job: RunJob;
  /** Of a rerun: what it takes over of the steps that it does not run, groups before their children. */
  readonly reused?: readonly ReusedStep[];
  /** Now, for the first fact. */
  readonly at: number;
  /** The fold of the facts of an earlier life. */
  readonly restored?: RunState;
}

const chart = setup({
  types: {
    context: {} as RunContext,
    events: {} as RunEvent,
    input: {} as RunInput,
    output: {} as RunOutcome,
    tags: {} as 'live' | 'paused' | 'waiting' | 'settled',
  },
  actors: { nursery: port<NurseryCommand, undefined>('nursery') },
  actions: { commit: effect<CommitParams>(), report: effect<ReportParams>(), countStale: effect<StaleParams>() },
  delays: { untilDue: ({ context }) => untilDue(context) },
  guards: {
    isRefused: ({ context }) => context.state.phase === 'pending' && context.job.refusal !== undefined,
    isFresh: ({ context }) => context.state.phase === 'pending',
    phaseIs: ({ context }, phase: RunPhase) => context.state.phase === phase,
    isCurrentChild: ({ context, event }) => children.isCurrentChild(context, event),
    isDecision: ({ context, event }) => waits.verdictOn(context, event) === 'decision',
    isVote: ({ context, event }) => waits.verdictOn(context, event) === 'vote',
    isExpired: ({ context, event }) => waits.isExpired(context, event),
    aborts: ({ context, event }) =>
      event.type === 'run.decide' && event.decision.decision === 'abort' && waits.verdictOn(context, event) === 'decision',
    hasFatalFailure: ({ context }) => context.state.failure !== undefined,
    allStepsSettled: ({ context }) => context.state.open === 0,
    onlyOutsideCanContinue: ({ context }) => onlyOutsideCanContinue(context.state, () => isHeldUp(context)),
    isNewsOfWaiting: ({ context, event }) => waits.isNewsOfWaiting(context, event),
    isForApproval: ({ context, event }) => waits.isForApproval(context, event),
    isAskedAnew: ({ context, event }) => event.type === 'execution.pause' && event.epoch > 0 && event.epoch !== context.state.askedEpoch,
    canTakeSignal: ({ context, event }) => event.type === 'run.signal' && waits.canTakeSignal(context, event.name),
    everyChildIsParked: ({ context: { state } }) => state.parked === state.live,
    mustCompensate: ({ context: { state } }) => state.live === 0 && state.undo.size > 0,
    hasCompensated: ({ context: { state } }, ending: RunState['ending']) => state.undo.size === 0 && state.ending === ending,
    isPresentUndo: ({ context, event }) => compensate.isPresentUndo(context, event),
    noChildIsLeft: ({ context: { state } }) => state.live === 0,
  },
});

const recording = (decision: (turn: RunTurn, context: RunContext, event: RunEvent) => void) =>
  chart.enqueueActions(({ context, event, enqueue }) => {
    const turn = new RunTurn(context);
    decision(turn, context, event);
    enqueue.assign({ state: turn.state });
    for (const { execution, tier, fact } of turn.obituaries) enqueue({ type: 'commit', params: { execution, tier, facts: [fact] } });
    enqueue({ type: 'commit', params: { execution: context.job.execution, tier: 'tier2', facts: turn.facts } });
    if (turn.starts.length > 0 || turn.hasMore) {
      enqueue.sendTo('nursery', { type: 'child.start', children: turn.starts, ack: turn.hasMore });
    }
    for (const message of turn.messages) enqueue.sendTo('nursery', message);
    for (const subject of turn.unasked) enqueue.cancel(expiryId(subject));
    for (const expiry of turn.expiries) {
      enqueue.raise(expiry, { id: expiryId(expiry.subject), delay: untilExpiry(expiry, { state: turn.state, bornAt: context.bornAt }) });
    }
  });

/** How children end, wherever the run still books it. */
const childEnds = {
  'child.done': [{ guard: 'isCurrentChild', actions: 'settleChild' }, { actions: 'dropStale' }],
  'child.crashed': [{ guard: 'isCurrentChild', actions: 'settleCrash' }, { actions: 'dropStale' }],
} as const;

/** People's answers, wherever the run is not waiting for them alone. */
const decisions = {
  'run.decide': [
    { guard: 'aborts', target: 'cancelling', actions: 'recordCancelling' },
    { guard: 'isDecision', actions: 'recordDecision' },
    { guard: 'isVote', actions: 'recordVote' },
  ],
  'decision.expired': { guard: 'isExpired', actions: 'recordExpired' },
} as const;

/** What comes from outside wherever the run still goes on. */
const news = {
  'run.set': { actions: 'recordVariable' },
  'run.signal': { guard: 'canTakeSignal', actions: 'recordSignal' },
  'execution.cancel': { target: 'cancelling', actions: 'recordCancelling' },
} as const;

/** Whether children wait, wherever the run counts them. */
const childWaits = {
  'execution.waiting': { guard: 'isNewsOfWaiting', actions: 'recordStepWaiting' },
  'execution.continued': { guard: 'isNewsOfWaiting', actions: 'recordStepContinued' },
} as const;

export const runMachine = chart
  .extend({
    actions: {
      startRun: recording(decide.startRun),
      refuseRun: recording(decide.refuseRun),
      restartChildren: recording(children.restartChildren),
      settleChild: recording(children.settleChild),
      settleCrash: recording(children.settleCrash),
      startMore: recording(children.startMore),
      recordVariable: recording(decide.recordVariable),
      recordPausing: recording(decide.recordPausing),
      recordPaused: recording(decide.recordPaused),
      recordStepPaused: recording(decide.recordStepPaused),
      recordResumed: recording(decide.recordResumed),
      recordCancelling: recording(decide.recordCancelling),
      recordFailing: recording(decide.recordFailing),
      recordTimedOut: recording(decide.recordTimedOut),
      recordWaiting: recording(waits.recordWaiting),
      recordDecision: recording(waits.recordDecision),
      recordVote: recording(waits.recordVote),
      recordExpired: recording(waits.recordExpired),
      recordCompleted: recording(decide.recordCompleted),
      recordFailed: recording(decide.recordFailed),
      recordCancelled: recording(decide.recordCancelled),
      recordStepWaiting: recording(waits.recordStepWaiting),
      recordStepContinued: recording(waits.recordStepContinued),
      startCompensating: recording(compensate.startCompensating),
      settleUndo: recording(compensate.settleUndo),
      settleUndoCrash: recording(compensate.settleUndoCrash),
      recordSignal: recording(waits.recordSignal),
      reportPaused: chart.enqueueActions(({ context, event, enqueue, self }) => {
        const epoch = event.type === 'execution.pause' ? event.epoch : context.state.askedEpoch;
        if (epoch === 0) return;
        enqueue({ type: 'report', params: { message: { type: 'execution.paused', id: self.id, epoch, at: context.state.at } } });
      }),
      reportWaiting: chart.enqueueActions(({ context, enqueue, self }) => {
        enqueue({ type: 'report', params: { message: { type: 'execution.waiting', id: self.id, at: context.state.at } } });
      }),
      // Not when it is about to wait again.
      reportContinued: chart.enqueueActions(({ context, enqueue, self }) => {
        if (onlyOutsideCanContinue(context.state, () => isHeldUp(context))) return;
        enqueue({ type: 'report', params: { message: { type: 'execution.continued', id: self.id, at: context.state.at } } });
      }),
      dropStale: chart.enqueueActions(({ event, enqueue }) => {
        enqueue({ type: 'countStale', params: { message: event.type } });
      }),
    },
  })
  .createMachine({
    id: 'run',
    options: { maxIterations: 100 },
    context: ({ input }) => ({
      execution: input.execution,
      job: input.restored?.job ?? input.job,
      state: input.restored ?? FRESH_RUN,
      ...(input.reused && !input.restored && { reused: input.reused }),
      bornAt: input.at,
    }),
    output: ({ context }) => decide.outcomeOf(context),
    invoke: { id: 'nursery', src: 'nursery', input: undefined },
    initial: 'restoring',
    states: {
      restoring: {
        always: [
          { guard: 'isRefused', target: 'failed', actions: 'refuseRun' },
          { guard: 'isFresh', target: 'running', actions: 'startRun' },
          { guard: { type: 'phaseIs', params: 'running' }, target: 'running', actions: ['restartChildren', 'reportContinued'] },
          { guard: { type: 'phaseIs', params: 'pausing' }, target: 'pausing', actions: 'restartChildren' },
          { guard: { type: 'phaseIs', params: 'paused' }, target: 'paused', actions: 'restartChildren' },
          { guard: { type: 'phaseIs', params: 'waiting' }, target: 'waiting', actions: ['restartChildren', 'reportWaiting'] },
          { guard: { type: 'phaseIs', params: 'cancelling' }, target: 'cancelling', actions: 'restartChildren' },
          { guard: { type: 'phaseIs', params: 'failing' }, target: 'failing', actions: 'restartChildren' },
          { guard: { type: 'phaseIs', params: 'compensating' }, target: 'compensating', actions: 'restartChildren' },
          { guard: { type: 'phaseIs', params: 'completed' }, target: 'completed' },
          { guard: { type: 'phaseIs', params: 'cancelled' }, target: 'cancelled' },
          { target: 'failed' },
        ],
      },
      running: {
        tags: 'live',
        always: [
          { guard: 'hasFatalFailure', target: 'failing', actions: 'recordFailing' },
          { guard: 'allStepsSettled', target: 'completed', actions: 'recordCompleted' },
          { guard: 'onlyOutsideCanContinue', target: 'waiting', actions: ['recordWaiting', 'reportWaiting'] },
        ],
        after: { untilDue: { target: 'failing', actions: 'recordTimedOut' } },
        on: {
          ...childEnds,
          'children.started': { actions: 'startMore' },
          'execution.paused': { actions: 'dropStale' },
          'execution.pause': { target: 'pausing', actions: 'recordPausing' },
          ...childWaits,
          ...news,
          ...decisions,
        },
      },
      pausing: {
        tags: 'live',
        always: [
          { guard: 'hasFatalFailure', target: 'failing', actions: 'recordFailing' },
          { guard: 'allStepsSettled', target: 'completed', actions: 'recordCompleted' },
          { guard: 'everyChildIsParked', target: 'paused', actions: ['recordPaused', 'reportPaused'] },
        ],
        on: {
          ...childEnds,
          'execution.paused': [{ guard: 'isCurrentChild', actions: 'recordStepPaused' }, { actions: 'dropStale' }],
          'execution.pause': { guard: 'isAskedAnew', actions: 'recordPausing' },
          'execution.resume': { target: 'running', actions: ['recordResumed', 'reportContinued'] },
          ...childWaits,
          ...news,
          ...decisions,
        },
      },
      paused: {
        tags: ['live', 'paused'],
        always: [
          { guard: 'hasFatalFailure', target: 'failing', actions: 'recordFailing' },
          { guard: 'allStepsSettled', target: 'completed', actions: 'recordCompleted' },
        ],
        on: {
          ...childEnds,
          'execution.pause': { actions: 'reportPaused' },
          'execution.resume': { target: 'running', actions: ['recordResumed', 'reportContinued'] },
          ...childWaits,
          ...news,
          ...decisions,
        },
      },
      waiting: {
        tags: ['live', 'waiting'],
        on: {
          'child.done': [
            { guard: 'isCurrentChild', target: 'running', actions: ['settleChild', 'reportContinued'] },
            { actions: 'dropStale' },
          ],
          'child.crashed': [
            { guard: 'isCurrentChild', target: 'running', actions: ['settleCrash', 'reportContinued'] },
            { actions: 'dropStale' },
          ],
          'children.started': { target: 'running', actions: ['startMore', 'reportContinued'] },
          'execution.continued': {
            guard: 'isNewsOfWaiting',
            target: 'running',
            actions: ['recordStepContinued', 'reportContinued'],
          },
          'execution.pause': { target: 'pausing', actions: 'recordPausing' },
          ...news,
          'run.decide': [
            { guard: 'aborts', target: 'cancelling', actions: 'recordCancelling' },
            { guard: 'isForApproval', actions: 'recordDecision' },
            { guard: 'isDecision', target: 'running', actions: ['recordDecision', 'reportContinued'] },
            { guard: 'isVote', actions: 'recordVote' },
          ],
          'decision.expired': { guard: 'isExpired', target: 'running', actions: ['recordExpired', 'reportContinued'] },
        },
      },
      cancelling: {
        tags: 'live',
        always: [
          { guard: 'mustCompensate', target: 'compensating', actions: 'startCompensating' },
          { guard: 'noChildIsLeft', target: 'cancelled', actions: 'recordCancelled' },
        ],
        on: childEnds,
      },
      failing: {
        tags: 'live',
        always: [
          { guard: 'mustCompensate', target: 'compensating', actions: 'startCompensating' },
          { guard: 'noChildIsLeft', target: 'failed', actions: 'recordFailed' },
        ],
        on: childEnds,
      },
      compensating: {
        tags: 'live',
        always: [
          { guard: { type: 'hasCompensated', params: 'failed' }, target: 'failed', actions: 'recordFailed' },
          { guard: { type: 'hasCompensated', params: 'cancelled' }, target: 'cancelled', actions: 'recordCancelled' },
        ],
        on: {
          'child.done': [{ guard: 'isPresentUndo', actions: 'settleUndo' }, { actions: 'dropStale' }],
          'child.crashed': [{ guard: 'isPresentUndo', actions: 'settleUndoCrash' }, { actions: 'dropStale' }],
        },
      },
      completed: { type: 'final', tags: 'settled' },
      failed: { type: 'final', tags: 'settled' },
      cancelled: { type: 'final', tags: 'settled' },
    },
    on: {
      'execution.paused': { actions: 'dropStale' },
      'children.started': { actions: 'dropStale' },
    },
  });

export type RunStateMachine = typeof runMachine;
