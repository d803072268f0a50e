/** From the tasks of a playbook or of a planner's answer to a plan: every problem at once, each at its place. */

import type { Issue } from '../../machines/protocol/errors.ts';
import { type Json, type JsonObject, PRIORITIES, type PriorityName } from '../../machines/protocol/execution.ts';
import type { Plan } from '../../machines/protocol/plan.ts';
import type { SwarmPlan, SwarmTask } from '../../machines/protocol/swarm.ts';
import { findCycles, printCycle } from '../workflow/cycles.ts';
import { IssueList, type Path } from '../workflow/issues.ts';
import { UNSAFE_KEYS } from '../workflow/limits.ts';
import { isObject, type RawObject } from '../workflow/origins.ts';
import { refuseSecrets } from '../workflow/secret-references.ts';
import { didYouMean } from '../workflow/suggest.ts';
import { TASK_SHAPE } from './definition.ts';
import { type Fields, fieldsCheck, keyMeant, readFields } from './fields.ts';
import { DEFAULT_COMPLEXITY, DEFAULT_MAX_AGENTS, SWARM_LIMITS } from './limits.ts';
import type { Routines } from './routines.ts';
import { linkTasks } from './task-links.ts';
import { routineOf } from './task-routine.ts';
import { toolsOf } from './tools-of.ts';

export interface TaskSurroundings {
  readonly routines: Routines;
  /** Names that the swarm's input has, when that is known. `goal` needs no mention. */
  readonly inputNames?: ReadonlySet<string>;
  /** Roles that a task may name, when the swarm has an organization. */
  readonly roles?: ReadonlySet<string>;
  /** Of a planner rather than an author: what is null counts as left out, and keys that are no slip of the pen are passed over. */
  readonly isTolerant?: boolean;
  /** Of the author of the swarm. A planner may say what somebody else made it say. */
  readonly mayReadSecrets?: boolean;
  /** Tasks of an earlier plan that are done. They come first, whatever the list says of them, and the others may depend on them and read them. */
  readonly kept?: readonly SwarmTask[];
}

export interface ReadTask {
  readonly ordinal: number;
  readonly path: Path;
  /** Empty when it has none, which is then reported. */
  readonly id: string;
  readonly capabilities: readonly string[];
  readonly fields: Fields<typeof TASK_SHAPE>;
}

const CHECK = fieldsCheck(TASK_SHAPE, ['workflow', 'steps'], {
  dependsOn: 'dependencies',
  capabilities: 'requiredCapabilities',
  complexity: 'estimatedComplexity',
  toolName: 'tool',
});

/** Never throws. There is a plan exactly when there is no issue. `source` says where it came from; `path` is where the list stands. */
export function planTasks(
  list: Json | undefined,
  path: Path,
  source: string,
  surroundings: TaskSurroundings,
): { readonly plan?: SwarmPlan; readonly issues: readonly Issue[]; readonly ids: readonly string[] } {
  const issues = new IssueList();
  const { kept = [] } = surroundings;
  const tasks = [...kept.map(asRead), ...readTasks(list, path, surroundings, issues)];
  const byId = indexIds(tasks, issues);
  const links = [
    ...keptLinks(kept),
    ...linkTasks(tasks, byId, surroundings.inputNames, surroundings.routines.secrets, issues).slice(kept.length),
  ];
  for (const cycle of findCycles(links)) {
    const names = cycle.map((ordinal) => tasks[ordinal]?.id ?? '');
    const first = tasks[cycle[0] ?? -1];
    if (first) issues.add('DEPENDENCY_CYCLE', first.path, `Tasks wait for each other: ${printCycle(names)}.`);
  }
  for (const task of tasks) checkRole(task, surroundings, issues);
  const routines = tasks.map((task) => kept[task.ordinal] ?? routineOf(task, surroundings, issues));
  const ids = [...byId.keys()];
  if (!issues.isEmpty) return { issues: issues.all(), ids };
  return { plan: compile(tasks, links, routines, source, kept), issues: [], ids };
}

/** A task that is done needs no reading. */
const asRead = ({ id, capabilities }: SwarmTask, ordinal: number): ReadTask => ({
  ordinal,
  path: [],
  id,
  capabilities,
  fields: { sound: {}, raw: {}, at: (key) => [id, key] },
});

function keptLinks(kept: readonly SwarmTask[]): readonly ReadonlySet<number>[] {
  const places = new Map(kept.map(({ ordinal }, index) => [ordinal, index]));
  return kept.map(({ dependsOn }) => new Set(dependsOn.flatMap((ordinal) => places.get(ordinal) ?? [])));
}

