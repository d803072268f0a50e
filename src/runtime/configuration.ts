/** What a runtime was configured with, checked and by name. */

import type { ModuleOperations, Strategy } from '../actors/services.ts';
import type { AnyTool } from '../actors/tool.ts';
import type { Issue } from '../machines/protocol/errors.ts';
import { BUILTIN_STRATEGIES, echo } from './builtins.ts';
import type { RuntimeOptions } from './options.ts';
import { issuesToError } from './workflow/issues.ts';
import type { WorkflowRegistry } from './workflow/registry.ts';

export interface Configuration {
  readonly tools: ReadonlyMap<string, AnyTool>;
  readonly modules: ReadonlyMap<string, ModuleOperations>;
  readonly strategies: ReadonlyMap<string, Strategy>;
  readonly conditions: NonNullable<RuntimeOptions['conditions']>;
  /** What exists here that a workflow can name. */
  readonly registry: WorkflowRegistry;
}

/** Throws DUPLICATE_ID or INVALID_VALUE for a single problem, WORKFLOW_INVALID for several. */
export function configurationOf(options: RuntimeOptions): Configuration {
  const tools = toolsByName([echo, ...(options.tools ?? [])]);
  const modules = new Map(Object.entries(options.modules ?? {}));
  const strategies = new Map(Object.entries({ ...BUILTIN_STRATEGIES, ...options.strategies }));
  const conditions = options.conditions ?? {};
  return { tools, modules, strategies, conditions, registry: registryOf(tools, modules, strategies, conditions) };
}

function toolsByName(tools: readonly AnyTool[]): ReadonlyMap<string, AnyTool> {
  const byName = new Map<string, AnyTool>();
  const issues: Issue[] = [];
  for (const [index, tool] of tools.entries()) {
    const path = ['tools', index - 1];
    if (typeof tool?.name !== 'string' || tool.name === '' || typeof tool.run !== 'function') {
      issues.push({ code: 'INVALID_VALUE', path, message: `tools[${index - 1}] needs a name and a run function` });
    } else if (byName.has(tool.name)) {
      issues.push({ code: 'DUPLICATE_ID', path, message: `There is another tool "${tool.name}"` });
    } else byName.set(tool.name, tool);
  }
  if (issues.length > 0) throw issuesToError(issues);
  return byName;
}

function registryOf(
  tools: ReadonlyMap<string, AnyTool>,
  modules: ReadonlyMap<string, object>,
  strategies: ReadonlyMap<string, unknown>,
  conditions: object,
): WorkflowRegistry {
  const names = { tool: tools, module: modules, strategy: strategies, condition: new Map(Object.entries(conditions)) };
  return {
    hasTool: (name) => tools.has(name),
    hasModule: (name) => modules.has(name),
    hasOperation: (module, operation) => Object.hasOwn(modules.get(module) ?? {}, operation),
    hasStrategy: (name) => strategies.has(name),
    hasCondition: (name) => Object.hasOwn(conditions, name),
    tool: (name) => tools.get(name),
    names: (kind) => names[kind].keys(),
  };
}
