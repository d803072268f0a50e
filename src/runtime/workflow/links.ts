/**
 * What waits for what: declared dependencies, the workflow's list, and every reference, as edges between siblings.
 *
 * An edge across groups is lifted to the outermost ancestors that the two steps do not share: a step within a group that
 * reads a step outside makes its group wait, and a step outside that reads one within waits for the whole group.
 */

import type { ErrorCode } from '../../machines/protocol/errors.ts';
import type { Json } from '../../machines/protocol/execution.ts';
import { type FoundReference, listReferences } from '../../machines/references.ts';
import { findCycles, printCycle } from './cycles.ts';
import type { InputNames } from './input-names.ts';
import type { IssueList, Path } from './issues.ts';
import { WORKFLOW_LIMITS } from './limits.ts';
import type { Outline, OutlineStep } from './outline.ts';
import { checkSecret, refuseSecrets, type SecretNames } from './secret-references.ts';
import { didYouMean } from './suggest.ts';

/** For each step, the ordinals of the siblings that it waits for. */
export type Links = readonly ReadonlySet<number>[];

/** What the steps of a workflow or a body can name. */
export interface Names {
  readonly steps: ReadonlyMap<string, OutlineStep>;
  /** The inputs that exist, when that is known. */
  readonly inputs: InputNames | undefined;
  /** The secrets that exist, when that is known. */
  readonly secrets: SecretNames | undefined;
  /** Of a body: the step whose body it is, and what can be named around it. */
  readonly outer?: { readonly step: OutlineStep; readonly names: Names };
}

