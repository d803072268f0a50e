/** Forms the team of a swarm: who plays which role, who may do which task, and what the norms forbid, before anything runs. */

import type { AgentSpec } from '../../machines/protocol/agent.ts';
import { type ErrorCode, executionError } from '../../machines/protocol/errors.ts';
import type { JsonObject } from '../../machines/protocol/execution.ts';
import type { Obligation, Organization, Role, SwarmPlan, SwarmTask, TeamProposal, TeamTask } from '../../machines/protocol/swarm.ts';
import { type AgentSet, CapabilityIndex, keyOf } from './organization-agents.ts';
import { type Duty, NormBook } from './organization-norms.ts';
import { type Casting, castPlayers } from './organization-players.ts';
import { type Demand, type Players, type Problem, problemOf } from './organization-problem.ts';

/**
 * Organizes agents, in the order of their registration, for the tasks of a plan. Deterministic, and never throws.
 *
 * Without roles every task may be done by any agent that has its capabilities. With roles, a task falls to its own role, or else to the first
 * declared role with a permission or obligation to one of its missions that has a capable player; its agents are the players of that role
 * that have its capabilities. A task that a norm forbids to its role gets a `violation` and no agents. Obligations without a deadline are
 * permissions here: they never fall due. One whose mission holds no task of the plan is met, and left out.
 *
 * Errors: NO_CAPABLE_AGENT names every task that nobody can do and what is missing; ORGANIZATION_INFEASIBLE the roles that cannot be filled,
 * or the tasks that no player of their role can do. Its context has `isProven: false` where an exact search was given up.
 *
 * Source: Implementation Guide, "SwarmStateMachine Core Implementation" (the organizer).
 */
export function organize(organization: Organization | undefined, plan: SwarmPlan, agents: readonly AgentSpec[]): TeamProposal {
  const index = new CapabilityIndex(agents);
  const impossible = plan.tasks.filter(({ capabilities }) => index.having(capabilities).size === 0);
  if (impossible.length > 0) return noCapableAgent(impossible, index);
  if (!organization || organization.roles.length === 0) {
    return { ok: true, team: { roles: {}, tasks: Object.fromEntries(plan.tasks.map(({ id }) => [id, {}])), obligations: [] } };
  }
  const { roles } = organization;
  const norms = new NormBook(organization, plan);
  const ordinals = new Map(roles.map(({ id }, ordinal) => [id, ordinal]));
  const strangers = plan.tasks.filter(({ role }) => role !== undefined && !ordinals.has(role));
  if (strangers.length > 0) return withoutRole(strangers);

  const duties = plan.tasks.map((task) => norms.dutyOf(task));
  const wanted = demandsOf(plan.tasks, duties, ordinals, roles, index);
  const problem = problemOf(roles, index, [...wanted.keys()]);
  const casting = castPlayers(problem);
  if (!casting.ok) return infeasible(casting, roles, problem, [...wanted.values()]);
  const ids = (set: AgentSet): readonly string[] => Array.from(set, (agent) => agents[agent]?.id ?? '');
  const place = placing(casting.players, ordinals, index, ids);
  return {
    ok: true,
    team: {
      roles: Object.fromEntries(roles.map(({ id }, role) => [id, ids(casting.players[role] ?? index.having([]))])),
      tasks: Object.fromEntries(plan.tasks.map((task, ordinal) => [task.id, place(task, duties[ordinal] ?? { roles: [] })])),
      obligations: organization.norms.flatMap((norm): Obligation[] => {
        if (norm.type !== 'obligation' || norm.deadlineMs === undefined) return [];
        const { id: normId, role, mission, deadlineMs } = norm;
        const tasks = norms.tasksOf(mission, plan);
        return tasks.length === 0 ? [] : [{ normId, role, mission, tasks, deadlineMs }];
      }),
    },
  };
}

