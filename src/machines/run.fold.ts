/** What is true of a run, folded from its facts. Every update is O(log steps) plus the degree of the step that settled. */

import { List, Map as PersistentMap } from 'immutable';
import { emptyOrdinals, withOrdinal } from './ordinal-set.ts';
import type { RunFact, RunJob } from './protocol/run.ts';
import { BLANK, FRESH_RUN, type RunState } from './run.state.ts';
import { evolveStep } from './run.steps.fold.ts';

export function evolveRun(state: RunState, fact: RunFact): RunState {
  const at = fact.at;
  switch (fact.type) {
    case 'tier2/routine/started':
      return started(fact.payload.job, at);
    case 'tier2/routine/variable_set':
      return { ...state, at, variables: state.variables.set(fact.payload.name, fact.payload.value), hasNewVariables: true };
    case 'tier2/routine/pausing':
      return pausing(state, fact.payload, at);
    case 'tier2/routine/paused':
      return { ...frozen(state, at), phase: 'paused' };
    case 'tier2/routine/waiting':
      return { ...frozen(state, at), phase: 'waiting' };
    case 'tier2/routine/resumed':
      return { ...state, at, phase: 'running', parked: 0, activeSince: at, dueAt: at + state.remainingMs };
    case 'tier2/routine/signalled': {
      const { name, payload } = fact.payload;
      const signals = state.signals.set(name, [...(state.signals.get(name) ?? []), payload]);
      return { ...state, at, signals, keptSignals: state.keptSignals + 1 };
    }
    case 'tier2/routine/compensating':
      return { ...state, at, phase: 'compensating', ending: fact.payload.ending };
    case 'tier2/routine/cancelling':
      return { ...frozen(state, at), phase: 'cancelling', reason: fact.payload.reason };
    case 'tier2/routine/failing':
      return { ...frozen(state, at), phase: 'failing', failure: fact.payload.error };
    case 'tier2/routine/completed':
      return { ...state, at, phase: 'completed', result: fact.payload.result, usage: fact.payload.usage };
    case 'tier2/routine/failed':
      return { ...state, at, phase: 'failed', failure: fact.payload.error, usage: fact.payload.usage };
    case 'tier2/routine/cancelled':
      return { ...state, at, phase: 'cancelled', reason: fact.payload.reason, usage: fact.payload.usage };
    default:
      return evolveStep(state, fact);
  }
}

function started(job: RunJob, at: number): RunState {
  const { steps } = job.plan;
  const records = List(steps.map((step) => ({ ...BLANK, blockedBy: step.dependsOn.length, openChildren: step.children.length })));
  let ready = emptyOrdinals(steps.length);
  let open = 0;
  for (const step of steps) {
    if (step.parent !== undefined) continue;
    open++;
    if (step.dependsOn.length === 0) ready = withOrdinal(ready, step.rank);
  }
  const times = { at, startedAt: at, activeSince: at, dueAt: at + job.allocation.maxDurationMs };
  const variables = PersistentMap(Object.entries(job.input));
  return { ...FRESH_RUN, ...times, phase: 'running', job, variables, records, ready, open, unstarted: steps.length };
}

/** In a pause that is on, only who asked for it is news. */
function pausing(state: RunState, { epoch, asked }: { readonly epoch: number; readonly asked: number }, at: number): RunState {
  if (state.phase === 'pausing') return { ...state, at, askedEpoch: asked };
  return { ...frozen(state, at), phase: 'pausing', pauseEpoch: epoch, askedEpoch: asked, parked: 0 };
}

/** Stops the run's own clock; the time that is left goes on with a resume. */
function frozen(state: RunState, at: number): RunState {
  if (state.phase !== 'running') return { ...state, at };
  return { ...state, at, remainingMs: Math.max(0, state.dueAt - at), activeMs: state.activeMs + at - state.activeSince };
}
