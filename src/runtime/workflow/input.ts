/** A run's input against what its workflow declares, or a template's parameters against the template. */

import type { Issue } from '../../machines/protocol/errors.ts';
import type { Json, JsonObject } from '../../machines/protocol/execution.ts';
import { IssueList } from './issues.ts';
import { isObject } from './origins.ts';
import type { InputDeclaration } from './schema.ts';
import { readObject } from './source-object.ts';
import { typeOfJson } from './step-rules.ts';
import { didYouMean } from './suggest.ts';

export interface ResolvedInput {
  /** Complete when there are no issues: given values, defaults, and null for what is optional and was not given. */
  readonly input: JsonObject;
  /** Every problem, each an INVALID_INPUT. */
  readonly issues: readonly Issue[];
}

/** Fills in defaults and reports all problems at once. Without declarations any JSON object will do. */
export function resolveInput(
  declared: Readonly<Record<string, InputDeclaration>> | undefined,
  given: unknown = {},
  noun: 'input' | 'parameter' = 'input',
): ResolvedInput {
  const taker = noun === 'input' ? 'workflow' : 'template';
  const issues = new IssueList();
  const reading = new IssueList();
  const data = readObject(given, reading);
  for (const { path, message } of reading.all()) issues.add('INVALID_INPUT', path, message);
  if (!isObject(data)) {
    issues.add('INVALID_INPUT', [], `${noun === 'input' ? 'The input is' : 'Parameters are'} an object, not ${typeOfJson(given)}.`);
    return { input: {}, issues: issues.all() };
  }
  if (declared === undefined) return { input: data, issues: issues.all() };
  const input: Record<string, Json> = {};
  for (const name of Object.keys(data)) {
    if (!Object.hasOwn(declared, name)) {
      issues.add('INVALID_INPUT', [name], `The ${taker} takes no ${noun} "${name}".${didYouMean(name, Object.keys(declared))}`);
    }
  }
  for (const [name, { type, default: fallback, required = fallback === undefined }] of Object.entries(declared)) {
    const value = Object.hasOwn(data, name) ? data[name] : undefined;
    const isMissing = value === undefined || (value === null && !required);
    if (isMissing && required) issues.add('INVALID_INPUT', [name], `The ${noun} "${name}" (${type}) is required.`);
    else if (!isMissing && typeOfJson(value) !== type) {
      issues.add('INVALID_INPUT', [name], `The ${noun} "${name}" is no ${type} but ${typeOfJson(value)}.`);
    } else input[name] = isMissing ? (fallback ?? null) : value;
  }
  return { input, issues: issues.all() };
}