/** What the tasks want of the roles, each distinct wish once, with the tasks that have it. A task that is forbidden wants nobody. */
function demandsOf(
  tasks: readonly SwarmTask[],
  duties: readonly Duty[],
  ordinals: ReadonlyMap<string, number>,
  roles: readonly Role[],
  index: CapabilityIndex,
): ReadonlyMap<Demand, readonly SwarmTask[]> {
  const byKey = new Map<string, { readonly demand: Demand; readonly tasks: SwarmTask[] }>();
  for (const [ordinal, task] of tasks.entries()) {
    const duty = duties[ordinal];
    if (!duty || duty.violation || duty.roles.length === 0) continue;
    const key = `${JSON.stringify(duty.roles)}${keyOf(task.capabilities)}`;
    const known = byKey.get(key);
    if (known) known.tasks.push(task);
    else {
      const alternatives = duty.roles.map((id) => {
        const role = ordinals.get(id) ?? 0;
        return { role, agents: index.having([...task.capabilities, ...(roles[role]?.capabilities ?? [])]) };
      });
      byKey.set(key, { demand: { alternatives }, tasks: [task] });
    }
  }
  return new Map(Array.from(byKey.values(), ({ demand, tasks: same }) => [demand, same]));
}

/** Tasks with the same role and capabilities share one list of agents. */
function placing(
  players: Players,
  ordinals: ReadonlyMap<string, number>,
  index: CapabilityIndex,
  ids: (agents: AgentSet) => readonly string[],
): (task: SwarmTask, duty: Duty) => TeamTask {
  const lists = new Map<string, readonly string[]>();
  const agentsFor = (role: string, { capabilities }: SwarmTask): readonly string[] => {
    const key = `${JSON.stringify(role)}${keyOf(capabilities)}`;
    const known = lists.get(key);
    if (known) return known;
    const able = index.having(capabilities);
    const list = ids(players[ordinals.get(role) ?? -1]?.and(able) ?? able);
    lists.set(key, list);
    return list;
  };
  return (task, { roles, violation }) => {
    const [first] = roles;
    if (first === undefined) return {};
    if (violation) return { role: first, violation };
    const role = roles.find((candidate) => agentsFor(candidate, task).length > 0) ?? first;
    return { role, agents: agentsFor(role, task) };
  };
}

const MAX_NAMED = 10;

function refuse(code: ErrorCode, problem: string, details: readonly string[], context: JsonObject): TeamProposal {
  const more = details.length > MAX_NAMED ? `; and ${details.length - MAX_NAMED} more` : '';
  return { ok: false, error: executionError(code, `${problem}: ${details.slice(0, MAX_NAMED).join('; ')}${more}`, 'tier1', { context }) };
}

const listOf = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');

function noCapableAgent(tasks: readonly SwarmTask[], index: CapabilityIndex): TeamProposal {
  const lacking = tasks.map(({ id, capabilities }) => ({
    taskId: id,
    capabilities,
    missing: capabilities.filter((one) => !index.exists(one)),
  }));
  const details = lacking.map(({ taskId, capabilities, missing }) => {
    if (missing.length > 0) return `task "${taskId}" lacks ${listOf(missing)}`;
    return capabilities.length > 0 ? `task "${taskId}" needs ${listOf(capabilities)} together` : `task "${taskId}", for there is no agent`;
  });
  return refuse('NO_CAPABLE_AGENT', 'No agent can do some tasks', details, { tasks: lacking });
}

function withoutRole(tasks: readonly SwarmTask[]): TeamProposal {
  const named = tasks.map(({ id, role = '' }) => ({ taskId: id, role }));
  const details = named.map(({ taskId, role }) => `task "${taskId}" names role "${role}"`);
  return refuse('ORGANIZATION_INFEASIBLE', 'The organization has no such roles', details, { tasks: named });
}

function infeasible(
  { missing, unmet, isProven }: Extract<Casting, { readonly ok: false }>,
  roles: readonly Role[],
  { capable }: Problem,
  wanting: readonly (readonly SwarmTask[])[],
): TeamProposal {
  const short = roles.flatMap(({ id, min }, role) => {
    const count = missing[role] ?? 0;
    return count === 0 ? [] : [{ role: id, min, missing: count, capable: capable[role]?.size ?? 0 }];
  });
  if (short.length > 0) {
    const details = short.map(({ role, missing: count }) => `role "${role}" lacks ${count === 1 ? 'one agent' : `${count} agents`}`);
    return refuse('ORGANIZATION_INFEASIBLE', 'The roles cannot be filled', details, { roles: short, isProven });
  }
  const tasks = unmet.flatMap((index) => (wanting[index] ?? []).map(({ id, capabilities }) => ({ taskId: id, capabilities })));
  const details = tasks.map(({ taskId, capabilities }) => `task "${taskId}" needs ${listOf(capabilities)}`);
  return refuse('ORGANIZATION_INFEASIBLE', 'No agent that can do a task can play its role', details, { tasks, isProven });
}
