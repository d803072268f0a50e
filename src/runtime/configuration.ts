/** What a runtime was configured with, checked and by name. */

import type { ModuleOperations, Strategy } from '../actors/services.ts';
import { BUILTIN_STRATEGIES, echo } from './builtins.ts';
import type { RuntimeOptions } from './options.ts';
import { type RuntimeSecrets, secretsOf } from './secrets/secrets.ts';
import { withoutSecrets } from './secrets/strategies.ts';
import { ToolRegistry } from './tool-registry.ts';
import type { LoadedWorkflow, WorkflowRegistry } from './workflow/registry.ts';
import type { SecretNames } from './workflow/secret-references.ts';

export interface Configuration {
  readonly tools: ToolRegistry;
  readonly modules: ReadonlyMap<string, ModuleOperations>;
  readonly strategies: ReadonlyMap<string, Strategy>;
  readonly conditions: NonNullable<RuntimeOptions['conditions']>;
  readonly secrets: RuntimeSecrets;
  /** Those that were created, by id. */
  readonly workflows: Map<string, LoadedWorkflow>;
  /** What exists here that a workflow can name. */
  readonly registry: WorkflowRegistry;
}

/** Throws DUPLICATE_ID or INVALID_VALUE for a single problem, WORKFLOW_INVALID for several. */
export function configurationOf(options: RuntimeOptions): Configuration {
  const tools = ToolRegistry.of([echo], options.tools ?? []);
  const modules = new Map(Object.entries(options.modules ?? {}));
  const secrets = secretsOf(options.secrets);
  const own = Object.entries(options.strategies ?? {}).map(([name, strategy]) => [name, withoutSecrets(strategy, secrets)] as const);
  const strategies = new Map([...Object.entries(BUILTIN_STRATEGIES), ...own]);
  const conditions = options.conditions ?? {};
  const workflows = new Map<string, LoadedWorkflow>();
  const registry = registryOf(tools, modules, strategies, conditions, secrets.names, workflows);
  return { tools, modules, strategies, conditions, secrets, workflows, registry };
}

function registryOf(
  tools: ToolRegistry,
  modules: ReadonlyMap<string, object>,
  strategies: ReadonlyMap<string, unknown>,
  conditions: object,
  secrets: SecretNames,
  workflows: ReadonlyMap<string, LoadedWorkflow>,
): WorkflowRegistry {
  const names = {
    tool: () => tools.list().map(({ name }) => name),
    module: () => modules.keys(),
    strategy: () => strategies.keys(),
    condition: () => Object.keys(conditions),
    workflow: () => workflows.keys(),
  };
  return {
    hasTool: (name) => tools.has(name),
    hasModule: (name) => modules.has(name),
    hasOperation: (module, operation) => Object.hasOwn(modules.get(module) ?? {}, operation),
    hasStrategy: (name) => strategies.has(name),
    hasCondition: (name) => Object.hasOwn(conditions, name),
    tool: (name) => tools.get(name),
    workflow: (id) => workflows.get(id),
    secrets,
    names: (kind) => names[kind](),
  };
}
