/**
 * The pool of agents: the one writer of who holds which lease, and the supervisor of every agent.
 *
 *   restoring → serving
 *
 * A request gets the least loaded of the capable agents, waits for one in order of priority, or is refused when nobody could ever serve it.
 * An agent that fails at its work gets less of it: nothing while its circuit is open, and what nobody else has room for while it is degraded.
 * An agent that crashes or is lost loses its leases, and is restarted until it has failed too often in too short a time; then it is given up.
 *
 * Source: Agent System Components, "Agent Registry", "Load Balancing"; Execution Layer Architecture, "Agent Pool Manager".
 */

import { setup } from 'xstate';
import { type CommitParams, effect, port, type StaleParams } from './effects.ts';
import * as decide from './pool.decisions.ts';
import { EMPTY_POOL, type PoolState } from './pool.state.ts';
import { type AnswerParams, childIdOf, type PoolContext, type PoolEvent, type PoolTimer, PoolTurn, timerId } from './pool.turn.ts';
import type { AgentNurseryCommand } from './protocol/agent.ts';
import type { ExecutionContext } from './protocol/execution.ts';

export interface PoolInput {
  /** Now. */
  readonly at: number;
  /** The fold of the facts of an earlier life. */
  readonly restored?: PoolState;
}

/** Names the stream of the pool's facts. */
const execution: ExecutionContext = { executionId: 'pool', swarmId: 'pool', userId: 'runtime', timestamp: 0, correlationId: 'pool' };

const chart = setup({
  types: { context: {} as PoolContext, events: {} as PoolEvent, input: {} as PoolInput, tags: {} as 'live' },
  actors: { nursery: port<AgentNurseryCommand, undefined>('nursery') },
  actions: { commit: effect<CommitParams>(), answer: effect<AnswerParams>(), countStale: effect<StaleParams>() },
  guards: {
    isRestored: ({ context }) => context.isRestored,
    isNewCircuit: ({ context, event }) => decide.isNewCircuit(context, event),
    isTaken: ({ context, event }) => decide.isTaken(context, event),
    isServable: ({ context, event }) => decide.isServable(context, event),
    canWait: ({ context, event }) => decide.canWait(context, event),
    isKnown: ({ context, event }) => decide.isKnown(context, event),
    holdsAny: ({ context, event }) => decide.holdsAny(context, event),
    isStarting: ({ context, event }) => decide.isStarting(context, event),
    isReady: ({ context, event }) => decide.isReady(context, event),
    isSuspect: ({ context, event }) => decide.isSuspect(context, event),
    isLeaving: ({ context, event }) => decide.isLeaving(context, event),
    mayRestart: ({ context, event }) => decide.mayRestart(context, event),
    isPresentLife: ({ context, event }) => decide.isPresentLife(context, event),
  },
});

const recording = (decision: (turn: PoolTurn, context: PoolContext, event: PoolEvent) => void) =>
  chart.enqueueActions(({ context, event, enqueue }) => {
    const turn = new PoolTurn(context, event as { readonly at?: number }, dueAtOf(context, event));
    decision(turn, context, event);
    enqueue.assign({ state: turn.state });
    if (turn.facts.length > 0) enqueue({ type: 'commit', params: { execution, tier: 'tier1', facts: turn.facts } });
    for (const timer of turn.cancelled) enqueue.cancel(timerId(timer));
    for (const { timer, delayMs } of turn.timers) enqueue.raise(timer, { id: timerId(timer), delay: delayMs });
    if (turn.starts.length > 0) enqueue.sendTo('nursery', { type: 'child.start', children: turn.starts, ack: false });
    for (const { agentId, event: command } of turn.messages) {
      enqueue.sendTo('nursery', { type: 'child.tell', id: childIdOf(agentId), event: command });
    }
    for (const params of turn.answers) enqueue({ type: 'answer', params });
  });

/** A timer brings no time: what it is for knows when it was due. */
function dueAtOf({ state }: PoolContext, event: PoolEvent): number | undefined {
  const timer = event as PoolTimer;
  if (timer.type === 'lease.expired') return state.leases.get(timer.leaseId)?.dueAt;
  if (timer.type !== 'drain.expired') return undefined;
  const ordinal = state.ordinals.get(timer.agentId);
  return ordinal === undefined ? undefined : state.agents.get(ordinal)?.dueAt;
}

export const poolMachine = chart
  .extend({
    actions: {
      goOn: recording(decide.goOn),
      register: recording(decide.register),
      unregister: recording(decide.unregister),
      changeCircuit: recording(decide.changeCircuit),
      serveRequest: recording(decide.serveRequest),
      awaitAgent: recording(decide.awaitAgent),
      refuseRequest: recording(decide.refuseRequest),
      giveBack: recording(decide.giveBack),
      giveBackAll: recording(decide.giveBackAll),
      expire: recording(decide.expire),
      revoke: recording(decide.revoke),
      recordReady: recording(decide.recordReady),
      recordSuspected: recording(decide.recordSuspected),
      recordRecovered: recording(decide.recordRecovered),
      bury: recording(decide.bury),
      restart: recording(decide.restart),
      escalate: recording(decide.escalate),
      dropStale: chart.enqueueActions(({ event, enqueue }) => {
        enqueue({ type: 'countStale', params: { message: event.type } });
      }),
    },
  })
  .createMachine({
    id: 'pool',
    options: { maxIterations: 100 },
    context: ({ input }) => ({ state: input.restored ?? EMPTY_POOL, bornAt: input.at, isRestored: input.restored !== undefined }),
    invoke: { id: 'nursery', src: 'nursery', input: undefined },
    initial: 'restoring',
    states: {
      restoring: { always: [{ guard: 'isRestored', target: 'serving', actions: 'goOn' }, { target: 'serving' }] },
      serving: {
        tags: 'live',
        on: {
          'pool.register': { actions: 'register' },
          'pool.unregister': { actions: 'unregister' },
          'pool.circuit': { guard: 'isNewCircuit', actions: 'changeCircuit' },
          'lease.request': [
            { guard: 'isTaken', actions: 'dropStale' },
            { guard: 'isServable', actions: 'serveRequest' },
            { guard: 'canWait', actions: 'awaitAgent' },
            { actions: 'refuseRequest' },
          ],
          'lease.return': [{ guard: 'isKnown', actions: 'giveBack' }, { actions: 'dropStale' }],
          'lease.returnAll': { guard: 'holdsAny', actions: 'giveBackAll' },
          'lease.expired': [{ guard: 'isKnown', actions: 'expire' }, { actions: 'dropStale' }],
          'drain.expired': { actions: 'revoke' },
          'agent.ready': [{ guard: 'isStarting', actions: 'recordReady' }, { actions: 'dropStale' }],
          'agent.suspected': [{ guard: 'isReady', actions: 'recordSuspected' }, { actions: 'dropStale' }],
          'agent.recovered': [{ guard: 'isSuspect', actions: 'recordRecovered' }, { actions: 'dropStale' }],
          'child.done': [
            { guard: 'isLeaving', actions: 'bury' },
            { guard: 'mayRestart', actions: 'restart' },
            { guard: 'isPresentLife', actions: 'escalate' },
            { actions: 'dropStale' },
          ],
          'child.crashed': [
            { guard: 'isLeaving', actions: 'bury' },
            { guard: 'mayRestart', actions: 'restart' },
            { guard: 'isPresentLife', actions: 'escalate' },
            { actions: 'dropStale' },
          ],
        },
      },
    },
  });

export type AgentPool = typeof poolMachine;
