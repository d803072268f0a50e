/**
 * SwarmStateMachine: one swarm, from its goal to its one terminal fact.
 *
 *   restoring → decomposing → organizing → coordinating → synthesizing → completed
 *               any of them ⇄ pausing ⇄ paused            coordinating ⇄ waiting (for somebody outside)
 *               coordinating → replanning → organizing, or back when there is no other plan
 *             → failing → failed · cancelling → cancelled
 *
 * A task starts when its own dependencies have settled and the pool has leased an agent for it. When the agent is lost, its run stops
 * where it is and goes on from its facts under the next lease. What no agent can do wants another plan, then people, as far as the job says so;
 * while another plan is wanted only runs that have begun go on. Planner, organizer, synthesizer and runs live in one nursery for the
 * swarm's whole life, so a pause or a cancel reaches them and is over only when each of them has answered.
 *
 * Source: Implementation Guide, "SwarmStateMachine Core Implementation".
 */

import { setup } from 'xstate';
import { type CommitParams, effect, port, type StaleParams } from './effects.ts';
import type { LeaseCommand } from './protocol/agent.ts';
import type { ExecutionContext } from './protocol/execution.ts';
import type { NurseryCommand } from './protocol/run.ts';
import type { SwarmJob } from './protocol/swarm.ts';
import type { SwarmEvent, SwarmOutcome } from './swarm.decisions.ts';
import * as decide from './swarm.decisions.ts';
import * as people from './swarm.people.ts';
import * as replan from './swarm.replanning.ts';
import * as stage from './swarm.stages.ts';
import { FRESH_SWARM, type SwarmPhase, type SwarmState } from './swarm.state.ts';
import { type SwarmContext, SwarmTurn } from './swarm.turn.ts';
import { mayRequestPlan, mustReplan } from './swarm.unsolved.ts';
import { untilDue, untilExpiry } from './timers.ts';
import { expiryId } from './votes.ts';

export interface SwarmInput {
  readonly execution: ExecutionContext;
  readonly job: SwarmJob;
  /** Now, for the first fact. */
  readonly at: number;
  /** The fold of the facts of an earlier life. */
  readonly restored?: SwarmState;
}

const chart = setup({
  types: {
    context: {} as SwarmContext,
    events: {} as SwarmEvent,
    input: {} as SwarmInput,
    output: {} as SwarmOutcome,
    tags: {} as 'live' | 'paused' | 'waiting' | 'settled',
  },
  actors: { nursery: port<NurseryCommand, undefined>('nursery') },
  actions: { commit: effect<CommitParams>(), askPool: effect<LeaseCommand>(), countStale: effect<StaleParams>() },
  delays: { untilDue: ({ context }) => untilDue(context) },
  guards: {
    isRefused: ({ context }) => context.state.phase === 'pending' && context.job.refusal !== undefined,
    isFresh: ({ context }) => context.state.phase === 'pending',
    phaseIs: ({ context }, phase: SwarmPhase) => context.state.phase === phase,
    stageIs: ({ context }, name: SwarmState['stage']) => context.state.stage === name,
    helperIs: ({ context, event }, end: ReturnType<typeof stage.helperEnd>) => stage.helperEnd(context, event) === end,
    isOrganizing: ({ context, event }) => context.state.stage === 'organizing' && stage.helperEnd(context, event) === 'good',
    isSynthesizing: ({ context, event }) => context.state.stage === 'synthesizing' && stage.helperEnd(context, event) === 'good',
    isCurrent: ({ context, event }) => decide.isCurrent(context, event),
    mayMeetObligation: ({ context, event }) => decide.mayMeetObligation(context, event),
    isEscalated: ({ context, event }) => decide.isEscalated(context, event),
    aborts: ({ context, event }) => event.type === 'swarm.decide' && event.decision === 'abort' && decide.isEscalated(context, event),
    isDecision: ({ context, event }) => people.verdictOn(context, event) === 'decision',
    isVote: ({ context, event }) => people.verdictOn(context, event) === 'vote',
    isExpired: ({ context, event }) => people.isExpired(context, event),
    abortsTask: ({ context, event }) =>
      event.type === 'swarm.decideTask' && event.decision.decision === 'abort' && people.verdictOn(context, event) === 'decision',
    mustReplan: ({ context }) => mustReplan(context.state),
    hasNoOtherPlan: ({ context: { state } }) => state.unsolved > 0 && state.isReplanned,
    mayRequestPlan: ({ context }) => mayRequestPlan(context.state),
    isReplanningInVain: ({ context, event }) => context.state.stage === 'replanning' && stage.helperEnd(context, event) === 'failed',
    onlyRunsWait: ({ context: { state } }) => state.live === state.idle && state.idle > 0 && state.leasing === 0,
    rejects: ({ context, event }) => event.type === 'swarm.decide' && event.decision === 'reject' && decide.isEscalated(context, event),
    isOverdue: ({ context: { state } }) => state.dueAt >= state.deadlineAt,
    hasFatalFailure: ({ context }) => context.state.failure !== undefined,
    isForfeit: ({ context: { state } }) => state.open === 0 && decide.hasOpenObligations(state),
    allTasksSettled: ({ context: { state } }) => state.open === 0 && !decide.hasEscalations(state),
    onlyOthersCanContinue: ({ context: { state } }) =>
      state.live === state.idle &&
      state.leasing === 0 &&
      (state.idle + state.escalated > 0 || (state.open === 0 && decide.hasEscalations(state))),
    everyChildIsParked: ({ context: { state } }) => state.parked === state.live && !state.hasHelper,
    noChildIsLeft: ({ context: { state } }) => state.live === 0,
  },
});

