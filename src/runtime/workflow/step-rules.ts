/** What the fields of one step must hold together, beyond the form of each. */

import { typeOfJson } from '../../machines/inputs.ts';
import type { Json } from '../../machines/protocol/execution.ts';
import type { InputDeclaration } from '../../machines/protocol/plan.ts';
import { listReferences, parseTemplate } from '../../machines/references.ts';
import type { InputNames } from './input-names.ts';
import type { IssueList } from './issues.ts';
import { WORKFLOW_LIMITS } from './limits.ts';
import type { OutlineStep, StepFields } from './outline.ts';
import { refuseSecretsAsName } from './secret-references.ts';
import { didYouMean } from './suggest.ts';

export const DEFAULT_ITEM_NAME = 'item';

export function checkRules(step: OutlineStep, issues: IssueList): void {
  checkParameters(step, issues);
  const { type, fields, path } = step;
  if (type === 'agent' && step.raw['capabilities'] === undefined && step.raw['agent'] === undefined) {
    issues.add('INVALID_VALUE', path, 'An agent step names the capabilities that its agent must have, or the agent.');
  }
  if (type === 'map') checkMap(step, issues);
  if (type === 'wait') checkWait(step, issues);
  if (step.body || step.calls !== undefined) checkVariables(step, issues);
  for (const name of innerNames(step)) {
    if (!Object.hasOwn(fields.parameters ?? {}, name)) continue;
    issues.add('INVALID_VALUE', [...path, 'parameters', name], `The steps within read something else as {{${name}}}: choose another name.`);
  }
}

/** What is named here, the steps within read. */
function checkVariables({ fields: { as, parameters = {} }, path }: OutlineStep, issues: IssueList): void {
  if (as !== undefined) refuseSecretsAsName(as, [...path, 'as'], issues);
  for (const name of Object.keys(parameters)) refuseSecretsAsName(name, [...path, 'parameters', name], issues);
}

/** What the body of a step can read besides the variables of the run and the step's parameters. */
export function innerNames({ type, fields }: OutlineStep): readonly string[] {
  if (type === 'map') return [fields.as ?? DEFAULT_ITEM_NAME, 'index'];
  return type === 'loop' ? ['iteration', 'previous'] : [];
}

function checkParameters({ fields, path, compensate }: OutlineStep, issues: IssueList): void {
  const levels = WORKFLOW_LIMITS.parametersDepth;
  for (const [value, place] of [
    [fields.parameters, ['parameters']],
    [fields.over, ['over']],
    [compensate?.parameters, ['compensate', 'parameters']],
  ] as const) {
    if (value === undefined || !depthExceeds(value, levels)) continue;
    issues.add('LIMIT_EXCEEDED', [...path, ...place], `Parameters are nested deeper than ${levels} levels.`);
  }
  for (const [index, text] of (fields.parametersFrom ?? []).entries()) {
    if (isOneReference(text)) continue;
    issues.add('INVALID_VALUE', [...path, 'parametersFrom', index], `${JSON.stringify(text)} is not one reference, such as "{{data}}".`);
  }
}

function depthExceeds(value: Json, allowed: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return allowed === 0 || Object.values(value).some((item: Json) => depthExceeds(item, allowed - 1));
}

function isOneReference(text: string): boolean {
  const parts = parseTemplate(text);
  return parts.length === 1 && typeof parts[0] === 'object';
}

function checkMap({ fields: { over }, path }: OutlineStep, issues: IssueList): void {
  const { items } = WORKFLOW_LIMITS;
  if (typeof over === 'object' && over.length > items) issues.add('LIMIT_EXCEEDED', [...path, 'over'], `More than ${items} items.`);
  if (typeof over !== 'string' || isOneReference(over)) return;
  const text = over.length > 60 ? `${over.slice(0, 60)}…` : over;
  issues.add('INVALID_VALUE', [...path, 'over'], `${JSON.stringify(text)} is not one reference, such as "\${find.result.files}".`);
}

const WAITS = ['duration', 'until', 'signal', 'approval'] as const satisfies readonly (keyof StepFields)[];
/** A time without its zone would be another moment on another machine. */
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;

function checkWait({ fields, path, raw }: OutlineStep, issues: IssueList): void {
  const given = WAITS.filter((key) => raw[key] !== undefined);
  if (given.length !== 1) {
    const found = given.length === 0 ? '' : `, not of ${given.join(' and ')}`;
    issues.add('INVALID_VALUE', path, `A wait step needs exactly one of ${WAITS.join(', ')}${found}.`);
  }
  const { until, timeout } = fields;
  if (until !== undefined && listReferences(until).length === 0 && !(MOMENT.test(until) && Number.isFinite(Date.parse(until)))) {
    const problem = `${JSON.stringify(until.slice(0, 60))} is neither a moment with its time zone, such as 2026-11-21T09:30:00Z, nor a reference.`;
    issues.add('INVALID_VALUE', [...path, 'until'], problem);
  }
  if (timeout !== undefined && given.length === 1 && (fields.duration !== undefined || until !== undefined)) {
    issues.add('INVALID_VALUE', [...path, 'timeout'], 'Only a wait for a signal or an approval can time out.');
  }
}

type Declarations = Readonly<Record<string, InputDeclaration>>;

/** What a workflow declares against what its caller hands over: its parameters, and the variables that it can read itself. */
export function checkCall(caller: OutlineStep, declared: Declarations, readable: InputNames | undefined, issues: IssueList): void {
  const { parameters = {} } = caller.fields;
  const at = [...caller.path, 'parameters'];
  const called = caller.calls ?? caller.body?.fields.id ?? caller.id;
  for (const [name, value] of Object.entries(parameters)) {
    const declaration = Object.hasOwn(declared, name) ? declared[name] : undefined;
    if (declaration === undefined) {
      const hint = didYouMean(name, Object.keys(declared));
      issues.add('UNKNOWN_KEY', [...at, name], `The workflow "${called}" takes no input "${name}".${hint}`);
    } else if (!fits(value, declaration)) {
      const { type } = declaration;
      issues.add('INVALID_PARAMETER_TYPE', [...at, name], `The input "${name}" of "${called}" is no ${type} but ${typeOfJson(value)}.`);
    }
  }
  if (readable === undefined) return;
  for (const [name, { type, default: fallback, required = fallback === undefined }] of Object.entries(declared)) {
    if (!required || Object.hasOwn(parameters, name) || readable.has(name)) continue;
    issues.add('MISSING_PARAMETER', at, `The workflow "${called}" requires the input "${name}" (${type}).`);
  }
}

/** What a reference yields is known when the run gets there. */
function fits(value: Json, { type, default: fallback, required = fallback === undefined }: InputDeclaration): boolean {
  return typeOfJson(value) === type || (value === null && !required) || (typeof value === 'string' && isOneReference(value));
}
