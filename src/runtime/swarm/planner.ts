/** The planner's port: from a goal to tasks. A planner of the user's is asked first, then playbooks and what earlier swarms have taught. */

import { memberOf } from '../../actors/failure.ts';
import { copyOf } from '../../actors/json.ts';
import { undecomposed } from '../../actors/planner.ts';
import type { Logger } from '../../actors/tool.ts';
import type { AgentSpec } from '../../machines/protocol/agent.ts';
import { type Issue, SwarmchartError } from '../../machines/protocol/errors.ts';
import type { JsonObject } from '../../machines/protocol/execution.ts';
import type { FailedTask, PlannerInput, PlanProposal, SwarmJob, SwarmPlan } from '../../machines/protocol/swarm.ts';
import { decompositionToPlan } from './decomposition.ts';
import { showGoal } from './goal.ts';
import { decompositionOf, type KnowledgeBase, type Prior } from './knowledge.ts';
import type { LoadedSwarm } from './load.ts';
import { playbookPlanner } from './playbook.ts';
import type { Routines } from './routines.ts';

export interface PlannerRequest {
  readonly goal: string;
  readonly input: JsonObject;
  /** All that may be given its tasks: the swarm's own, and everybody's. */
  readonly agents: readonly AgentSpec[];
  /** Prior decompositions of this goal, or of goals like it. */
  readonly knowledge: readonly Prior[];
  /** Capabilities for which there is a routine, so that a task needs to name no workflow. */
  readonly routines: readonly string[];
  /** 1, and 2 for the repair of an answer that made no sense. */
  readonly attempt: number;
  /** What was wrong with the first answer; empty at first. */
  readonly issues: readonly Issue[];
  /** New plans that were asked for before and with this request: 0 for the first plan, 1 for the first new one. */
  readonly round: number;
  /** Of a new plan: the task that no agent could do, with which it began, and all of them. */
  readonly failure?: FailedTask;
  readonly failures: readonly FailedTask[];
  /**
   * Of a new plan: results of the tasks that are done, by id. They belong to the new plan whether its answer names them or not, and do not run
   * again; its tasks may depend on them and read `${id.result}`. What is not done is replaced by the answer.
   */
  readonly completed: JsonObject;
  /** Aborted when the swarm is cancelled, fails or times out. */
  readonly signal: AbortSignal;
}

/**
 * Decomposes a goal. The answer is `{subTasks: […]}`, a list of tasks, or JSON text of either: see `decompositionToPlan`. An answer that makes no
 * sense is asked for once more, with everything that was wrong with it. `undefined` passes the goal on to the playbooks; whatever is thrown fails the swarm.
 *
 * Source: Implementation Guide, "Goal Decomposer Implementation".
 */
export type Planner = (request: PlannerRequest) => unknown;

export interface PlanningServices {
  readonly planner?: Planner;
  readonly knowledge: KnowledgeBase;
  /** The definition that the swarm was started with; undefined when it had none. */
  readonly definition: (job: SwarmJob) => LoadedSwarm | undefined;
  /** All that the swarm may use, its own included. */
  readonly agents: (job: SwarmJob) => readonly AgentSpec[];
  /** Of swarms without a definition. */
  readonly routines: Routines;
  readonly log: Logger;
}

/** Asks the planners in turn and checks the answer. Never rejects: whatever they do becomes a proposal. */
export async function planGoal(
  services: PlanningServices,
  { job, attempt, issues, replan }: PlannerInput,
  signal: AbortSignal,
): Promise<PlanProposal> {
  const { goal, input, organization } = job;
  try {
    const definition = services.definition(job);
    const routines = definition?.routines ?? services.routines;
    const request: PlannerRequest = {
      goal,
      input: copyOf(input),
      agents: services.agents(job),
      knowledge: await priorsOf(goal, services),
      routines: routines.capabilities,
      attempt,
      issues,
      round: replan?.round ?? 0,
      ...(replan && { failure: replan.failure }),
      failures: replan?.failures ?? [],
      completed: copyOf(replan?.completed ?? {}),
      signal,
    };
    const raw = await firstAnswer([...(services.planner ? [services.planner] : []), playbookPlanner(definition ?? NO_PLAYBOOKS)], request);
    const roles = organization && new Set(organization.roles.map(({ id }) => id));
    const inputNames = new Set(Object.keys(input));
    const mayReadSecrets = isOfPlaybook(raw, definition ?? NO_PLAYBOOKS);
    return decompositionToPlan(raw, {
      goal,
      routines,
      inputNames,
      mayReadSecrets,
      ...(roles && { roles }),
      ...(replan && { kept: replan.kept }),
    });
  } catch (thrown) {
    return undecomposed(goal, thrown);
  }
}

const NO_PLAYBOOKS: Pick<LoadedSwarm, 'playbooks'> = { playbooks: [] };

/** By identity: whoever writes down the same tasks is not their author. */
const isOfPlaybook = (answer: unknown, { playbooks }: Pick<LoadedSwarm, 'playbooks'>): boolean => {
  const tasks = memberOf(answer, 'tasks');
  return playbooks.some((playbook) => playbook.tasks === tasks);
};

async function firstAnswer(planners: readonly Planner[], request: PlannerRequest): Promise<unknown> {
  for (const planner of planners) {
    const answer = await planner(request);
    if (answer !== undefined) return answer;
    request.signal.throwIfAborted();
  }
  throw new SwarmchartError('DECOMPOSITION_FAILED', `No planner had an answer for the goal ${showGoal(request.goal)}.`);
}

/** A swarm does without what a knowledge base does not give. */
async function priorsOf(goal: string, { knowledge, log }: PlanningServices): Promise<readonly Prior[]> {
  try {
    const found: unknown = await knowledge.find(goal);
    return Array.isArray(found) ? found.filter(isPrior) : [];
  } catch (error) {
    log.warn({ err: error, goal }, 'The knowledge base could not be asked');
    return [];
  }
}

const isPrior = (value: unknown): value is Prior =>
  typeof value === 'object' && value !== null && 'goal' in value && typeof value.goal === 'string' && 'decomposition' in value;

/** After a swarm has completed. What came from a playbook or the knowledge base is known already. Never rejects. */
export async function rememberPlan(services: PlanningServices, job: SwarmJob, plan: SwarmPlan): Promise<void> {
  try {
    const definition = services.definition(job);
    const isKnown = plan.source === 'knowledge' || definition?.playbooks.some(({ id }) => id === plan.source);
    const decomposition = isKnown ? undefined : decompositionOf(plan, definition?.routines ?? services.routines);
    if (decomposition) await services.knowledge.remember(job.goal, decomposition);
  } catch (error) {
    services.log.warn({ err: error, goal: job.goal }, 'The knowledge base could not remember a decomposition');
  }
}
