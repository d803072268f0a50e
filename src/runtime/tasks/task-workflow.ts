/**
 * Task patterns as workflows.
 *
 * Parameters travel in the run's input and are merged from there, so that text with braces in them stays what it is.
 */

import { describe } from '../../actors/failure.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { JsonObject } from '../../machines/protocol/execution.ts';
import { checkObject } from '../door.ts';
import type { StepDefinition, WorkflowDefinition } from '../workflow/schema.ts';
import type { SequentialTask, Stage, Task } from './task.ts';

export interface TaskWorkflow {
  readonly workflow: WorkflowDefinition;
  readonly input: JsonObject;
  /** Step ids in the order of the tasks. */
  readonly ids: readonly string[];
}

/** Each task waits for the one before it. */
export function sequenceWorkflow(id: string, tasks: readonly SequentialTask[]): TaskWorkflow {
  checkTasks('task', tasks);
  const ids = tasks.map(idOf);
  const steps = tasks.map((task, index): StepDefinition => {
    const previous = ids[index - 1];
    return {
      ...stepOf(task, ids[index] ?? '', index),
      onFailure: task.failureStrategy ?? 'continue',
      ...(previous !== undefined && { dependencies: [previous] }),
    };
  });
  return { workflow: { id, steps }, input: parametersOf(tasks), ids };
}

/** No task waits for another, and none fails the run. */
export function parallelWorkflow(id: string, tasks: readonly Task[]): TaskWorkflow {
  checkTasks('task', tasks);
  const ids = tasks.map(idOf);
  const steps = tasks.map((task, index): StepDefinition => ({ ...stepOf(task, ids[index] ?? '', index), onFailure: 'continue' }));
  return { workflow: { id, steps }, input: parametersOf(tasks), ids };
}

/** Each stage reads the data and the results of all stages before it, and so waits for them. */
export function pipelineWorkflow(id: string, stages: readonly Stage[], data: JsonObject): TaskWorkflow {
  checkTasks('stage', stages);
  checkObject('The data', data);
  const ids = stages.map(({ name }) => name);
  const steps = stages.map((stage, index): StepDefinition => {
    const step = stepOf(stage, stage.name, index);
    const earlier = ids.slice(0, index).map((name) => `\${${name}.result}`);
    return { ...step, parametersFrom: ['{{data}}', ...earlier, ...step.parametersFrom], onFailure: 'stop' };
  });
  return { workflow: { id, steps }, input: { ...parametersOf(stages), data }, ids };
}

/** Throws INVALID_INPUT unless they are a list of objects. */
function checkTasks(what: string, tasks: unknown): void {
  if (!Array.isArray(tasks)) throw new SwarmchartError('INVALID_INPUT', `The ${what}s must be a list, got ${describe(tasks)}`);
  for (const [index, task] of tasks.entries()) checkObject(`The ${what} ${index + 1}`, task);
}

const idOf = (task: Task, index: number): string => task.id ?? `task-${index + 1}`;

const parametersOf = (tasks: readonly Omit<Task, 'id'>[]): JsonObject => ({ parameters: tasks.map(({ parameters }) => parameters ?? {}) });

function stepOf({ tool, parameters, timeoutMs, retries }: Omit<Task, 'id'>, id: string, index: number) {
  return {
    id,
    tool,
    parametersFrom: parameters === undefined ? [] : [`{{parameters[${index}]}}`],
    ...(timeoutMs !== undefined && { timeout: timeoutMs }),
    ...(retries !== undefined && { retry: retries }),
  };
}
