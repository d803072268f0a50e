/** Workflows and swarms as something to run. */

import type { JsonObject } from '../machines/protocol/execution.ts';
import type { LoadedWorkflow } from '../runtime/workflow/load.ts';
import type { Job } from './execute.ts';
import type { SwarmFile } from './swarm-file.ts';

export const workflowJob = (workflow: LoadedWorkflow, input: JsonObject): Job => ({
  kind: 'workflow',
  name: workflow.plan.id,
  size: workflow.plan.steps.length,
  start: (runtime, options) => runtime.run(workflow, { ...options, input }),
});

/** `goal`: instead of the file's own. */
export const swarmJob = ({ definition, source }: SwarmFile, input: JsonObject, goal?: string): Job => ({
  kind: 'swarm',
  name: definition.id,
  start: (runtime, options) => runtime.swarm(source, { ...options, input, ...(goal !== undefined && { goal }) }),
});
