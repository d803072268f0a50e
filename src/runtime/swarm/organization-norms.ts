/** Which role a task falls to, and whether a norm forbids it. */

import type { Norm, Organization, SwarmPlan, SwarmTask, TeamTask } from '../../machines/protocol/swarm.ts';
import { matcherOf } from './wildcard.ts';

export type Violation = NonNullable<TeamTask['violation']>;

/** The roles that may do a task, in order of declaration. Without any, and without a violation, anybody may. */
export interface Duty {
  readonly roles: readonly string[];
  /** Every role that it could fall to is forbidden to do it; the first of them is `roles[0]`. */
  readonly violation?: Violation;
}

type Prohibition = Extract<Norm, { readonly type: 'prohibition' }>;

export class NormBook {
  readonly #organization: Organization;
  /** By task: the missions that hold it, in order of declaration. */
  readonly #missions = new Map<string, string[]>();
  /** By mission: the norms that let a role do its tasks. */
  readonly #allowing = new Map<string, Exclude<Norm, Prohibition>[]>();
  /** By role. */
  readonly #prohibitions = new Map<string, { readonly norm: Prohibition; readonly names: (tool: string) => boolean }[]>();

  constructor(organization: Organization, plan: SwarmPlan) {
    this.#organization = organization;
    for (const { id, tasks } of organization.missions) {
      const holds = matcherOf(tasks);
      for (const task of plan.tasks) if (holds(task.id)) append(this.#missions, task.id, id);
    }
    for (const norm of organization.norms) {
      if (norm.type === 'prohibition') append(this.#prohibitions, norm.role, { norm, names: matcherOf(norm.tools ?? ['*']) });
      else append(this.#allowing, norm.mission, norm);
    }
  }

  /** A task's own role, or else every role with a permission or an obligation to a mission that holds it. */
  dutyOf(task: SwarmTask): Duty {
    const candidates = task.role === undefined ? this.#allowedRoles(task) : [task.role];
    const sound = candidates.filter((role) => !this.#violation(role, task));
    const [first] = candidates;
    if (sound.length > 0 || first === undefined) return { roles: sound };
    const violation = this.#violation(first, task);
    return { roles: [first], ...(violation && { violation }) };
  }

  /** Ids of the mission's tasks that are in the plan, in the plan's order. */
  tasksOf(mission: string, plan: SwarmPlan): readonly string[] {
    return plan.tasks.filter(({ id }) => this.#missions.get(id)?.includes(mission)).map(({ id }) => id);
  }

  #allowedRoles({ id }: SwarmTask): readonly string[] {
    const allowed = new Set(
      (this.#missions.get(id) ?? []).flatMap((mission) => (this.#allowing.get(mission) ?? []).map(({ role }) => role)),
    );
    return this.#organization.roles.map((role) => role.id).filter((role) => allowed.has(role));
  }

  #violation(role: string, task: SwarmTask): Violation | undefined {
    const missions = this.#missions.get(task.id) ?? [];
    for (const mission of missions) {
      const allowing = this.#allowing.get(mission) ?? [];
      const [first] = allowing;
      if (!first || allowing.some((norm) => norm.role === role)) continue;
      const message = `Task "${task.id}" belongs to mission "${mission}", which role "${role}" has neither permission nor obligation to do`;
      return { normId: first.id, message };
    }
    for (const { norm, names } of this.#prohibitions.get(role) ?? []) {
      if (norm.mission !== undefined && !missions.includes(norm.mission)) continue;
      const tool = norm.tools && task.tools.find(names);
      if (norm.tools && tool === undefined) continue;
      const what = [
        ...(tool === undefined ? [] : [`tool "${tool}"`]),
        ...(norm.mission === undefined ? [] : [`mission "${norm.mission}"`]),
      ];
      const message = `Task "${task.id}" is forbidden to role "${role}": ${what.length > 0 ? what.join(' in ') : 'everything is'}`;
      return { normId: norm.id, message };
    }
    return undefined;
  }
}

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
