/** Small swarms for tests: their tasks, their teams, their jobs. Task ids count up: `t0`, `t1` … */

import { DEFAULT_ALLOCATION } from '../../../src/machines/protocol/execution.ts';
import type { Obligation, SwarmJob, SwarmPlan, SwarmTask, Team, TeamTask } from '../../../src/machines/protocol/swarm.ts';
import type { SwarmInput } from '../../../src/machines/swarm.machine.ts';
import { anExecution, BORN_AT } from './jobs.ts';
import { planOf } from './plans.ts';

export interface TaskSpec extends Partial<Omit<SwarmTask, 'ordinal' | 'id' | 'dependsOn' | 'dependents' | 'rank'>> {
  /** Ordinals of earlier tasks. */
  readonly after?: readonly number[];
  readonly team?: TeamTask;
}

export interface Goal {
  readonly tasks: readonly TaskSpec[];
  readonly obligations?: readonly Obligation[];
  /** The tasks of any further plan; those of the first one, when absent. At least as many as in the first. */
  readonly otherTasks?: readonly TaskSpec[];
  /** It hears stale messages too, in every state. */
  readonly isNoisy?: boolean;
  /** Types of events that it never hears. */
  readonly deaf?: RegExp;
}

const ROUTINE = planOf([{}]);

export function swarmPlanOf(specs: readonly TaskSpec[]): SwarmPlan {
  const dependents = (ordinal: number): number[] => specs.flatMap(({ after = [] }, other) => (after.includes(ordinal) ? [other] : []));
  const tasks = specs.map(({ after = [], team: _, ...more }, ordinal): SwarmTask => {
    const task: SwarmTask = {
      ...BLANK,
      ...more,
      ordinal,
      rank: ordinal,
      id: `t${ordinal}`,
      dependsOn: after,
      dependents: dependents(ordinal),
    };
    return task;
  });
  return {
    tasks,
    byRank: tasks.map(({ ordinal }) => ordinal),
    ordinals: Object.fromEntries(tasks.map(({ id, ordinal }) => [id, ordinal])),
    source: 'playbook',
  };
}

const BLANK: Omit<SwarmTask, 'ordinal' | 'id' | 'rank' | 'dependsOn' | 'dependents'> = {
  description: 'Do it',
  capabilities: ['code'],
  complexity: 5,
  priority: 5,
  plan: ROUTINE,
  parameters: {},
  tools: ['fetch'],
  onFailure: 'stop',
  maxAgents: 2,
};

export const teamOf = ({ tasks, obligations = [] }: Goal): Team => ({
  roles: {},
  tasks: Object.fromEntries(tasks.map(({ team = {} }, ordinal) => [`t${ordinal}`, team])),
  obligations,
});

export const obligationOf = (normId: string, tasks: readonly string[], deadlineMs: number): Obligation => ({
  normId,
  role: 'coder',
  mission: `mission of ${normId}`,
  tasks,
  deadlineMs,
});

const goals = new WeakMap<SwarmJob, Goal>();

/** What a good planner makes of a job, and a good organizer of that. */
export function goalOf(job: SwarmJob): Goal & { readonly plan: SwarmPlan; readonly team: Team; readonly otherPlan: SwarmPlan; readonly otherTeam: Team } {
  const goal = goals.get(job) ?? { tasks: [] };
  const { tasks, otherTasks = tasks } = goal;
  return { ...goal, plan: swarmPlanOf(tasks), otherPlan: swarmPlanOf(otherTasks), team: teamOf(goal), otherTeam: teamOf({ ...goal, tasks: otherTasks }) };
}

export function aSwarm(goal: Goal, more: Partial<SwarmJob> = {}): SwarmInput {
  const execution = anExecution('swarm');
  const job: SwarmJob = {
    execution,
    name: 'Swarm',
    goal: 'Build it',
    input: {},
    allocation: DEFAULT_ALLOCATION,
    definition: null,
    agents: [],
    poolIds: {},
    maxConcurrentTasks: 10,
    recovery: {},
    ...more,
  };
  goals.set(job, goal);
  return { execution, job, at: BORN_AT };
}
