/** A run's input against what its plan declares, or a template's parameters against the template. */

import type { Issue } from './protocol/errors.ts';
import type { Json, JsonObject } from './protocol/execution.ts';
import type { InputDeclaration } from './protocol/plan.ts';

export interface ResolvedInput {
  /** Complete when there are no issues: given values, defaults, and null for what is optional and was not given. */
  readonly input: JsonObject;
  /** Every problem, each an INVALID_INPUT. */
  readonly issues: readonly Issue[];
}

export interface InputWords {
  readonly noun: 'input' | 'parameter';
  readonly taker: 'workflow' | 'swarm' | 'template';
}

/**
 * Fills in defaults and reports all problems at once. Without declarations anything will do.
 * `hint` may add a sentence for an unknown name, such as the one that was meant.
 */
export function resolveInput(
  declared: Readonly<Record<string, InputDeclaration>> | undefined,
  given: JsonObject,
  hint: (unknown: string, known: readonly string[]) => string = () => '',
  { noun, taker }: InputWords = { noun: 'input', taker: 'workflow' },
): ResolvedInput {
  if (declared === undefined) return { input: given, issues: [] };
  const issues: Issue[] = [];
  const refuse = (name: string, message: string) => void issues.push({ code: 'INVALID_INPUT', path: [name], message });
  const input: Record<string, Json> = {};
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(declared, name)) refuse(name, `The ${taker} takes no ${noun} "${name}".${hint(name, Object.keys(declared))}`);
  }
  for (const [name, { type, default: fallback, required = fallback === undefined }] of Object.entries(declared)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    const isMissing = value === undefined || (value === null && !required);
    if (isMissing && required) refuse(name, `The ${noun} "${name}" (${type}) is required.`);
    else if (!isMissing && typeOfJson(value) !== type) refuse(name, `The ${noun} "${name}" is no ${type} but ${typeOfJson(value)}.`);
    else input[name] = isMissing ? (fallback ?? null) : value;
  }
  return { input, issues };
}

/** As declarations of inputs name it; arrays are no objects. */
export function typeOfJson(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isNaN(value) ? 'NaN' : typeof value;
}
