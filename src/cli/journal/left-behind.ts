/** Executions of the folder's journal that nobody runs: answers reach them when they are resumed. */

import { UsageError } from '../outcome.ts';
import { nextCommand } from '../print/next-command.ts';
import { selectExecutions, summaryOf } from './executions.ts';
import { type OpenedJournal, type ReadFlags, readingJournal } from './journal-file.ts';

/** The command with which an execution goes on that has not ended, and that no process runs. Undefined for any other. */
export const commandToGoOn = (executionId: string, flags: ReadFlags, cwd: string): Promise<string | undefined> =>
  ifThere(flags, cwd, async ({ reader, runners, place }) => {
    const info = await reader.find(executionId);
    if (info?.status !== 'unsettled') return undefined;
    const summary = await summaryOf(reader, info, runners);
    return summary.damage === null ? nextCommand({ ...summary, status: 'waiting' }, place) : undefined;
  });

const MOST_COUNTED = 1_000;

/** How many wait there. */
export async function countWaiting(flags: ReadFlags, cwd: string): Promise<number> {
  const found = await ifThere(flags, cwd, ({ reader, runners }) =>
    selectExecutions(reader, { statuses: new Set(['waiting']), limit: MOST_COUNTED }, runners),
  );
  return found?.executions.filter(({ process }) => process === null).length ?? 0;
}

/** Without a journal that can be read there is nothing to say. */
async function ifThere<Result>(
  flags: ReadFlags,
  cwd: string,
  work: (opened: OpenedJournal) => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await readingJournal(flags, cwd, work);
  } catch (thrown) {
    if (thrown instanceof UsageError) return undefined;
    throw thrown;
  }
}
