/** What a runtime is given, as far as nobody else looks at it: the names of the options, and those that fail late when they make no sense. */

import { describe } from '../actors/failure.ts';
import type { Issue } from '../machines/protocol/errors.ts';
import { checkObject, reading } from './door.ts';
import type { RuntimeOptions } from './options.ts';
import { issuesToError } from './workflow/issues.ts';
import { didYouMean } from './workflow/suggest.ts';

type Check = (value: unknown) => string | undefined;

const elsewhere: Check = () => undefined;
const isFunction: Check = (value) => (typeof value === 'function' ? undefined : 'a function');
const isCount: Check = (value) => (Number.isSafeInteger(value) && (value as number) > 0 ? undefined : 'a positive integer');
const OF_JOURNALS = ['open', 'append', 'read', 'find', 'streams', 'unsettled', 'scan', 'end', 'drop', 'watch', 'close'] as const;
const isJournal: Check = (value) => {
  if (typeof value === 'string') return "a journal, such as sqlite('runs.db')";
  const given = (value ?? {}) as Record<string, unknown>;
  const missing = OF_JOURNALS.filter((name) => typeof given[name] !== 'function');
  return missing.length === 0 ? undefined : `a journal, with the functions ${missing.join(', ')}`;
};

const CHECKS: Readonly<Record<keyof RuntimeOptions, Check>> = {
  tools: elsewhere,
  modules: elsewhere,
  strategies: elsewhere,
  conditions: elsewhere,
  secrets: elsewhere,
  agents: elsewhere,
  planner: isFunction,
  knowledge: elsewhere,
  synthesize: isFunction,
  faults: elsewhere,
  recovery: elsewhere,
  escalation: elsewhere,
  classify: isFunction,
  breakers: elsewhere,
  journal: isJournal,
  recover: (value) => (typeof value === 'boolean' ? undefined : 'true or false'),
  clock: elsewhere,
  createId: isFunction,
  logger: elsewhere,
  inspect: elsewhere,
  maxOutputBytes: isCount,
  mailboxLimit: isCount,
  errors: elsewhere,
  watchdog: elsewhere,
  carrier: elsewhere,
};

/** Throws INVALID_VALUE or UNKNOWN_KEY, or WORKFLOW_INVALID for several problems. What is undefined was not given. */
export function checkOptions(options: unknown): void {
  checkObject('The options', options, 'INVALID_VALUE');
  const given = reading('The options', () => Object.entries(options as object), 'INVALID_VALUE');
  const issues = given.flatMap(([key, value]): Issue[] => {
    if (value === undefined) return [];
    if (!Object.hasOwn(CHECKS, key)) {
      const message = `means nothing here.${didYouMean(key, Object.keys(CHECKS))}`;
      return [{ code: 'UNKNOWN_KEY', path: [key], message }];
    }
    const expected = reading(key, () => CHECKS[key as keyof RuntimeOptions](value), 'INVALID_VALUE');
    return expected === undefined ? [] : [{ code: 'INVALID_VALUE', path: [key], message: `must be ${expected}, got ${describe(value)}` }];
  });
  if (issues.length > 0) throw issuesToError(issues);
}
