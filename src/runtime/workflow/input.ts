/** A run's input, or a template's parameters, as a caller gives them: anything at all. */

import { type InputWords, type ResolvedInput, resolveInput as resolve, typeOfJson } from '../../machines/inputs.ts';
import type { InputDeclaration } from '../../machines/protocol/plan.ts';
import { IssueList } from './issues.ts';
import { isObject } from './origins.ts';
import { readObject } from './source-object.ts';
import { didYouMean } from './suggest.ts';

/** Fills in defaults and reports all problems at once, each an INVALID_INPUT. Without declarations any JSON object will do. */
export function resolveInput(
  declared: Readonly<Record<string, InputDeclaration>> | undefined,
  given: unknown = {},
  words: InputWords = { noun: 'input', taker: 'workflow' },
): ResolvedInput {
  const issues = new IssueList();
  const reading = new IssueList();
  const data = readObject(given, reading);
  for (const { path, message } of reading.all()) issues.add('INVALID_INPUT', path, message);
  if (!isObject(data)) {
    const what = words.noun === 'input' ? 'The input is' : 'Parameters are';
    issues.add('INVALID_INPUT', [], `${what} an object, not ${typeOfJson(given)}.`);
    return { input: {}, issues: issues.all() };
  }
  const { input, issues: found } = resolve(declared, data, didYouMean, words);
  for (const { path, message } of found) issues.add('INVALID_INPUT', path, message);
  return { input, issues: issues.all() };
}
