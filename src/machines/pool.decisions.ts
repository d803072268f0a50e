/** What follows for a pool from what it is asked and from what becomes of its agents. */

import * as leases from './pool.leases.ts';
import { isKnownLease, serveWaiting } from './pool.leases.ts';
import { bestAgent } from './pool.match.ts';
import { type AgentRecord, agentNamed, lifeOf } from './pool.state.ts';
import { agentIdOf, type PoolContext, type PoolEvent, type PoolTurn } from './pool.turn.ts';
import { executionError } from './protocol/errors.ts';
import type { ExecutionError } from './protocol/execution.ts';

type Of<Type extends PoolEvent['type']> = Extract<PoolEvent, { readonly type: Type }>;
type Ended = Of<'child.done' | 'child.crashed'>;

/** A pool that goes on from its facts begins the next life of each of its agents: the earlier ones ended with their process. */
export function goOn(turn: PoolTurn): void {
  const { at, state } = turn;
  for (const { spec, status, incarnation, restarts } of state.agents.values()) {
    if (status === 'escalated') continue;
    const agentId = spec.id;
    if (status === 'draining') {
      leases.revokeAll(turn, agentNamed(turn.state, agentId) as AgentRecord);
      turn.record({ type: 'agent/unregistered', at, payload: { agentId } });
      continue;
    }
    turn.record({ type: 'agent/restarted', at, payload: { agentId, incarnation: incarnation + 1, restarts } });
    turn.start(agentId);
  }
  for (const [leaseId, { dueAt }] of turn.state.leases) if (dueAt !== undefined) turn.arm({ type: 'lease.expired', leaseId }, dueAt);
}

/** One whose id is taken is left out: the door has refused it already. */
export function register(turn: PoolTurn, _: PoolContext, event: PoolEvent): void {
  for (const spec of (event as Of<'pool.register'>).agents) {
    const known = turn.agent(spec.id);
    if (known && known.status !== 'escalated') continue;
    turn.record({ type: 'agent/registered', at: turn.at, payload: { agentId: spec.id, spec } });
    turn.start(spec.id);
  }
}

export function unregister(turn: PoolTurn, _: PoolContext, event: PoolEvent): void {
  const { agentIds, graceMs } = event as Of<'pool.unregister'>;
  const { at } = turn;
  for (const agentId of agentIds) {
    const record = turn.agent(agentId);
    if (!record) continue;
    if (record.status === 'escalated') {
      turn.record({ type: 'agent/unregistered', at, payload: { agentId } });
      continue;
    }
    const stake = leases.atStake(turn.state, record);
    const dueAt = graceMs === undefined ? {} : { dueAt: at + graceMs };
    turn.record({ type: 'agent/draining', at, payload: { agentId, ...dueAt } });
    if (record.status !== 'draining') turn.tell(agentId, { type: 'agent.drain', at });
    if (dueAt.dueAt !== undefined) {
      turn.disarm({ type: 'drain.expired', agentId });
      turn.arm({ type: 'drain.expired', agentId }, dueAt.dueAt);
    }
    leases.refuseHopeless(turn, stake);
  }
}

export const isNewCircuit = ({ state }: PoolContext, event: PoolEvent): boolean => {
  const { agentId, circuit } = event as Of<'pool.circuit'>;
  const record = agentNamed(state, agentId);
  return record !== undefined && record.circuit !== circuit;
};

/** What an agent has it keeps; whoever waits goes on waiting while its circuit is open. */
export function changeCircuit(turn: PoolTurn, _: PoolContext, event: PoolEvent): void {
  const { agentId, circuit } = event as Of<'pool.circuit'>;
  turn.record({ type: 'agent/circuit_changed', at: turn.at, payload: { agentId, circuit } });
  serveWaiting(turn, agentId);
}

export const isServable = ({ state }: PoolContext, event: PoolEvent): boolean => {
  const { request } = event as Of<'lease.request'>;
  return bestAgent(state, request) !== undefined;
};
export const isTaken = ({ state }: PoolContext, event: PoolEvent): boolean =>
  isKnownLease(state, (event as Of<'lease.request'>).request.leaseId);
export const canWait = ({ state }: PoolContext, event: PoolEvent): boolean => leases.canWait(state, (event as Of<'lease.request'>).request);

export const serveRequest = (turn: PoolTurn, _: PoolContext, event: PoolEvent): void =>
  leases.serveRequest(turn, (event as Of<'lease.request'>).request);
export const awaitAgent = (turn: PoolTurn, _: PoolContext, event: PoolEvent): void =>
  leases.awaitAgent(turn, (event as Of<'lease.request'>).request);
export const refuseRequest = (turn: PoolTurn, _: PoolContext, event: PoolEvent): void =>
  leases.refuseRequest(turn, (event as Of<'lease.request'>).request);

export const isKnown = ({ state }: PoolContext, event: PoolEvent): boolean =>
  isKnownLease(state, (event as Of<'lease.return' | 'lease.expired'>).leaseId);
export function giveBack(turn: PoolTurn, _: PoolContext, event: PoolEvent): void {
  const { leaseId, outcome } = event as Of<'lease.return'>;
  leases.giveBack(turn, leaseId, outcome);
}
export const holdsAny = ({ state }: PoolContext, event: PoolEvent): boolean => state.held.has((event as Of<'lease.returnAll'>).holder);
export const giveBackAll = (turn: PoolTurn, _: PoolContext, event: PoolEvent): void =>
  leases.giveBackAll(turn, (event as Of<'lease.returnAll'>).holder);
export const expire = (turn: PoolTurn, _: PoolContext, event: PoolEvent): void =>
  leases.expire(turn, (event as Of<'lease.expired'>).leaseId);

