/** The minima of roles of which an agent plays one: a maximum bipartite matching, by augmenting paths from role to role. */

import { AgentSet } from './organization-agents.ts';
import type { Players, Problem } from './organization-problem.ts';

/**
 * Gives the roles of one group their minimum of players, no agent two of them. Whoever can do the tasks of a role is taken first.
 * Where not all minima can be met, as many places as possible are filled.
 */
export function matchGroup(problem: Problem, group: readonly number[], players: Players, useful: ReadonlyMap<number, AgentSet>): void {
  const free = AgentSet.all(problem.agents);
  for (const role of group) {
    const own = players[role];
    const capable = problem.capable[role];
    if (!own || !capable) continue;
    const wanted = useful.get(role);
    const tiers = wanted ? [capable.and(wanted), capable] : [capable];
    for (const agent of tiers.flatMap((tier) => firstOf(tier.and(free), problem.min[role] ?? 0))) {
      if (own.size >= (problem.min[role] ?? 0)) break;
      own.add(agent);
      free.delete(agent);
    }
    while (own.size < (problem.min[role] ?? 0) && augment(problem, group, players, free, role));
  }
}

/** By role: those who are wanted for its tasks. */
export function usefulAgents({ demands }: Problem): ReadonlyMap<number, AgentSet> {
  const useful = new Map<number, AgentSet>();
  for (const { alternatives } of demands) {
    for (const { role, agents } of alternatives) useful.set(role, useful.get(role)?.or(agents) ?? agents);
  }
  return useful;
}

function firstOf(agents: AgentSet, count: number): number[] {
  const found: number[] = [];
  if (count === 0) return found;
  for (const agent of agents) if (found.push(agent) >= count) break;
  return found;
}

/** Finds a role with a free agent and moves one agent along each hop of the way to it. False: there is no such way, nor will there be one. */
function augment({ capable }: Problem, group: readonly number[], players: Players, free: AgentSet, start: number): boolean {
  const cameBy = new Map<number, { readonly to: number; readonly agent: number }>();
  const queue = [start];
  for (const role of queue) {
    const able = capable[role];
    if (!able) continue;
    const found = able.firstIn(free);
    if (found !== undefined) {
      free.delete(found);
      players[role]?.add(found);
      for (let at = role; at !== start; ) {
        const hop = cameBy.get(at);
        if (!hop) break;
        players[at]?.delete(hop.agent);
        players[hop.to]?.add(hop.agent);
        at = hop.to;
      }
      return true;
    }
    for (const other of group) {
      if (other === start || cameBy.has(other)) continue;
      const agent = players[other]?.firstIn(able);
      if (agent === undefined) continue;
      cameBy.set(other, { to: role, agent });
      queue.push(other);
    }
  }
  return false;
}
