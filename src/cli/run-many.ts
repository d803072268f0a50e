/** Several executions of the journal that go on side by side, each with its own lines. */

import type { Fact } from '../machines/protocol/facts.ts';
import { SUSPECT_RECOVERIES } from '../machines/protocol/recovery.ts';
import { type Ending, execute } from './execute.ts';
import type { PastJob } from './journal/past.ts';
import { EXIT, oneLine, shellWord } from './outcome.ts';
import { Board } from './progress/board.ts';
import { PlainProgress } from './progress/plain-progress.ts';
import { endingData, endingLines, exitCodeOf, type Format } from './report.ts';
import { graceAfter, reachable, unwatched } from './run-job.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

type Followed = { readonly ending: Ending; readonly board: Board };

const DOCUMENT_VERSION = 1;

/** Runs them and reports. Resolves with the exit code; the runtime has ended then. */
export async function runMany(
  session: Session,
  jobs: readonly PastJob[],
  waitForPeople: boolean,
  format: Format,
  terminal: Terminal,
): Promise<number> {
  const { stdout, stderr } = terminal;
  const refused = await unwatched(session, format, terminal);
  if (refused !== undefined) return refused;
  const reached = jobs.map(({ past: { executionId }, kind, name }) => ({ executionId, kind, name }));
  await using people = await reachable(session, reached, waitForPeople, terminal);
  session.logTo((text) => void stderr.line(text));
  const follow = async (job: PastJob, index: number): Promise<Followed> => {
    const { executionId } = job.past;
    const board = new Board(job.size);
    const output = { line: (text: string) => stderr.line(`${shellWord(executionId)}  ${text}`), flush: () => stderr.flush() };
    const onFact = async (fact: Fact): Promise<void> => {
      // Those of agents reach each of them, and are printed once.
      if (format === 'jsonl' && (index === 0 || fact.stream === executionId)) await stdout.line(JSON.stringify(fact));
    };
    const run = { ...session.surroundings, job, executionId, timeout: undefined, people, waitsForPeople: waitForPeople };
    return { ending: await execute(run, terminal, { board, progress: new PlainProgress(output, board), onFact }), board };
  };
  let followed: readonly Followed[] | undefined;
  try {
    followed = await inTurn(jobs, follow);
  } finally {
    await people?.[Symbol.asyncDispose]();
    await session.surroundings.drain(
      graceAfter(followed?.map(({ ending }) => ending).find(({ signal }) => signal) ?? followed?.[0]?.ending),
    );
  }
  for (const { ending, board } of followed) for (const line of endingLines(ending, board, format)) await stderr.line(line);
  const endings = followed.map(({ ending, board }) => endingData(ending, board));
  await stdout.line(format === 'human' ? printed(followed) : manyDocument(endings, format));
  return exitCodeOfAll(followed.map(({ ending }) => exitCodeOf(ending)));
}

/**
 * One that was at work whenever its process ended goes on alone, after all others: whatever it does, they have got somewhere. Whoever was alone
 * most often comes last.
 */
async function inTurn(jobs: readonly PastJob[], follow: (job: PastJob, index: number) => Promise<Followed>): Promise<readonly Followed[]> {
  const all = jobs.map((job, index) => ({ job, index }));
  const followed = await Promise.all(all.filter(({ job }) => !isSuspect(job)).map(({ job, index }) => follow(job, index)));
  const suspects = all.filter(({ job }) => isSuspect(job)).toSorted((one, other) => one.job.recoveries - other.job.recoveries);
  for (const { job, index } of suspects) {
    if (followed.some(({ ending }) => ending.signal !== undefined)) break;
    followed.push(await follow(job, index));
  }
  return followed;
}

const isSuspect = ({ recoveries }: PastJob): boolean => recoveries >= SUSPECT_RECOVERIES;

const printed = (followed: readonly Followed[]): string =>
  table([
    ['ID', 'NAME', 'STATUS'],
    ...followed.map(({ ending: { executionId, name, status } }) => [shellWord(executionId), oneLine(name), status]),
  ]).join('\n');

export const manyDocument = (executions: readonly object[], format: Format): string =>
  JSON.stringify({ ...(format === 'jsonl' && { type: 'results' }), v: DOCUMENT_VERSION, executions });

/** What is worst about them: a signal, a failure, a time that was up, something that waits. */
function exitCodeOfAll(codes: readonly number[]): number {
  const signal = codes.find((code) => code > 128);
  return signal ?? [EXIT.failed, EXIT.timedOut, EXIT.waiting].find((code) => codes.includes(code)) ?? EXIT.succeeded;
}
