/**
 * One life of an agent: a child of its pool, which restarts it when it crashes.
 *
 *   born → starting → ready { quiet, resting ⇄ checking } ⇄ suspect { resting ⇄ checking } → lost
 *                    → failed (never ready)           draining → stopping → stopped
 *
 * Its body runs the user's hooks. A body that throws crashes the agent, on purpose: no state handles it. An agent without hooks is
 * ready at once and stays quiet; it has neither a body nor a timer, so that a hundred thousand of them may wait for work.
 * Not durable: hooks do not survive a process, so a pool that goes on from its facts begins the next life of each of its agents.
 *
 * Source: Execution Layer Architecture, "Agent Lifecycle Management".
 */

import { setup } from 'xstate';
import type { AgentContext, AgentEvent } from './agent.decisions.ts';
import * as decide from './agent.decisions.ts';
import { UNBORN } from './agent.fold.ts';
import { effect, port, type StaleParams } from './effects.ts';
import type { AgentOutcome, AgentReport, AgentSpec, BodyCommand, BodyInput } from './protocol/agent.ts';
import { untilDue } from './timers.ts';

export interface AgentInput {
  readonly spec: AgentSpec;
  /** 1 for its first life. */
  readonly incarnation: number;
  /** Now, for the first report. */
  readonly at: number;
}

/** Reports to the pool, all of one transition. */
export interface AgentReportParams {
  readonly agentId: string;
  readonly incarnation: number;
  readonly reports: readonly AgentReport[];
}

const chart = setup({
  types: {
    context: {} as AgentContext,
    events: {} as AgentEvent,
    input: {} as AgentInput,
    output: {} as AgentOutcome,
    tags: {} as 'live' | 'waiting' | 'settled',
  },
  actors: { body: port<BodyCommand, BodyInput>('body') },
  actions: { report: effect<AgentReportParams>(), countStale: effect<StaleParams>() },
  delays: { untilDue: ({ context }) => untilDue(context) },
  guards: {
    hasBody: ({ context }) => decide.lifeOf(context).hasBody,
    isWatched: ({ context }) => decide.lifeOf(context).heartbeat !== undefined,
    isPresentBeat: ({ context, event }) => event.type === 'body.alive' && event.beat === context.state.beat,
    isLastMiss: ({ context }) => decide.isLastMiss(context),
    isIdleWithoutBody: ({ context }) => context.state.load === 0 && !decide.lifeOf(context).hasBody,
    isIdle: ({ context }) => context.state.load === 0,
  },
});

const recording = (decision: (turn: decide.AgentTurn, context: AgentContext, event: AgentEvent) => void) =>
  chart.enqueueActions(({ context, event, enqueue }) => {
    const turn = new decide.AgentTurn(context.state);
    decision(turn, context, event);
    enqueue.assign({ state: turn.state });
    for (const command of turn.commands) enqueue.sendTo('body', command);
    const { spec, incarnation } = context;
    enqueue({ type: 'report', params: { agentId: spec.id, incarnation, reports: turn.reports } });
  });

export const agentMachine = chart
  .extend({
    actions: {
      start: recording(decide.start),
      spawnBody: chart.spawnChild('body', {
        id: 'body',
        input: ({ context: { spec, incarnation } }) => ({ agentId: spec.id, incarnation }),
      }),
      recordReady: recording(decide.recordReady),
      recordFailed: recording(decide.recordFailed),
      check: recording(decide.check),
      recordAlive: recording(decide.recordAlive),
      recordMissed: recording(decide.recordMissed),
      recordLost: recording(decide.recordLost),
      recordAssigned: recording(decide.recordAssigned),
      recordReleased: recording(decide.recordReleased),
      recordDraining: recording(decide.recordDraining),
      recordStopping: recording(decide.recordStopping),
      recordStopped: recording(decide.recordStopped),
      dropStale: chart.enqueueActions(({ event, enqueue }) => {
        enqueue({ type: 'countStale', params: { message: event.type } });
      }),
    },
  })
  .createMachine({
    id: 'agent',
    options: { maxIterations: 100 },
    context: ({ input }) => ({
      spec: input.spec,
      incarnation: input.incarnation,
      state: UNBORN,
      bornAt: input.at,
    }),
    output: ({ context }) => decide.outcomeOf(context),
    initial: 'born',
    states: {
      born: {
        always: [
          { guard: 'hasBody', target: 'starting', actions: ['spawnBody', 'start'] },
          { target: 'ready.quiet', actions: 'start' },
        ],
      },
      starting: {
        tags: 'live',
        after: { untilDue: { target: 'failed', actions: 'recordFailed' } },
        on: {
          'body.ready': [
            { guard: 'isWatched', target: 'ready.resting', actions: 'recordReady' },
            { target: 'ready.quiet', actions: 'recordReady' },
          ],
          'agent.drain': { target: 'draining', actions: 'recordDraining' },
        },
      },
      ready: {
        tags: 'live',
        initial: 'quiet',
        states: {
          quiet: {},
          resting: { after: { untilDue: { target: 'checking', actions: 'check' } } },
          checking: {
            after: {
              untilDue: [
                { guard: 'isLastMiss', target: '#agent.lost', actions: 'recordLost' },
                { target: '#agent.suspect', actions: 'recordMissed' },
              ],
            },
            on: { 'body.alive': [{ guard: 'isPresentBeat', target: 'resting', actions: 'recordAlive' }, { actions: 'dropStale' }] },
          },
        },
        on: { 'agent.drain': { target: 'draining', actions: 'recordDraining' } },
      },
      suspect: {
        tags: ['live', 'waiting'],
        initial: 'resting',
        states: {
          resting: { after: { untilDue: { target: 'checking', actions: 'check' } } },
          checking: {
            after: {
              untilDue: [
                { guard: 'isLastMiss', target: '#agent.lost', actions: 'recordLost' },
                { target: 'resting', actions: 'recordMissed' },
              ],
            },
            on: {
              'body.alive': [{ guard: 'isPresentBeat', target: '#agent.ready.resting', actions: 'recordAlive' }, { actions: 'dropStale' }],
            },
          },
        },
        on: { 'agent.drain': { target: 'draining', actions: 'recordDraining' } },
      },
      draining: {
        tags: 'live',
        always: [
          { guard: 'isIdleWithoutBody', target: 'stopped', actions: 'recordStopped' },
          { guard: 'isIdle', target: 'stopping', actions: 'recordStopping' },
        ],
      },
      stopping: {
        tags: 'live',
        after: { untilDue: { target: 'stopped', actions: 'recordStopped' } },
        on: { 'body.disposed': { target: 'stopped', actions: 'recordStopped' } },
      },
      stopped: { type: 'final', tags: 'settled' },
      lost: { type: 'final', tags: 'settled' },
      failed: { type: 'final', tags: 'settled' },
    },
    on: {
      'agent.assign': { actions: 'recordAssigned' },
      'agent.release': { actions: 'recordReleased' },
      'body.ready': { actions: 'dropStale' },
      'body.alive': { actions: 'dropStale' },
      'body.disposed': { actions: 'dropStale' },
    },
  });

export type AgentMachine = typeof agentMachine;