function readTasks(
  list: Json | undefined,
  path: Path,
  { isTolerant = false, mayReadSecrets = false, kept = [] }: TaskSurroundings,
  issues: IssueList,
): readonly ReadTask[] {
  const done = new Set(kept.map(({ id }) => id));
  if (!Array.isArray(list)) {
    issues.add('INVALID_VALUE', path, list === undefined ? '"tasks" is required.' : 'Tasks are a list.');
    return [];
  }
  if (list.length === 0) issues.add('INVALID_VALUE', path, 'There is no task.');
  if (list.length > SWARM_LIMITS.tasks) {
    issues.add('LIMIT_EXCEEDED', path, `There are ${list.length} tasks; ${SWARM_LIMITS.tasks} is the most.`);
    return [];
  }
  const tasks: ReadTask[] = [];
  for (const [index, item] of list.entries() as IterableIterator<[number, Json]>) {
    const at = [...path, index];
    if (isObject(item) && typeof item['id'] === 'string' && done.has(item['id'])) continue;
    if (!isObject(item)) {
      issues.add('INVALID_VALUE', at, 'A task is an object.');
      continue;
    }
    if (Object.keys(item).length > SWARM_LIMITS.taskKeys) {
      issues.add('LIMIT_EXCEEDED', at, `A task has at most ${SWARM_LIMITS.taskKeys} keys.`);
      continue;
    }
    if (!mayReadSecrets) refuseSecrets(item, at, issues, 'only the author of a swarm gives secrets to its tasks');
    const fields = readFields(CHECK, isTolerant ? tidied(item) : item, at, issues);
    const { id = '', requiredCapabilities = [] } = fields.sound;
    tasks.push({ ordinal: kept.length + tasks.length, path: at, id, capabilities: [...new Set(requiredCapabilities)], fields });
  }
  return tasks;
}

/** A planner says null for nothing and "High" for high, and adds remarks of its own; "dependancies" is no remark. */
function tidied(item: RawObject): RawObject {
  const kept: Record<string, Json> = {};
  for (const [key, value] of Object.entries(item)) {
    const meant = keyMeant(CHECK, key);
    if (value === null || (meant === undefined && didYouMean(key, CHECK.shape.keys) === '')) continue;
    kept[key] = meant === 'priority' && typeof value === 'string' ? value.toLowerCase() : value;
  }
  return kept;
}

function indexIds(tasks: readonly ReadTask[], issues: IssueList): ReadonlyMap<string, ReadTask> {
  const byId = new Map<string, ReadTask>();
  for (const task of tasks) {
    const at = task.fields.at('id');
    if (task.id === '') continue;
    if (UNSAFE_KEYS.has(task.id)) issues.add('UNSAFE_KEY', at, `A task cannot be named "${task.id}".`);
    else if (byId.has(task.id)) issues.add('DUPLICATE_ID', at, `The id "${task.id}" is already taken by an earlier task.`);
    else byId.set(task.id, task);
  }
  return byId;
}

function checkRole({ id, fields }: ReadTask, { roles }: TaskSurroundings, issues: IssueList): void {
  const { role } = fields.sound;
  if (role === undefined || roles?.has(role) === true) return;
  const why = roles
    ? `There is no role "${role}".${didYouMean(role, roles)}`
    : `Task "${id}" has a role, and the swarm has no organization.`;
  issues.add('UNRESOLVED_REFERENCE', fields.at('role'), why);
}

interface Routine {
  readonly plan: Plan;
  readonly parameters: JsonObject;
}

function compile(
  tasks: readonly ReadTask[],
  links: readonly ReadonlySet<number>[],
  routines: readonly (Routine | undefined)[],
  source: string,
  kept: readonly SwarmTask[],
): SwarmPlan {
  const dependents: number[][] = tasks.map(() => []);
  for (const [ordinal, awaited] of links.entries()) for (const other of awaited) dependents[other]?.push(ordinal);
  const priorities = tasks.map(({ ordinal, fields: { sound } }) => kept[ordinal]?.priority ?? priorityOf(sound.priority));
  const byRank = tasks.map(({ ordinal }) => ordinal).sort((a, b) => (priorities[b] ?? 0) - (priorities[a] ?? 0) || a - b);
  const ranks: number[] = tasks.map(() => 0);
  for (const [rank, ordinal] of byRank.entries()) ranks[ordinal] = rank;
  const compiled = tasks.flatMap(({ ordinal, id, capabilities, fields: { sound } }): readonly SwarmTask[] => {
    const routine = routines[ordinal];
    if (!routine) return [];
    const place = {
      ordinal,
      dependsOn: [...(links[ordinal] ?? [])].sort((a, b) => a - b),
      dependents: dependents[ordinal] ?? [],
      rank: ranks[ordinal] ?? 0,
    };
    const done = kept[ordinal];
    if (done) return [{ ...done, ...place }];
    const { description = id, role, estimatedComplexity: complexity = DEFAULT_COMPLEXITY, onFailure = 'stop' } = sound;
    const task: SwarmTask = {
      ...place,
      id,
      description,
      capabilities,
      complexity,
      priority: priorities[ordinal] ?? PRIORITIES.medium,
      plan: routine.plan,
      parameters: routine.parameters,
      tools: toolsOf(routine.plan),
      ...(role !== undefined && { role }),
      onFailure,
      maxAgents: sound.maxAgents ?? DEFAULT_MAX_AGENTS,
    };
    return [task];
  });
  return { tasks: compiled, byRank, ordinals: Object.fromEntries(tasks.map(({ id, ordinal }) => [id, ordinal])), source };
}

const priorityOf = (given: number | PriorityName = 'medium'): number => (typeof given === 'number' ? given : PRIORITIES[given]);