/** Reports unknown names and cycles. */
export function linkSteps(outline: Outline, names: Names, issues: IssueList): Links {
  const links: Set<number>[] = outline.steps.map(() => new Set());
  const byId = names.steps;

  let inner: Map<string, string> | undefined;

  function hintFor(id: string): string {
    const around = names.outer?.step.id ?? '';
    if (isOutside(id, names))
      return ` The one outside of "${around}" cannot be read in it: hand over what is needed in the parameters of "${around}".`;
    inner ??= new Map(outline.steps.flatMap((step) => (step.body?.steps ?? []).map((within) => [within.id, step.id] as const)));
    const owner = inner.get(id);
    if (owner !== undefined) return ` The one in "${owner}" cannot be read outside of it: what comes of it is in the result of "${owner}".`;
    return didYouMean(id, byId.keys());
  }

  function unknownStep(id: string, path: Path, code: ErrorCode): void {
    const owner = names.outer?.step.id ?? '';
    const hint = hintFor(id);
    issues.add(code, path, `There is no step "${id}"${names.outer ? ` in "${owner}"` : ''}.${hint}`);
  }

  function link(from: OutlineStep, id: string, path: Path, code: ErrorCode): void {
    const target = byId.get(id);
    if (target === undefined) {
      unknownStep(id, path, code);
      return;
    }
    const [waiter, awaited] = lift(from, target);
    if (waiter !== awaited) links[waiter.ordinal]?.add(awaited.ordinal);
    else if (from === target) issues.add('DEPENDENCY_CYCLE', path, `Step "${from.id}" waits for itself: ${from.id} → ${from.id}.`);
    else {
      const group = from === waiter ? from : target;
      issues.add(
        'DEPENDENCY_CYCLE',
        path,
        `Step "${from.id}" and its group wait for each other: ${printCycle([group.id, group === from ? id : from.id])}.`,
      );
    }
  }

  function checkInput(name: string, path: Path): void {
    if (names.inputs === undefined || names.inputs.has(name)) return;
    issues.add('UNRESOLVED_REFERENCE', path, `There is no input "${name}".${didYouMean(name, names.inputs)}`);
  }

  /** Calls `onStep` for every step that is referred to. Only parameters may hold secrets. */
  function readReferences(value: Json | undefined, at: Path, onStep: (id: string, place: Path) => void): void {
    if (value === undefined) return;
    const mayHoldSecrets = at.at(-1) === 'parameters';
    if (!mayHoldSecrets) refuseSecrets(value, at, issues);
    const perText = new Map<string, number>();
    for (const { part, path } of listReferences(value)) {
      const place = [...at, ...path];
      if (countAt(perText, path) === WORKFLOW_LIMITS.referencesPerText + 1) {
        issues.add('LIMIT_EXCEEDED', place, `More than ${WORKFLOW_LIMITS.referencesPerText} references in one text.`);
      }
      if (part.kind === 'malformed') issues.add('UNRESOLVED_REFERENCE', place, `${part.text} is not a reference: ${part.reason}.`);
      else if (part.kind === 'input') checkInput(part.name, place);
      else if (part.kind === 'step') onStep(part.step, place);
      else if (mayHoldSecrets) checkSecret(part.name, place, names.secrets, issues);
    }
  }

  function linkReferences(step: OutlineStep, value: Json | undefined, at: Path, mayReadItself = false): void {
    readReferences(value, at, (id, place) => {
      if (!mayReadItself || id !== step.id) link(step, id, place, 'UNRESOLVED_REFERENCE');
    });
  }

  /** A compensation reads what is there when it comes to it: it waits for nobody. */
  function checkReferences(value: Json | undefined, at: Path): void {
    readReferences(value, at, (id, place) => {
      if (!byId.has(id)) unknownStep(id, place, 'UNRESOLVED_REFERENCE');
    });
  }

  for (const step of outline.steps) {
    const { fields, path } = step;
    for (const [index, id] of (fields.dependencies ?? []).entries()) link(step, id, [...path, 'dependencies', index], 'UNKNOWN_DEPENDENCY');
    linkReferences(step, fields.parameters, [...path, 'parameters']);
    linkReferences(step, fields.parametersFrom, [...path, 'parametersFrom']);
    linkReferences(step, fields.over, [...path, 'over']);
    linkReferences(step, fields.until, [...path, 'until']);
    if (typeof fields.approval === 'object') linkReferences(step, fields.approval.prompt, [...path, 'approval', 'prompt']);
    checkReferences(step.compensate?.parameters, [...path, 'compensate', 'parameters']);
    for (const [index, fallback] of (fields.fallbacks ?? []).entries()) {
      const at = [...path, 'fallbacks', index];
      if (fallback.action === 'use-tool') linkReferences(step, fallback.parameters, [...at, 'parameters'], true);
      if (fallback.action === 'use-value') refuseSecrets(fallback.value, [...at, 'value'], issues);
    }
    for (const read of step.condition ? [...step.when, step.condition] : step.when) {
      for (const id of read.steps) link(step, id, read.path, 'UNRESOLVED_REFERENCE');
      for (const name of read.inputs) checkInput(name, read.path);
    }
  }
  for (const [index, fallback] of (outline.fields.fallbacks ?? []).entries()) {
    if (fallback.action === 'use-value') refuseSecrets(fallback.value, [...outline.path, 'fallbacks', index, 'value'], issues);
    if (fallback.action !== 'use-tool' || fallback.parameters === undefined) continue;
    for (const { part, path } of listReferences(fallback.parameters)) {
      const place = [...outline.path, 'fallbacks', index, 'parameters', ...path];
      if (part.kind === 'input') checkInput(part.name, place);
      else if (part.kind === 'secret') checkSecret(part.name, place, names.secrets, issues);
      else issues.add('UNRESOLVED_REFERENCE', place, `${part.text} cannot be read here: a fallback for every step reads the input only.`);
    }
  }
  for (const [index, { step: id, dependsOn }] of (outline.fields.dependencies ?? []).entries()) {
    const path = [...outline.path, 'dependencies', index];
    const step = byId.get(id);
    if (step === undefined) unknownStep(id, [...path, 'step'], 'UNKNOWN_DEPENDENCY');
    else if (typeof dependsOn === 'string') link(step, dependsOn, [...path, 'dependsOn'], 'UNKNOWN_DEPENDENCY');
    else for (const [at, other] of dependsOn.entries()) link(step, other, [...path, 'dependsOn', at], 'UNKNOWN_DEPENDENCY');
  }

  const until = names.outer?.step.body === outline ? names.outer.step.until : undefined;
  for (const id of until?.steps ?? []) if (!byId.has(id)) unknownStep(id, until?.path ?? [], 'UNRESOLVED_REFERENCE');
  for (const name of until?.inputs ?? []) checkInput(name, until?.path ?? []);

  for (const cycle of findCycles(links)) {
    const names = cycle.map((ordinal) => outline.steps[ordinal]?.id ?? '');
    const first = outline.steps[cycle[0] ?? 0];
    const path =
      first === undefined ? [...outline.path, 'steps'] : first.fields.dependencies ? [...first.path, 'dependencies'] : first.path;
    issues.add('DEPENDENCY_CYCLE', path, `The steps wait for each other: ${printCycle(names)}.`);
  }
  return links;
}

function isOutside(id: string, { outer }: Names): boolean {
  for (let around = outer; around; around = around.names.outer) if (around.names.steps.has(id)) return true;
  return false;
}

/** The outermost ancestors that the two do not share; the same step twice when one contains the other. */
function lift(from: OutlineStep, target: OutlineStep): readonly [OutlineStep, OutlineStep] {
  let [a, b] = [from, target];
  while (a.depth > b.depth && a.parent) a = a.parent;
  while (b.depth > a.depth && b.parent) b = b.parent;
  if (a === b) return [a, b];
  while (a.parent !== b.parent && a.parent && b.parent) [a, b] = [a.parent, b.parent];
  return [a, b];
}

function countAt(counts: Map<string, number>, path: FoundReference['path']): number {
  const key = path.join('\u0000');
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  return count;
}
