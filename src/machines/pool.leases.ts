/** Who gets which agent: requests, returns, expiries, and whoever waits when an agent has room again. */

import { requirementsAt, waitingAt } from './pool.index.ts';
import { bestAgent, canBeServed, meets, nobodyFor } from './pool.match.ts';
import { inOrder } from './pool.queue.ts';
import { type AgentRecord, hasRoom, loadOf, type PoolState, type Requirement } from './pool.state.ts';
import type { PoolTurn } from './pool.turn.ts';
import { type LeaseOutcome, type LeaseRequest, MOST_WAITING } from './protocol/agent.ts';
import { executionError } from './protocol/errors.ts';
import type { ExecutionError } from './protocol/execution.ts';

export const isKnownLease = (state: PoolState, leaseId: string): boolean => state.leases.has(leaseId) || state.waiting.has(leaseId);

export function serveRequest(turn: PoolTurn, request: LeaseRequest): void {
  const record = bestAgent(turn.state, request);
  if (record) grant(turn, record, request);
}

export function awaitAgent(turn: PoolTurn, request: LeaseRequest): void {
  turn.record({ type: 'agent/lease_awaited', at: turn.at, payload: { request } });
}

export function refuseRequest(turn: PoolTurn, request: LeaseRequest): void {
  refuse(turn, request, canBeServed(turn.state, request) ? tooMany() : nobodyFor(turn.state, request));
}

export const canWait = (state: PoolState, request: LeaseRequest): boolean =>
  state.waiting.size < MOST_WAITING && canBeServed(state, request);

function grant(turn: PoolTurn, { spec, leases, circuit }: AgentRecord, { leaseId, holder, ttlMs }: LeaseRequest): void {
  const { at } = turn;
  const agentId = spec.id;
  const dueAt = ttlMs === undefined ? {} : { dueAt: at + ttlMs };
  const probe = circuit === 'halfOpen' && ({ probe: true } as const);
  turn.record({ type: 'agent/leased', at, payload: { agentId, leaseId, holder, load: leases.size + 1, ...dueAt, ...probe } });
  turn.tell(agentId, { type: 'agent.assign', leaseId, at });
  turn.answer(holder, { type: 'lease.granted', leaseId, agentId, at });
  if (dueAt.dueAt !== undefined) turn.arm({ type: 'lease.expired', leaseId }, dueAt.dueAt);
}

function refuse(turn: PoolTurn, { leaseId, holder }: LeaseRequest, error: ExecutionError): void {
  turn.record({ type: 'agent/refused', at: turn.at, payload: { leaseId, holder, error } });
  turn.answer(holder, { type: 'lease.refused', leaseId, error, at: turn.at });
}

const tooMany = (): ExecutionError => executionError('RESOURCE_EXHAUSTED', `${MOST_WAITING} requests wait for an agent already`, 'tier1');

/** Gives back a lease, or withdraws a request that waits. */
export function giveBack(turn: PoolTurn, leaseId: string, outcome?: LeaseOutcome): void {
  const { at, state } = turn;
  const waiting = state.waiting.get(leaseId);
  if (waiting) turn.record({ type: 'agent/lease_withdrawn', at, payload: { leaseId, holder: waiting.request.holder } });
  const record = agentOf(state, leaseId);
  if (!record) return;
  const said = outcome && { outcome };
  turn.record({ type: 'agent/released', at, payload: { agentId: record.spec.id, leaseId, load: loadOf(record) - 1, ...said } });
  ended(turn, record, leaseId);
}

export function giveBackAll(turn: PoolTurn, holder: string): void {
  const held = turn.state.held.get(holder);
  if (!held) return;
  // What waits goes first, so that nothing that is given back is given to the same holder.
  for (const leaseId of held) if (turn.state.waiting.has(leaseId)) giveBack(turn, leaseId);
  for (const leaseId of held) giveBack(turn, leaseId);
}

export function expire(turn: PoolTurn, leaseId: string): void {
  const lease = turn.state.leases.get(leaseId);
  const record = agentOf(turn.state, leaseId);
  if (!lease || !record) return;
  const agentId = record.spec.id;
  turn.record({ type: 'agent/lease_expired', at: turn.at, payload: { agentId, leaseId, holder: lease.holder } });
  const error = executionError('LEASE_EXPIRED', `The lease on agent "${agentId}" was not returned in time`, 'tier1', {
    context: { agentId },
  });
  turn.answer(lease.holder, { type: 'lease.lost', leaseId, agentId, error, at: turn.at });
  ended(turn, record, leaseId);
}

/** Takes back what an agent still has, when its grace is over. */
export function revokeAll(turn: PoolTurn, { spec, leases }: AgentRecord): void {
  const agentId = spec.id;
  const error = executionError('AGENT_UNREGISTERED', `Agent "${agentId}" was unregistered`, 'tier1', { context: { agentId } });
  for (const leaseId of leases) {
    const holder = turn.state.leases.get(leaseId)?.holder ?? '';
    turn.record({ type: 'agent/lease_revoked', at: turn.at, payload: { agentId, leaseId, holder } });
    turn.answer(holder, { type: 'lease.lost', leaseId, agentId, error, at: turn.at });
    turn.tell(agentId, { type: 'agent.release', leaseId, at: turn.at });
    turn.disarm({ type: 'lease.expired', leaseId });
  }
}

/** Gives an agent with room to those who wait, in order, until one of both runs out. */
export function serveWaiting(turn: PoolTurn, agentId: string): void {
  for (;;) {
    const record = turn.agent(agentId);
    const next = record && hasRoom(record) ? nextFor(turn.state, record) : undefined;
    if (!record || !next) return;
    grant(turn, record, next);
  }
}

function nextFor(state: PoolState, record: AgentRecord): LeaseRequest | undefined {
  const kind = state.kinds.get(record.kind);
  for (const { seq } of kind ? inOrder(kind.heads) : []) {
    const waiting = waitingAt(state, seq);
    if (waiting && meets(record, waiting.request)) return waiting.request;
  }
  return undefined;
}

/** What may have become hopeless if this agent leaves its kind. To be asked before it leaves. */
export function atStake(state: PoolState, record: AgentRecord): readonly Requirement[] {
  const kind = state.kinds.get(record.kind);
  if (!kind) return [];
  if (kind.members === 1) return [...requirementsAt(state, inOrder(kind.heads))];
  return [...kind.picky].flatMap((key) => state.requirements.get(key) ?? []);
}

export function refuseHopeless(turn: PoolTurn, requirements: readonly Requirement[]): void {
  for (const requirement of requirements) {
    if (canBeServed(turn.state, requirement)) continue;
    const error = nobodyFor(turn.state, requirement);
    for (const { seq } of inOrder(requirement.queue)) {
      const waiting = waitingAt(turn.state, seq);
      if (waiting) refuse(turn, waiting.request, error);
    }
  }
}

function ended(turn: PoolTurn, { spec }: AgentRecord, leaseId: string): void {
  turn.disarm({ type: 'lease.expired', leaseId });
  turn.tell(spec.id, { type: 'agent.release', leaseId, at: turn.at });
  serveWaiting(turn, spec.id);
}

function agentOf(state: PoolState, leaseId: string): AgentRecord | undefined {
  const lease = state.leases.get(leaseId);
  return lease && state.agents.get(lease.ordinal);
}
