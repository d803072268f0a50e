/** `swarmchart list`: the executions of a journal. */

import { type Selection, type Standing, selectExecutions } from '../journal/executions.ts';
import { type ReadFlags, readingJournal } from '../journal/journal-file.ts';
import { EXIT } from '../outcome.ts';
import { executionsDocument, executionsLines } from '../print/executions.ts';
import type { Terminal } from '../terminal.ts';

export interface ListFlags extends ReadFlags {
  readonly all?: boolean;
  readonly limit?: number;
  readonly status?: readonly Standing[];
  readonly json?: boolean;
}

const MOST_LISTED = 50;

export function list({ all, limit, status = [], json, ...flags }: ListFlags, terminal: Terminal): Promise<number> {
  const { stdout, stderr } = terminal;
  return readingJournal(flags, terminal.cwd, async ({ reader, runners, place }) => {
    const selection: Selection = { statuses: new Set(status), limit: all ? Number.POSITIVE_INFINITY : (limit ?? MOST_LISTED) };
    const selected = await selectExecutions(reader, selection, runners);
    if (json) await stdout.line(executionsDocument(selected, place.path, runners.holder));
    else {
      const { table, notes } = executionsLines(selected, place, Date.now(), status.length > 0);
      for (const line of table) await stdout.line(line);
      for (const line of notes) await stderr.line(line);
    }
    return EXIT.succeeded;
  });
}
