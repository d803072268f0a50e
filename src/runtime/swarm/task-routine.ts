/** What a task does: a workflow and its input, from whichever of its fields says so. */

import type { JsonObject } from '../../machines/protocol/execution.ts';
import type { Plan } from '../../machines/protocol/plan.ts';
import { IssueList } from '../workflow/issues.ts';
import { UNSAFE_KEYS, WORKFLOW_LIMITS } from '../workflow/limits.ts';
import type { LoadedWorkflow } from '../workflow/load.ts';
import { didYouMean } from '../workflow/suggest.ts';
import type { ReadTask, TaskSurroundings } from './tasks.ts';

/** What a task's run is given besides the swarm's input and its own parameters. */
const AROUND = ['goal', 'task', 'description', 'results'] as const;

/** Undefined when there is none, which is then reported. */
export function routineOf(
  task: ReadTask,
  surroundings: TaskSurroundings,
  issues: IssueList,
): { readonly plan: Plan; readonly parameters: JsonObject } | undefined {
  const { sound, raw, at } = task.fields;
  const parameters = sound.parameters ?? {};
  const ways = (['workflow', 'steps', 'tool'] as const).filter((key) => raw[key] !== undefined);
  if (ways.length > 1) {
    issues.add('INVALID_VALUE', at(ways[1] ?? ''), `Task "${task.id}" has ${ways.join(' and ')}: give one of them.`);
    return undefined;
  }
  if (depthExceeds(parameters, WORKFLOW_LIMITS.parametersDepth)) {
    issues.add('LIMIT_EXCEEDED', at('parameters'), `Parameters are nested deeper than ${WORKFLOW_LIMITS.parametersDepth} levels.`);
    return undefined;
  }
  if (ways[0] === 'tool') return toolRoutine(task, parameters, surroundings, issues);
  const loaded = workflowOf(task, ways[0], parameters, surroundings, issues);
  if (!loaded) return undefined;
  checkInput(task, loaded, parameters, surroundings, issues);
  return { plan: loaded.plan, parameters };
}

function workflowOf(
  task: ReadTask,
  way: 'workflow' | 'steps' | undefined,
  parameters: JsonObject,
  { routines, inputNames }: TaskSurroundings,
  issues: IssueList,
): LoadedWorkflow | undefined {
  const { raw, at } = task.fields;
  const { capabilities } = task;
  const names = inputNames && [...inputNames, ...AROUND, ...Object.keys(parameters)];
  const defaultId = nameOf(task);
  if (way === 'workflow') return routines.named(raw['workflow'] ?? null, at('workflow'), defaultId, issues, names);
  if (way === 'steps') return routines.load({ id: defaultId, steps: raw['steps'] ?? null }, task.path, defaultId, issues, names);
  const found = routines.forCapabilities(capabilities);
  if (found) return found === 'broken' ? undefined : found;
  const [first = ''] = capabilities;
  const why = capabilities.length === 0 ? 'it requires no capability' : `no routine is known for ${capabilities.map(quoted).join(', ')}`;
  const message = `Task "${task.id}" has no workflow, steps or tool, and ${why}.${didYouMean(first, routines.capabilities)}`;
  issues.add('ROUTINE_NOT_FOUND', capabilities.length === 0 ? task.path : at('requiredCapabilities'), message);
  return undefined;
}

/** One step that is given the parameters as a whole: whatever they are named and hold, they are not read for references again. */
function toolRoutine(task: ReadTask, parameters: JsonObject, { routines }: TaskSurroundings, issues: IssueList) {
  const { raw, at } = task.fields;
  const id = nameOf(task);
  const own = new IssueList();
  const loaded = routines.load({ id, steps: [{ id, tool: raw['tool'] ?? null, parametersFrom: ['{{parameters}}'] }] }, [], id, own);
  for (const { code, message } of own.all()) if (task.fields.sound.tool !== undefined) issues.add(code, at('tool'), message);
  return loaded && { plan: loaded.plan, parameters: { parameters } };
}

/** A workflow that declares its input is given nothing else; what it requires and nobody gives is missed here already. */
function checkInput(
  { fields, id }: ReadTask,
  { plan, inputs }: LoadedWorkflow,
  parameters: JsonObject,
  around: TaskSurroundings,
  issues: IssueList,
) {
  if (!inputs) return;
  for (const name of Object.keys(parameters)) {
    if (Object.hasOwn(inputs, name)) continue;
    const hint = didYouMean(name, Object.keys(inputs));
    issues.add('INVALID_INPUT', [...fields.at('parameters'), name], `The workflow "${plan.id}" takes no input "${name}".${hint}`);
  }
  const { inputNames } = around;
  if (!inputNames) return;
  const given = new Set<string>([...AROUND, ...inputNames, ...Object.keys(parameters)]);
  for (const [name, { type, default: fallback, required = fallback === undefined }] of Object.entries(inputs)) {
    if (!required || given.has(name)) continue;
    const message = `Task "${id}" does not give the workflow "${plan.id}" its input "${name}" (${type}).`;
    issues.add('INVALID_INPUT', fields.at('parameters'), message);
  }
}

/** Of a task without a sound id, which is reported elsewhere, any name will do. */
const nameOf = ({ id }: ReadTask): string => (id === '' || UNSAFE_KEYS.has(id) ? 'task' : id);

const quoted = (text: string): string => `"${text}"`;

function depthExceeds(value: unknown, allowed: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return allowed === 0 || Object.values(value).some((item) => depthExceeds(item, allowed - 1));
}
