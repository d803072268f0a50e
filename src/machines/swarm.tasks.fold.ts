/** What is true of a swarm's tasks: their records, their leases, and who is released when one settles. */

import { withOrdinal, withoutOrdinal } from './ordinal-set.ts';
import type { Asked } from './protocol/decision.ts';
import type { ResourceUsage } from './protocol/execution.ts';
import type { SwarmFact, SwarmTask } from './protocol/swarm.ts';
import { rearmed, type SwarmState, type TaskRecord } from './swarm.state.ts';
import { addCredits, subtractCredits, withChildUsage } from './usage.ts';

type TaskFact = Extract<SwarmFact, { type: `tier1/task/${string}` | `tier1/lease/${string}` }>;

export function evolveTask(state: SwarmState, fact: TaskFact): SwarmState {
  const { ordinal } = fact.payload;
  const task = state.plan?.tasks[ordinal];
  const record = state.records.get(ordinal);
  if (!task || !record) return state;
  const at = fact.at;
  const now = { ...state, at };
  switch (fact.type) {
    case 'tier1/lease/requested': {
      const { leaseId } = fact.payload;
      const ready = withoutOrdinal(state.ready, task.rank);
      return withRecord({ ...now, ready }, task, { ...record, status: 'leasing', leaseId, leases: record.leases + 1 });
    }
    case 'tier1/lease/granted':
      return withRecord(now, task, { ...record, status: 'leased', agentId: fact.payload.agentId });
    case 'tier1/lease/lost':
      if (record.isLive) return withRecord(now, task, { ...withoutLease(record), status: 'stopping', pausedIn: 0 });
      return again(withRecord(now, task, { ...withoutLease(record), status: 'pending' }), task);
    case 'tier1/task/suspended':
      return again(withRecord(now, task, { ...record, status: 'pending', isLive: false, pausedIn: 0 }), task);
    case 'tier1/lease/refused':
      return withRecord(now, task, withoutLease({ ...record, status: 'pending', error: record.error ?? fact.payload.error }));
    case 'tier1/lease/withdrawn':
      return again(withRecord(now, task, withoutLease({ ...record, status: 'pending' })), task);
    case 'tier1/task/started': {
      const { childExecutionId, iteration, reserved } = fact.payload;
      const isFirst = record.startedAt === 0;
      const running: TaskRecord = {
        ...record,
        status: 'running',
        childExecutionId,
        isLive: true,
        iteration,
        incarnation: record.incarnation + 1,
        reserved,
        startedAt: isFirst ? at : record.startedAt,
      };
      const reservedCredits = addCredits(state.reservedCredits, reserved);
      const unstartedComplexity = state.unstartedComplexity - (isFirst ? task.complexity : 0);
      return withRecord({ ...now, reservedCredits, unstartedComplexity }, task, running);
    }
    case 'tier1/task/continued': {
      const { incarnation } = fact.payload;
      const held = record.agentId === undefined ? withoutLease(record) : record;
      return withRecord(now, task, { ...held, status: 'running', isLive: true, incarnation });
    }
    case 'tier1/task/paused':
      return withRecord(now, task, { ...record, status: 'paused', pausedIn: fact.payload.epoch });
    case 'tier1/task/waiting':
      return withRecord(now, task, { ...record, status: 'waiting' });
    case 'tier1/task/woken':
      return withRecord(now, task, { ...record, status: 'running' });
    case 'tier1/task/reassigned': {
      const { agentId, error, usage } = fact.payload;
      return again(booked(now, task, { ...withoutRun(triedBy(record, agentId)), status: 'pending', error }, usage), task);
    }
    case 'tier1/task/given_up':
      return handed(
        now,
        task,
        { ...triedBy(record, fact.payload.agentId), status: 'unsolved', error: fact.payload.error },
        fact.payload.usage,
      );
    case 'tier1/task/escalated': {
      const { agentId, error, usage } = fact.payload;
      const asked = askedIn(fact.payload);
      return handed(now, task, { ...triedBy(unasked(record), agentId), status: 'escalated', error, asked }, usage);
    }
    case 'tier1/task/voted': {
      const { taskId: _, ordinal: __, ...vote } = fact.payload;
      return withRecord(now, task, { ...record, votes: [...(record.votes ?? []), vote] });
    }
    case 'tier1/task/decided': {
      const { iteration } = record;
      const next: TaskRecord = { ...unasked(record), status: 'pending' };
      if (fact.payload.decision !== 'retry') return withRecord(now, task, next);
      return again(withRecord(now, task, { ...next, failedAgents: [], forgiven: iteration }), task);
    }
    case 'tier1/task/expired':
      return withRecord(now, task, { ...unasked(record), status: 'pending' });
    case 'tier1/task/completed': {
      const { result, usage } = fact.payload;
      const { error: _overcome, ...rest } = record;
      return settled(now, task, { ...rest, status: 'completed', result }, usage);
    }
    case 'tier1/task/failed': {
      const { error, usage, fatal } = fact.payload;
      const next = settled(now, task, { ...record, status: 'failed', error }, usage);
      return fatal && next.failure === undefined ? { ...next, failure: error } : next;
    }
    case 'tier1/task/cancelled':
      return settled(now, task, { ...record, status: 'cancelled' }, fact.payload.usage);
    default:
      return state;
  }
}

