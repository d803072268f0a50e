/** `swarmchart journal verify`: whether every stream of a journal is what was committed. */

import { type ReadFlags, readingJournal } from '../journal/journal-file.ts';
import { EXIT, oneLine } from '../outcome.ts';
import type { Terminal } from '../terminal.ts';

export interface VerifyFlags extends ReadFlags {
  readonly json?: boolean;
}

const DOCUMENT_VERSION = 1;

export function verify({ json, ...flags }: VerifyFlags, terminal: Terminal): Promise<number> {
  const { stdout, stderr } = terminal;
  return readingJournal(flags, terminal.cwd, async ({ reader, place }) => {
    const pages = reader.verifyPages();
    const found = { streams: 0, facts: 0, problems: [] as Problem[] };
    for (const problem of pages) found.problems.push({ stream: null, problem });
    for await (const { stream, facts, problem } of reader.verify()) {
      found.streams += 1;
      found.facts += facts;
      if (problem !== undefined) found.problems.push({ stream, problem });
    }
    const { streams, facts, problems } = found;
    const sound = problems.length === 0;
    if (json) await stdout.line(JSON.stringify({ v: DOCUMENT_VERSION, journal: place.path, sound, ...found }));
    else {
      for (const { stream, problem } of problems) await stdout.line(`${oneLine(stream ?? 'the file')}: ${oneLine(problem, 2_000)}`);
      const word = sound ? 'all sound' : `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`;
      await stderr.line(`${place.shown}: ${streams} ${streams === 1 ? 'stream' : 'streams'}, ${facts} facts, ${word}`);
    }
    return sound ? EXIT.succeeded : EXIT.failed;
  });
}

interface Problem {
  /** Null: of the file itself. */
  readonly stream: string | null;
  readonly problem: string;
}
