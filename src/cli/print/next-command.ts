/** What can be done about an execution. */

import type { Kept } from '../execute.ts';
import type { Summary } from '../journal/executions.ts';
import { shellWord } from '../outcome.ts';

/** Undefined where nothing has to be done. */
export function nextCommand(
  { executionId, status, process }: Pick<Summary, 'executionId' | 'status' | 'process'>,
  { option }: Kept,
): string | undefined {
  if (process !== null) return undefined;
  const id = shellWord(executionId);
  switch (status) {
    case 'interrupted':
    case 'paused':
    case 'dead':
      return `swarmchart resume ${id}${option}`;
    case 'waiting':
      return `swarmchart resume ${id}${option} --wait-for-people`;
    case 'quarantined':
      return `swarmchart journal verify${option}`;
    default:
      return undefined;
  }
}
