/** From a swarm's text, or an object, to what a runtime starts it with: reading and checking. Nothing here runs anything. */

import type { AgentSpec } from '../../machines/protocol/agent.ts';
import { type Issue, SwarmchartError } from '../../machines/protocol/errors.ts';
import type { Json, JsonObject } from '../../machines/protocol/execution.ts';
import type { Organization } from '../../machines/protocol/swarm.ts';
import { listReferences, resolveReferences } from '../../machines/references.ts';
import type { EscalationDefinition } from '../recovery.ts';
import { IssueList, issuesToError, type Path } from '../workflow/issues.ts';
import { isObject, type RawObject } from '../workflow/origins.ts';
import type { WorkflowRegistry } from '../workflow/registry.ts';
import type { InputDeclaration } from '../workflow/schema.ts';
import { refuseSecrets, refuseSecretsAsName } from '../workflow/secret-references.ts';
import { readObject } from '../workflow/source-object.ts';
import { readText, type Source } from '../workflow/source-text.ts';
import { didYouMean } from '../workflow/suggest.ts';
import { checkCapable, readAgents } from './agents.ts';
import { SWARM_SHAPE } from './definition.ts';
import { type Fields, fieldsCheck, readFields } from './fields.ts';
import { DEFAULT_CONCURRENT_TASKS, SWARM_LIMITS } from './limits.ts';
import { checkOrganization } from './organization-check.ts';
import type { Playbook } from './playbook.ts';
import { readPlaybooks } from './playbook-source.ts';
import { Routines } from './routines.ts';
import { planTasks } from './tasks.ts';

export interface LoadSwarmOptions {
  /** Without one, whether tools and modules exist is not checked. */
  readonly registry?: WorkflowRegistry;
  /** Used in messages. */
  readonly fileName?: string;
  /** Everybody else's agents, where it is known which there will be: then a task that no agent at all can do is a problem. */
  readonly agents?: readonly Pick<AgentSpec, 'capabilities'>[];
  /** The runtime's own workflows and routines, which the swarm may use too. */
  readonly routines?: Routines;
}

/** A swarm's definition that has no problems. */
export interface LoadedSwarm {
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  /** What it was read from. */
  readonly source: JsonObject;
  /** May hold `{{name}}` for the swarm's input: see `goalOf`. */
  readonly goal?: string;
  /** Without a declaration it takes any. */
  readonly inputs?: Readonly<Record<string, InputDeclaration>>;
  /** Its own, without a `swarmId`. */
  readonly agents: readonly AgentSpec[];
  /** Nobody else does its tasks. */
  readonly onlyOwnAgents: boolean;
  /** Tried in this order; the one that fits every goal comes last. */
  readonly playbooks: readonly Playbook[];
  readonly routines: Routines;
  readonly organization?: Organization;
  /** @default 20 */
  readonly maxConcurrentTasks: number;
  readonly timeoutMs?: number;
  /** Over what the runtime says. */
  readonly escalation?: EscalationDefinition;
  /** Its budget. Credits are a decimal string. */
  readonly credits?: string;
  readonly tokens?: number;
  readonly steps?: number;
  readonly memoryMB?: number;
}

export interface LoadSwarmResult {
  /** Present exactly when there is no issue. */
  readonly definition?: LoadedSwarm;
  /** Every problem, in the order of the text where there is one. */
  readonly issues: readonly Issue[];
}

/** The keys that make a document a swarm's, whatever else it holds; `tasks` alone may be a workflow's. */
const MARKS = ['swarm', 'playbooks', 'playbook', 'subTasks', 'sub_tasks', 'goal', 'agents', 'availableAgents', 'routines', 'organization'];
const OTHERS = ['agents', 'playbooks', 'playbook', 'tasks', 'workflows', 'routines', 'organization', '$schema'];
const CHECK = fieldsCheck(SWARM_SHAPE, OTHERS, { swarm: 'id', subTasks: 'tasks', timeoutMs: 'timeout', availableAgents: 'agents' });

/** Whether a definition (an object, or YAML or JSON text) is a swarm's rather than a workflow's. Never throws. */
export function isSwarmSource(source: unknown): boolean {
  const { data } = readSource(source, new IssueList());
  return isObject(data) && data['steps'] === undefined && MARKS.some((key) => data[key] !== undefined);
}

/**
 * Loads a swarm from YAML or JSON text or a plain object; keys may be in camel, snake or kebab case. Never throws: whatever is wrong is in `issues`,
 * with line and column for text.
 */
