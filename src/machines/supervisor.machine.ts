/**
 * A supervisor: starts its children in order, starts them again when they end, stops them in reverse.
 *
 *   born → starting → supervising { idle ⇄ adding, removing } ⇄ restarting { stopping → starting }
 *                   ↘ stopping → stopped, escalated
 *
 * It promises what OTP's `supervisor` promises. It does one thing at a time: whatever comes while it is busy waits for its turn, except
 * to be stopped. A child that fails to start again is tried again in a later turn. More restarts than its intensity allows: it stops all
 * children and escalates, and whoever supervises it acts.
 * Not durable: its children do not survive a process, so a later life starts its specifications anew.
 */

import { setup } from 'xstate';
import { effect, port, type StaleParams } from './effects.ts';
import type { SupervisedCommand, SupervisorFact, SupervisorOutcome, SupervisorSpec } from './protocol/supervisor.ts';
import * as decide from './supervisor.decisions.ts';
import { UNBORN_SUPERVISOR } from './supervisor.state.ts';
import {
  NONE_DEFERRED,
  type SupervisorAnswer,
  type SupervisorContext,
  type SupervisorEvent,
  SupervisorTurn,
  timerId,
} from './supervisor.turn.ts';

export interface SupervisorInput {
  /** Checked already. */
  readonly spec: SupervisorSpec;
  /** Now. */
  readonly at: number;
}

/** All facts of one transition. */
export interface SupervisorCommit {
  readonly supervisor: string;
  readonly facts: readonly SupervisorFact[];
}

const chart = setup({
  types: {
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    input: {} as SupervisorInput,
    output: {} as SupervisorOutcome,
    tags: {} as 'live' | 'settled',
  },
  actors: { children: port<SupervisedCommand, { readonly name: string }>('children') },
  actions: { commit: effect<SupervisorCommit>(), answer: effect<SupervisorAnswer>(), countStale: effect<StaleParams>() },
  guards: {
    mustWait: ({ context }) => decide.mustWait(context),
    isAwaited: ({ context, event }) => decide.isAwaited(context, event),
    isKnownEnd: ({ context, event }) => decide.isKnownEnd(context, event),
    isDue: ({ context, event }) => decide.isDue(context, event),
    isIdle: ({ context }) => context.state.phase === 'supervising.idle',
    isAdding: ({ context }) => context.state.phase === 'supervising.adding',
    isRemoving: ({ context }) => context.state.phase === 'supervising.removing',
    isStoppingGroup: ({ context }) => context.state.phase === 'restarting.stopping',
    isStartingAgain: ({ context }) => context.state.phase === 'restarting.starting',
    isEnding: ({ context }) => context.state.outcome !== undefined,
    isStopped: ({ context }) => context.state.phase === 'stopped',
    isEscalated: ({ context }) => context.state.phase === 'escalated',
  },
});

const recording = (decision: (turn: SupervisorTurn, context: SupervisorContext, event: SupervisorEvent) => void) =>
  chart.enqueueActions(({ context, event, enqueue, self }) => {
    const turn = new SupervisorTurn(context, event as { readonly at?: number });
    const wasIdle = context.state.phase === 'supervising.idle';
    decision(turn, context, event);
    const { state, deferred, asked } = turn;
    enqueue.assign({ state, deferred, asked, isNext: false });
    if (turn.facts.length > 0) enqueue({ type: 'commit', params: { supervisor: context.spec.name, facts: turn.facts } });
    for (const id of turn.cancelled) enqueue.cancel(id);
    for (const timer of turn.timers) enqueue.raise(timer, { id: timerId(timer), delay: Math.max(0, timer.at - turn.at) });
    for (const command of turn.commands) enqueue.sendTo('children', command);
    for (const params of turn.answers) enqueue({ type: 'answer', params });
    if (turn.isStale) enqueue({ type: 'countStale', params: { message: event.type } });
    // Whoever comes while something waits does not call for the next again: it has been called for.
    const callsNext = state.phase === 'supervising.idle' && deferred.size > 0 && (!wasIdle || context.isNext);
    if (callsNext) enqueue.sendTo(self, { type: 'supervisor.next' });
  });

