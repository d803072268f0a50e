/** The words of the task patterns: what is asked for, and how it ended. */

import type { ExecutionError, Json, JsonObject, ResourceUsage } from '../../machines/protocol/execution.ts';
import type { ExecutionHandle } from '../execution/handle.ts';
import type { TierExecutionRequest } from '../execution/requests.ts';

/** One call of a tool. Parameters are data: nothing in them is taken for a reference. */
export interface Task {
  /** Unique in its list, and a step's id in the facts. @default 'task-1', 'task-2' and so on, by position */
  readonly id?: string;
  readonly tool: string;
  readonly parameters?: JsonObject;
  /** For one attempt. Milliseconds. @default the tool's, or else 30_000 */
  readonly timeoutMs?: number;
  /** Further attempts after a failure that trying again may help. */
  readonly retries?: number;
}

export interface SequentialTask extends Task {
  /** `stop`: when this task fails, those after it do not start. @default 'continue' */
  readonly failureStrategy?: 'stop' | 'continue';
}

export interface Stage extends Omit<Task, 'id'> {
  /** Unique in its pipeline, and a step's id in the facts. */
  readonly name: string;
  /** Laid over the data, for this stage alone. */
  readonly parameters?: JsonObject;
}

/** Context, allocation and options of the run that does the work. */
export interface TaskOptions extends Omit<TierExecutionRequest<never>, 'input'> {
  /** Id of the workflow, in facts and on the blackboard. @default the pattern's name */
  readonly workflowId?: string;
}

export interface ConcurrentTaskOptions extends TaskOptions {
  /** Tasks that run at once. @default the allocation's maxConcurrentSteps */
  readonly maxConcurrency?: number;
}

export interface TaskResult {
  readonly id: string;
  readonly status: 'completed' | 'failed' | 'cancelled';
  /** Of a completed task. */
  readonly output?: Json;
  /** Of any other: its own error, or what kept it from its end, such as the error of the run. */
  readonly error?: ExecutionError;
  readonly attempts: number;
  readonly usage: ResourceUsage;
}

export interface PipelineResult {
  readonly status: 'completed' | 'failed' | 'cancelled';
  /** The given data and the output of every stage that succeeded, later over earlier. */
  readonly data: JsonObject;
  /** Name of the stage at which it ended, unless it completed. */
  readonly stage?: string;
  readonly error?: ExecutionError;
}

export interface BatchResult {
  /** One for each task, in the order in which they were given. */
  readonly results: readonly TaskResult[];
  readonly summary: {
    readonly total: number;
    readonly completed: number;
    readonly failed: number;
    readonly cancelled: number;
    readonly usage: ResourceUsage;
  };
}

/** Tasks at work: the run that does them, to watch, pause and cancel, and what came of them. */
export interface TaskExecution<Outcome> {
  readonly run: ExecutionHandle;
  /** Resolves when the run has settled. Never rejects. */
  outcome(): Promise<Outcome>;
}