export function loadSwarm(source: unknown, options: LoadSwarmOptions = {}): LoadSwarmResult {
  const reading = new IssueList();
  const { data, locate } = readSource(source, reading);
  const located = (issues: IssueList): readonly Issue[] =>
    issues
      .all()
      .map((issue) => withPlace(issue, locate))
      .sort(byPosition);
  if (data === undefined || reading.has('LIMIT_EXCEEDED')) return { issues: located(reading) };
  const isWrapped = isObject(data) && isObject(data['swarm']);
  const { swarm, $schema: _, ...others } = isWrapped ? data : {};
  for (const key of Object.keys(others)) reading.add('UNKNOWN_KEY', [key], `"${key}" means nothing here.`);
  const raw = isWrapped ? swarm : data;
  if (!isObject(raw)) {
    reading.add('INVALID_VALUE', [], 'A swarm is an object.');
    return { issues: located(reading) };
  }
  const definition = read(raw, isWrapped ? ['swarm'] : [], options, reading);
  return reading.isEmpty ? { definition, issues: [] } : { issues: located(reading) };
}

/** The same, or a SwarmchartError that holds every problem. */
export function loadSwarmOrThrow(source: unknown, options: LoadSwarmOptions = {}): LoadedSwarm {
  const { definition, issues } = loadSwarm(source, options);
  if (!definition) throw issuesToError(issues, options.fileName);
  return definition;
}

/** The goal of a call: the one it names, or the definition's with its references to the input resolved. Throws INVALID_INPUT. */
export function goalOf({ id, goal }: LoadedSwarm, named: string | undefined, input: JsonObject): string {
  if (named !== undefined) return named;
  if (goal === undefined) throw new SwarmchartError('INVALID_INPUT', `The swarm "${id}" has no goal of its own: name one.`);
  const resolved = resolveReferences(goal, {
    input: (name) => (Object.hasOwn(input, name) ? { found: true, value: input[name] ?? null } : { found: false }),
    step: () => ({ found: false }),
  });
  if (!resolved.ok) throw new SwarmchartError('INVALID_INPUT', `The goal of the swarm "${id}": ${resolved.error.message}`);
  return typeof resolved.value === 'string' ? resolved.value : JSON.stringify(resolved.value);
}

function readSource(source: unknown, issues: IssueList): Source {
  if (typeof source === 'string') return readText(source, issues);
  const nowhere: Source = { data: undefined, locate: () => undefined };
  try {
    const data = readObject(source, issues);
    if (data === undefined || issues.has('LIMIT_EXCEEDED')) return nowhere;
    if (Buffer.byteLength(JSON.stringify(data)) <= SWARM_LIMITS.bytes) return { ...nowhere, data };
    issues.add('LIMIT_EXCEEDED', [], `The definition is longer than ${SWARM_LIMITS.bytes} bytes.`);
  } catch {
    issues.add('INVALID_VALUE', [], 'The definition throws when it is read.');
  }
  return nowhere;
}

function read(source: RawObject, path: Path, options: LoadSwarmOptions, issues: IssueList): LoadedSwarm {
  const fields = readFields(CHECK, source, path, issues);
  const { sound, raw, at } = fields;
  const { id = '', name = id, description, input, onlyOwnAgents = false, maxConcurrentTasks = DEFAULT_CONCURRENT_TASKS, timeout } = sound;
  const routines = new Routines({
    ...(options.registry && { registry: options.registry }),
    ...(options.routines && { base: options.routines }),
  });
  if (raw['workflows'] !== undefined) routines.addWorkflows(raw['workflows'], at('workflows'), issues);
  if (raw['routines'] !== undefined) routines.addRoutines(raw['routines'], at('routines'), issues);
  const agents = readAgents(raw['agents'], at('agents'), issues);
  if (onlyOwnAgents && agents.length === 0) issues.add('NO_CAPABLE_AGENT', at('onlyOwnAgents'), 'The swarm has no agents of its own.');
  checkGoal(fields, issues);
  for (const [inputName, { default: value }] of Object.entries(input ?? {})) {
    refuseSecretsAsName(inputName, [...at('input'), inputName], issues);
    refuseSecrets(value, [...at('input'), inputName, 'default'], issues);
  }
  const playbooks = readPlaybooks(raw, at, id, issues);
  const roles = rolesOf(raw['organization']);
  const inputNames = namesOf(raw['input']);
  const taskIds = new Set<string>();
  for (const { playbook, tasksAt } of playbooks) {
    const surroundings = { routines, mayReadSecrets: true, ...(inputNames && { inputNames }), ...(roles && { roles }) };
    const { plan, issues: problems, ids } = planTasks(playbook.tasks, tasksAt, playbook.id, surroundings);
    for (const problem of problems) issues.add(problem.code, problem.path, problem.message);
    for (const known of ids) taskIds.add(known);
    const others = onlyOwnAgents ? [] : options.agents;
    if (plan && others && (agents.length > 0 || !onlyOwnAgents)) checkCapable(plan, [...agents, ...others], tasksAt, issues);
  }
  const organization = readOrganization(
    raw['organization'],
    at('organization'),
    playbooks.length > 0 ? taskIds : undefined,
    options,
    issues,
  );
  return {
    id,
    name,
    source,
    ...(description !== undefined && { description }),
    ...(sound.goal !== undefined && { goal: sound.goal }),
    ...(input && { inputs: input }),
    agents,
    onlyOwnAgents,
    playbooks: playbooks.map(({ playbook }) => playbook),
    routines,
    ...(organization && { organization }),
    maxConcurrentTasks,
    ...(timeout !== undefined && { timeoutMs: timeout }),
    ...(sound.escalation && { escalation: sound.escalation as EscalationDefinition }),
    ...(sound.budget && budgetOf(sound.budget)),
  };
}

