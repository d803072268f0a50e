/** The run whose results are to be used again, as far as its facts tell. */

import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { JsonObject } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { PlanStep } from '../../machines/protocol/plan.ts';
import type { RunFact, RunJob, SkipReason } from '../../machines/protocol/run.ts';
import type { RunState, StepRecord } from '../../machines/run.state.ts';
import { restorationOf } from '../journal/restoration.ts';
import { checkStream } from '../journal/stream-check.ts';

export interface Source {
  readonly executionId: string;
  readonly job: RunJob;
  readonly state: RunState;
  /** Number of the fact that settled each step, by ordinal. */
  readonly settledBy: ReadonlyMap<number, number>;
  readonly skippedFor: ReadonlyMap<number, SkipReason>;
  /** Number of the fact that let each group in that has conditions. */
  readonly enteredBy: ReadonlyMap<number, number>;
  /** What clients had set when a step began, by its id. */
  setBefore(stepId: string): JsonObject;
}

const SETTLING = /^tier2\/step\/(completed|failed|skipped|cancelled|reused)$/;

/** Throws INVALID_INPUT for what is no stream, and for one whose root is no run. */
export function sourceOf(facts: readonly Fact[]): Source {
  checkStream(facts);
  const { tier, context, job, states } = restorationOf(facts);
  const { executionId } = context;
  if (tier !== 'tier2') throw noRun(executionId, tier);
  const own = facts.filter((fact) => fact.executionId === executionId && fact.tier === 'tier2') as readonly (Fact & RunFact)[];
  const settledBy = new Map<number, number>();
  const skippedFor = new Map<number, SkipReason>();
  const enteredBy = new Map<number, number>();
  for (const { type, seq, payload } of own) {
    if (type === 'tier2/step/branched' || (type === 'tier2/step/reused' && payload.status === 'entered'))
      enteredBy.set(payload.ordinal, seq);
    else if (SETTLING.test(type)) settledBy.set((payload as { readonly ordinal: number }).ordinal, seq);
    if ((type === 'tier2/step/skipped' || type === 'tier2/step/reused') && payload.reason) skippedFor.set(payload.ordinal, payload.reason);
  }
  return {
    executionId,
    job: job as RunJob,
    state: states.get(executionId) as RunState,
    settledBy,
    skippedFor,
    enteredBy,
    setBefore: (stepId) => variablesSet(own, stepId),
  };
}

function noRun(executionId: string, tier: 'tier1' | 'tier3'): SwarmchartError {
  const what = tier === 'tier1' ? 'a swarm, whose tasks are not rerun one by one' : 'a single step: execute it again';
  return new SwarmchartError('INVALID_INPUT', `Only a run can be rerun; "${executionId}" is ${what}`);
}

function variablesSet(facts: readonly RunFact[], stepId: string): JsonObject {
  const set: Record<string, JsonObject[string]> = {};
  for (const { type, payload } of facts) {
    if (type === 'tier2/step/started' && payload.stepId === stepId) break;
    if (type === 'tier2/routine/variable_set') set[payload.name] = payload.value;
  }
  return set;
}

const recordIn = ({ state }: Source, ordinal: number): StepRecord => {
  const record = state.records.get(ordinal);
  if (!record) throw new RangeError(`There is no step with ordinal ${ordinal}`);
  return record;
};

/** Reasons that lie with the step itself; one that was skipped because of another's failure has not had its turn. */
const OWN_REASONS: ReadonlySet<SkipReason | undefined> = new Set(['condition', 'branch-not-taken', 'fallback']);

/** The step came to an end with which its run could go on: it completed, was skipped, or failed where that fails nothing else. */
export function hasOutcome(source: Source, { ordinal }: PlanStep): boolean {
  const { status, settledAt, fatal } = recordIn(source, ordinal);
  if (settledAt === 0) return false;
  if (status === 'skipped') return OWN_REASONS.has(source.skippedFor.get(ordinal));
  return status === 'completed' || ((status === 'failed' || status === 'timed_out') && !fatal);
}

/** Its compensation was started, or will be: a run that is on its way out undoes all that is left. */
export function isUndone({ state }: Source, { ordinal }: PlanStep): boolean {
  const { phase, failure } = state;
  const isLeaving = failure !== undefined || phase === 'cancelling' || phase === 'failing' || phase === 'compensating';
  return state.records.get(ordinal)?.undone !== undefined || (isLeaving && state.undo.includes(ordinal));
}

/** Steps of the group can run although the group is not asked again whether they may. */
export function canBeEntered({ enteredBy }: Source, step: PlanStep): boolean {
  return step.children.length > 0 && (isUnconditional(step) || enteredBy.has(step.ordinal));
}

export const isUnconditional = ({ type, when }: PlanStep): boolean => type === 'parallel' && when.length === 0;
