/** What is true of a swarm, folded from its facts. Every update is O(log tasks) plus the degree of the task that settled. */

import { List, Map as PersistentMap } from 'immutable';
import { emptyOrdinals, hasOrdinal, type OrdinalSet, withOrdinal } from './ordinal-set.ts';
import type { ExecutionError } from './protocol/execution.ts';
import type { Obligation, SwarmFact, SwarmJob, SwarmPlan, SwarmStage, SwarmTask, Team } from './protocol/swarm.ts';
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
import { evolveTask, unasked } from './swarm.tasks.fold.ts';

export function evolveSwarm(state: SwarmState, fact: SwarmFact): SwarmState {
  const at = fact.at;
  switch (fact.type) {
    case 'tier1/swarm/coordination_started':
      return started(fact.payload.job, at);
    case 'tier1/swarm/plan_refused':
      return { ...state, at, planAttempt: fact.payload.attempt + 1, issues: fact.payload.issues, hasHelper: isActive(state) };
    case 'tier1/swarm/decomposed':
      return {
        ...decomposed(state, fact.payload.plan),
        at,
        isReplanned: false,
        hasHelper: isActive(state),
        ...entered(state, 'organizing'),
      };
    case 'tier1/swarm/organized':
      return rearmed({ ...organized(state, fact.payload.team, at), at, hasHelper: false, ...entered(state, 'coordinating') });
    case 'tier1/swarm/replanning':
      return rearmed({ ...replanning(state, fact.payload), at, ...entered(state, 'replanning') });
    case 'tier1/swarm/plan_requested':
      return { ...state, at, hasHelper: true };
    case 'tier1/swarm/replanning_failed':
      return rearmed({ ...state, at, hasHelper: false, isReplanned: true, ready: readyIn(state), ...entered(state, 'coordinating') });
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

/** Of an earlier plan what is done stays done, by its id; anything else begins anew, under names that nothing had before. */
function decomposed(state: SwarmState, plan: SwarmPlan): SwarmState {
  const { tasks } = plan;
  const known = recordsById(state);
  const earlier = state.earlier.merge(
    [...known].map(([id, { leases, iteration, incarnation }]) => [id, { leases, iteration, incarnation }]),
  );
  const isDone = (task: SwarmTask | undefined): boolean => task !== undefined && known.get(task.id)?.status === 'completed';
  const records = List(
    tasks.map((task): TaskRecord => {
      const done = isDone(task) ? known.get(task.id) : undefined;
      if (done) return { ...done, blockedBy: 0 };
      const blockedBy = task.dependsOn.filter((ordinal) => !isDone(tasks[ordinal])).length;
      const before = earlier.get(task.id);
      return { ...BLANK_TASK, blockedBy, ...(before && { ...before, forgiven: before.iteration }) };
    }),
  );
  const open = tasks.filter((task) => !isDone(task));
  const next: SwarmState = {
    ...state,
    plan,
    records,
    earlier,
    unsolved: 0,
    escalated: 0,
    open: open.length,
    unstartedComplexity: open.reduce((sum, { complexity }) => sum + complexity, 0),
    obligations: state.obligations.map((record) => (record.status === 'escalated' ? { ...record, status: 'open' as const } : record)),
  };
  return { ...next, ready: readyIn(next) };
}

const recordsById = ({ plan, records }: SwarmState): ReadonlyMap<string, TaskRecord> =>
  new Map(
    (plan?.tasks ?? []).flatMap(({ id, ordinal }) => {
      const record = records.get(ordinal);
      return record ? [[id, record] as const] : [];
    }),
  );

/** All that can be given to an agent. */
function readyIn({ plan, records }: SwarmState): OrdinalSet {
  const tasks = plan?.tasks ?? [];
  return tasks.reduce((ready, { ordinal, rank }) => {
    const record = records.get(ordinal);
    return record?.status === 'pending' && record.blockedBy === 0 ? withOrdinal(ready, rank) : ready;
  }, emptyOrdinals(tasks.length));
}

/** Nothing begins any more, and people are not asked about what another plan may leave out. */
function replanning(
  state: SwarmState,
  { round, taskId, error }: { readonly round: number; readonly taskId: string; readonly error: ExecutionError },
): SwarmState {
  const records = state.records.map((record) => (record.status === 'escalated' ? unasked({ ...record, status: 'unsolved' }) : record));
  const begun = (state.plan?.tasks ?? []).filter(
    ({ rank, ordinal }) => hasOrdinal(state.ready, rank) && records.get(ordinal)?.childExecutionId !== undefined,
  );
  return {
    ...state,
    round,
    cause: { taskId, error },
    records,
    unsolved: state.unsolved + state.escalated,
    escalated: 0,
    ready: begun.reduce((ready, { rank }) => withOrdinal(ready, rank), emptyOrdinals(records.size)),
    planAttempt: 1,
    issues: [],
  };
}

/** An obligation that was known before keeps its time, and its end if it has one. */
function organized(state: SwarmState, team: Team, at: number): SwarmState {
  const active = activeMsAt(state, at);
  const isDone = (id: string): boolean => state.records.get(state.plan?.ordinals[id] ?? -1)?.status === 'completed';
  const record = (obligation: Obligation): [string, ObligationRecord] => {
    const known = state.obligations.get(obligation.normId);
    const isMet = state.round > 0 && obligation.tasks.every(isDone);
    const status = known?.status === 'waived' ? 'waived' : isMet ? 'met' : 'open';
    return [obligation.normId, { ...obligation, dueActiveMs: known?.dueActiveMs ?? active + obligation.deadlineMs, status }];
  };
  return { ...state, team, obligations: PersistentMap(team.obligations.map(record)) };
}

/** A stage that is reached while the swarm is being paused begins when it is resumed. */
const entered = (state: SwarmState, stage: SwarmStage): Pick<SwarmState, 'stage' | 'phase'> => ({
  stage,
  phase: isActive(state) ? stage : state.phase,
});

function resumed(state: SwarmState, at: number): SwarmState {
  // A planner that is to replan is asked when every run has ended.
  const hasHelper = state.hasHelper || (state.stage !== 'coordinating' && state.stage !== 'replanning');
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
