/** `swarmchart show ID`: what the journal knows of an execution. */

import type { Fact } from '../../machines/protocol/facts.ts';
import { Approvals, type PendingDecision } from '../../runtime/approvals.ts';
import type { StreamInfo } from '../../runtime/journal/journal.ts';
import { summarize } from '../journal/executions.ts';
import { findExecution } from '../journal/find.ts';
import { type ReadFlags, readingJournal } from '../journal/journal-file.ts';
import { rootAt } from '../journal/root-state.ts';
import type { Runners } from '../journal/runners.ts';
import { EXIT, UsageError } from '../outcome.ts';
import { nextCommand } from '../print/next-command.ts';
import { type Shown, shownDocument, shownLines } from '../print/snapshot.ts';
import type { Terminal } from '../terminal.ts';

export interface ShowFlags extends ReadFlags {
  readonly json?: boolean;
}

export function show(id: string, { json, ...flags }: ShowFlags, terminal: Terminal): Promise<number> {
  const { stdout, stderr } = terminal;
  return readingJournal(flags, terminal.cwd, async ({ reader, runners, place }) => {
    const { name } = await findExecution(reader, id, place);
    const facts = await reader.read(name);
    const info = await reader.find(name);
    if (!info) throw new UsageError('EXECUTION_NOT_FOUND', `The execution "${name}" was dropped from the journal meanwhile`);
    const shown = shownAt(info, facts, runners);
    if (json) await stdout.line(shownDocument(shown, place));
    else {
      for (const line of shownLines(shown)) await stdout.line(line);
      const next = nextCommand(shown.summary, place);
      if (next !== undefined) await stderr.line(`next: ${next}`);
    }
    return EXIT.succeeded;
  });
}

function shownAt(info: StreamInfo, facts: readonly Fact[], runners: Runners): Shown {
  const summary = summarize(info, facts, runners);
  const questions = summary.status === 'quarantined' ? [] : questionsIn(facts);
  return summary.status === 'quarantined' && facts.length === 0
    ? { summary, questions }
    : { summary, questions, snapshot: rootAt(facts).snapshot };
}

/** What its facts ask of people, and nobody has decided. */
export function questionsIn(facts: readonly Fact[]): readonly PendingDecision[] {
  const nobody = () => Promise.resolve(false);
  const approvals = new Approvals({ step: nobody, task: nobody, obligation: nobody });
  approvals.hear(facts);
  return approvals.list();
}
