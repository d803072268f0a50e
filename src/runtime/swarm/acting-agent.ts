/** Which agent does the work that an execution belongs to. */

import type { SwarmPlan } from '../../machines/protocol/swarm.ts';
import type { SwarmState } from '../../machines/swarm.state.ts';
import type { Directory } from '../execution/directory.ts';

/** The id of the agent that was leased for the task beneath which the execution lives; undefined outside of swarms. */
export function actingAgent(directory: Directory, executionId: string): string | undefined {
  for (let id: string | undefined = executionId; id !== undefined; ) {
    const parent: string | undefined = directory.find(id)?.parent;
    const above = parent === undefined ? undefined : stateOf(directory, parent);
    if (above && parent !== undefined) {
      const taskId = id.slice(parent.length + 1, id.lastIndexOf('/'));
      const ordinal = Object.hasOwn(above.plan.ordinals, taskId) ? above.plan.ordinals[taskId] : undefined;
      return ordinal === undefined ? undefined : above.records.get(ordinal)?.agentId;
    }
    id = parent;
  }
  return undefined;
}

/** The fold of a swarm that has a plan; undefined for anything else. */
function stateOf(directory: Directory, executionId: string): (SwarmState & { readonly plan: SwarmPlan }) | undefined {
  const { state } = (directory.find(executionId)?.ref?.getSnapshot().context ?? {}) as { readonly state?: Partial<SwarmState> };
  return state?.stage !== undefined && state.plan ? (state as SwarmState & { readonly plan: SwarmPlan }) : undefined;
}
