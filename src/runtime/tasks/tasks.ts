/**
 * Task patterns: a sequence, a parallel list, a pipeline, a single task and a batch, each an ordinary run of a workflow.
 *
 * So tasks are steps: actors with facts, a timeout and a budget, that pause and cancel with their run. A task that throws has a failed
 * result; a list that makes no sense (an unknown tool, an id twice) is refused as a whole before any task starts.
 *
 * Source: Execution Layer Architecture, "Task Execution Patterns".
 */

import type { JsonObject } from '../../machines/protocol/execution.ts';
import { checkObject, reading } from '../door.ts';
import type { ExecutionHandle } from '../execution/handle.ts';
import type { TierExecutionRequest } from '../execution/requests.ts';
import type { WorkflowDefinition } from '../workflow/schema.ts';
import type {
  BatchResult,
  ConcurrentTaskOptions,
  PipelineResult,
  SequentialTask,
  Stage,
  Task,
  TaskExecution,
  TaskOptions,
  TaskResult,
} from './task.ts';
import { allResults, batchResult, follow, pipelineResult, reachedResults, type SettledRun } from './task-outcome.ts';
import { parallelWorkflow, pipelineWorkflow, sequenceWorkflow, type TaskWorkflow } from './task-workflow.ts';

/** How the patterns start a run. */
export type RunWorkflow = (
  workflow: WorkflowDefinition,
  options: Omit<TierExecutionRequest<never>, 'input'> & { readonly input: JsonObject },
) => ExecutionHandle;

/** Every method throws INVALID_INPUT for options that make no sense, and for what is no list of tasks. */
export class Tasks {
  readonly #run: RunWorkflow;

  constructor(run: RunWorkflow) {
    this.#run = run;
  }

  /** One after the other. A failed task ends the list if its `failureStrategy` says so; tasks that were not reached have no result. */
  sequence(tasks: readonly SequentialTask[], options: TaskOptions = {}): TaskExecution<readonly TaskResult[]> {
    return this.#start(options, (id = 'sequence') => sequenceWorkflow(id, tasks), reachedResults);
  }

  /** All at once, as far as the cap allows. Every task settles whatever the others do; results are in the order of the tasks. */
  parallel(tasks: readonly Task[], options: ConcurrentTaskOptions = {}): TaskExecution<readonly TaskResult[]> {
    return this.#start(options, (id = 'parallel') => parallelWorkflow(id, tasks), allResults);
  }

  /**
   * Stages in order. Each one's tool gets the data with its own parameters on top; what it returns (an object, or nothing) is merged into
   * the data only when it succeeded. The first stage that fails ends the pipeline. At most 98 stages.
   */
  pipeline(stages: readonly Stage[], data: JsonObject = {}, options: TaskOptions = {}): TaskExecution<PipelineResult> {
    return this.#start(
      options,
      (id = 'pipeline') => pipelineWorkflow(id, stages, data),
      (run, names) => pipelineResult(run, names, data),
    );
  }

  executeTask(task: Task, options: TaskOptions = {}): TaskExecution<TaskResult> {
    return this.#start(
      options,
      (id = 'task') => parallelWorkflow(id, [task]),
      (run, ids) => allResults(run, ids)[0] as TaskResult,
    );
  }

  /** As `parallel`, with a summary. Source: L3 Execution Layer, "Execution Coordinator (Main Controller)". */
  executeBatch(tasks: readonly Task[], options: ConcurrentTaskOptions = {}): TaskExecution<BatchResult> {
    return this.#start(options, (id = 'batch') => parallelWorkflow(id, tasks), batchResult);
  }

  #start<Outcome>(
    given: ConcurrentTaskOptions,
    build: (id: string | undefined) => TaskWorkflow,
    read: (run: SettledRun, ids: readonly string[]) => Outcome,
  ): TaskExecution<Outcome> {
    checkObject('The options', given);
    const { workflow, input, ids, context, allocation, options } = reading('The call', () => {
      const { workflowId, ...more } = capped(given);
      return { ...more, ...build(workflowId) };
    });
    const run = this.#run(workflow, { input, ...(context && { context }), ...(allocation && { allocation }), ...(options && { options }) });
    const outcome = follow(run).then((settled) => read(settled, ids));
    return { run, outcome: () => outcome };
  }
}

/** The smaller of the two caps holds. */
function capped({ maxConcurrency, ...options }: ConcurrentTaskOptions): TaskOptions {
  if (maxConcurrency === undefined) return options;
  const { maxConcurrentSteps = maxConcurrency, ...allocation } = options.allocation ?? {};
  return { ...options, allocation: { ...allocation, maxConcurrentSteps: Math.min(maxConcurrency, maxConcurrentSteps) } };
}
