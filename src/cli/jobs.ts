/** Workflows and swarms as something to run. */

import type { JsonObject } from '../machines/protocol/execution.ts';
import type { LoadedSwarm } from '../runtime/swarm/load.ts';
import type { LoadedWorkflow } from '../runtime/workflow/load.ts';
import type { Job } from './execute.ts';

export const workflowJob = (workflow: LoadedWorkflow, input: JsonObject): Job => ({
  kind: 'workflow',
  name: workflow.plan.id,
  size: workflow.plan.steps.length,
  start: (runtime, options) => runtime.run(workflow, { ...options, input }),
});

/** `goal`: instead of the file's own. */
export const swarmJob = (definition: LoadedSwarm, input: JsonObject, goal?: string): Job => ({
  kind: 'swarm',
  name: definition.id,
  start: (runtime, options) => runtime.swarm(definition, { ...options, input, ...(goal !== undefined && { goal }) }),
});
