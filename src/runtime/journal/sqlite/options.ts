/** What a journal in a file is given. */

import { describe } from '../../../actors/failure.ts';
import type { Issue } from '../../../machines/protocol/errors.ts';
import { checkObject, reading } from '../../door.ts';
import { issuesToError } from '../../workflow/issues.ts';
import type { KeepSettled } from '../durable/retention.ts';

export interface SqliteOptions {
  /**
   * What a commit survives. `power`: a power cut; it is written in a thread of its own. `process`: the end of the process, however it ends;
   * a power cut may take the last commits, and is then found out. @default 'power'
   */
  readonly durability?: 'power' | 'process';
  /** Settled streams beyond these bounds are dropped, when the journal is opened and while others settle. @default all are kept */
  readonly keepSettled?: KeepSettled;
}

type Check = readonly [expected: string, isFine: (value: unknown) => boolean];

const isBound = (value: unknown): boolean => typeof value === 'number' && value >= 0;
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

const OPTIONS: Readonly<Record<keyof SqliteOptions, Check>> = {
  durability: ["'power' or 'process'", (value) => value === 'power' || value === 'process'],
  keepSettled: ['an object with maxAgeMs or maxStreams', isObject],
};
const KEEP_SETTLED: Readonly<Record<keyof KeepSettled, Check>> = {
  maxAgeMs: ['a number of milliseconds', isBound],
  maxStreams: ['a number of streams', isBound],
};

/** Throws INVALID_VALUE or UNKNOWN_KEY, or WORKFLOW_INVALID for several problems. */
export function checkSqliteOptions(path: unknown, options: unknown): void {
  checkObject('The options', options, 'INVALID_VALUE');
  const { keepSettled } = reading('The options', () => ({ ...(options as SqliteOptions) }), 'INVALID_VALUE');
  const isPath = typeof path === 'string' && path !== '';
  const issues = [
    ...(isPath ? [] : [invalid(['path'], 'the path of a file', path)]),
    ...issuesIn(options as object, OPTIONS, []),
    ...(isObject(keepSettled) ? issuesIn(keepSettled as object, KEEP_SETTLED, ['keepSettled']) : []),
  ];
  if (issues.length > 0) throw issuesToError(issues);
}

function issuesIn(given: object, checks: Readonly<Record<string, Check>>, at: readonly string[]): readonly Issue[] {
  return Object.entries(given).flatMap(([key, value]): readonly Issue[] => {
    const check = Object.hasOwn(checks, key) ? checks[key] : undefined;
    if (!check) return [{ code: 'UNKNOWN_KEY', path: [...at, key], message: 'means nothing here.' }];
    const [expected, isFine] = check;
    return value === undefined || isFine(value) ? [] : [invalid([...at, key], expected, value)];
  });
}

const invalid = (path: readonly string[], expected: string, value: unknown): Issue => ({
  code: 'INVALID_VALUE',
  path,
  message: `must be ${expected}, got ${describe(value)}`,
});
