/** What is true of a run's steps: their records, who is released when one settles, and whose turn it is in a group. */

import { minus, NONE, plus } from './ledger.ts';
import { emptyOrdinals, hasOrdinal, leastOrdinal, withOrdinal, withoutOrdinal } from './ordinal-set.ts';
import { NO_USAGE, type ResourceUsage } from './protocol/execution.ts';
import type { PlanStep } from './protocol/plan.ts';
import type { ReusedStep, RunFact } from './protocol/run.ts';
import type { Answer } from './protocol/wait.ts';
import type { RunState, StepRecord } from './run.state.ts';
import { withChildUsage } from './usage.ts';

type StepRunFact = Extract<RunFact, { type: `tier2/step/${string}` }>;
type Decided = Extract<StepRunFact, { type: 'tier2/step/decided' }>['payload'];

export function evolveStep(state: RunState, fact: StepRunFact): RunState {
  const { ordinal } = fact.payload;
  const step = state.job?.plan.steps[ordinal];
  const record = state.records.get(ordinal);
  if (!step || !record) return state;
  const at = fact.at;
  switch (fact.type) {
    case 'tier2/step/started':
      return stepStarted(state, step, record, fact);
    case 'tier2/step/reused':
      return reused(state, step, record, fact.payload, at);
    case 'tier2/step/restarted':
      return { ...withRecord(state, ordinal, { ...record, crashes: record.crashes + 1 }), at };
    case 'tier2/step/paused':
      return {
        ...withRecord(state, ordinal, { ...record, status: 'paused', pausedIn: fact.payload.epoch }),
        at,
        parked: state.parked + (fact.payload.epoch === state.pauseEpoch && record.pausedIn !== state.pauseEpoch ? 1 : 0),
      };
    case 'tier2/step/waiting':
      return record.childExecutionId === undefined || record.isWaiting
        ? state
        : { ...withRecord(state, ordinal, { ...record, isWaiting: true }), at, idle: state.idle + 1 };
    case 'tier2/step/continued':
      return record.isWaiting ? { ...withRecord(state, ordinal, { ...record, isWaiting: false }), at, idle: state.idle - 1 } : state;
    case 'tier2/step/signal_taken': {
      const { name, payload } = fact.payload;
      const told = withRecord({ ...unlistened(state, step, record), at }, ordinal, {
        ...record,
        answer: { kind: 'value', value: payload },
      });
      return withoutSignal(told, name);
    }
    case 'tier2/step/admitted': {
      const { usage } = fact.payload;
      const next: StepRecord = { ...executorGone(record), isAdmitted: true, usage: withChildUsage(record.usage, usage) };
      return queuedAgain(withUsage({ ...withRecord(state, ordinal, next), ...freed(state, step, record), at }, usage), step);
    }
    case 'tier2/step/iterated': {
      const { iteration, result, usage } = fact.payload;
      const loop = { iterations: iteration, previous: result };
      const next: StepRecord = { ...executorGone(record), loop, usage: withChildUsage(record.usage, usage) };
      return queuedAgain(withUsage({ ...withRecord(state, ordinal, next), ...freed(state, step, record), at }, usage), step);
    }
    case 'tier2/step/compensated':
    case 'tier2/step/compensation_failed':
      return undone(state, record, fact);
    case 'tier2/step/branched': {
      const { branch, attempts, usage } = fact.payload;
      const chosen: StepRecord = {
        ...executorGone(record),
        status: 'running',
        ...(branch !== undefined && { branch }),
        attempts,
        usage: withChildUsage(record.usage, usage),
      };
      return admitChildren(withUsage({ ...withRecord(state, ordinal, chosen), ...freed(state, step, record), at }, usage), step, branch);
    }
    case 'tier2/step/fell_back': {
      const { error, attempts, usage, fallback, action, recovery } = fact.payload;
      const again = action === 'use-tool';
      const next: StepRecord = {
        ...executorGone(record),
        error,
        attempts: record.attempts + attempts,
        fallback,
        ...(recovery && { recovery }),
        usage: withChildUsage(record.usage, usage),
      };
      const failed = {
        ...withRecord(state, ordinal, next),
        ...(record.childExecutionId === undefined ? {} : freed(state, step, record)),
        at,
      };
      return withUsage(again ? queuedAgain(failed, step) : failed, usage);
    }
    case 'tier2/step/escalated': {
      const { error, role, quorum, expiresAt } = fact.payload;
      const asked = {
        ...(role !== undefined && { role }),
        ...(quorum !== undefined && { quorum }),
        ...(expiresAt !== undefined && { expiresAt }),
      };
      return {
        ...withRecord(state, ordinal, { ...record, status: 'waiting', error, asked }),
        at,
        ready: withoutOrdinal(state.ready, step.rank),
        escalated: state.escalated + 1,
      };
    }
    case 'tier2/step/voted': {
      const { stepId: _, ordinal: __, ...vote } = fact.payload;
      return { ...withRecord(state, ordinal, { ...record, votes: [...(record.votes ?? []), vote] }), at };
    }
    case 'tier2/step/decided': {
      if (record.childExecutionId !== undefined) return answered(state, record, fact.payload, at);
      const decided = unasked(state, ordinal, record, at);
      return fact.payload.decision === 'retry' ? queuedAgain(decided, step) : decided;
    }
    case 'tier2/step/expired':
      return unasked(state, ordinal, record, at);
    case 'tier2/step/completed': {
      const { output, attempts, usage } = fact.payload;
      const completed: StepRecord = { ...record, status: 'completed', output, attempts: record.attempts + attempts };
      const done = settled(state, step, completed, usage, at);
      return step.compensation ? { ...done, undo: done.undo.push(ordinal) } : done;
    }
    case 'tier2/step/failed': {
      const { error, attempts, usage, fatal } = fact.payload;
      const status = error.code === 'STEP_TIMEOUT' ? 'timed_out' : 'failed';
      const done = settled(state, step, { ...record, status, error, fatal, attempts: record.attempts + attempts }, usage, at);
      return fatal && step.parent === undefined && done.failure === undefined ? { ...done, failure: error } : done;
    }
    case 'tier2/step/skipped':
      return settled(state, step, { ...record, status: 'skipped' }, fact.payload.usage, at);
    case 'tier2/step/cancelled':
      return settled(state, step, { ...record, status: 'cancelled' }, fact.payload.usage, at);
    default:
      return state;
  }
}

