/** Agents as the steps of a swarm's runs see them: by the ids that they have in their swarm. */

import type { AgentServices } from '../../actors/services.ts';
import type { AgentSpec } from '../../machines/protocol/agent.ts';
import type { ExecutionContext } from '../../machines/protocol/execution.ts';
import type { SwarmPlan } from '../../machines/protocol/swarm.ts';
import { poolPrefix } from '../../machines/swarm.decisions.ts';
import type { SwarmState } from '../../machines/swarm.state.ts';
import type { Agents } from '../agents/agents.ts';
import type { Directory } from '../execution/directory.ts';

export function leasedAgents(directory: Directory, agents: Agents): AgentServices {
  /** The swarm's own agent of that name, if it has one. */
  const named = (id: string, swarm: string): string => (agents.get(poolPrefix(swarm) + id) ? poolPrefix(swarm) + id : id);
  const seen = (spec: AgentSpec, swarm: string): AgentSpec =>
    spec.id.startsWith(poolPrefix(swarm)) ? { ...spec, id: spec.id.slice(poolPrefix(swarm).length) } : spec;
  const actingFor = ({ executionId }: ExecutionContext): AgentSpec | undefined => {
    const id = actingAgent(directory, executionId);
    const spec = id === undefined ? undefined : agents.get(named(id, rootOf(executionId)))?.spec;
    return spec && seen(spec, rootOf(executionId));
  };
  return {
    actingFor,
    hold: async ({ agent, ...lease }, execution, signal) => {
      // The task's own agent needs no second lease. Asking for one it might wait for itself.
      const own = actingFor(execution);
      if (own && (agent ?? own.id) === own.id && lease.capabilities.every((name) => own.capabilities.includes(name))) {
        return { spec: own, signal: NEVER_LOST, release: () => {} };
      }
      const swarm = rootOf(execution.executionId);
      const asked = { ...lease, ...(agent !== undefined && { agent: named(agent, swarm) }) };
      const held = await agents.hold(asked, { ...execution, swarmId: swarm }, signal);
      return { spec: seen(held.spec, swarm), signal: held.signal, release: (outcome) => held.release(outcome) };
    },
  };
}

/** With its agent a task loses its run: there is nothing left to tell its steps. */
const NEVER_LOST = new AbortController().signal;

/** The ids of children begin with that of their root, which has no slash. */
const rootOf = (executionId: string): string => executionId.split('/', 1)[0] ?? executionId;

/** The id of the agent that was leased for the task beneath which the execution lives; undefined outside of swarms. */
function actingAgent(directory: Directory, executionId: string): string | undefined {
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
