/** Workflow templates: workflows with parameters, which are filled in before anything is checked or run. */

import { z } from 'zod';
import { describe } from '../actors/failure.ts';
import { typeOfJson } from '../machines/inputs.ts';
import { SwarmchartError } from '../machines/protocol/errors.ts';
import type { Json, JsonObject } from '../machines/protocol/execution.ts';
import type { InputDeclaration } from '../machines/protocol/plan.ts';
import { checkObject, reading } from './door.ts';
import { resolveInput } from './workflow/input.ts';
import { IssueList, issuesToError } from './workflow/issues.ts';
import { isObject, type RawObject } from './workflow/origins.ts';
import { type Filling, fillPlaceholders, visitPlaceholders } from './workflow/placeholders.ts';
import type { LoadedWorkflow } from './workflow/registry.ts';
import type { WorkflowDefinition } from './workflow/schema.ts';
import { checkShape, shapeCheck } from './workflow/shape.ts';
import { declarationSchema, STEP_SHAPES } from './workflow/shapes.ts';
import { readObject } from './workflow/source-object.ts';
import { didYouMean } from './workflow/suggest.ts';

/** Required unless it has a default; an optional one that is not given is null. */
export interface TemplateParameter extends InputDeclaration {
  /** Whether its value may hold references to the run (`{{name}}`, `${step.result}`). @default false */
  readonly references?: boolean | undefined;
}

/**
 * A workflow whose texts may hold `<%name%>` for a parameter. A text that is nothing but one placeholder takes the value with its type;
 * within a condition a value is inserted as a literal. `<%%` stands for the text `<%`.
 */
export interface WorkflowTemplate {
  readonly id: string;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly parameters?: Readonly<Record<string, TemplateParameter>> | undefined;
  /** Of any dialect. Without an id it takes the template's. */
  readonly workflow: WorkflowDefinition | JsonObject;
}

const CHECK = shapeCheck({
  id: STEP_SHAPES.tool.id,
  name: STEP_SHAPES.tool.name,
  description: STEP_SHAPES.tool.description,
  parameters: z.record(z.string(), declarationSchema.extend({ references: z.boolean().optional() })).optional(),
  workflow: z.record(z.string(), z.unknown()),
});

/** Source: L3 Execution Layer - Design & Architecture, "Workflow Engine (Core Orchestrator)". */
export class Templates {
  readonly #create: (definition: JsonObject) => LoadedWorkflow;
  readonly #templates = new Map<string, WorkflowTemplate>();

  constructor(create: (definition: JsonObject) => LoadedWorkflow) {
    this.#create = create;
  }

  /**
   * Keeps a template and returns its id; one created before under this id is replaced. Throws every problem at once: WORKFLOW_INVALID, or the
   * code of a single one, such as UNRESOLVED_REFERENCE for a placeholder without a parameter. The workflow itself is checked when it is filled in.
   */
  createTemplate(template: WorkflowTemplate): string {
    const issues = new IssueList();
    const data = readObject(template, issues);
    if (!isObject(data) && (data !== undefined || issues.isEmpty))
      issues.add('INVALID_VALUE', [], `A template is an object, not ${typeOfJson(data)}.`);
    const kept = isObject(data) ? checkTemplate(data, issues) : undefined;
    if (kept === undefined || !issues.isEmpty) throw issuesToError(issues.all());
    this.#templates.set(kept.id, kept);
    return kept.id;
  }

  /** In the order in which they were first created. */
  getTemplates(): readonly WorkflowTemplate[] {
    return [...this.#templates.values()];
  }

  /**
   * Fills a template in, and creates the workflow that comes of it: it can be run by its id, or as it is. Throws TEMPLATE_NOT_FOUND;
   * INVALID_INPUT with every parameter that is missing, unknown or of the wrong type; or whatever is wrong with the workflow.
   */
  instantiateFromTemplate(templateId: string, parameters: JsonObject = {}): LoadedWorkflow {
    const template = this.#templates.get(templateId);
    if (template === undefined) {
      const name = describe(templateId);
      throw new SwarmchartError('TEMPLATE_NOT_FOUND', `There is no template "${name}".${didYouMean(name, this.#templates.keys())}`);
    }
    checkObject('The parameters', parameters);
    return reading('The parameters', () => this.#create(this.#filled(template, parameters)));
  }

  #filled(template: WorkflowTemplate, parameters: JsonObject): JsonObject {
    const declared = template.parameters ?? {};
    const { input: values, issues: problems } = resolveInput(declared, parameters, { noun: 'parameter', taker: 'template' });
    if (problems.length > 0) throw issuesToError(problems);
    const issues = new IssueList();
    const mayRefer = new Set(Object.keys(declared).filter((name) => declared[name]?.references === true));
    const filled = fillWorkflow(template, { values, mayRefer }, issues);
    if (!issues.isEmpty) throw issuesToError(issues.all());
    return filled;
  }
}

function fillWorkflow({ id, workflow }: WorkflowTemplate, filling: Filling, issues: IssueList): JsonObject {
  const filled = fillPlaceholders(workflow as Json, filling, issues) as JsonObject;
  const isBare = filled['id'] === undefined && (filled['steps'] !== undefined || filled['tasks'] !== undefined);
  return isBare ? { id, ...filled } : filled;
}

function checkTemplate(data: RawObject, issues: IssueList): WorkflowTemplate | undefined {
  const { id, workflow, ...more } = checkShape(CHECK, data, [], issues);
  const declared: Readonly<Record<string, TemplateParameter>> = isObject(data['parameters']) ? (more.parameters ?? {}) : {};
  for (const [name, { type, default: value }] of Object.entries(declared)) {
    if (value === undefined || typeOfJson(value) === type) continue;
    issues.add('INVALID_VALUE', ['parameters', name, 'default'], `The default of "${name}" is no ${type} but ${typeOfJson(value)}.`);
  }
  if (workflow === undefined || id === undefined) return undefined;
  const names = Object.keys(isObject(data['parameters']) ? data['parameters'] : {});
  const known = new Set(names);
  visitPlaceholders(workflow as Json, ['workflow'], (part, path) => {
    if ('malformed' in part) {
      issues.add(
        'UNRESOLVED_REFERENCE',
        path,
        `${part.malformed} is no placeholder: it is a name such as <%name%>, in a text and not in a key.`,
      );
    } else if (!known.has(part.name)) {
      issues.add('UNRESOLVED_REFERENCE', path, `There is no parameter "${part.name}".${didYouMean(part.name, names)}`);
    }
  });
  return { id, ...more, workflow: workflow as JsonObject };
}
