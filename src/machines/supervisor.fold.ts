/** What is true of a supervisor and its children, folded from its facts. Each fact costs the same, however many children there are. */

import type { SupervisedSpec, SupervisorFact } from './protocol/supervisor.ts';
import {
  childAt,
  childNamed,
  isLive,
  type SupervisedRecord,
  type SupervisorPhase,
  type SupervisorState,
  UNBORN_SUPERVISOR,
} from './supervisor.state.ts';

export function evolveSupervisor(state: SupervisorState, fact: SupervisorFact): SupervisorState {
  const next = apply(state, fact);
  return next === state ? state : { ...next, at: fact.at };
}

function apply(state: SupervisorState, fact: SupervisorFact): SupervisorState {
  switch (fact.type) {
    case 'supervisor/starting': {
      const { spec } = fact.payload;
      return { ...spec.children.reduce(added, UNBORN_SUPERVISOR), phase: 'starting', spec };
    }
    case 'supervisor/supervising':
      return { ...state, phase: 'supervising.idle', current: undefined, cursor: undefined, culprit: undefined };
    case 'supervisor/child_added':
      return added(state, fact.payload.spec);
    case 'supervisor/child_starting':
      return on(state, fact.payload.id, (record) => ({
        ...changed(state, { ...record, status: 'starting', incarnation: fact.payload.incarnation }),
        phase: phaseOfStart(state.phase),
        current: record.ordinal,
      }));
    case 'supervisor/child_started':
      return on(state, fact.payload.id, (record) => ({
        ...changed(state, { ...record, spec: rememberedSpec(record.spec), status: 'running' }),
        current: undefined,
      }));
    case 'supervisor/child_ignored':
      return on(state, fact.payload.id, (record) => ({ ...gone(state, record, isDynamic(state)), current: undefined }));
    case 'supervisor/child_start_failed':
    case 'supervisor/child_ended':
      return on(state, fact.payload.id, (record) => ({
        ...gone(state, record, isDynamicStop(state)),
        current: state.current === record.ordinal ? undefined : state.current,
      }));
    case 'supervisor/child_stopping':
      return on(state, fact.payload.id, (record) => ({
        ...changed(state, { ...record, status: 'stopping' }),
        phase: phaseOfStop(state.phase),
        current: record.ordinal,
        cursor: record.before,
      }));
    case 'supervisor/child_deleted':
      return on(state, fact.payload.id, (record) => removed(state, record));
    case 'supervisor/restart_counted': {
      const { id, restarts } = fact.payload;
      const counted = { ...state, restarts: state.restarts.push(fact.at).takeLast(restarts) };
      return on(state, id, (record) => changed(counted, { ...record, status: 'restarting' }));
    }
    case 'supervisor/restart_put_off':
      return on(state, fact.payload.id, (record) => changed(state, { ...record, status: 'restarting' }));
    case 'supervisor/restarting':
      return on(state, fact.payload.id, (record) => ({
        ...changed(state, { ...record, status: 'absent' }),
        phase: 'restarting.stopping',
        culprit: record.ordinal,
        cursor: state.last,
      }));
    case 'supervisor/stopping': {
      const { dueAt: _, ...outcome } = fact.payload;
      return { ...state, phase: 'stopping', outcome, cursor: state.last, culprit: undefined };
    }
    case 'supervisor/stopped':
      return { ...state, phase: 'stopped' };
    case 'supervisor/escalated':
      return { ...state, phase: 'escalated' };
    case 'supervisor/child_killed':
    case 'supervisor/children_killed':
      return { ...state };
    default:
      return state;
  }
}

const on = (state: SupervisorState, id: string, change: (record: SupervisedRecord) => SupervisorState): SupervisorState => {
  const record = childNamed(state, id);
  return record ? change(record) : state;
};

const isDynamic = (state: SupervisorState): boolean => state.spec?.template !== undefined;
const isDynamicStop = (state: SupervisorState): boolean => isDynamic(state) && state.phase === 'stopping';

const phaseOfStart = (phase: SupervisorPhase): SupervisorPhase => {
  if (phase === 'supervising.idle') return 'supervising.adding';
  return phase === 'restarting.stopping' ? 'restarting.starting' : phase;
};
const phaseOfStop = (phase: SupervisorPhase): SupervisorPhase => (phase === 'supervising.idle' ? 'supervising.removing' : phase);

/** A child that is never started again needs its input no longer. */
const rememberedSpec = (spec: SupervisedSpec): SupervisedSpec => (spec.restart === 'temporary' ? { ...spec, input: null } : spec);

const countsOf = (record: SupervisedRecord | undefined) => ({
  live: record && isLive(record) ? 1 : 0,
  supervisors: record?.spec.type === 'supervisor' ? 1 : 0,
  significant: record?.spec.significant && record.status !== 'absent' ? 1 : 0,
});

/** Puts a record in its place, and keeps the sums. */
function changed(state: SupervisorState, record: SupervisedRecord): SupervisorState {
  return { ...summed(state, childAt(state, record.ordinal), record), children: state.children.set(record.ordinal, record) };
}

function summed(state: SupervisorState, from: SupervisedRecord | undefined, to: SupervisedRecord | undefined): SupervisorState {
  const less = countsOf(from);
  const more = countsOf(to);
  return {
    ...state,
    live: state.live - less.live + more.live,
    supervisors: state.supervisors - less.supervisors + more.supervisors,
    significant: state.significant - less.significant + more.significant,
  };
}

function added(state: SupervisorState, spec: SupervisedSpec): SupervisorState {
  const ordinal = state.nextOrdinal;
  const record: SupervisedRecord = { spec, ordinal, before: state.last, after: undefined, status: 'absent', incarnation: 0 };
  const previous = childAt(state, state.last);
  const linked = previous ? changed(state, { ...previous, after: ordinal }) : state;
  return {
    ...changed(linked, record),
    nextOrdinal: ordinal + 1,
    ordinals: state.ordinals.set(spec.id, ordinal),
    first: state.first ?? ordinal,
    last: ordinal,
  };
}

/** It lives no more. A temporary one is forgotten, and so is every one that a dynamic supervisor has no more use for. */
function gone(state: SupervisorState, record: SupervisedRecord, forgets: boolean): SupervisorState {
  if (forgets || record.spec.restart === 'temporary') return removed(state, record);
  return changed(state, { ...record, status: 'absent' });
}

function removed(state: SupervisorState, record: SupervisedRecord): SupervisorState {
  const before = childAt(state, record.before);
  const after = childAt(state, record.after);
  let children = state.children.delete(record.ordinal);
  if (before) children = children.set(before.ordinal, { ...before, after: record.after });
  if (after) children = children.set(after.ordinal, { ...after, before: record.before });
  return {
    ...summed(state, record, undefined),
    children,
    ordinals: state.ordinals.delete(record.spec.id),
    first: before ? state.first : record.after,
    last: after ? state.last : record.before,
    cursor: state.cursor === record.ordinal ? record.before : state.cursor,
  };
}
