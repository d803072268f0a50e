/** From a run's facts back to results by task. */

import { wrapTierError } from '../../actors/failure.ts';
import { executionError } from '../../machines/protocol/errors.ts';
import { type ExecutionError, type ExecutionResult, type Json, type JsonObject, NO_USAGE } from '../../machines/protocol/execution.ts';
import type { RunFact } from '../../machines/protocol/run.ts';
import { evolveRun } from '../../machines/run.fold.ts';
import { FRESH_RUN, type RunState, type StepRecord } from '../../machines/run.state.ts';
import type { ExecutionHandle } from '../execution/handle.ts';
import type { BatchResult, PipelineResult, TaskResult } from './task.ts';

/** A run that has settled, as its facts tell it. */
export interface SettledRun {
  readonly state: RunState;
  readonly result: ExecutionResult;
  /** What is said of a task whose end no fact tells. */
  readonly unsettled: ExecutionError;
}

/** Follows a run to its end. Reads while it lives, since a journal may forget what has settled. Never rejects. */
export async function follow(run: ExecutionHandle): Promise<SettledRun> {
  let state = FRESH_RUN;
  let unreadable: ExecutionError | undefined;
  try {
    for await (const fact of run.facts()) {
      if (fact.executionId === run.executionId) state = evolveRun(state, fact as RunFact);
    }
  } catch (thrown) {
    unreadable = wrapTierError(thrown, 'tier2');
  }
  const result = await run.result();
  const unknown = () =>
    executionError('JOURNAL_FAILED', `The journal does not tell how the tasks of run "${run.executionId}" ended`, 'tier2');
  return { state, result, unsettled: result.error ?? unreadable ?? unknown() };
}

/** One result for each task, in the order of their ids. */
export function allResults(run: SettledRun, ids: readonly string[]): readonly TaskResult[] {
  return ids.map((id) => taskResult(run, id, recordOf(run, id)));
}

/** Results of the tasks that were reached. A list that was refused as a whole has a failed result for each task. */
export function reachedResults(run: SettledRun, ids: readonly string[]): readonly TaskResult[] {
  if (run.state.records.size === 0) return allResults(run, ids);
  return ids.flatMap((id) => {
    const record = recordOf(run, id);
    return record && record.status !== 'pending' ? [taskResult(run, id, record)] : [];
  });
}

export function batchResult(run: SettledRun, ids: readonly string[]): BatchResult {
  const results = allResults(run, ids);
  const count = (wanted: TaskResult['status']) => results.filter(({ status }) => status === wanted).length;
  const counts = { completed: count('completed'), failed: count('failed'), cancelled: count('cancelled') };
  return { results, summary: { total: results.length, ...counts, usage: run.result.resourcesUsed } };
}

export function pipelineResult(run: SettledRun, stages: readonly string[], given: JsonObject): PipelineResult {
  let data = given;
  for (const stage of stages) {
    const { status, output = null, error } = taskResult(run, stage, recordOf(run, stage));
    if (status !== 'completed') return { status, stage, data, ...(error && { error }) };
    if (!isMergeable(output)) return { status: 'failed', stage, data, error: notMergeable(stage) };
    data = { ...data, ...output };
  }
  return { status: 'completed', data };
}

const isMergeable = (output: Json): output is JsonObject | null => typeof output === 'object' && !Array.isArray(output);

const notMergeable = (stage: string): ExecutionError =>
  executionError('INVALID_OUTPUT', `Stage "${stage}" returned something other than an object: it cannot be merged into the data`, 'tier2');

function recordOf({ state }: SettledRun, id: string): StepRecord | undefined {
  const ordinals = state.job?.plan.ordinals ?? {};
  return Object.hasOwn(ordinals, id) ? state.records.get(ordinals[id] ?? -1) : undefined;
}

function taskResult({ result, unsettled }: SettledRun, id: string, record: StepRecord | undefined): TaskResult {
  const common = { id, attempts: record?.attempts ?? 0, usage: record?.usage ?? NO_USAGE };
  switch (record?.status) {
    case 'completed':
      return { ...common, status: 'completed', output: record.output };
    case 'failed':
    case 'timed_out':
      return { ...common, status: 'failed', error: record.error ?? unsettled };
    default:
      return {
        ...common,
        status: result.status === 'cancelled' || record?.status === 'cancelled' ? 'cancelled' : 'failed',
        error: unsettled,
      };
  }
}
