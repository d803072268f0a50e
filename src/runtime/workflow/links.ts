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
import type { IssueList, Path } from './issues.ts';
import { WORKFLOW_LIMITS } from './limits.ts';
import type { Outline, OutlineStep } from './outline.ts';
import { didYouMean } from './suggest.ts';

/** For each step, the ordinals of the siblings that it waits for. */
export type Links = readonly ReadonlySet<number>[];

/** Reports unknown names and cycles. `inputNames` are those that exist, when that is known. */
export function linkSteps(
  outline: Outline,
  byId: ReadonlyMap<string, OutlineStep>,
  inputNames: ReadonlySet<string> | undefined,
  issues: IssueList,
): Links {
  const links: Set<number>[] = outline.steps.map(() => new Set());

  function link(from: OutlineStep, id: string, path: Path, code: ErrorCode): void {
    const target = byId.get(id);
    if (target === undefined) {
      issues.add(code, path, `There is no step "${id}".${didYouMean(id, byId.keys())}`);
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
    if (inputNames === undefined || inputNames.has(name)) return;
    issues.add('UNRESOLVED_REFERENCE', path, `There is no input "${name}".${didYouMean(name, inputNames)}`);
  }

  function linkReferences(step: OutlineStep, value: Json | undefined, at: Path, mayReadItself = false): void {
    if (value === undefined) return;
    const perText = new Map<string, number>();
    for (const { part, path } of listReferences(value)) {
      const place = [...at, ...path];
      if (countAt(perText, path) === WORKFLOW_LIMITS.referencesPerText + 1) {
        issues.add('LIMIT_EXCEEDED', place, `More than ${WORKFLOW_LIMITS.referencesPerText} references in one text.`);
      }
      if (part.kind === 'malformed') issues.add('UNRESOLVED_REFERENCE', place, `${part.text} is not a reference: ${part.reason}.`);
      else if (part.kind === 'input') checkInput(part.name, place);
      else if (!mayReadItself || part.step !== step.id) link(step, part.step, place, 'UNRESOLVED_REFERENCE');
    }
  }

  for (const step of outline.steps) {
    const { fields, path } = step;
    for (const [index, id] of (fields.dependencies ?? []).entries()) link(step, id, [...path, 'dependencies', index], 'UNKNOWN_DEPENDENCY');
    linkReferences(step, fields.parameters, [...path, 'parameters']);
    linkReferences(step, fields.parametersFrom, [...path, 'parametersFrom']);
    for (const [index, fallback] of (fields.fallbacks ?? []).entries()) {
      if (fallback.action === 'use-tool') linkReferences(step, fallback.parameters, [...path, 'fallbacks', index, 'parameters'], true);
    }
    for (const read of step.condition ? [...step.when, step.condition] : step.when) {
      for (const id of read.steps) link(step, id, read.path, 'UNRESOLVED_REFERENCE');
      for (const name of read.inputs) checkInput(name, read.path);
    }
  }
  for (const [index, fallback] of (outline.fields.fallbacks ?? []).entries()) {
    if (fallback.action !== 'use-tool' || fallback.parameters === undefined) continue;
    for (const { part, path } of listReferences(fallback.parameters)) {
      const place = ['fallbacks', index, 'parameters', ...path];
      if (part.kind === 'input') checkInput(part.name, place);
      else issues.add('UNRESOLVED_REFERENCE', place, `${part.text} cannot be read here: a fallback for every step reads the input only.`);
    }
  }
  for (const [index, { step: id, dependsOn }] of (outline.fields.dependencies ?? []).entries()) {
    const path = ['dependencies', index];
    const step = byId.get(id);
    if (step === undefined) issues.add('UNKNOWN_DEPENDENCY', [...path, 'step'], `There is no step "${id}".${didYouMean(id, byId.keys())}`);
    else if (typeof dependsOn === 'string') link(step, dependsOn, [...path, 'dependsOn'], 'UNKNOWN_DEPENDENCY');
    else for (const [at, other] of dependsOn.entries()) link(step, other, [...path, 'dependsOn', at], 'UNKNOWN_DEPENDENCY');
  }

  for (const cycle of findCycles(links)) {
    const names = cycle.map((ordinal) => outline.steps[ordinal]?.id ?? '');
    const first = outline.steps[cycle[0] ?? 0];
    const path = first === undefined ? ['steps'] : first.fields.dependencies ? [...first.path, 'dependencies'] : first.path;
    issues.add('DEPENDENCY_CYCLE', path, `The steps wait for each other: ${printCycle(names)}.`);
  }
  return links;
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
