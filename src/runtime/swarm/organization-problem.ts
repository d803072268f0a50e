/** The organizer's question in numbers: roles and agents by index. */

import type { Role } from '../../machines/protocol/swarm.ts';
import { AgentSet, type CapabilityIndex } from './organization-agents.ts';

/** Somebody is wanted for a task: a player of one of these roles who is among these agents. */
export interface Demand {
  readonly alternatives: readonly { readonly role: number; readonly agents: AgentSet }[];
}

export interface Problem {
  readonly agents: number;
  readonly min: readonly number[];
  readonly max: readonly number[];
  /** By role: who has its capabilities. */
  readonly capable: readonly AgentSet[];
  /** By role: the roles that no agent may play besides it. */
  readonly conflicts: readonly (readonly number[])[];
  readonly demands: readonly Demand[];
}

/** By role. */
export type Players = readonly AgentSet[];

export function problemOf(roles: readonly Role[], index: CapabilityIndex, demands: readonly Demand[]): Problem {
  const allowed = roles.map(({ compatibleWith }) => compatibleWith && new Set(compatibleWith));
  const tolerates = (a: number, b: number): boolean => allowed[a]?.has(roles[b]?.id ?? '') ?? true;
  const others = (a: number): number[] => roles.map((_, b) => b).filter((b) => b !== a && !(tolerates(a, b) && tolerates(b, a)));
  return {
    agents: index.size,
    min: roles.map(({ min }) => min),
    max: roles.map(({ max }) => max),
    capable: roles.map(({ capabilities }) => index.having(capabilities)),
    conflicts: roles.map((_, role) => others(role)),
    demands,
  };
}

/** Roles that conflict, directly or through others: only within such a group does one assignment stand in the way of another. */
export function groupsOf({ conflicts }: Problem): readonly (readonly number[])[] {
  const seen = new Set<number>();
  const groups: number[][] = [];
  for (const start of conflicts.keys()) {
    if (seen.has(start)) continue;
    const group = [start];
    seen.add(start);
    for (const role of group) {
      for (const other of conflicts[role] ?? []) {
        if (seen.has(other)) continue;
        seen.add(other);
        group.push(other);
      }
    }
    groups.push(group.sort((a, b) => a - b));
  }
  return groups;
}

/** Agents that the rules let join a role now: capable, not in it, in no conflicting one; none when it is full. */
export function joinable({ agents, capable, conflicts, max }: Problem, players: Players, role: number): AgentSet {
  const own = players[role];
  const able = capable[role];
  if (!own || !able || own.size >= (max[role] ?? 0)) return AgentSet.none(agents);
  return (conflicts[role] ?? []).reduce((left, other) => left.without(players[other] ?? AgentSet.none(0)), able.without(own));
}

export const isCovered = (players: Players, { alternatives }: Demand): boolean =>
  alternatives.some(({ role, agents }) => players[role]?.meets(agents) === true);

/** How many players each role still lacks. */
export const missingOf = ({ min }: Problem, players: Players): readonly number[] =>
  min.map((least, role) => Math.max(0, least - (players[role]?.size ?? 0)));
