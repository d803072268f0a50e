/** Plans, agents and organizations in a few words. */

import type { AgentSpec } from '../../../src/machines/protocol/agent.ts';
import type { Plan } from '../../../src/machines/protocol/plan.ts';
import type { Organization, SwarmPlan, SwarmTask, Team } from '../../../src/machines/protocol/swarm.ts';
import { organize } from '../../../src/runtime/swarm/organization.ts';
import { checkOrganization } from '../../../src/runtime/swarm/organization-check.ts';

const routine: Plan = { id: 'routine', name: 'routine', version: '1', steps: [], byRank: [], ordinals: {}, sinks: [], metadata: {} };

export const agent = (id: string, ...capabilities: string[]): AgentSpec => ({
  id,
  name: id,
  type: 'coder',
  capabilities,
  maxConcurrentTasks: 1,
  languages: [],
  frameworks: [],
  metadata: {},
});

export type TaskForTest = Partial<SwarmTask> & { readonly id: string };

export function planOf(...tasks: readonly TaskForTest[]): SwarmPlan {
  return {
    tasks: tasks.map((task, ordinal) => ({
      ordinal,
      description: task.id,
      dependsOn: [],
      dependents: [],
      capabilities: [],
      complexity: 1,
      priority: 5,
      rank: ordinal,
      plan: routine,
      parameters: {},
      tools: [],
      onFailure: 'stop',
      maxAgents: 1,
      ...task,
    })),
    byRank: tasks.map((_, ordinal) => ordinal),
    ordinals: Object.fromEntries(tasks.map(({ id }, ordinal) => [id, ordinal])),
    source: 'test',
  };
}

export function organizationOf(raw: object): Organization {
  const checked = checkOrganization(raw);
  if (checked.issues) throw new Error(JSON.stringify(checked.issues));
  return checked.organization;
}

export const propose = (raw: object, plan: SwarmPlan, agents: readonly AgentSpec[]) => organize(organizationOf(raw), plan, agents);

export function teamOf(raw: object, plan: SwarmPlan, agents: readonly AgentSpec[]): Team {
  const proposal = propose(raw, plan, agents);
  if (!proposal.ok) throw new Error(proposal.error.message);
  return proposal.team;
}
