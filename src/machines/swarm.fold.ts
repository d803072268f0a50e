/** What is true of a swarm, folded from its facts. Every update is O(log tasks) plus the degree of the task that settled. */

import { List, Map as PersistentMap } from 'immutable';
import { emptyOrdinals, withOrdinal } from './ordinal-set.ts';
import type { Obligation, SwarmFact, SwarmJob, SwarmPlan, SwarmStage, Team } from './protocol/swarm.ts';
import {
  activeMsAt,
  BLANK_TASK,
  FRESH_SWARM,
  isActive,
  type ObligationRecord,
  rearmed,
  type SwarmState,
  type TaskRecord,
} from './swarm.state.ts';
import { evolveTask } from './swarm.tasks.fold.ts';

export function evolveSwarm(state: SwarmState, fact: SwarmFact): SwarmState {
  const at = fact.at;
  switch (fact.type) {
    case 'tier1/swarm/coordination_started':
      return started(fact.payload.job, at);
    case 'tier1/swarm/plan_refused':
      return { ...state, at, planAttempt: fact.payload.attempt + 1, issues: fact.payload.issues, hasHelper: isActive(state) };
    case 'tier1/swarm/decomposed':
      return { ...decomposed(state, fact.payload.plan), at, hasHelper: isActive(state), ...entered(state, 'organizing') };
    case 'tier1/swarm/organized':
      return rearmed({ ...organized(state, fact.payload.team, at), at, hasHelper: false, ...entered(state, 'coordinating') });
    case 'tier1/swarm/synthesizing':
      return rearmed({ ...state, at, hasHelper: true, ...entered(state, 'synthesizing') });
    case 'tier1/swarm/pausing':
      return { ...frozen(state, at), phase: 'pausing', pauseEpoch: fact.payload.epoch, parked: 0 };
    case 'tier1/swarm/paused':
      return { ...frozen(state, at), phase: 'paused' };
    case 'tier1/swarm/waiting':
      return { ...frozen(state, at), phase: 'waiting' };
    case 'tier1/swarm/resumed':
      return resumed(state, at);
    case 'tier1/swarm/cancelling':
      return { ...frozen(state, at), phase: 'cancelling', hasHelper: false, reason: fact.payload.reason };
    case 'tier1/swarm/failing':
      return { ...frozen(state, at), phase: 'failing', hasHelper: false, failure: fact.payload.error };
    case 'tier1/swarm/coordination_completed':
      return { ...state, at, phase: 'completed', hasHelper: false, result: fact.payload.result, usage: fact.payload.usage };
    case 'tier1/swarm/coordination_failed':
      return { ...state, at, phase: 'failed', failure: fact.payload.error, usage: fact.payload.usage };
    case 'tier1/swarm/coordination_cancelled':
      return { ...state, at, phase: 'cancelled', reason: fact.payload.reason, usage: fact.payload.usage };
    case 'tier1/obligation/unmet':
      return rearmed(withObligation({ ...state, at }, fact.payload.normId, { status: 'escalated' }));
    case 'tier1/obligation/decided':
      return decided({ ...state, at }, fact.payload.normId, fact.payload.decision);
    case 'tier1/norm/violated':
      return { ...state, at };
    case 'tier1/blackboard/written':
      return state;
    default:
      return evolveTask(state, fact);
  }
}

function started(job: SwarmJob, at: number): SwarmState {
  const deadlineAt = at + job.allocation.maxDurationMs;
  const times = { at, startedAt: at, activeSince: at, deadlineAt, dueAt: deadlineAt };
  return { ...FRESH_SWARM, ...times, phase: 'decomposing', job, hasHelper: true };
}

function decomposed(state: SwarmState, plan: SwarmPlan): SwarmState {
  const { tasks } = plan;
  const free = tasks.filter(({ dependsOn }) => dependsOn.length === 0);
  return {
    ...state,
    plan,
    records: List(tasks.map(({ dependsOn }) => ({ ...BLANK_TASK, blockedBy: dependsOn.length }))),
    ready: free.reduce((ready, { rank }) => withOrdinal(ready, rank), emptyOrdinals(tasks.length)),
    open: tasks.length,
    unstartedComplexity: tasks.reduce((sum, { complexity }) => sum + complexity, 0),
  };
}

function organized(state: SwarmState, team: Team, at: number): SwarmState {
  const active = activeMsAt(state, at);
  const record = (obligation: Obligation): [string, ObligationRecord] => [
    obligation.normId,
    { ...obligation, dueActiveMs: active + obligation.deadlineMs, status: 'open' },
  ];
  return { ...state, team, obligations: PersistentMap(team.obligations.map(record)) };
}

/** A stage that is reached while the swarm is being paused begins when it is resumed. */
const entered = (state: SwarmState, stage: SwarmStage): Pick<SwarmState, 'stage' | 'phase'> => ({
  stage,
  phase: isActive(state) ? stage : state.phase,
});

function resumed(state: SwarmState, at: number): SwarmState {
  const hasHelper = state.hasHelper || state.stage !== 'coordinating';
  const records = state.parked === 0 ? state.records : state.records.map(unparked);
  return rearmed({ ...state, at, phase: state.stage, records, parked: 0, hasHelper, activeSince: at, deadlineAt: at + state.remainingMs });
}

const unparked = (record: TaskRecord): TaskRecord => (record.status === 'paused' ? { ...record, status: 'running', pausedIn: 0 } : record);

/** Stops the swarm's own clock; the time that is left goes on with a resume. */
function frozen(state: SwarmState, at: number): SwarmState {
  if (!isActive(state)) return { ...state, at };
  return { ...state, at, remainingMs: Math.max(0, state.deadlineAt - at), activeMs: activeMsAt(state, at) };
}

function withObligation(state: SwarmState, normId: string, change: Partial<ObligationRecord>): SwarmState {
  const record = state.obligations.get(normId);
  return record ? { ...state, obligations: state.obligations.set(normId, { ...record, ...change }) } : state;
}

function decided(state: SwarmState, normId: string, decision: string): SwarmState {
  const record = state.obligations.get(normId);
  if (!record) return state;
  if (decision !== 'retry') return rearmed(withObligation(state, normId, { status: 'waived' }));
  return rearmed(withObligation(state, normId, { status: 'open', dueActiveMs: activeMsAt(state, state.at) + record.deadlineMs }));
}