function budgetOf({ credits, tokens, steps, memoryMB }: NonNullable<Fields<typeof SWARM_SHAPE>['sound']['budget']>) {
  return {
    ...(credits !== undefined && { credits: BigInt(credits).toString() }),
    ...(tokens !== undefined && { tokens }),
    ...(steps !== undefined && { steps }),
    ...(memoryMB !== undefined && { memoryMB }),
  };
}

/** The inputs that are declared, also where something about one of them is wrong. */
const namesOf = (declared: Json | undefined): ReadonlySet<string> | undefined =>
  isObject(declared) ? new Set(Object.keys(declared)) : undefined;

function checkGoal({ sound: { goal }, raw, at }: Fields<typeof SWARM_SHAPE>, issues: IssueList): void {
  const inputs = namesOf(raw['input']);
  for (const { part } of listReferences(goal ?? '')) {
    if (part.kind === 'malformed') issues.add('UNRESOLVED_REFERENCE', at('goal'), `${part.text} is not a reference: ${part.reason}.`);
    else if (part.kind === 'secret') refuseSecrets(part.text, at('goal'), issues);
    else if (part.kind === 'step') issues.add('UNRESOLVED_REFERENCE', at('goal'), `A goal reads no task, as ${part.text} does.`);
    else if (inputs && !inputs.has(part.name)) {
      issues.add('UNRESOLVED_REFERENCE', at('goal'), `The swarm has no input "${part.name}".${didYouMean(part.name, inputs)}`);
    }
  }
}

/** Of an organization that may have problems, which are reported elsewhere. */
function rolesOf(raw: Json | undefined): ReadonlySet<string> | undefined {
  if (raw === undefined) return undefined;
  const roles = isObject(raw) ? raw['roles'] : undefined;
  const ids = Array.isArray(roles) ? roles.map((role: Json) => (isObject(role) ? role['id'] : undefined)) : [];
  return new Set(ids.filter((id) => typeof id === 'string'));
}

function readOrganization(
  raw: Json | undefined,
  path: Path,
  taskIds: ReadonlySet<string> | undefined,
  { registry }: LoadSwarmOptions,
  issues: IssueList,
): Organization | undefined {
  if (raw === undefined) return undefined;
  const tools = registry?.names?.('tool');
  const checked = checkOrganization(raw, { ...(taskIds && { taskIds }), ...(tools && { tools }) });
  for (const { code, path: below, message } of checked.issues ?? []) issues.add(code, [...path, ...below], message);
  return checked.organization;
}

function withPlace(issue: Issue, locate: Source['locate']): Issue {
  if (issue.line !== undefined || (issue.code === 'LIMIT_EXCEEDED' && issue.path.length === 0)) return issue;
  const isKey = issue.code === 'UNKNOWN_KEY' || issue.code === 'UNSAFE_KEY';
  return { ...issue, ...locate(issue.path, isKey ? 'key' : 'value') };
}

/** Those without a position stay where they are, after the others. */
const byPosition = (a: Issue, b: Issue): number =>
  (a.line ?? Number.MAX_SAFE_INTEGER) - (b.line ?? Number.MAX_SAFE_INTEGER) || (a.column ?? 0) - (b.column ?? 0);