function stepStarted(
  state: RunState,
  step: PlanStep,
  record: StepRecord,
  fact: Extract<RunFact, { type: 'tier2/step/started' }>,
): RunState {
  const { childExecutionId, iteration, reserved, fallback, waitsFor } = fact.payload;
  const running: StepRecord = {
    ...record,
    status: 'running',
    iteration,
    reserved,
    startedAt: record.iteration === 0 ? fact.at : record.startedAt,
    ...(childExecutionId !== undefined && { childExecutionId }),
    ...(state.hasNewVariables && { variables: state.variables }),
    ...(fallback !== undefined && { fallback }),
    ...(waitsFor && { waitsFor }),
  };
  const next: RunState = {
    ...withRecord(waitsFor?.type === 'signal' ? listened(state, step, waitsFor.name) : state, step.ordinal, running),
    at: fact.at,
    ready: withoutOrdinal(state.ready, step.rank),
    unstarted: state.unstarted - (record.iteration === 0 ? 1 : 0),
    live: state.live + (childExecutionId === undefined ? 0 : 1),
    reserved: plus(state.reserved, reserved),
  };
  return childExecutionId === undefined ? admitChildren(next, step, record.branch) : next;
}

/** What is undone when this run fails is what this run did: a step that another run completed is not. */
function reused(state: RunState, step: PlanStep, record: StepRecord, from: ReusedStep, at: number): RunState {
  const { status, output, error, fatal, branch } = from;
  const known: StepRecord = { ...record, ...(branch && { branch }) };
  if (status === 'entered') return { ...withRecord(state, step.ordinal, { ...known, isAdmitted: true }), at };
  const taken: StepRecord = { ...known, status, output, reused: from.from, ...(error && { error }), ...(fatal && { fatal }) };
  return settled(state, step, taken, NO_USAGE, at);
}