/** It is given to an agent once more; where another plan is on its way, only if its run has begun. */
function again(state: SwarmState, task: SwarmTask): SwarmState {
  const hasBegun = state.records.get(task.ordinal)?.childExecutionId !== undefined;
  return state.stage === 'replanning' && !hasBegun ? state : { ...state, ready: withOrdinal(state.ready, task.rank) };
}

/** It is in nobody's hands, for the time being. */
function handed(state: SwarmState, task: SwarmTask, record: TaskRecord, usage: ResourceUsage): SwarmState {
  const { agentId: _gone, ...rest } = withoutRun(record);
  const next = booked(state, task, rest, usage);
  return { ...next, ready: withoutOrdinal(next.ready, task.rank) };
}

const triedBy = (record: TaskRecord, agentId: string): TaskRecord =>
  agentId === '' ? record : { ...record, failedAgents: [...record.failedAgents, agentId] };

const askedIn = ({ role, quorum, expiresAt }: Asked): Asked => ({
  ...(role !== undefined && { role }),
  ...(quorum !== undefined && { quorum }),
  ...(expiresAt !== undefined && { expiresAt }),
});

/** Nobody is asked about it any more. */
export function unasked(record: TaskRecord): TaskRecord {
  const { asked: _settled, votes: _counted, ...rest } = record;
  return rest;
}

/** Puts a record in its place, and keeps the numbers that are counted over all records. */
function withRecord(state: SwarmState, task: SwarmTask, record: TaskRecord): SwarmState {
  const before = state.records.get(task.ordinal);
  const delta = (is: (record: TaskRecord) => boolean): number => Number(is(record)) - Number(before !== undefined && is(before));
  const unsolved = state.unsolved + delta(({ status }) => status === 'unsolved');
  return {
    ...state,
    records: state.records.set(task.ordinal, record),
    unsolved,
    isReplanned: state.isReplanned && unsolved > 0,
    escalated: state.escalated + delta(({ status }) => status === 'escalated'),
    leasing: state.leasing + delta(({ status }) => status === 'leasing'),
    leased: state.leased + delta(({ status }) => status === 'leased'),
    live: state.live + delta(({ isLive }) => isLive),
    idle: state.idle + delta(({ isLive, status }) => isLive && status === 'waiting'),
    parked: state.parked + delta(({ isLive, pausedIn }) => isLive && pausedIn > 0 && pausedIn === state.pauseEpoch),
  };
}

function settled(state: SwarmState, task: SwarmTask, record: TaskRecord, usage: ResourceUsage): SwarmState {
  const next = booked(state, task, { ...withoutRun(record), settledAt: state.at }, usage);
  const counted: SwarmState = {
    ...next,
    open: next.open - 1,
    ready: withoutOrdinal(next.ready, task.rank),
    unstartedComplexity: next.unstartedComplexity - (record.startedAt === 0 ? task.complexity : 0),
  };
  return missionsMet(released(counted, task), record.status === 'completed');
}

/** Books a run's usage on the task and the swarm; what it had reserved is free again. */
function booked(state: SwarmState, task: SwarmTask, record: TaskRecord, usage: ResourceUsage): SwarmState {
  const reserved = state.records.get(task.ordinal)?.reserved ?? '0';
  const next = withRecord(state, task, { ...record, reserved: '0', usage: withChildUsage(record.usage, usage) });
  return { ...next, reservedCredits: subtractCredits(state.reservedCredits, reserved), usage: withChildUsage(state.usage, usage) };
}

function released(state: SwarmState, task: SwarmTask): SwarmState {
  let next = state;
  for (const ordinal of task.dependents) {
    const dependent = state.plan?.tasks[ordinal];
    const record = next.records.get(ordinal);
    if (!dependent || !record) continue;
    const blockedBy = record.blockedBy - 1;
    next = withRecord(next, dependent, { ...record, blockedBy });
    if (blockedBy === 0 && record.status === 'pending') next = again(next, dependent);
  }
  return next;
}

/** An obligation is met when every task of its mission is completed, late or not. */
function missionsMet(state: SwarmState, isNews: boolean): SwarmState {
  if (!isNews || state.obligations.isEmpty()) return state;
  const isDone = (id: string): boolean => state.records.get(state.plan?.ordinals[id] ?? -1)?.status === 'completed';
  const obligations = state.obligations.map((record) =>
    record.status === 'waived' || !record.tasks.every(isDone) ? record : { ...record, status: 'met' as const },
  );
  return rearmed({ ...state, obligations });
}

function withoutLease(record: TaskRecord): TaskRecord {
  const { leaseId: _returned, agentId: _gone, ...rest } = record;
  return rest;
}

function withoutRun(record: TaskRecord): TaskRecord {
  const { childExecutionId: _settled, leaseId: _returned, ...rest } = record;
  return { ...rest, isLive: false, pausedIn: 0 };
}
