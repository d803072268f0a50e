/** What a definition means: unique ids, names that exist, references that lead somewhere, no cycles. */

import { typeOfJson } from '../../machines/inputs.ts';
import type { InputDeclaration } from '../../machines/protocol/plan.ts';
import { InputNames } from './input-names.ts';
import type { IssueList, Path } from './issues.ts';
import { UNSAFE_KEYS, WORKFLOW_LIMITS } from './limits.ts';
import { type Links, linkSteps, type Names } from './links.ts';
import type { Outline, OutlineStep } from './outline.ts';
import type { WorkflowRegistry } from './registry.ts';
import { refuseSecrets, refuseSecretsAsName } from './secret-references.ts';
import { checkCall, checkRules, innerNames } from './step-rules.ts';
import { didYouMean } from './suggest.ts';

export interface MeaningOptions {
  /** Without one, whether tools, modules, strategies and handlers exist is not checked. */
  readonly registry?: WorkflowRegistry;
  /** Names that the run's input is known to have, besides those that the workflow declares. */
  readonly inputNames?: Iterable<string>;
}

/** The workflows that steps can call, by id. */
export interface Callable {
  /** Undefined for an unknown one. */
  find(id: string): { readonly inputs?: Readonly<Record<string, InputDeclaration>> | undefined } | undefined;
  ids(): Iterable<string>;
}

export interface Meaning {
  readonly links: Links;
  /** By the ordinal of the step whose body it is. */
  readonly bodies: ReadonlyMap<number, Meaning>;
}

export const DEFAULT_STRATEGY = 'deterministic';

/** Reports every problem and returns what waits for what. */
export function checkMeaning(
  outline: Outline,
  options: MeaningOptions,
  callable: Callable,
  issues: IssueList,
  outer?: NonNullable<Names['outer']>,
): Meaning {
  const steps = indexIds(outline, issues);
  const secrets = options.registry?.secrets;
  const names: Names = { steps, inputs: knownInputs(outline, options, outer), secrets, ...(outer && { outer }) };
  checkDeclarations(outline, issues);
  for (const step of outline.steps) {
    checkRules(step, issues);
    if (options.registry) checkNames(step, options.registry, issues);
    checkCalled(step, names, callable, issues);
  }
  if (options.registry) checkFallbackTools(outline.fields.fallbacks, [...outline.path, 'fallbacks'], options.registry, issues);
  const links = linkSteps(outline, names, issues);
  const bodies = new Map<number, Meaning>();
  for (const step of outline.steps) {
    if (step.body) bodies.set(step.ordinal, checkMeaning(step.body, options, callable, issues, { step, names }));
  }
  return { links, bodies };
}

function checkCalled(step: OutlineStep, { inputs: readable }: Names, callable: Callable, issues: IssueList): void {
  if (step.type !== 'workflow') return;
  const called = step.calls === undefined ? { inputs: step.body?.fields.input } : callable.find(step.calls);
  if (called?.inputs) checkCall(step, called.inputs, readable, issues);
  if (called !== undefined) return;
  const hint = didYouMean(step.calls ?? '', callable.ids());
  issues.add('WORKFLOW_NOT_FOUND', [...step.path, 'workflow'], `There is no workflow "${step.calls}".${hint}`);
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

/** Undefined when anything may be there. A workflow within a step reads what it declares; a body all that is around it. */
function knownInputs({ fields }: Outline, { inputNames }: MeaningOptions, outer: Names['outer']): InputNames | undefined {
  const declared = fields.input && Object.keys(fields.input);
  if (outer === undefined) return declared || inputNames ? new InputNames([...(declared ?? []), ...(inputNames ?? [])]) : undefined;
  if (declared) return new InputNames(declared);
  if (outer.names.inputs === undefined) return undefined;
  return new InputNames([...Object.keys(outer.step.fields.parameters ?? {}), ...innerNames(outer.step)], outer.names.inputs);
}

function checkDeclarations({ fields, path }: Outline, issues: IssueList): void {
  const declarations = Object.entries(fields.input ?? {});
  if (declarations.length > WORKFLOW_LIMITS.inputs) {
    issues.add('LIMIT_EXCEEDED', [...path, 'input'], `More than ${WORKFLOW_LIMITS.inputs} inputs.`);
  }
  for (const [name, { type, default: value }] of declarations) {
    refuseSecretsAsName(name, [...path, 'input', name], issues);
    refuseSecrets(value, [...path, 'input', name, 'default'], issues);
    if (value === undefined || typeOfJson(value) === type) continue;
    issues.add('INVALID_VALUE', [...path, 'input', name, 'default'], `The default of "${name}" is no ${type} but ${typeOfJson(value)}.`);
  }
}

function checkNames({ type, fields, path, compensate }: OutlineStep, registry: WorkflowRegistry, issues: IssueList): void {
  const { tool, module, operation, strategy = DEFAULT_STRATEGY } = fields;
  if ((type === 'tool' || type === 'agent') && tool !== undefined) {
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
  if (compensate?.tool !== undefined) checkTool(compensate.tool, [...path, 'compensate', 'tool'], registry, issues);
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