/** The children of a group that starts: those without open dependencies may run, as far as the group's cap allows. */
function admitChildren(state: RunState, group: PlanStep, branch: 'then' | 'else' | undefined): RunState {
  const { steps } = planOf(state);
  let next = state;
  for (const ordinal of group.children) {
    const child = steps[ordinal];
    const record = next.records.get(ordinal);
    if (child && child.branch === branch && record?.blockedBy === 0 && record.settledAt === 0) next = unblocked(next, child);
  }
  return next;
}

/** A step whose last dependency settled: ready, or queued behind its group's cap, or not yet entered. */
function unblocked(state: RunState, step: PlanStep): RunState {
  if (step.parent === undefined) return { ...state, ready: withOrdinal(state.ready, step.rank) };
  const group = planOf(state).steps[step.parent];
  const record = state.records.get(step.parent);
  if (!group || record?.status !== 'running' || (group.type === 'conditional' && record.branch !== step.branch)) return state;
  if (group.maxConcurrency !== undefined && record.activeChildren >= group.maxConcurrency) {
    const queue = withOrdinal(record.queue ?? emptyOrdinals(planOf(state).steps.length), step.rank);
    return withRecord(state, step.parent, { ...record, queue });
  }
  const next = withRecord(state, step.parent, { ...record, activeChildren: record.activeChildren + 1 });
  return { ...next, ready: withOrdinal(next.ready, step.rank) };
}

function settled(state: RunState, step: PlanStep, record: StepRecord, usage: ResourceUsage, at: number): RunState {
  const wasLive = record.childExecutionId !== undefined;
  const wasAsked = state.records.get(step.ordinal)?.status !== 'pending';
  const wasActive = wasAsked || record.iteration > 0 || hasOrdinal(state.ready, step.rank);
  const done: StepRecord = { ...executorGone(record), status: record.status, settledAt: at, usage: withChildUsage(record.usage, usage) };
  const base = withUsage({ ...withRecord(state, step.ordinal, done), ...(wasLive ? freed(state, step, record) : {}), at }, usage);
  const counted: RunState = {
    ...base,
    unstarted: base.unstarted - (record.iteration === 0 ? 1 : 0),
    ready: withoutOrdinal(base.ready, step.rank),
    open: base.open - (step.parent === undefined ? 1 : 0),
    escalated: base.escalated - (state.records.get(step.ordinal)?.status === 'waiting' ? 1 : 0),
  };
  return released(step.parent === undefined ? counted : leftGroup(counted, step, step.parent, wasActive), step);
}

/** One child of a group fewer; its place goes to the first in the group's queue, and a failure dooms the group. */
function leftGroup(state: RunState, step: PlanStep, parent: number, wasActive: boolean): RunState {
  const record = state.records.get(parent);
  if (!record) return state;
  const child = state.records.get(step.ordinal);
  const queue = record.queue && withoutOrdinal(record.queue, step.rank);
  const next = wasActive && queue ? leastOrdinal(queue) : undefined;
  const group: StepRecord = {
    ...record,
    openChildren: record.openChildren - 1,
    activeChildren: record.activeChildren - (wasActive && next === undefined ? 1 : 0),
    ...(queue && { queue: next === undefined ? queue : withoutOrdinal(queue, next) }),
    ...(child?.fatal && record.error === undefined && child.error && { error: child.error }),
  };
  const left = withRecord(state, parent, group);
  return next === undefined ? left : { ...left, ready: withOrdinal(left.ready, next) };
}

/** Tells the dependents that this step settled. */
function released(state: RunState, step: PlanStep): RunState {
  const { steps } = planOf(state);
  let next = state;
  for (const ordinal of step.dependents) {
    const dependent = steps[ordinal];
    const record = next.records.get(ordinal);
    if (!dependent || !record) continue;
    const blockedBy = record.blockedBy - 1;
    next = withRecord(next, ordinal, { ...record, blockedBy });
    if (blockedBy === 0 && record.status === 'pending') next = unblocked(next, dependent);
  }
  return next;
}

/** Nobody is asked about it any more. */
function unasked(state: RunState, ordinal: number, record: StepRecord, at: number): RunState {
  const { asked: _settled, votes: _counted, ...rest } = record;
  return withRecord({ ...state, at, escalated: state.escalated - 1 }, ordinal, { ...rest, status: 'running' });
}