/** Of the child that is being started; whatever else comes waits. */
const START_REPORTS = {
  'child.started': [{ guard: 'isAwaited', actions: 'recordStarted' }, { actions: 'dropStale' }],
  'child.ignored': [{ guard: 'isAwaited', actions: 'recordIgnored' }, { actions: 'dropStale' }],
  'child.failed': [{ guard: 'isAwaited', actions: 'recordStartFailed' }, { actions: 'dropStale' }],
} as const;

/** Of the child that is being stopped: any end will do. */
const STOP_REPORTS = {
  'child.done': [{ guard: 'isAwaited', actions: 'recordStopped' }, { actions: 'defer' }],
  'child.crashed': [{ guard: 'isAwaited', actions: 'recordStopped' }, { actions: 'defer' }],
  'child.stopped': [{ guard: 'isAwaited', actions: 'recordStopped' }, { actions: 'defer' }],
  'deadline.due': { actions: 'kill' },
} as const;

const HEED_END = [{ guard: 'mustWait', actions: 'defer' }, { guard: 'isKnownEnd', actions: 'heedEnd' }, { actions: 'dropStale' }] as const;

const RECORD_END = [{ guard: 'isKnownEnd', actions: 'recordEnd' }, { actions: 'dropStale' }] as const;

export const supervisorMachine = chart
  .extend({
    actions: {
      begin: recording(decide.begin),
      defer: recording(decide.defer),
      recordStarted: recording(decide.recordStarted),
      recordIgnored: recording(decide.recordIgnored),
      recordStartFailed: recording(decide.recordStartFailed),
      heedEnd: recording(decide.heedEnd),
      restart: recording(decide.restart),
      recordStopped: recording(decide.recordStopped),
      recordEnd: recording(decide.recordEndWhileStopping),
      kill: recording(decide.kill),
      stop: recording(decide.stop),
      refuse: recording(decide.refuseStopped),
      addChild: recording(decide.addChild),
      terminateChild: recording(decide.terminateChild),
      restartChild: recording(decide.restartChild),
      deleteChild: recording(decide.deleteChild),
      listChildren: recording(decide.listChildren),
      countChildren: recording(decide.countChildren),
      takeNext: chart.enqueueActions(({ context, enqueue }) => {
        const next = context.deferred.first();
        enqueue.assign({ deferred: context.deferred.shift(), isNext: true });
        if (next) enqueue.raise(next);
      }),
      dropStale: recording(decide.dropStale),
    },
  })
  .createMachine({
    id: 'supervisor',
    options: { maxIterations: 100 },
    context: ({ input }) => ({
      spec: input.spec,
      state: UNBORN_SUPERVISOR,
      bornAt: input.at,
      deferred: NONE_DEFERRED,
      asked: undefined,
      isNext: false,
    }),
    output: ({ context }) => context.state.outcome ?? { end: 'stopped', reason: 'asked' },
    invoke: { id: 'children', src: 'children', input: ({ context }) => ({ name: context.spec.name }) },
    initial: 'born',
    states: {
      born: { always: { target: 'starting', actions: 'begin' } },
      starting: {
        tags: 'live',
        always: [
          { guard: 'isEnding', target: 'stopping' },
          { guard: 'isIdle', target: 'supervising' },
        ],
        on: START_REPORTS,
      },
      supervising: {
        tags: 'live',
        initial: 'idle',
        states: {
          idle: {
            always: [
              { guard: 'isEnding', target: '#supervisor.stopping' },
              { guard: 'isAdding', target: 'adding' },
              { guard: 'isRemoving', target: 'removing' },
              { guard: 'isStoppingGroup', target: '#supervisor.restarting.stopping' },
              { guard: 'isStartingAgain', target: '#supervisor.restarting.starting' },
            ],
            on: {
              'supervisor.next': { actions: 'takeNext' },
              'supervisor.start_child': [{ guard: 'mustWait', actions: 'defer' }, { actions: 'addChild' }],
              'supervisor.terminate_child': [{ guard: 'mustWait', actions: 'defer' }, { actions: 'terminateChild' }],
              'supervisor.restart_child': [{ guard: 'mustWait', actions: 'defer' }, { actions: 'restartChild' }],
              'supervisor.delete_child': [{ guard: 'mustWait', actions: 'defer' }, { actions: 'deleteChild' }],
              'supervisor.which_children': [{ guard: 'mustWait', actions: 'defer' }, { actions: 'listChildren' }],
              'supervisor.count_children': [{ guard: 'mustWait', actions: 'defer' }, { actions: 'countChildren' }],
              'child.done': HEED_END,
              'child.crashed': HEED_END,
              'child.stopped': HEED_END,
              'restart.due': [{ guard: 'mustWait', actions: 'defer' }, { guard: 'isDue', actions: 'restart' }, { actions: 'dropStale' }],
            },
          },
          adding: {
            always: [
              { guard: 'isEnding', target: '#supervisor.stopping' },
              { guard: 'isIdle', target: 'idle' },
            ],
            on: START_REPORTS,
          },
          removing: {
            always: [
              { guard: 'isEnding', target: '#supervisor.stopping' },
              { guard: 'isIdle', target: 'idle' },
            ],
            on: STOP_REPORTS,
          },
        },
      },
      restarting: {
        tags: 'live',
        initial: 'stopping',
        states: {
          stopping: {
            always: [
              { guard: 'isEnding', target: '#supervisor.stopping' },
              { guard: 'isStartingAgain', target: 'starting' },
            ],
            on: STOP_REPORTS,
          },
          starting: {
            always: [
              { guard: 'isEnding', target: '#supervisor.stopping' },
              { guard: 'isIdle', target: '#supervisor.supervising' },
            ],
            on: START_REPORTS,
          },
        },
      },
      stopping: {
        tags: 'live',
        always: [
          { guard: 'isStopped', target: 'stopped' },
          { guard: 'isEscalated', target: 'escalated' },
        ],
        on: {
          'supervisor.start_child': { actions: 'refuse' },
          'supervisor.terminate_child': { actions: 'refuse' },
          'supervisor.restart_child': { actions: 'refuse' },
          'supervisor.delete_child': { actions: 'refuse' },
          'supervisor.which_children': { actions: 'refuse' },
          'supervisor.count_children': { actions: 'refuse' },
          'child.ignored': RECORD_END,
          'child.failed': RECORD_END,
          'child.done': RECORD_END,
          'child.crashed': RECORD_END,
          'child.stopped': RECORD_END,
          'deadline.due': { actions: 'kill' },
          'restart.due': { actions: 'dropStale' },
          'supervisor.stop': {},
        },
      },
      stopped: { type: 'final', tags: 'settled' },
      escalated: { type: 'final', tags: 'settled' },
    },
    on: {
      'supervisor.stop': { actions: 'stop' },
      'supervisor.start_child': { actions: 'defer' },
      'supervisor.terminate_child': { actions: 'defer' },
      'supervisor.restart_child': { actions: 'defer' },
      'supervisor.delete_child': { actions: 'defer' },
      'supervisor.which_children': { actions: 'defer' },
      'supervisor.count_children': { actions: 'defer' },
      'child.done': { actions: 'defer' },
      'child.crashed': { actions: 'defer' },
      'child.stopped': { actions: 'defer' },
      'child.started': { actions: 'dropStale' },
      'child.ignored': { actions: 'dropStale' },
      'child.failed': { actions: 'dropStale' },
      'restart.due': { actions: 'defer' },
    },
  });

export type SupervisorMachine = typeof supervisorMachine;
