/** The configuration of the command line: what `swarmchart.config.ts` in the working folder exports by default. */

import type { RuntimeOptions } from './runtime/options.ts';

/** What a configuration file may supply: the part of the runtime's options that workflow and swarm files can name or rely on. */
export type Configuration = Pick<
  RuntimeOptions,
  | 'tools'
  | 'modules'
  | 'strategies'
  | 'conditions'
  | 'secrets'
  | 'classify'
  | 'recovery'
  | 'escalation'
  | 'breakers'
  | 'agents'
  | 'planner'
  | 'knowledge'
  | 'synthesize'
  | 'watchdog'
>;

/** Types a configuration for authors in TypeScript. Checks nothing: the command line does when it loads the file. */
export function defineConfig(configuration: Configuration): Configuration {
  return configuration;
}