export function revoke(turn: PoolTurn, _: PoolContext, event: PoolEvent): void {
  const record = turn.agent((event as Of<'drain.expired'>).agentId);
  if (record) leases.revokeAll(turn, record);
}

/** The agent that a report is about, if it comes from the life that the agent has now. */
function reporter({ state }: PoolContext, event: PoolEvent): AgentRecord | undefined {
  const { agentId, incarnation } = event as Of<'agent.ready' | 'agent.suspected' | 'agent.recovered'>;
  const record = agentNamed(state, agentId);
  return record?.incarnation === incarnation ? record : undefined;
}

export const isStarting = (context: PoolContext, event: PoolEvent): boolean => {
  const status = reporter(context, event)?.status;
  return status === 'starting' || status === 'restarting';
};
export const isReady = (context: PoolContext, event: PoolEvent): boolean => reporter(context, event)?.status === 'ready';
export const isSuspect = (context: PoolContext, event: PoolEvent): boolean => reporter(context, event)?.status === 'suspect';

export function recordReady(turn: PoolTurn, _: PoolContext, event: PoolEvent): void {
  const { agentId, incarnation } = event as Of<'agent.ready'>;
  turn.record({ type: 'agent/ready', at: turn.at, payload: { agentId, incarnation } });
  serveWaiting(turn, agentId);
}

export function recordSuspected(turn: PoolTurn, _: PoolContext, event: PoolEvent): void {
  const { agentId, missed } = event as Of<'agent.suspected'>;
  turn.record({ type: 'agent/suspected', at: turn.at, payload: { agentId, missed } });
}

export function recordRecovered(turn: PoolTurn, _: PoolContext, event: PoolEvent): void {
  const { agentId } = event as Of<'agent.recovered'>;
  turn.record({ type: 'agent/recovered', at: turn.at, payload: { agentId } });
  serveWaiting(turn, agentId);
}

/** The agent whose present life has ended. */
function ended({ state }: PoolContext, event: PoolEvent): AgentRecord | undefined {
  const { id, incarnation } = event as Ended;
  const record = agentNamed(state, agentIdOf(id));
  return record?.incarnation === incarnation && record.status !== 'escalated' ? record : undefined;
}

export const isPresentLife = (context: PoolContext, event: PoolEvent): boolean => ended(context, event) !== undefined;
export const isLeaving = (context: PoolContext, event: PoolEvent): boolean => ended(context, event)?.status === 'draining';

/** This failure counts too. */
export function mayRestart(context: PoolContext, event: PoolEvent): boolean {
  const record = ended(context, event);
  if (!record) return false;
  const { maxRestarts, withinMs } = lifeOf(record).restart;
  const at = Math.max(context.state.at, (event as Ended).at);
  return record.failures.filter((failedAt) => failedAt > at - withinMs).length < maxRestarts;
}

/** It was drained, and has stopped or crashed on the way. */
export function bury(turn: PoolTurn, context: PoolContext, event: PoolEvent): void {
  const record = ended(context, event);
  if (!record) return;
  const isInOrder = event.type === 'child.done' && event.output.end === 'stopped';
  if (!isInOrder) recordFailure(turn, record, event as Ended);
  turn.record({ type: 'agent/unregistered', at: turn.at, payload: { agentId: record.spec.id } });
  turn.disarm({ type: 'drain.expired', agentId: record.spec.id });
}

export function restart(turn: PoolTurn, context: PoolContext, event: PoolEvent): void {
  const record = ended(context, event);
  if (!record) return;
  const { spec, incarnation, restarts } = record;
  recordFailure(turn, record, event as Ended);
  turn.record({
    type: 'agent/restarted',
    at: turn.at,
    payload: { agentId: spec.id, incarnation: incarnation + 1, restarts: restarts + 1 },
  });
  turn.start(spec.id);
}

export function escalate(turn: PoolTurn, context: PoolContext, event: PoolEvent): void {
  const record = ended(context, event);
  if (!record) return;
  const error = recordFailure(turn, record, event as Ended);
  const stake = leases.atStake(turn.state, record);
  turn.record({ type: 'agent/escalated', at: turn.at, payload: { agentId: record.spec.id, error } });
  leases.refuseHopeless(turn, stake);
}

/** The end of a life that nobody asked for: whoever holds a lease hears of it. */
function recordFailure(turn: PoolTurn, { spec, leases: held }: AgentRecord, event: Ended): ExecutionError {
  const { at } = turn;
  const agentId = spec.id;
  const error = failureOf(agentId, event);
  const holders = [...held].map((leaseId) => ({ leaseId, holder: turn.state.leases.get(leaseId)?.holder ?? '' }));
  const type = error.code === 'AGENT_LOST' ? 'agent/lost' : 'agent/crashed';
  turn.record({ type, at, payload: { agentId, error, leases: [...held] } });
  for (const { leaseId, holder } of holders) {
    turn.disarm({ type: 'lease.expired', leaseId });
    turn.answer(holder, { type: 'lease.lost', leaseId, agentId, error, at });
  }
  return error;
}

function failureOf(agentId: string, event: Ended): ExecutionError {
  const context = { agentId };
  if (event.type === 'child.crashed') {
    return executionError('AGENT_CRASHED', `Agent "${agentId}" crashed: ${event.cause.message}`, 'tier1', { context, cause: event.cause });
  }
  if (event.output.end === 'failed')
    return executionError('AGENT_NOT_READY', `Agent "${agentId}" was not ready in time`, 'tier1', { context });
  return executionError('AGENT_LOST', `Agent "${agentId}" misses its heartbeats`, 'tier1', { context });
}
