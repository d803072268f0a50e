/** Finds and loads `swarmchart.config.ts`, and says plainly what is wrong with it. */

import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Configuration } from '../config.ts';
import { type Issue, SwarmchartError } from '../machines/protocol/errors.ts';
import { checkAgents } from '../runtime/agents/definition.ts';
import { breakersProblems } from '../runtime/breakers/options.ts';
import { configurationOf } from '../runtime/configuration.ts';
import { escalationIssues, recoveryIssues } from '../runtime/recovery.ts';
import { secretsIssues } from '../runtime/secrets/secrets.ts';
import { printPath } from '../runtime/workflow/issues.ts';
import type { WorkflowRegistry } from '../runtime/workflow/registry.ts';
import { didYouMean } from '../runtime/workflow/suggest.ts';
import { UsageError } from './outcome.ts';

export const CONFIG_NAMES = ['swarmchart.config.ts', 'swarmchart.config.mjs', 'swarmchart.config.js'] as const;

export interface LoadedConfiguration {
  /** Absent when there is none. */
  readonly path?: string;
  readonly configuration: Configuration;
  /** What workflows and swarms can name: of the configuration, and what is there without one. */
  readonly registry: WorkflowRegistry;
}

/** The file that was asked for, else the one in the working folder, else nothing. Throws UsageError. */
export async function loadConfiguration(cwd: string, asked?: string): Promise<LoadedConfiguration> {
  const path = asked === undefined ? CONFIG_NAMES.map((name) => join(cwd, name)).find((file) => existsSync(file)) : resolve(cwd, asked);
  if (path === undefined) return { configuration: {}, registry: registryOf({}).registry };
  const isInside = !relative(cwd, path).startsWith('..');
  const shown = isInside ? relative(cwd, path) : path;
  if (!existsSync(path)) throw new UsageError('INVALID_INPUT', `There is no configuration file ${shown}`);
  const exported = await importDefault(path, shown);
  const problems = problemsOf(exported);
  if (problems.length > 0) throw refused(shown, problems);
  const configuration = exported as Configuration;
  const { registry, issues } = registryOf(configuration);
  if (issues.length > 0)
    throw refused(
      shown,
      issues.map((issue) => `${printPath(issue.path)}: ${issue.message}`),
      issues,
    );
  return { path, configuration, registry };
}

function refused(shown: string, problems: readonly string[], issues: readonly Issue[] = []): UsageError {
  const list = problems.map((problem) => `\n  ${problem}`).join('');
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const code = issues.length === 1 ? issues[0]?.code : undefined;
  return new UsageError(code ?? 'INVALID_VALUE', `The configuration ${shown} has ${count}:${list}`, { issues });
}

/** All that a runtime would refuse. No agent is started for it. */
function registryOf(configuration: Configuration): { readonly registry: WorkflowRegistry; readonly issues: readonly Issue[] } {
  const issues: Issue[] = [];
  const noting = <T>(work: () => T, otherwise: () => T): T => {
    try {
      return work();
    } catch (thrown) {
      if (!(thrown instanceof SwarmchartError)) throw thrown;
      issues.push(...thrown.issues);
      return otherwise();
    }
  };
  const { registry } = noting(
    () => configurationOf(configuration),
    () => configurationOf({}),
  );
  noting(
    () => checkAgents(configuration.agents ?? [], () => false, false, ['agents']),
    () => [],
  );
  return { registry, issues };
}

async function importDefault(path: string, shown: string): Promise<unknown> {
  let loaded: object;
  try {
    loaded = await imported(path);
  } catch (thrown) {
    const { code, message } = thrown instanceof Error ? (thrown as NodeJS.ErrnoException) : { code: undefined, message: String(thrown) };
    if (code === 'ERR_UNKNOWN_FILE_EXTENSION') {
      const hint = 'use Node 22.18 or newer, or NODE_OPTIONS=--experimental-strip-types, or write the configuration as .mjs';
      throw new UsageError('INVALID_INPUT', `This Node (${process.version}) does not read TypeScript, so ${shown} cannot be loaded`, {
        hint,
        cause: thrown,
      });
    }
    throw new UsageError('INVALID_INPUT', `The configuration ${shown} could not be loaded: ${message}`, { cause: thrown });
  }
  if (!('default' in loaded)) {
    throw new UsageError('INVALID_VALUE', `The configuration ${shown} has no default export`, { hint: 'export default { tools: [...] }' });
  }
  return loaded.default;
}

