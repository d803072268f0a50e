/** What earlier swarms have taught: which decomposition completed which goal. */

import { toJson } from '../../actors/json.ts';
import type { Json, JsonObject } from '../../machines/protocol/execution.ts';
import type { SwarmPlan, SwarmTask } from '../../machines/protocol/swarm.ts';
import { normalizeGoal } from './goal.ts';
import { SWARM_LIMITS } from './limits.ts';
import type { Routines } from './routines.ts';

/** A decomposition that completed a goal. */
export interface Prior {
  readonly goal: string;
  /** `{subTasks: […]}`, as a planner answers. */
  readonly decomposition: Json;
}

/**
 * Prior decompositions by goal. `find` may also give those of goals that are only similar: a planner sees for which goal each was.
 * A swarm goes on without it when it rejects.
 *
 * Source: Implementation Guide, "Goal Decomposer Implementation".
 */
export interface KnowledgeBase {
  find(goal: string): Promise<readonly Prior[]>;
  /** Called after a swarm has completed. */
  remember(goal: string, decomposition: Json): Promise<void>;
}

/**
 * The default: in memory, the last decomposition of each goal, at most 1,000 goals. The goal that was remembered longest ago is forgotten first.
 * Goals are the same whatever their case, spaces and final full stop. `remember` rejects with OUTPUT_TOO_LARGE beyond 256 KiB of JSON.
 */
export class MemoryKnowledge implements KnowledgeBase {
  readonly #priors = new Map<string, Prior>();

  find(goal: string): Promise<readonly Prior[]> {
    const prior = this.#priors.get(normalizeGoal(goal));
    return Promise.resolve(prior ? [prior] : []);
  }

  remember(goal: string, decomposition: Json): Promise<void> {
    return Promise.resolve().then(() => {
      const key = normalizeGoal(goal);
      const copy = toJson(decomposition, 'A decomposition', SWARM_LIMITS.rememberedBytes);
      this.#priors.delete(key);
      this.#priors.set(key, { goal, decomposition: copy });
      for (const oldest of this.#priors.keys()) {
        if (this.#priors.size <= SWARM_LIMITS.rememberedGoals) return;
        this.#priors.delete(oldest);
      }
    });
  }
}

/**
 * The decomposition that a plan was made of, as a planner would answer it, so that the same plan can be made again. Undefined for a plan with a
 * task whose workflow is its own: a compiled workflow cannot be turned back into what its author wrote.
 */
export function decompositionOf({ tasks }: SwarmPlan, routines: Routines): JsonObject | undefined {
  const subTasks: JsonObject[] = [];
  for (const task of tasks) {
    const work = workOf(task, routines);
    if (!work) return undefined;
    subTasks.push({
      id: task.id,
      description: task.description,
      dependencies: task.dependsOn.map((ordinal) => tasks[ordinal]?.id ?? ''),
      requiredCapabilities: task.capabilities,
      estimatedComplexity: task.complexity,
      priority: task.priority,
      onFailure: task.onFailure,
      maxAgents: task.maxAgents,
      ...(task.role !== undefined && { role: task.role }),
      ...work,
    });
  }
  return { subTasks };
}

function workOf({ plan, parameters, capabilities }: SwarmTask, routines: Routines): JsonObject | undefined {
  const isSame = (id: string): boolean => {
    const found = routines.find(id);
    return typeof found === 'object' && isEqual(found.plan, plan);
  };
  const own = Object.keys(parameters).length > 0 ? { parameters } : {};
  const routine = routines.forCapabilities(capabilities);
  if (typeof routine === 'object' && isEqual(routine.plan, plan)) return own;
  if (isSame(plan.id)) return { ...own, workflow: plan.id };
  const [step, second] = plan.steps;
  const isToolOnly = !second && step?.work.kind === 'tool' && step.work.parametersFrom[0] === '{{parameters}}';
  const given = parameters['parameters'];
  return isToolOnly && typeof given === 'object' ? { tool: step.work.tool, parameters: given } : undefined;
}

/** A plan that was read from a journal is another object. */
const isEqual = (one: object, other: object): boolean => one === other || JSON.stringify(one) === JSON.stringify(other);
