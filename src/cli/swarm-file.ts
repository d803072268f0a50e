/** A swarm file: checked against what exists, and made ready to be started. */

import { SwarmchartError } from '../machines/protocol/errors.ts';
import type { JsonObject } from '../machines/protocol/execution.ts';
import { goalOf, type LoadedSwarm, type LoadSwarmOptions, loadSwarm } from '../runtime/swarm/load.ts';
import { UsageError } from './outcome.ts';
import { refusalOf } from './source-file.ts';

/** Throws UsageError with every problem of the file. */
export function readSwarm(text: string, file: string, options: Pick<LoadSwarmOptions, 'registry' | 'agents'>): LoadedSwarm {
  const { definition, issues } = loadSwarm(text, { ...options, fileName: file });
  if (!definition) throw refusalOf(issues, file);
  return definition;
}

/** Throws UsageError when nobody has said what is to be achieved. */
export function checkGoal(definition: LoadedSwarm, named: string | undefined, input: JsonObject, file: string): void {
  if (named !== undefined && named.trim() === '') throw new UsageError('INVALID_INPUT', '--goal: a goal is a text that is not empty');
  try {
    goalOf(definition, named, input);
  } catch (thrown) {
    if (!(thrown instanceof SwarmchartError)) throw thrown;
    throw new UsageError(thrown.code, `${file}: ${thrown.message}`, { hint: 'name a goal with --goal TEXT', cause: thrown });
  }
}
