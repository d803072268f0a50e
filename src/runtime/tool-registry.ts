/** The tools of a runtime, by name. */

import { describe } from '../actors/failure.ts';
import type { AnyTool } from '../actors/tool.ts';
import { type Issue, SwarmchartError } from '../machines/protocol/errors.ts';
import { breakerProblems } from './breakers/options.ts';
import { reading } from './door.ts';
import { issuesToError } from './workflow/issues.ts';

/** Source: Implementation Guide, "Tool Registry Implementation". A tool is executed through `tier3` or a run, never here. */
export class ToolRegistry {
  readonly #byName = new Map<string, AnyTool>();

  /** Registers all of them or none. Throws every problem at once. */
  static of(builtin: readonly AnyTool[], given: readonly AnyTool[]): ToolRegistry {
    const registry = new ToolRegistry();
    for (const tool of builtin) registry.#byName.set(tool.name, tool);
    const issues: Issue[] = [];
    for (const [index, tool] of given.entries()) {
      const issue = registry.#problemOf(tool, `tools[${index}]`, ['tools', index]);
      if (issue) issues.push(issue);
      else registry.#byName.set(tool.name, tool);
    }
    if (issues.length > 0) throw issuesToError(issues);
    return registry;
  }

  /** Steps that start from now on can name it. Throws INVALID_VALUE for what is no tool, DUPLICATE_ID for a name that is taken. */
  register(tool: AnyTool): void {
    const issue = reading('The tool', () => this.#problemOf(tool, 'The tool', []), 'INVALID_VALUE');
    if (issue) throw new SwarmchartError(issue.code, issue.message, { issues: [issue] });
    this.#byName.set(tool.name, tool);
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  get(name: string): AnyTool | undefined {
    return this.#byName.get(name);
  }

  /** In the order in which they were registered. */
  list(): readonly AnyTool[] {
    return [...this.#byName.values()];
  }

  #problemOf(tool: AnyTool, what: string, path: Issue['path']): Issue | undefined {
    if (typeof tool?.name !== 'string' || tool.name === '' || typeof tool.run !== 'function') {
      return { code: 'INVALID_VALUE', path, message: `${what} needs a name and a run function` };
    }
    const cost = costProblem(tool);
    if (cost) return { code: 'INVALID_VALUE', path, message: `${what} ("${tool.name}") ${cost}` };
    const { provider, breaker } = tool as { readonly provider?: unknown; readonly breaker?: unknown };
    if (provider !== undefined && (typeof provider !== 'string' || provider === '')) {
      return { code: 'INVALID_VALUE', path: [...path, 'provider'], message: `The provider of tool "${tool.name}" must be a text` };
    }
    const [problem] = breakerProblems(breaker, [...path, 'breaker']);
    if (problem) return { ...problem, message: `The breaker of tool "${tool.name}" makes no sense: ${problem.message}` };
    if (this.#byName.has(tool.name)) return { code: 'DUPLICATE_ID', path, message: `There is another tool "${tool.name}"` };
    return undefined;
  }
}

const shown = (value: unknown): string => (typeof value === 'string' ? `"${describe(value)}"` : describe(value));

/** What is wrong with what a tool declares of its cost. */
function costProblem({
  credits,
  tokens,
  memoryMB,
}: { readonly [Kind in 'credits' | 'tokens' | 'memoryMB']?: unknown }): string | undefined {
  const isCount = (value: unknown): boolean => value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0);
  if (credits !== undefined && (typeof credits !== 'string' || !/^\d{1,100}$/.test(credits))) {
    return `declares credits that are no non-negative integer in a string, but ${shown(credits)}`;
  }
  if (!isCount(tokens)) return `declares tokens that are no non-negative integer, but ${shown(tokens)}`;
  return isCount(memoryMB) ? undefined : `declares memoryMB that is no non-negative integer, but ${shown(memoryMB)}`;
}
