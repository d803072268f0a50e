/** `swarmchart replay ID`: the facts of an execution, or what was true of it after one of them. */

import { replay as replayFacts } from '../../runtime/journal/replay.ts';
import { findExecution } from '../journal/find.ts';
import { type ReadFlags, readingJournal } from '../journal/journal-file.ts';
import { rootAt } from '../journal/root-state.ts';
import { EXIT, shellWord, UsageError } from '../outcome.ts';
import { pageDocument, pageLines } from '../print/facts.ts';
import { pastDocument, pastLines } from '../print/snapshot.ts';
import type { Terminal } from '../terminal.ts';
import { questionsIn } from './show.ts';

export interface ReplayFlags extends ReadFlags {
  readonly to?: number;
  readonly from?: number;
  readonly limit?: number;
  readonly json?: boolean;
}

const MOST_LISTED = 100;

export function replay(
  id: string,
  { to, from = 1, limit = MOST_LISTED, json, ...flags }: ReplayFlags,
  terminal: Terminal,
): Promise<number> {
  const { stdout, stderr } = terminal;
  return readingJournal(flags, terminal.cwd, async ({ reader, place }) => {
    const { name } = await findExecution(reader, id, place);
    const all = await reader.read(name);
    const total = all.length;
    const asked = to ?? from;
    if (asked > total) {
      const message = `The execution has ${total} facts, and no fact ${asked}`;
      throw new UsageError('INVALID_INPUT', message, { hint: `swarmchart replay ${shellWord(name)}${place.option} lists them` });
    }
    if (to !== undefined) {
      const facts = all.slice(0, to);
      const past = { name: rootAt(facts).name, replay: replayFacts(all, { to }), questions: questionsIn(facts) };
      if (json) await stdout.line(pastDocument(past));
      else for (const line of pastLines(past)) await stdout.line(line);
      return EXIT.succeeded;
    }
    const page = { executionId: name, facts: all.slice(from - 1, from - 1 + limit), startedAt: all[0]?.at ?? 0, total };
    if (json) {
      await stdout.line(pageDocument(page));
      return EXIT.succeeded;
    }
    for (const line of pageLines(page)) await stdout.line(line);
    const next = from + page.facts.length;
    if (next <= total) await stderr.line(`${total - next + 1} more: --from ${next}`);
    await stderr.line(`next: swarmchart replay ${shellWord(name)}${place.option} --to SEQ   # what was true after that fact`);
    return EXIT.succeeded;
  });
}
