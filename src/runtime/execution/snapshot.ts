/** What can be read of an execution at any time: its own state, and that of each of its steps. Folded from facts, nothing else. */

import { type ExecutorState, usageIn } from '../../machines/executor.fold.ts';
import type { Asked, Vote } from '../../machines/protocol/decision.ts';
import type { ExecutionError, ExecutionStatus, Json, JsonObject, ResourceUsage, StepStatus } from '../../machines/protocol/execution.ts';
import type { Plan, PlanStep } from '../../machines/protocol/plan.ts';
import type { FactOf } from '../../machines/protocol/run.ts';
import type { ResolvedWait } from '../../machines/protocol/wait.ts';
import type { RunState, StepRecord } from '../../machines/run.state.ts';
import { statusOf } from './directory.ts';

export interface StepSnapshot {
  readonly id: string;
  readonly name: string;
  readonly status: StepStatus;
  /** Attempts of work that has ended; the one under way is not counted. */
  readonly attempts: number;
  readonly usage: ResourceUsage;
  /** Absent while it has not started. Milliseconds since the epoch. */
  readonly startedAt?: number;
  readonly settledAt?: number;
  readonly result?: Json;
  readonly error?: ExecutionError;
  /** The fact of another run whose result this is: it was not done here. */
  readonly reused?: FactOf;
  /** How its compensation ended, when its run failed or was cancelled. */
  readonly undone?: 'compensated' | 'failed';
}

export interface WaitingStep {
  readonly stepId: string;
  /** The failure that was escalated. */
  readonly error?: ExecutionError;
  readonly for?: ResolvedWait;
  /** Of what was escalated: who must decide, and until when. */
  readonly asked?: Asked;
  /** Answers that do not decide yet. */
  readonly votes?: readonly Vote[];
}

export interface ExecutionSnapshot {
  readonly executionId: string;
  /** What a run follows, in the words of its definition. */
  readonly workflow?: Pick<Plan, 'id' | 'name' | 'version' | 'description'>;
  readonly status: ExecutionStatus;
  /** The run's variables: its input, and what was set since. */
  readonly variables: JsonObject;
  readonly usage: ResourceUsage;
  readonly startedAt: number;
  readonly result?: Json;
  readonly error?: ExecutionError;
  /** In declaration order, nested steps after the group that holds them. */
  readonly steps: readonly StepSnapshot[];
  /** Steps that wait for somebody outside: for a person because of a failure, or for what a wait step says. */
  readonly waiting: readonly WaitingStep[];
}

/** Source: L3 Execution Layer, "Workflow Execution Engine"; Implementation Guide, "Context Manager Implementation". */
export function runSnapshot(executionId: string, state: RunState): ExecutionSnapshot {
  const steps = state.job?.plan.steps ?? [];
  const isOver = state.phase === 'completed' || state.phase === 'failed' || state.phase === 'cancelled';
  const isHeld = state.phase === 'pausing' || state.phase === 'paused';
  const rows = steps.map((step) => stepSnapshot(step, state.records.get(step.ordinal), isOver, isHeld));
  return {
    executionId,
    ...(state.job && { workflow: workflowOf(state.job.plan) }),
    status: statusOf(state.phase),
    variables: state.variables.toObject(),
    usage: state.usage,
    startedAt: state.startedAt,
    ...(state.phase === 'completed' && { result: state.result }),
    ...(state.failure && { error: state.failure }),
    steps: rows,
    waiting: steps.flatMap(({ id, ordinal }) => waitingStep(id, state.records.get(ordinal))),
  };
}

function workflowOf({ id, name, version, description }: Plan): NonNullable<ExecutionSnapshot['workflow']> {
  return { id, name, version, ...(description !== undefined && { description }) };
}

/** A step that was executed on its own, seen as a run of itself. */
export function executorSnapshot(executionId: string, state: ExecutorState): ExecutionSnapshot {
  return {
    executionId,
    status: statusOf(state.phase),
    variables: {},
    usage: usageIn(state),
    startedAt: state.startedAt,
    ...(state.phase === 'completed' && { result: state.output }),
    ...(state.error && { error: state.error }),
    steps: [],
    waiting: [],
  };
}

function waitingStep(stepId: string, record: StepRecord | undefined): WaitingStep[] {
  const { waitsFor, answer, status, error, asked, votes } = record ?? {};
  const so = { stepId, ...(votes && { votes }) };
  if (waitsFor && !answer) return [{ ...so, for: waitsFor }];
  const isAsked = asked && Object.keys(asked).length > 0;
  return status === 'waiting' ? [{ ...so, ...(error && { error }), ...(isAsked && { asked }) }] : [];
}

function stepSnapshot(step: PlanStep, record: StepRecord | undefined, runIsOver: boolean, runIsHeld: boolean): StepSnapshot {
  return {
    id: step.id,
    name: step.name,
    status: statusIn(record, runIsOver, runIsHeld),
    attempts: record?.attempts ?? 0,
    usage: record?.usage ?? { creditsUsed: '0', durationMs: 0, memoryUsedMB: 0, stepsExecuted: 0 },
    ...(record && record.startedAt > 0 && { startedAt: record.startedAt }),
    ...(record && record.settledAt > 0 && { settledAt: record.settledAt }),
    ...(record?.status === 'completed' && { result: record.output }),
    ...(record?.error && { error: record.error }),
    ...(record?.reused && { reused: record.reused }),
    ...(record?.undone && { undone: record.undone }),
  };
}

/** When a run has ended, what never started was skipped, and what never settled was cancelled with it. */
export function statusIn(record: StepRecord | undefined, runIsOver: boolean, runIsHeld: boolean): StepStatus {
  const known = record?.status ?? 'pending';
  const status = record?.isWaiting && known !== 'paused' ? 'waiting' : known === 'paused' && !runIsHeld ? 'running' : known;
  if (!runIsOver || (record && record.settledAt > 0)) return status;
  return record?.iteration ? 'cancelled' : 'skipped';
}