/** A step that runs once more: it keeps its place in its group. */
function queuedAgain(state: RunState, step: PlanStep): RunState {
  const record = state.records.get(step.ordinal);
  const ready = withOrdinal(state.ready, step.rank);
  return record ? { ...withRecord(state, step.ordinal, { ...record, status: 'pending' }), ready } : state;
}

const planOf = (state: RunState) => state.job?.plan ?? { steps: [] as readonly PlanStep[] };

const withRecord = (state: RunState, ordinal: number, record: StepRecord): RunState => ({
  ...state,
  records: state.records.set(ordinal, record),
});

const withUsage = (state: RunState, usage: ResourceUsage): RunState =>
  usage === NO_USAGE ? state : { ...state, usage: withChildUsage(state.usage, usage) };

/** The record once its executor is gone: no reservation, no child, nothing kept for a restart. */
function executorGone(record: StepRecord): StepRecord {
  const {
    childExecutionId: _gone,
    variables: _unused,
    waitsFor: _over,
    answer: _given,
    asked: _settled,
    votes: _counted,
    ...rest
  } = record;
  return { ...rest, reserved: NONE, pausedIn: 0, isWaiting: false };
}

const freed = (state: RunState, step: PlanStep, record: StepRecord) => ({
  live: state.live - 1,
  idle: state.idle - (record.isWaiting ? 1 : 0),
  parked: state.parked - (record.pausedIn === state.pauseEpoch && record.pausedIn > 0 ? 1 : 0),
  reserved: minus(state.reserved, record.reserved),
  listeners: unlistened(state, step, record).listeners,
});

function listened(state: RunState, step: PlanStep, name: string): RunState {
  const ranks = state.listeners.get(name) ?? emptyOrdinals(planOf(state).steps.length);
  return { ...state, listeners: state.listeners.set(name, withOrdinal(ranks, step.rank)) };
}

function unlistened(state: RunState, step: PlanStep, { waitsFor }: StepRecord): RunState {
  const ranks = waitsFor?.type === 'signal' ? state.listeners.get(waitsFor.name) : undefined;
  if (waitsFor?.type !== 'signal' || !ranks) return state;
  const left = withoutOrdinal(ranks, step.rank);
  const { name } = waitsFor;
  return { ...state, listeners: left.size === 0 ? state.listeners.delete(name) : state.listeners.set(name, left) };
}

function withoutSignal(state: RunState, name: string): RunState {
  const left = state.signals.get(name)?.slice(1) ?? [];
  const signals = left.length === 0 ? state.signals.delete(name) : state.signals.set(name, left);
  return { ...state, signals, keptSignals: state.keptSignals - 1 };
}

/** A person's decision on an approval is handed to the step that waits for it. */
function answered(state: RunState, record: StepRecord, { ordinal, decision, value, by }: Decided, at: number): RunState {
  const answer: Answer =
    decision === 'approve' ? { kind: 'value', value: value ?? true } : { kind: 'rejected', ...(by !== undefined && { by }) };
  return { ...withRecord(state, ordinal, { ...record, answer }), at };
}

/** Failed compensations that the run's error names; the facts have all of them. */
const NAMED_FAILURES = 10;

function undone(
  state: RunState,
  record: StepRecord,
  fact: Extract<StepRunFact, { type: 'tier2/step/compensated' | 'tier2/step/compensation_failed' }>,
): RunState {
  const { stepId, ordinal, usage } = fact.payload;
  const hasFailed = fact.type === 'tier2/step/compensation_failed';
  const next: StepRecord = {
    ...record,
    undone: hasFailed ? 'failed' : 'compensated',
    usage: withChildUsage(record.usage, { ...usage, stepsExecuted: 0 }),
  };
  // What undoes a step is no step of the run: it must be done also when there are none left.
  const done = { ...withUsage(withRecord(state, ordinal, next), { ...usage, stepsExecuted: 0 }), at: fact.at, undo: state.undo.pop() };
  if (!hasFailed) return done;
  const { code, message } = fact.payload.error;
  const undoFailures = [...done.undoFailures, { stepId, code, message }].slice(0, NAMED_FAILURES);
  return { ...done, undoFailures, undoFailed: done.undoFailed + 1 };
}
