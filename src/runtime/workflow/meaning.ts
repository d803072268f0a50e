/** What a definition means: unique ids, names that exist, references that lead somewhere, no cycles. */

import type { Json } from '../../machines/protocol/execution.ts';
import { parseTemplate } from '../../machines/references.ts';
import type { IssueList, Path } from './issues.ts';
import { UNSAFE_KEYS, WORKFLOW_LIMITS } from './limits.ts';
import { type Links, linkSteps } from './links.ts';
import type { Outline, OutlineStep } from './outline.ts';
import type { WorkflowRegistry } from './registry.ts';
import { didYouMean } from './suggest.ts';

export interface MeaningOptions {
  /** Without one, whether tools, modules, strategies and handlers exist is not checked. */
  readonly registry?: WorkflowRegistry;
  /** Names that the run's input is known to have, besides those that the workflow declares. */
  readonly inputNames?: Iterable<string>;
}

export const DEFAULT_STRATEGY = 'deterministic';

/** Reports every problem and returns what waits for what. */
export function checkMeaning(outline: Outline, options: MeaningOptions, issues: IssueList): Links {
  const byId = indexIds(outline, issues);
  checkDeclarations(outline, issues);
  for (const step of outline.steps) {
    checkParameters(step, issues);
    if (options.registry) checkNames(step, options.registry, issues);
  }
  if (options.registry) checkFallbackTools(outline.fields.fallbacks, ['fallbacks'], options.registry, issues);
  return linkSteps(outline, byId, knownInputs(outline, options), issues);
}

function indexIds({ steps }: Outline, issues: IssueList): ReadonlyMap<string, OutlineStep> {
  const byId = new Map<string, OutlineStep>();
  for (const step of steps) {
    if (step.id === '') continue;
    if (byId.has(step.id)) issues.add('DUPLICATE_ID', [...step.path, 'id'], `The id "${step.id}" is already taken by an earlier step.`);
    else byId.set(step.id, step);
  }
  return byId;
}

function knownInputs({ fields }: Outline, { inputNames }: MeaningOptions): ReadonlySet<string> | undefined {
  if (fields.input === undefined && inputNames === undefined) return undefined;
  return new Set([...Object.keys(fields.input ?? {}), ...(inputNames ?? [])]);
}

function checkDeclarations({ fields }: Outline, issues: IssueList): void {
  for (const [name, declaration] of Object.entries(fields.input ?? {})) {
    const { type, default: value } = declaration;
    if (value === undefined || typeOfJson(value) === type) continue;
    issues.add('INVALID_VALUE', ['input', name, 'default'], `The default of "${name}" is no ${type} but ${typeOfJson(value)}.`);
  }
}

/** As declarations of inputs name it; arrays are no objects. */
export function typeOfJson(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isNaN(value) ? 'NaN' : typeof value;
}

function checkParameters({ fields, path }: OutlineStep, issues: IssueList): void {
  if (fields.parameters && depthExceeds(fields.parameters, WORKFLOW_LIMITS.parametersDepth)) {
    issues.add('LIMIT_EXCEEDED', [...path, 'parameters'], `Parameters are nested deeper than ${WORKFLOW_LIMITS.parametersDepth} levels.`);
  }
  for (const [index, text] of (fields.parametersFrom ?? []).entries()) {
    const parts = parseTemplate(text);
    if (parts.length === 1 && typeof parts[0] === 'object') continue;
    issues.add('INVALID_VALUE', [...path, 'parametersFrom', index], `${JSON.stringify(text)} is not one reference, such as "{{data}}".`);
  }
}

function depthExceeds(value: Json, allowed: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return allowed === 0 || Object.values(value).some((item: Json) => depthExceeds(item, allowed - 1));
}

function checkNames({ type, fields, path }: OutlineStep, registry: WorkflowRegistry, issues: IssueList): void {
  const { tool, module, operation, strategy = DEFAULT_STRATEGY } = fields;
  if (type === 'tool' && tool !== undefined) {
    checkTool(tool, [...path, 'tool'], registry, issues);
    if (!registry.hasStrategy(strategy)) {
      const hint = didYouMean(strategy, registry.names?.('strategy') ?? []);
      issues.add('UNKNOWN_STRATEGY', [...path, 'strategy'], `There is no strategy "${strategy}".${hint}`);
    }
  }
  if (type === 'module-operation' && module !== undefined) {
    if (!registry.hasModule(module)) {
      issues.add(
        'MODULE_NOT_FOUND',
        [...path, 'module'],
        `There is no module "${module}".${didYouMean(module, registry.names?.('module') ?? [])}`,
      );
    } else if (operation !== undefined && !registry.hasOperation(module, operation)) {
      issues.add('OPERATION_NOT_FOUND', [...path, 'operation'], `The module "${module}" has no operation "${operation}".`);
    }
  }
  checkFallbackTools(fields.fallbacks, [...path, 'fallbacks'], registry, issues);
}

function checkFallbackTools(
  fallbacks: OutlineStep['fields']['fallbacks'],
  path: Path,
  registry: WorkflowRegistry,
  issues: IssueList,
): void {
  for (const [index, fallback] of (fallbacks ?? []).entries()) {
    if (fallback.action === 'use-tool') checkTool(fallback.tool, [...path, index, 'tool'], registry, issues);
  }
}

function checkTool(tool: string, path: Path, registry: WorkflowRegistry, issues: IssueList): void {
  if (UNSAFE_KEYS.has(tool) || !registry.hasTool(tool)) {
    issues.add('TOOL_NOT_FOUND', path, `There is no tool "${tool}".${didYouMean(tool, registry.names?.('tool') ?? [])}`);
  }
}