const recording = (decision: (turn: SwarmTurn, context: SwarmContext, event: SwarmEvent) => void) =>
  chart.enqueueActions(({ context, event, enqueue }) => {
    const turn = new SwarmTurn(context);
    decision(turn, context, event);
    enqueue.assign({ state: turn.state });
    for (const { execution, fact } of turn.obituaries) enqueue({ type: 'commit', params: { execution, tier: 'tier2', facts: [fact] } });
    enqueue({ type: 'commit', params: { execution: context.job.execution, tier: 'tier1', facts: turn.facts } });
    for (const message of turn.messages.filter(({ type }) => type === 'child.stop')) enqueue.sendTo('nursery', message);
    if (turn.starts.length > 0) enqueue.sendTo('nursery', { type: 'child.start', children: turn.starts, ack: false });
    for (const message of turn.messages.filter(({ type }) => type !== 'child.stop')) enqueue.sendTo('nursery', message);
    for (const request of turn.requests) enqueue({ type: 'askPool', params: request });
    for (const subject of turn.unasked) enqueue.cancel(expiryId(subject));
    for (const expiry of turn.expiries) {
      enqueue.raise(expiry, { id: expiryId(expiry.subject), delay: untilExpiry(expiry, { state: turn.state, bornAt: context.bornAt }) });
    }
  });

/** How runs end, wherever the swarm still books it. */
const runEnds = {
  'child.stopped': [{ guard: 'isCurrent', actions: 'recordSuspended' }, { actions: 'dropStale' }],
  'child.done': [{ guard: 'isCurrent', actions: 'settleRun' }, { actions: 'dropStale' }],
  'child.crashed': [{ guard: 'isCurrent', actions: 'settleCrash' }, { actions: 'dropStale' }],
} as const;

/** What becomes of leases and runs, wherever tasks may still go on. */
const taskNews = {
  'lease.granted': [{ guard: 'isCurrent', actions: 'recordGranted' }, { actions: 'returnStale' }],
  'lease.refused': [{ guard: 'isCurrent', actions: 'recordRefused' }, { actions: 'dropStale' }],
  'lease.lost': [{ guard: 'isCurrent', actions: 'recordLeaseLost' }, { actions: 'dropStale' }],
  'execution.waiting': [{ guard: 'isCurrent', actions: 'recordRunWaiting' }, { actions: 'dropStale' }],
  'execution.continued': [{ guard: 'isCurrent', actions: 'recordRunContinued' }, { actions: 'dropStale' }],
} as const;

/** People's answers about tasks that no agent could do. */
const taskDecisions = {
  'swarm.decideTask': [
    { guard: 'abortsTask', target: 'cancelling', actions: 'recordCancelling' },
    { guard: 'isDecision', actions: 'recordTaskDecision' },
    { guard: 'isVote', actions: 'recordVote' },
  ],
  'decision.expired': { guard: 'isExpired', actions: 'recordTaskExpired' },
} as const;

/** A person's answers about obligations that were not met. */
const decisions = {
  'swarm.decide': [
    { guard: 'aborts', target: 'cancelling', actions: 'recordCancelling' },
    { guard: 'rejects', target: 'failing', actions: 'recordRejected' },
    { guard: 'isEscalated', actions: 'recordDecision' },
  ],
} as const;

const controls = {
  'execution.pause': { target: 'pausing', actions: 'recordPausing' },
  'execution.cancel': { target: 'cancelling', actions: 'recordCancelling' },
} as const;

