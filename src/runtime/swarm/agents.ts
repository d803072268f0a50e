/** The agents that a swarm's definition brings along, as data. */

import type { AgentSpec } from '../../machines/protocol/agent.ts';
import type { Json } from '../../machines/protocol/execution.ts';
import type { SwarmPlan } from '../../machines/protocol/swarm.ts';
import type { IssueList, Path } from '../workflow/issues.ts';
import { isObject } from '../workflow/origins.ts';
import { didYouMean } from '../workflow/suggest.ts';
import { AGENT_SHAPE } from './definition.ts';
import { fieldsCheck, readFields } from './fields.ts';
import { SWARM_LIMITS } from './limits.ts';

const CHECK = fieldsCheck(AGENT_SHAPE, [], { agent: 'id' });

export function readAgents(raw: Json | undefined, path: Path, issues: IssueList): readonly AgentSpec[] {
  if (raw === undefined) return [];
  if (!Array.isArray(raw)) {
    issues.add('INVALID_VALUE', path, 'Agents are a list.');
    return [];
  }
  if (raw.length > SWARM_LIMITS.agents) {
    issues.add('LIMIT_EXCEEDED', path, `There are ${raw.length} agents; ${SWARM_LIMITS.agents} is the most.`);
    return [];
  }
  const ids = new Set<string>();
  return raw.flatMap((item: Json, index): readonly AgentSpec[] => {
    if (!isObject(item)) {
      issues.add('INVALID_VALUE', [...path, index], 'An agent is an object.');
      return [];
    }
    const { sound, at } = readFields(CHECK, item, [...path, index], issues);
    const { id, capabilities, name, type, maxConcurrentTasks = 1, languages = [], frameworks = [], metadata = {}, ...texts } = sound;
    if (id !== undefined && ids.has(id)) issues.add('DUPLICATE_AGENT', at('id'), `There is another agent "${id}".`);
    if (id === undefined) return [];
    ids.add(id);
    if (capabilities === undefined) return [];
    const { description, persona, specialization } = texts;
    return [
      {
        id,
        name: name ?? id,
        type: type ?? 'agent',
        capabilities: [...new Set(capabilities)].sort(),
        maxConcurrentTasks,
        ...(description !== undefined && { description }),
        ...(persona !== undefined && { persona }),
        languages,
        frameworks,
        ...(specialization !== undefined && { specialization }),
        metadata,
      },
    ];
  });
}

/** Tasks that none of these agents can do. */
export function checkCapable(
  { tasks }: SwarmPlan,
  agents: readonly Pick<AgentSpec, 'capabilities'>[],
  path: Path,
  issues: IssueList,
): void {
  const having = new Map<string, Set<Pick<AgentSpec, 'capabilities'>>>();
  for (const agent of agents) {
    for (const capability of agent.capabilities) {
      const others = having.get(capability) ?? new Set();
      having.set(capability, others.add(agent));
    }
  }
  const known = having.keys().toArray();
  const canAll = (capabilities: readonly string[]): boolean => {
    const [rarest, ...others] = capabilities.map((capability) => having.get(capability) ?? new Set()).sort((a, b) => a.size - b.size);
    return rarest === undefined || rarest.values().some((agent) => others.every((able) => able.has(agent)));
  };
  for (const { ordinal, id, capabilities } of tasks) {
    if (canAll(capabilities)) continue;
    const missing = capabilities.filter((capability) => !having.has(capability));
    const why =
      missing.length > 0 ? `nobody has ${list(missing)}${didYouMean(missing[0] ?? '', known)}` : `nobody has all of ${list(capabilities)}`;
    issues.add('NO_CAPABLE_AGENT', [...path, ordinal], `No agent can do the task "${id}": ${why}`);
  }
}

const list = (names: readonly string[]): string => `${names.map((name) => `"${name}"`).join(', ')}.`;