/** How long a configuration may take to load. Milliseconds. */
const LOAD_LIMIT_MS = 30_000;

/** The module at `path`. Rejects for one that awaits at its top level for ever, which would otherwise end the process without a word. */
async function imported(path: string): Promise<object> {
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(() => limit.reject(new Error(`it did not finish loading within ${LOAD_LIMIT_MS} ms`)), LOAD_LIMIT_MS);
  try {
    return (await Promise.race([import(pathToFileURL(path).href), limit.promise])) as object;
  } finally {
    clearTimeout(timer);
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isFunction = (value: unknown): boolean => typeof value === 'function';

const CHECKS: Readonly<Record<keyof Configuration, (value: unknown) => readonly string[]>> = {
  tools: (value) => (Array.isArray(value) ? value.flatMap(problemsOfTool) : ['tools: is a list of tools']),
  modules: (value) =>
    recordOf(
      'modules',
      value,
      (operations, path) => recordOf(path, operations, isFunction, 'is an operation: a function'),
      'holds operations by name',
    ),
  strategies: (value) => recordOf('strategies', value, isFunction, 'is a strategy: a function'),
  conditions: (value) => recordOf('conditions', value, isFunction, 'is a predicate: a function'),
  secrets: (value) => secretsIssues(value).map(printed),
  agents: (value) => (Array.isArray(value) ? value.flatMap(problemsOfAgent) : ['agents: is a list of agents']),
  planner: (value) => (isFunction(value) ? [] : ['planner: is a function']),
  knowledge: (value) => (isKnowledge(value) ? [] : ['knowledge: is an object with the functions find and remember']),
  synthesize: (value) => (isFunction(value) ? [] : ['synthesize: is a function']),
  watchdog: (value) => {
    if (value !== false && !isRecord(value)) return ['watchdog: is false, or an object with blockedMs'];
    const unknown = Object.keys(value).filter((key) => key !== 'blockedMs');
    return unknown.map((key) => `watchdog.${key}: means nothing here.${didYouMean(key, ['blockedMs'])}`);
  },
  breakers: (value) => breakersProblems(value).map(({ path, message }) => `${path.join('.')}: ${message}`),
  classify: (value) => (isFunction(value) ? [] : ['classify: is a function']),
  recovery: (value) => recoveryIssues(value).map(printed),
  escalation: (value) => escalationIssues(value).map(printed),
};

const printed = ({ path, message }: Issue): string => `${printPath(path)}: ${message}`;

function problemsOf(exported: unknown): readonly string[] {
  if (!isRecord(exported)) return ['the default export is an object such as { tools: [...] }'];
  return Object.entries(exported).flatMap(([key, value]) => {
    if (!Object.hasOwn(CHECKS, key)) return [`${key}: means nothing here.${didYouMean(key, Object.keys(CHECKS))}`];
    return value === undefined ? [] : CHECKS[key as keyof Configuration](value);
  });
}

function problemsOfTool(tool: unknown, index: number): readonly string[] {
  if (!isRecord(tool)) return [`tools[${index}]: is a tool: { name, run }`];
  const { name, run } = tool;
  return [
    ...(typeof name === 'string' && name !== '' ? [] : [`tools[${index}].name: is a text`]),
    ...(isFunction(run) ? [] : [`tools[${index}].run: is a function`]),
  ];
}

/** The rest of an agent is checked by the runtime, which reports every problem of it. */
function problemsOfAgent(agent: unknown, index: number): readonly string[] {
  if (isRecord(agent) && typeof agent['id'] === 'string' && Array.isArray(agent['capabilities'])) return [];
  return [`agents[${index}]: is an agent: { id, capabilities: [...] }`];
}

const isKnowledge = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && ['find', 'remember'].every((name) => isFunction(Reflect.get(value, name)));

function recordOf(
  path: string,
  value: unknown,
  check: (item: unknown, path: string) => boolean | readonly string[],
  expected: string,
): readonly string[] {
  if (!isRecord(value)) return [`${path}: is an object, by name`];
  return Object.entries(value).flatMap(([name, item]) => {
    const found = check(item, `${path}.${name}`);
    if (typeof found !== 'boolean') return found;
    return found ? [] : [`${path}.${name}: ${expected}`];
  });
}
