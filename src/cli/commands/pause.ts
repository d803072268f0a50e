/** `swarmchart pause ID`: a live run of this folder finishes the steps under way, then its process ends and leaves it in the journal. */

import { askLive } from '../control/find-live.ts';
import { summaryOf } from '../journal/executions.ts';
import { findExecution } from '../journal/find.ts';
import { type ReadFlags, readingJournal } from '../journal/journal-file.ts';
import { shellWord, UsageError } from '../outcome.ts';
import { controlledBy, printControlled } from '../print/controlled.ts';
import { printStanding } from '../print/executions.ts';
import { nextCommand } from '../print/next-command.ts';
import type { Terminal } from '../terminal.ts';

export interface PauseFlags extends ReadFlags {
  readonly json?: boolean;
}

export async function pause(id: string, { json = false, ...flags }: PauseFlags, terminal: Terminal): Promise<number> {
  const asked = await askLive(terminal.cwd, id, (executionId) => ({ type: 'control', id: executionId, action: 'pause' }) as const);
  if (asked && asked.status !== 'over') return printControlled(controlledBy(asked, 'pause'), json, terminal);
  return readingJournal(flags, terminal.cwd, async ({ reader, runners, place }) => {
    const summary = await summaryOf(reader, await findExecution(reader, id, place), runners);
    const hint =
      summary.process === null
        ? nextCommand(summary, place)
        : `do it in the folder where it was started; a SIGTERM has process ${summary.process} leave it, too`;
    const message = `No run of this folder that can be reached is ${shellWord(summary.executionId)}: it is ${printStanding(summary)}`;
    throw new UsageError('INVALID_INPUT', message, hint === undefined ? {} : { hint });
  });
}
