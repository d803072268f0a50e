/** SWM-5: castings keep every rule, and a refusal agrees with trying everything. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AgentSet, CapabilityIndex } from '../../../src/runtime/swarm/organization-agents.ts';
import { castPlayers } from '../../../src/runtime/swarm/organization-players.ts';
import { isCovered, type Players, type Problem, problemOf } from '../../../src/runtime/swarm/organization-problem.ts';

const setOf = (agents: number, members: readonly number[]): AgentSet => {
  const set = AgentSet.none(agents);
  for (const member of members) set.add(member);
  return set;
};

const NAMES = ['r0', 'r1', 'r2', 'r3'];

/** Up to four roles and four agents, any compatibilities, and a few demands. */
const problems = fc.integer({ min: 0, max: 4 }).chain((agents) => {
  const someAgents = fc.subarray(Array.from({ length: agents }, (_, agent) => agent));
  const role = fc.record({
    min: fc.integer({ min: 0, max: 2 }),
    spare: fc.integer({ min: 0, max: 3 }),
    capable: someAgents,
    compatibleWith: fc.option(fc.subarray(NAMES), { nil: undefined }),
  });
  return fc.array(role, { minLength: 1, maxLength: 4 }).chain((roles) => {
    const demand = fc.array(fc.record({ role: fc.nat(roles.length - 1), agents: someAgents }), { minLength: 1, maxLength: 2 });
    return fc.array(demand, { maxLength: 3 }).map((demands): Problem => {
      const specs = Array.from({ length: agents }, (_, agent) => ({
        capabilities: roles.flatMap(({ capable }, at) => (capable.includes(agent) ? [`can-${at}`] : [])),
      }));
      const declared = roles.map(({ min, spare, compatibleWith }, at) => ({
        id: NAMES[at] ?? '',
        min,
        max: Math.max(1, min + spare),
        capabilities: [`can-${at}`],
        ...(compatibleWith && { compatibleWith }),
      }));
      const wanted = demands.map((alternatives) => ({
        alternatives: alternatives.map((one) => ({
          role: one.role,
          agents: setOf(
            agents,
            one.agents.filter((agent) => roles[one.role]?.capable.includes(agent)),
          ),
        })),
      }));
      return problemOf(declared, new CapabilityIndex(specs), wanted);
    });
  });
});

function brokenRules({ agents, capable, conflicts, max, min, demands }: Problem, players: Players): string[] {
  const broken: string[] = [];
  for (const [role, own] of players.entries()) {
    if (own.size < (min[role] ?? 0)) broken.push(`role ${role} has too few players`);
    if (own.size > (max[role] ?? 0)) broken.push(`role ${role} has too many players`);
    for (const agent of own) if (!capable[role]?.has(agent)) broken.push(`agent ${agent} cannot play role ${role}`);
  }
  for (let agent = 0; agent < agents; agent++) {
    const held = players.flatMap((own, role) => (own.has(agent) ? [role] : []));
    if (held.some((role) => conflicts[role]?.some((other) => held.includes(other)))) broken.push(`agent ${agent} plays ${held.join()}`);
  }
  if (!demands.every((demand) => isCovered(players, demand))) broken.push('a demand is not met');
  return broken;
}

/** Tries every set of roles for every agent. */
function existsCasting(problem: Problem): boolean {
  const players = problem.capable.map(() => AgentSet.none(problem.agents));
  const cast = (agent: number): boolean => {
    if (agent === problem.agents) return brokenRules(problem, players).length === 0;
    for (let choice = 0; choice < 2 ** players.length; choice++) {
      const chosen = players.filter((_, role) => (choice >> role) % 2 === 1);
      if (players.some((_, role) => (choice >> role) % 2 === 1 && !problem.capable[role]?.has(agent))) continue;
      for (const own of chosen) own.add(agent);
      if (cast(agent + 1)) return true;
      for (const own of chosen) own.delete(agent);
    }
    return false;
  };
  return cast(0);
}

describe('a casting', () => {
  it('exists exactly when trying everything finds one, and then keeps every rule', () => {
    let refused = 0;
    fc.assert(
      fc.property(problems, (problem) => {
        const casting = castPlayers(problem);
        if (casting.ok) expect(brokenRules(problem, casting.players)).toEqual([]);
        else {
          refused++;
          expect(casting.isProven).toBe(true);
          expect(existsCasting(problem)).toBe(false);
          expect(casting.missing.some((count) => count > 0) || casting.unmet.length > 0).toBe(true);
        }
      }),
      { numRuns: 400 },
    );
    expect(refused).toBeGreaterThan(0);
  });

  it('leaves nobody out who could still join a role', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const casting = castPlayers(problem);
        if (!casting.ok) return;
        for (const [role, own] of casting.players.entries()) {
          if (own.size >= (problem.max[role] ?? 0)) continue;
          for (const agent of problem.capable[role] ?? []) {
            const isBarred = own.has(agent) || problem.conflicts[role]?.some((other) => casting.players[other]?.has(agent));
            expect(isBarred).toBe(true);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('is the largest matching where each agent plays one role: what is missing is missing in all', () => {
    const bipartite = fc.array(fc.record({ min: fc.integer({ min: 0, max: 3 }), capable: fc.subarray([0, 1, 2, 3, 4]) }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(bipartite, (roles) => {
        const capable = roles.map((role) => setOf(5, role.capable));
        const conflicts = roles.map((_, role) => [...roles.keys()].filter((other) => other !== role));
        const min = roles.map((role) => role.min);
        const casting = castPlayers({ agents: 5, min, max: min.map(() => 5), capable, conflicts, demands: [] });
        const most = (agent: number, left: readonly number[]): number => {
          if (agent === 5) return 0;
          const given = left.map((count, role) =>
            count > 0 && capable[role]?.has(agent) ? 1 + most(agent + 1, left.with(role, count - 1)) : 0,
          );
          return Math.max(most(agent + 1, left), ...given);
        };
        const wanted = min.reduce((sum, count) => sum + count, 0);
        const missing = casting.ok ? 0 : casting.missing.reduce((sum, count) => sum + count, 0);
        expect(missing).toBe(wanted - most(0, min));
      }),
    );
  });
});
