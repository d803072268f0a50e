/** What is true of a pool, folded from its facts. Every update is O(kinds + log agents + log waiting). */

import { kindKey, withoutWaiting, withRecord, withWaiting } from './pool.index.ts';
import { type AgentRecord, agentNamed, lifeOf, NO_NAMES, OUTCOMES_KEPT, type PoolState } from './pool.state.ts';
import type { AgentSpec, LeaseOutcome, PoolFact } from './protocol/agent.ts';

const NO_OUTCOMES: readonly LeaseOutcome[] = [];

export function evolvePool(before: PoolState, fact: PoolFact): PoolState {
  const { at } = fact;
  const state = { ...before, at };
  switch (fact.type) {
    case 'agent/registered':
      return registered(state, fact.payload.spec);
    case 'agent/ready':
      return changed(state, fact.payload.agentId, { status: 'ready' });
    case 'agent/suspected':
      return changed(state, fact.payload.agentId, { status: 'suspect' });
    case 'agent/recovered':
      return changed(state, fact.payload.agentId, { status: 'ready' });
    case 'agent/lost':
    case 'agent/crashed':
      return failed(state, fact.payload.agentId);
    case 'agent/restarted': {
      const { agentId, incarnation, restarts } = fact.payload;
      return changed(state, agentId, { status: 'restarting', incarnation, restarts, outcomes: NO_OUTCOMES });
    }
    case 'agent/escalated':
      return {
        ...changed(state, fact.payload.agentId, { status: 'escalated' }),
        givenUp: state.givenUp.set(fact.payload.agentId, fact.payload.error.message),
      };
    case 'agent/draining': {
      const { agentId, dueAt } = fact.payload;
      return changed(state, agentId, { status: 'draining', ...(dueAt !== undefined && { dueAt }) });
    }
    case 'agent/unregistered':
      return { ...removed(state, fact.payload.agentId), givenUp: state.givenUp.delete(fact.payload.agentId) };
    case 'agent/leased': {
      return leased(state, fact.payload);
    }
    case 'agent/circuit_changed': {
      const { agentId, circuit } = fact.payload;
      return changed(state, agentId, { circuit, probe: undefined, ...(circuit === 'closed' && { outcomes: NO_OUTCOMES }) });
    }
    case 'agent/released':
      return released(state, fact.payload.leaseId, fact.payload.outcome);
    case 'agent/lease_expired':
    case 'agent/lease_revoked':
      return released(state, fact.payload.leaseId);
    case 'agent/lease_awaited': {
      const { request } = fact.payload;
      return state.waiting.has(request.leaseId) ? state : holding(withWaiting(state, request), request.holder, request.leaseId);
    }
    case 'agent/lease_withdrawn':
    case 'agent/refused':
      return unheld(state, fact.payload.leaseId);
    default:
      return before;
  }
}

function registered(before: PoolState, spec: AgentSpec): PoolState {
  const known = agentNamed(before, spec.id);
  if (known && known.status !== 'escalated') return before;
  const state = withRecord(before, known, undefined);
  const record: AgentRecord = {
    spec,
    ordinal: state.nextOrdinal,
    kind: kindKey(spec.swarmId, spec.capabilities),
    status: 'starting',
    incarnation: 1,
    restarts: 0,
    failures: [],
    leases: NO_NAMES,
    circuit: 'closed',
    outcomes: NO_OUTCOMES,
  };
  return withRecord({ ...state, nextOrdinal: state.nextOrdinal + 1, givenUp: state.givenUp.delete(spec.id) }, undefined, record);
}

function changed(state: PoolState, id: string, change: Partial<AgentRecord>): PoolState {
  const record = agentNamed(state, id);
  return record ? withRecord(state, record, { ...record, ...change }) : state;
}

function failed(before: PoolState, id: string): PoolState {
  const record = agentNamed(before, id);
  if (!record) return before;
  let state = before;
  for (const leaseId of record.leases) state = withoutLease(state, leaseId);
  const failures = [...record.failures, state.at].slice(-(lifeOf(record).restart.maxRestarts + 1));
  const status = record.status === 'draining' ? 'draining' : 'lost';
  return withRecord(state, record, { ...record, status, failures, leases: NO_NAMES, probe: undefined });
}

function removed(before: PoolState, id: string): PoolState {
  const record = agentNamed(before, id);
  if (!record) return before;
  let state = before;
  for (const leaseId of record.leases) state = withoutLease(state, leaseId);
  return withRecord(state, record, undefined);
}

type Leased = Extract<PoolFact, { readonly type: 'agent/leased' }>['payload'];

function leased(before: PoolState, { agentId, leaseId, holder, dueAt, probe }: Leased): PoolState {
  const waiting = before.waiting.get(leaseId);
  const state = waiting ? withoutWaiting(before, waiting) : before;
  const record = agentNamed(state, agentId);
  if (!record || state.leases.has(leaseId)) return state;
  const lease = { ordinal: record.ordinal, holder, ...(dueAt !== undefined && { dueAt }) };
  const next = withRecord(state, record, { ...record, leases: record.leases.add(leaseId), ...(probe && { probe: leaseId }) });
  return holding({ ...next, leases: next.leases.set(leaseId, lease) }, holder, leaseId);
}

function released(state: PoolState, leaseId: string, outcome?: LeaseOutcome): PoolState {
  const lease = state.leases.get(leaseId);
  const record = lease && state.agents.get(lease.ordinal);
  if (!record) return state;
  const probe = record.probe === leaseId ? undefined : record.probe;
  const outcomes = outcome ? [...record.outcomes, outcome].slice(-OUTCOMES_KEPT) : record.outcomes;
  return withRecord(withoutLease(state, leaseId), record, { ...record, leases: record.leases.delete(leaseId), probe, outcomes });
}

function unheld(state: PoolState, leaseId: string): PoolState {
  const waiting = state.waiting.get(leaseId);
  return waiting ? letting(withoutWaiting(state, waiting), waiting.request.holder, leaseId) : state;
}

/** Without touching the agent that it is of. */
function withoutLease(state: PoolState, leaseId: string): PoolState {
  const lease = state.leases.get(leaseId);
  return lease ? letting({ ...state, leases: state.leases.delete(leaseId) }, lease.holder, leaseId) : state;
}

const holding = (state: PoolState, holder: string, leaseId: string): PoolState => ({
  ...state,
  held: state.held.set(holder, (state.held.get(holder) ?? NO_NAMES).add(leaseId)),
});

function letting(state: PoolState, holder: string, leaseId: string): PoolState {
  const rest = (state.held.get(holder) ?? NO_NAMES).delete(leaseId);
  return { ...state, held: rest.size > 0 ? state.held.set(holder, rest) : state.held.delete(holder) };
}
