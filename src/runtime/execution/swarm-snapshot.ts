/** What can be read of a swarm at any time. Folded from facts, nothing else. */

import type { ExecutionError, ExecutionStatus, Json, ResourceUsage } from '../../machines/protocol/execution.ts';
import type { SwarmTask } from '../../machines/protocol/swarm.ts';
import type { SwarmState, TaskRecord } from '../../machines/swarm.state.ts';
import { statusOf } from './directory.ts';

export interface TaskSnapshot {
  readonly id: string;
  readonly description: string;
  /** `pending`: it waits for other tasks, for an agent, or for another plan. `waiting`: its run does. `escalated`: no agent could do it, and people decide. */
  readonly status: 'pending' | 'running' | 'paused' | 'waiting' | 'escalated' | 'completed' | 'failed' | 'cancelled';
  /** The agent that does it, or did it last. */
  readonly agentId?: string;
  /** Of its run, while one has begun and not settled. */
  readonly executionId?: string;
  /** Runs that were started: one for each agent that tried it. */
  readonly runs: number;
  readonly usage: ResourceUsage;
  /** Absent while it has not started. Milliseconds since the epoch. */
  readonly startedAt?: number;
  readonly settledAt?: number;
  readonly result?: Json;
  readonly error?: ExecutionError;
}

export interface SwarmSnapshot {
  readonly executionId: string;
  readonly name: string;
  readonly goal: string;
  readonly status: ExecutionStatus;
  readonly stage: SwarmState['stage'];
  readonly usage: ResourceUsage;
  readonly startedAt: number;
  readonly result?: Json;
  readonly error?: ExecutionError;
  /** In the order of the plan; none before there is one. */
  readonly tasks: readonly TaskSnapshot[];
  /** Agents by role, when the swarm has an organization. */
  readonly roles: Readonly<Record<string, readonly string[]>>;
  /** `escalated`: it was not met in time, and a person has to decide. */
  readonly obligations: readonly {
    readonly normId: string;
    readonly role: string;
    readonly mission: string;
    readonly status: 'open' | 'escalated' | 'waived' | 'met';
  }[];
}

/** Source: Implementation Guide, "SwarmStateMachine Core Implementation". */
export function swarmSnapshot(executionId: string, state: SwarmState): SwarmSnapshot {
  const isOver = state.phase === 'completed' || state.phase === 'failed' || state.phase === 'cancelled';
  return {
    executionId,
    name: state.job?.name ?? executionId,
    goal: state.job?.goal ?? '',
    status: statusOf(state.phase),
    stage: state.stage,
    usage: state.usage,
    startedAt: state.startedAt,
    ...(state.phase === 'completed' && { result: state.result }),
    ...(state.failure && { error: state.failure }),
    tasks: (state.plan?.tasks ?? []).map((task) => taskSnapshot(task, state.records.get(task.ordinal), isOver)),
    roles: state.team?.roles ?? {},
    obligations: [...state.obligations.values()].map(({ normId, role, mission, status }) => ({ normId, role, mission, status })),
  };
}

function taskSnapshot({ id, description }: SwarmTask, record: TaskRecord | undefined, isOver: boolean): TaskSnapshot {
  return {
    id,
    description,
    status: taskStatus(record, isOver),
    ...(record?.agentId !== undefined && { agentId: record.agentId }),
    ...(record?.childExecutionId !== undefined && { executionId: record.childExecutionId }),
    runs: record?.iteration ?? 0,
    usage: record?.usage ?? { creditsUsed: '0', durationMs: 0, memoryUsedMB: 0, stepsExecuted: 0 },
    ...(record && record.startedAt > 0 && { startedAt: record.startedAt }),
    ...(record && record.settledAt > 0 && { settledAt: record.settledAt }),
    ...(record?.status === 'completed' && { result: record.result }),
    ...(record?.error && { error: record.error }),
  };
}

/** When a swarm has ended, what never settled was cancelled with it. */
export function taskStatus(record: TaskRecord | undefined, isOver: boolean): TaskSnapshot['status'] {
  const status = record?.status ?? 'pending';
  if (isOver && (record?.settledAt ?? 0) === 0) return 'cancelled';
  const isPending = status === 'leasing' || status === 'leased' || status === 'stopping' || status === 'unsolved';
  return isPending ? 'pending' : status;
}
