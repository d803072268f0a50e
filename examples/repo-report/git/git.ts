/**
 * How every step calls git: the same output whatever the user's configuration, no prompt, no hook, no network.
 * The user's configuration is still read, because `safe.directory` lives there.
 */

import { INHERITED_ENVIRONMENT, type ProcessOutput, type RecordOptions, runProcess, streamRecords } from 'swarmchart';

const SETTINGS = [
  'core.quotePath=off',
  'core.fsmonitor=false',
  'core.hooksPath=/dev/null',
  'protocol.allow=never',
  'log.showSignature=false',
  'log.showRoot=true',
  'submodule.recurse=false',
  'grep.patternType=default',
  'grep.fallbackToNoIndex=false',
];

const ENVIRONMENT = { LC_ALL: 'C', TZ: 'UTC', GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', GIT_NO_LAZY_FETCH: '1' };

/** Where git finds configuration on machines that keep it elsewhere; GIT_DIR and its kin would answer for another repository. */
const INHERITED = [
  ...INHERITED_ENVIRONMENT,
  'GIT_CONFIG_GLOBAL',
  'GIT_CONFIG_SYSTEM',
  'GIT_CONFIG_NOSYSTEM',
  'GIT_CEILING_DIRECTORIES',
  'GIT_EXEC_PATH',
];

export interface Git {
  text(args: readonly string[], options?: RecordOptions): Promise<ProcessOutput>;
  /** A log or a tree of any length; each record is bounded, the whole is not. */
  records(args: readonly string[], options?: RecordOptions): AsyncGenerator<string, void, void>;
}

export function gitIn(folder: string, signal: AbortSignal): Git {
  const command = ['git', '--no-pager', '-C', folder, ...SETTINGS.flatMap((setting) => ['-c', setting])];
  const common = { env: ENVIRONMENT, inheritEnv: INHERITED, signal };
  return {
    text: (args, options) => runProcess([...command, ...args], { ...common, ...options }),
    records: (args, options) =>
      streamRecords([...command, ...args], { ...common, separator: '\0', maxOutputBytes: Number.POSITIVE_INFINITY, ...options }),
  };
}
