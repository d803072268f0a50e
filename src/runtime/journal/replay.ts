/** What was true of an execution at any of its facts: the state that its stream had then, as people see it, and what the fact changed. */

import { describe } from '../../actors/failure.ts';
import type { ExecutorState } from '../../machines/executor.fold.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { ExecutionError, ExecutionStatus, Json } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { ResolvedWait } from '../../machines/protocol/wait.ts';
import type { RunState } from '../../machines/run.state.ts';
import type { SwarmState } from '../../machines/swarm.state.ts';
import type { WaiterState } from '../../machines/waiter.fold.ts';
import { checkObject, reading } from '../door.ts';
import { statusOf } from '../execution/directory.ts';
import { type ExecutionSnapshot, executorSnapshot, runSnapshot } from '../execution/snapshot.ts';
import { type SwarmSnapshot, swarmSnapshot } from '../execution/swarm-snapshot.ts';
import { type ExecutionState, evolveExecution } from './restoration.ts';
import { checkStream } from './stream-check.ts';

export interface ReplayOptions {
  /** Number of the last fact that counts. @default the last one there is */
  readonly to?: number;
}

/** The stream of one root execution, as it was right after one of its facts. */
export interface Replay {
  /** That fact, and how many the stream has. */
  readonly fact: Fact;
  readonly facts: number;
  /** Every execution that had begun: the root first, then in the order in which they began. */
  readonly executions: readonly ReplayedExecution[];
  /** What the fact changed: statuses that are others than before it. */
  readonly changes: readonly StatusChange[];
}

export type ReplayedExecution = { readonly executionId: string; readonly parentExecutionId?: string } & (
  | { readonly kind: 'swarm'; readonly snapshot: SwarmSnapshot }
  | { readonly kind: 'run'; readonly snapshot: ExecutionSnapshot }
  | { readonly kind: 'step'; readonly snapshot: ExecutionSnapshot }
  | { readonly kind: 'wait'; readonly snapshot: WaitSnapshot }
);

/** A step that only waits. */
export interface WaitSnapshot {
  readonly executionId: string;
  readonly status: ExecutionStatus;
  readonly startedAt: number;
  readonly for?: ResolvedWait;
  /** When its time is up. Milliseconds since the epoch. */
  readonly dueAt: number;
  readonly result?: Json;
  readonly error?: ExecutionError;
}

/** Of a step or a task, or of the execution itself where neither is named. */
export interface StatusChange {
  readonly executionId: string;
  readonly stepId?: string;
  readonly taskId?: string;
  /** Absent for an execution that began. */
  readonly from?: string;
  readonly to: string;
}

/**
 * The folded state of a stream at any of its facts. Changes nothing, asks nobody, and needs neither tools nor a runtime. Throws INVALID_INPUT with
 * every problem of facts that are no stream, and for a `to` that it does not have.
 */
export function replay(facts: readonly Fact[], options: ReplayOptions = {}): Replay {
  checkObject('The options', options);
  checkStream(facts);
  return reading('The facts', () => {
    const fact = facts[placeOf(options.to, facts.length) - 1] as Fact;
    const states = new Map<string, ExecutionState>();
    const began = new Map<string, Fact>();
    let before: ExecutionState | undefined;
    for (const each of facts.slice(0, fact.seq)) {
      const { executionId } = each;
      if (!began.has(executionId)) began.set(executionId, each);
      before = states.get(executionId);
      states.set(executionId, evolveExecution(before, each));
    }
    const executions = [...states].map(([executionId, state]) => shown(began.get(executionId) ?? fact, state));
    const after = executions.find(({ executionId }) => executionId === fact.executionId);
    const changes = after ? changesBetween(before && shown(began.get(fact.executionId) ?? fact, before), after) : [];
    return { fact, facts: facts.length, executions, changes };
  });
}

function placeOf(to: unknown, last: number): number {
  if (to === undefined) return last;
  if (typeof to === 'number' && Number.isInteger(to) && to >= 1 && to <= last) return to;
  throw new SwarmchartError('INVALID_INPUT', `The stream has the facts 1 to ${last}: there is no fact ${describe(to)}`);
}

function shown({ executionId, parentExecutionId, tier }: Fact, state: ExecutionState): ReplayedExecution {
  const who = { executionId, ...(parentExecutionId !== undefined && { parentExecutionId }) };
  if (tier === 'tier1') return { ...who, kind: 'swarm', snapshot: swarmSnapshot(executionId, state as SwarmState) };
  if (tier === 'tier2') return { ...who, kind: 'run', snapshot: runSnapshot(executionId, state as RunState) };
  if ('attempt' in state) return { ...who, kind: 'step', snapshot: executorSnapshot(executionId, state as ExecutorState) };
  return { ...who, kind: 'wait', snapshot: waitSnapshot(executionId, state as WaiterState) };
}

function waitSnapshot(executionId: string, state: WaiterState): WaitSnapshot {
  return {
    executionId,
    status: statusOf(state.phase),
    startedAt: state.startedAt,
    ...(state.for && { for: state.for }),
    dueAt: state.dueAt,
    ...(state.phase === 'completed' && { result: state.output }),
    ...(state.error && { error: state.error }),
  };
}

function changesBetween(before: ReplayedExecution | undefined, after: ReplayedExecution): readonly StatusChange[] {
  const { executionId } = after;
  const was = new Map(before && statusesIn(before));
  return [...statusesIn(after)].flatMap(([key, { id, status }]): StatusChange[] => {
    // A part that nobody had heard of before was one that had yet to begin.
    const from = was.get(key)?.status ?? (id === undefined ? undefined : 'pending');
    if (from === status) return [];
    const part = id === undefined ? {} : after.kind === 'swarm' ? { taskId: id } : { stepId: id };
    return [{ executionId, ...part, ...(from !== undefined && { from }), to: status }];
  });
}

/** Of the execution and of its parts; those of a plan that was replaced are gone. */
function* statusesIn({ kind, snapshot }: ReplayedExecution): Generator<[string, { readonly id?: string; readonly status: string }]> {
  yield ['', { status: snapshot.status }];
  const parts = kind === 'swarm' ? snapshot.tasks : kind === 'wait' ? [] : snapshot.steps;
  for (const { id, status } of parts) yield [`/${id}`, { id, status }];
}