const helperFails = { guard: { type: 'helperIs', params: 'failed' }, target: 'failing', actions: 'recordHelperFailed' } as const;
const timesOut = { untilDue: { target: 'failing', actions: 'recordTimedOut' } } as const;

/** A swarm whose synthesizer works is never paused, for it ends with it; it may only be pausing. */
const resumes = [
  { guard: { type: 'stageIs', params: 'decomposing' }, target: 'decomposing', actions: 'recordResumed' },
  { guard: { type: 'stageIs', params: 'organizing' }, target: 'organizing', actions: 'recordResumed' },
  { guard: { type: 'stageIs', params: 'replanning' }, target: 'replanning', actions: 'recordResumed' },
  { target: 'coordinating', actions: 'recordResumed' },
] as const;

export const swarmMachine = chart
  .extend({
    actions: {
      startSwarm: recording(stage.startSwarm),
      refuseSwarm: recording(stage.refuseSwarm),
      restartChildren: recording(stage.restartChildren),
      recordPlanRefused: recording(stage.recordPlanRefused),
      recordDecomposed: recording(stage.recordDecomposed),
      recordOrganized: recording(stage.recordOrganized),
      recordSynthesizing: recording(stage.recordSynthesizing),
      recordCompleted: recording(stage.recordCompleted),
      recordHelperFailed: recording(stage.recordHelperFailed),
      recordResumed: recording(stage.recordResumed),
      settleRun: recording(decide.settleRun),
      settleCrash: recording(decide.settleCrash),
      recordGranted: recording(decide.recordGranted),
      recordRefused: recording(decide.recordRefused),
      recordLeaseLost: recording(decide.recordLeaseLost),
      recordSuspended: recording(decide.recordSuspended),
      returnStale: recording(decide.returnStale),
      recordRunPaused: recording(decide.recordRunPaused),
      recordRunWaiting: recording(decide.recordRunWaiting),
      recordRunContinued: recording(decide.recordRunContinued),
      recordUnmet: recording(decide.recordUnmet),
      recordForfeit: recording(decide.recordForfeit),
      recordDecision: recording(decide.recordDecision),
      recordVote: recording(people.recordVote),
      recordTaskDecision: recording(people.recordTaskDecision),
      recordTaskExpired: recording(people.recordTaskExpired),
      recordReplanning: recording(replan.recordReplanning),
      requestPlan: recording(replan.requestPlan),
      recordReplanningFailed: recording(replan.recordReplanningFailed),
      climbFromPlan: recording(replan.climbFromPlan),
      recordRejected: recording(decide.recordRejected),
      recordPausing: recording(decide.recordPausing),
      recordPaused: recording(decide.recordPaused),
      recordWaiting: recording(decide.recordWaiting),
      recordCancelling: recording(decide.recordCancelling),
      recordFailing: recording(decide.recordFailing),
      recordTimedOut: recording(decide.recordTimedOut),
      recordFailed: recording(decide.recordFailed),
      recordCancelled: recording(decide.recordCancelled),
      dropStale: chart.enqueueActions(({ event, enqueue }) => {
        enqueue({ type: 'countStale', params: { message: event.type } });
      }),
    },
  })
  .createMachine({
    id: 'swarm',
    options: { maxIterations: 100 },
    context: ({ input }) => ({ job: input.job, state: input.restored ?? FRESH_SWARM, bornAt: input.at }),
    output: ({ context }) => decide.outcomeOf(context),
    invoke: { id: 'nursery', src: 'nursery', input: undefined },
    initial: 'restoring',
    states: {
      restoring: {
        always: [
          { guard: 'isRefused', target: 'failed', actions: 'refuseSwarm' },
          { guard: 'isFresh', target: 'decomposing', actions: 'startSwarm' },
          { guard: { type: 'phaseIs', params: 'decomposing' }, target: 'decomposing', actions: 'restartChildren' },
          { guard: { type: 'phaseIs', params: 'organizing' }, target: 'organizing', actions: 'restartChildren' },
          { guard: { type: 'phaseIs', params: 'coordinating' }, target: 'coordinating', actions: 'restartChildren' },
          { guard: { type: 'phaseIs', params: 'replanning' }, target: 'replanning', actions: 'restartChildren' },
          { guard: { type: 'phaseIs', params: 'waiting' }, target: 'coordinating', actions: 'restartChildren' },
          { guard: { type: 'phaseIs', params: 'synthesizing' }, target: 'synthesizing', actions: 'restartChildren' },
          { guard: { type: 'phaseIs', params: 'pausing' }, target: 'pausing', actions: 'restartChildren' },
          { guard: { type: 'phaseIs', params: 'paused' }, target: 'paused', actions: 'restartChildren' },
          { guard: { type: 'phaseIs', params: 'cancelling' }, target: 'cancelling', actions: 'restartChildren' },
          { guard: { type: 'phaseIs', params: 'failing' }, target: 'failing', actions: 'restartChildren' },
          { guard: { type: 'phaseIs', params: 'completed' }, target: 'completed' },
          { guard: { type: 'phaseIs', params: 'cancelled' }, target: 'cancelled' },
          { target: 'failed' },
        ],
      },
      decomposing: {
        tags: 'live',
        after: timesOut,
        on: {
          ...controls,
          'child.done': [
            { guard: { type: 'helperIs', params: 'good' }, target: 'organizing', actions: 'recordDecomposed' },
            { guard: { type: 'helperIs', params: 'repairable' }, actions: 'recordPlanRefused' },
            helperFails,
            { actions: 'dropStale' },
          ],
          'child.crashed': [helperFails, { actions: 'dropStale' }],
        },
      },
      organizing: {
        tags: 'live',
        after: timesOut,
        on: {
          ...controls,
          'child.done': [
            { guard: { type: 'helperIs', params: 'good' }, target: 'coordinating', actions: 'recordOrganized' },
            helperFails,
            { actions: 'dropStale' },
          ],
          'child.crashed': [helperFails, { actions: 'dropStale' }],
        },
      },
      coordinating: {
        tags: 'live',
        always: [
          { guard: 'hasFatalFailure', target: 'failing', actions: 'recordFailing' },
          { guard: { type: 'stageIs', params: 'replanning' }, target: 'replanning' },
          { guard: 'mustReplan', target: 'replanning', actions: 'recordReplanning' },
          { guard: 'hasNoOtherPlan', actions: 'climbFromPlan' },
          { guard: 'isForfeit', actions: 'recordForfeit' },
          { guard: 'allTasksSettled', target: 'synthesizing', actions: 'recordSynthesizing' },
          { guard: 'onlyOthersCanContinue', target: 'waiting', actions: 'recordWaiting' },
        ],
        after: {
          untilDue: [
            { guard: 'isOverdue', target: 'failing', actions: 'recordTimedOut' },
            { target: 'coordinating', reenter: true, actions: 'recordUnmet' },
          ],
        },
        on: {
          ...runEnds,
          'child.done': [
            { guard: 'mayMeetObligation', target: 'coordinating', reenter: true, actions: 'settleRun' },
            ...runEnds['child.done'],
          ],
          ...taskNews,
          ...taskDecisions,
          ...controls,
          'swarm.decide': [
            { guard: 'aborts', target: 'cancelling', actions: 'recordCancelling' },
            { guard: 'rejects', target: 'failing', actions: 'recordRejected' },
            { guard: 'isEscalated', target: 'coordinating', reenter: true, actions: 'recordDecision' },
          ],
          'swarm.decideTask': [
            { guard: 'abortsTask', target: 'cancelling', actions: 'recordCancelling' },
            { guard: 'isDecision', target: 'coordinating', reenter: true, actions: 'recordTaskDecision' },
            { guard: 'isVote', actions: 'recordVote' },
          ],
        },
      },
      replanning: {
        tags: 'live',
        always: [
          { guard: 'hasFatalFailure', target: 'failing', actions: 'recordFailing' },
          { guard: 'mayRequestPlan', actions: 'requestPlan' },
          { guard: 'onlyRunsWait', target: 'waiting', actions: 'recordWaiting' },
        ],
        after: timesOut,
        on: {
          ...runEnds,
          ...taskNews,
          ...decisions,
          ...controls,
          'child.done': [
            { guard: 'isCurrent', actions: 'settleRun' },
            { guard: { type: 'helperIs', params: 'good' }, target: 'organizing', actions: 'recordDecomposed' },
            { guard: { type: 'helperIs', params: 'repairable' }, actions: 'recordPlanRefused' },
            { guard: 'isReplanningInVain', target: 'coordinating', actions: 'recordReplanningFailed' },
            { actions: 'dropStale' },
          ],
          'child.crashed': [
            { guard: 'isCurrent', actions: 'settleCrash' },
            { guard: 'isReplanningInVain', target: 'coordinating', actions: 'recordReplanningFailed' },
            { actions: 'dropStale' },
          ],
        },
      },
      synthesizing: {
        tags: 'live',
        after: timesOut,
        on: {
          ...controls,
          'child.done': [
            { guard: { type: 'helperIs', params: 'good' }, target: 'completed', actions: 'recordCompleted' },
            helperFails,
            { actions: 'dropStale' },
          ],
          'child.crashed': [helperFails, { actions: 'dropStale' }],
        },
      },
      waiting: {
        tags: ['live', 'waiting'],
        on: {
          ...controls,
          'child.done': [{ guard: 'isCurrent', target: 'coordinating', actions: 'settleRun' }, { actions: 'dropStale' }],
          'child.crashed': [{ guard: 'isCurrent', target: 'coordinating', actions: 'settleCrash' }, { actions: 'dropStale' }],
          'lease.lost': [{ guard: 'isCurrent', target: 'coordinating', actions: 'recordLeaseLost' }, { actions: 'dropStale' }],
          'execution.continued': [{ guard: 'isCurrent', target: 'coordinating', actions: 'recordRunContinued' }, { actions: 'dropStale' }],
          'swarm.decide': [
            { guard: 'aborts', target: 'cancelling', actions: 'recordCancelling' },
            { guard: 'rejects', target: 'failing', actions: 'recordRejected' },
            { guard: 'isEscalated', target: 'coordinating', actions: 'recordDecision' },
          ],
          'swarm.decideTask': [
            { guard: 'abortsTask', target: 'cancelling', actions: 'recordCancelling' },
            { guard: 'isDecision', target: 'coordinating', actions: 'recordTaskDecision' },
            { guard: 'isVote', actions: 'recordVote' },
          ],
          'decision.expired': { guard: 'isExpired', target: 'coordinating', actions: 'recordTaskExpired' },
        },
      },
      pausing: {
        tags: 'live',
        always: [
          { guard: 'hasFatalFailure', target: 'failing', actions: 'recordFailing' },
          { guard: 'everyChildIsParked', target: 'paused', actions: 'recordPaused' },
        ],
        on: {
          ...taskNews,
          ...decisions,
          ...taskDecisions,
          'child.done': [
            { guard: 'isCurrent', actions: 'settleRun' },
            { guard: 'isSynthesizing', target: 'completed', actions: 'recordCompleted' },
            { guard: 'isOrganizing', actions: 'recordOrganized' },
            { guard: { type: 'helperIs', params: 'good' }, actions: 'recordDecomposed' },
            { guard: { type: 'helperIs', params: 'repairable' }, actions: 'recordPlanRefused' },
            { guard: 'isReplanningInVain', actions: 'recordReplanningFailed' },
            helperFails,
            { actions: 'dropStale' },
          ],
          'child.crashed': [
            { guard: 'isCurrent', actions: 'settleCrash' },
            { guard: 'isReplanningInVain', actions: 'recordReplanningFailed' },
            helperFails,
            { actions: 'dropStale' },
          ],
          'child.stopped': [{ guard: 'isCurrent', actions: 'recordSuspended' }, { actions: 'dropStale' }],
          'execution.paused': [{ guard: 'isCurrent', actions: 'recordRunPaused' }, { actions: 'dropStale' }],
          'execution.resume': [
            { guard: { type: 'stageIs', params: 'synthesizing' }, target: 'synthesizing', actions: 'recordResumed' },
            ...resumes,
          ],
          'execution.cancel': { target: 'cancelling', actions: 'recordCancelling' },
        },
      },
      paused: {
        tags: ['live', 'paused'],
        always: { guard: 'hasFatalFailure', target: 'failing', actions: 'recordFailing' },
        on: {
          ...runEnds,
          ...taskNews,
          ...decisions,
          ...taskDecisions,
          'execution.resume': resumes,
          'execution.cancel': { target: 'cancelling', actions: 'recordCancelling' },
        },
      },
      cancelling: {
        tags: 'live',
        always: { guard: 'noChildIsLeft', target: 'cancelled', actions: 'recordCancelled' },
        on: runEnds,
      },
      failing: {
        tags: 'live',
        always: { guard: 'noChildIsLeft', target: 'failed', actions: 'recordFailed' },
        on: runEnds,
      },
      completed: { type: 'final', tags: 'settled' },
      failed: { type: 'final', tags: 'settled' },
      cancelled: { type: 'final', tags: 'settled' },
    },
    on: {
      'execution.paused': { actions: 'dropStale' },
      'execution.waiting': { actions: 'dropStale' },
      'execution.continued': { actions: 'dropStale' },
      'lease.granted': { actions: 'returnStale' },
      'lease.refused': { actions: 'dropStale' },
      'lease.lost': { actions: 'dropStale' },
    },
  });

export type SwarmStateMachine = typeof swarmMachine;
