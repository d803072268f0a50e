/** How far an execution is: a view over its facts, with the states that everybody folds. Source: L3 Execution Layer, "Monitoring and Feedback". */

import type { ExecutorState } from '../../machines/executor.fold.ts';
import type { ExecutionStatus, StepStatus } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { RunState } from '../../machines/run.state.ts';
import type { SwarmState } from '../../machines/swarm.state.ts';
import { type ExecutionState, evolveExecution } from '../journal/restoration.ts';
import { statusOf } from './directory.ts';
import { statusIn } from './snapshot.ts';
import { taskStatus } from './swarm-snapshot.ts';

export interface Progress {
  readonly executionId: string;
  readonly status: ExecutionStatus;
  /** Whole percents of its steps (a swarm: tasks) that are done with; 100 when it has completed, and only then. It falls when there is another plan. */
  readonly percent: number;
  /** Also those that failed or were skipped; not the steps of its steps' own runs. */
  readonly completedSteps: number;
  /** A swarm has none before it has a plan. */
  readonly totalSteps: number;
  /** When it came to be so. */
  readonly at: number;
  /** The step (a swarm: task) whose status has changed. */
  readonly step?: { readonly id: string; readonly status: StepStatus };
}

interface Row {
  readonly id: string;
  readonly status: StepStatus;
  readonly isSettled: boolean;
}

/** Ends with the facts. */
export async function* progressOf(executionId: string, facts: AsyncIterable<Fact>): AsyncGenerator<Progress, void, undefined> {
  let state: ExecutionState | undefined;
  let rows = new Map<string, Row>();
  let settled = 0;
  let status: ExecutionStatus | undefined;
  for await (const fact of facts) {
    if (fact.executionId !== executionId || !fact.type.startsWith(fact.tier)) continue;
    state = evolveExecution(state, fact);
    if (fact.type === 'tier1/swarm/decomposed') {
      rows = rowsOf(state as SwarmState);
      settled = [...rows.values()].filter(({ isSettled }) => isSettled).length;
    }
    const row = rowIn(state, fact);
    const before = row && rows.get(row.id);
    const hasChanged = row !== undefined && row.status !== (before?.status ?? 'pending');
    if (row) rows.set(row.id, row);
    settled += Number(row?.isSettled ?? false) - Number(before?.isSettled ?? false);
    const next = statusOf(state.phase);
    if (next === status && !hasChanged && fact.type !== 'tier1/swarm/decomposed') continue;
    status = next;
    const isCompleted = status === 'completed';
    const totalSteps = totalOf(state);
    const completedSteps = isAlone(state) ? Number(isCompleted) : settled;
    const percent = isCompleted ? 100 : Math.min(99, Math.floor((100 * completedSteps) / Math.max(1, totalSteps)));
    const step = hasChanged ? { step: { id: row.id, status: row.status } } : {};
    yield { executionId, status, percent, completedSteps, totalSteps, at: fact.at, ...step };
  }
}

const isAlone = (state: ExecutionState): state is ExecutorState => !('records' in state);
const isSwarm = (state: ExecutionState): state is SwarmState => 'obligations' in state;
const totalOf = (state: ExecutionState): number =>
  isAlone(state) ? 1 : isSwarm(state) ? (state.plan?.tasks.length ?? 0) : ((state as RunState).job?.plan.steps.length ?? 0);

/** What the fact says of a step or a task. */
function rowIn(state: ExecutionState, { payload }: Fact): Row | undefined {
  if (isAlone(state)) return undefined;
  const { stepId, ordinal, taskId } = (payload ?? {}) as { readonly stepId?: string; readonly ordinal?: number; readonly taskId?: string };
  if (isSwarm(state)) return taskId === undefined ? undefined : taskRow(state, taskId);
  const record = ordinal === undefined ? undefined : (state as RunState).records.get(ordinal);
  if (stepId === undefined || !record) return undefined;
  return { id: stepId, status: statusIn(record, false, isHeld(state.phase)), isSettled: record.settledAt > 0 };
}

function taskRow({ plan, records }: SwarmState, taskId: string): Row | undefined {
  const ordinal = plan && Object.hasOwn(plan.ordinals, taskId) ? plan.ordinals[taskId] : undefined;
  const record = ordinal === undefined ? undefined : records.get(ordinal);
  return record && { id: taskId, status: taskStatus(record, false) as StepStatus, isSettled: record.settledAt > 0 };
}

function rowsOf(state: SwarmState): Map<string, Row> {
  const rows = (state.plan?.tasks ?? []).flatMap(({ id }) => taskRow(state, id) ?? []);
  return new Map(rows.map((row) => [row.id, row]));
}

const isHeld = (phase: string): boolean => phase === 'pausing' || phase === 'paused';
