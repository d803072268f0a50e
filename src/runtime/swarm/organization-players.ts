/** Who plays which role. */

import { AgentSet } from './organization-agents.ts';
import { matchGroup, usefulAgents } from './organization-matching.ts';
import { groupsOf, isCovered, joinable, missingOf, type Players, type Problem } from './organization-problem.ts';
import { searchPlayers } from './organization-search.ts';

export type Casting =
  | { readonly ok: true; readonly players: Players }
  | {
      readonly ok: false;
      /** By role: how many players it lacks in the best casting that was found. */
      readonly missing: readonly number[];
      /** Indices of demands that no player meets in it. */
      readonly unmet: readonly number[];
      /** False: the search was given up, so another casting may exist. */
      readonly isProven: boolean;
    };

/**
 * Casts agents for roles: first the minima, then whoever the tasks still need, then up to each maximum in registration order, an agent joining
 * the smallest of the roles that are open to it. Deterministic.
 */
export function castPlayers(problem: Problem): Casting {
  const groups = groupsOf(problem);
  const players = problem.capable.map(() => AgentSet.none(problem.agents));
  const useful = usefulAgents(problem);
  let isImpossible = false;
  for (const group of groups) {
    matchGroup(problem, group, players, useful);
    const isMatchingExact = group.every((role) => problem.conflicts[role]?.length === group.length - 1);
    if (!isMatchingExact) doubleUp(problem, group, players);
    else isImpossible ||= group.some((role) => (players[role]?.size ?? 0) < (problem.min[role] ?? 0));
  }
  cover(problem, players);
  if (isImpossible) return refusal(problem, players, true);
  if (isComplete(problem, players)) return { ok: true, players: filled(problem, groups, players) };
  const outcome = searchPlayers(problem);
  if (outcome.kind !== 'found') return refusal(problem, players, outcome.kind === 'impossible');
  return { ok: true, players: filled(problem, groups, outcome.players) };
}

/** Where some roles of a group go together: what one role for each agent could not fill, agents with another role may. */
function doubleUp(problem: Problem, group: readonly number[], players: Players): void {
  for (const role of group) {
    const missing = (problem.min[role] ?? 0) - (players[role]?.size ?? 0);
    if (missing <= 0) continue;
    let added = 0;
    for (const agent of joinable(problem, players, role)) {
      if (added++ >= missing) break;
      players[role]?.add(agent);
    }
  }
}

/** Adds a player for each demand that has none, where the rules allow one. */
function cover(problem: Problem, players: Players): void {
  for (const demand of problem.demands) {
    if (isCovered(players, demand)) continue;
    for (const { role, agents } of demand.alternatives) {
      const agent = joinable(problem, players, role).firstIn(agents);
      if (agent === undefined) continue;
      players[role]?.add(agent);
      break;
    }
  }
}

const isComplete = (problem: Problem, players: Players): boolean =>
  missingOf(problem, players).every((missing) => missing === 0) && problem.demands.every((demand) => isCovered(players, demand));

function refusal(problem: Problem, players: Players, isProven: boolean): Casting {
  const unmet = problem.demands.flatMap((demand, index) => (isCovered(players, demand) ? [] : [index]));
  return { ok: false, missing: missingOf(problem, players), unmet, isProven };
}

function filled(problem: Problem, groups: readonly (readonly number[])[], players: Players): Players {
  for (const group of groups) {
    const [only] = group;
    if (group.length > 1) fillGroup(problem, group, players);
    else if (only !== undefined) {
      for (const agent of joinable(problem, players, only)) {
        if ((players[only]?.size ?? 0) >= (problem.max[only] ?? 0)) break;
        players[only]?.add(agent);
      }
    }
  }
  return players;
}

function fillGroup({ agents, capable, conflicts, max }: Problem, group: readonly number[], players: Players): void {
  const conflicting = conflicts.map((others) => new Set(others));
  for (let agent = 0; agent < agents; agent++) {
    const held = group.filter((role) => players[role]?.has(agent));
    const isOpen = (role: number): boolean =>
      (players[role]?.size ?? 0) < (max[role] ?? 0) && !held.includes(role) && !held.some((other) => conflicting[role]?.has(other));
    let open = group.filter((role) => capable[role]?.has(agent) && isOpen(role));
    while (open.length > 0) {
      const smallest = open.reduce((least, role) => ((players[role]?.size ?? 0) < (players[least]?.size ?? 0) ? role : least));
      players[smallest]?.add(agent);
      held.push(smallest);
      open = open.filter(isOpen);
    }
  }
}
