/** What things are called on the screen: by the path of tasks and steps that leads to them, never by an execution id. */

import type { ExecutionError } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import { oneLine } from '../outcome.ts';

/** The id of the run that a step's fact belongs to: of a run's own fact, the run; of its executor's, the run above. */
export const runOf = ({ tier, executionId, parentExecutionId }: Fact): string =>
  tier === 'tier3' ? (parentExecutionId ?? executionId) : executionId;

/** The tasks and steps within which a run lives: `swarm/changes/1/each/1` is that of the step `each` in the task `changes`. */
export function pathOf(runId: string, root: string): readonly string[] {
  if (!runId.startsWith(`${root}/`)) return [];
  return runId
    .slice(root.length + 1)
    .split('/')
    .filter((_, index) => index % 2 === 0);
}

/** The run or the swarm above a run. */
export const aboveOf = (runId: string): string => runId.split('/').slice(0, -2).join('/');

/** `task/step`; an item of a map stands for the map, and a step for the task or the step of the same name above it. */
export function labelOf(path: readonly string[]): string {
  return path.filter((id, index) => path[index + 1] !== id && !path[index + 1]?.startsWith(`${id}:`)).join('/');
}

/** A swarm's name for an agent of its own, which the pool knows by a longer one. */
export const agentName = (agentId: string, root: string): string =>
  oneLine(agentId.startsWith(`${root}/`) ? agentId.slice(root.length + 1) : agentId);

/** Why, in one line, with agents by the names that the swarm has for them. */
export const reasonOf = ({ message }: ExecutionError, root: string): string =>
  oneLine(root === '' ? message : message.replaceAll(`${root}/`, ''));

/** The same of an agent's end, where it needs no saying whose. */
export const causeOf = (error: ExecutionError, root: string): string =>
  error.cause === undefined ? reasonOf(error, root) : oneLine(error.cause.message);
