/** What the commands that run something share: being reached, progress, the printing of what came out. */

import type { Fact } from '../machines/protocol/facts.ts';
import { createId, People } from './control/people.ts';
import type { Pointer } from './control/pointers.ts';
import { controlsOf, inboxOf } from './control/runtime-inbox.ts';
import { type Ending, execute, type Run } from './execute.ts';
import { EXIT, exitCodeOfSignal, oneLine, shellWord, UsageError } from './outcome.ts';
import { Board } from './progress/board.ts';
import { showProgress } from './progress/progress.ts';
import { endingDocument, endingLines, exitCodeOf, type Format, refusalDocument } from './report.ts';
import type { Session, SessionFlags } from './session.ts';
import type { Terminal } from './terminal.ts';

/** What is to be run, and whether people may answer meanwhile. */
export interface JobToRun extends Pick<Run, 'job' | 'timeout'> {
  readonly waitForPeople?: boolean | undefined;
}

export interface CommonFlags extends SessionFlags {
  readonly json?: boolean;
  readonly jsonl?: boolean;
  readonly timeout?: number;
}

export const formatOf = ({ json, jsonl }: Pick<CommonFlags, 'json' | 'jsonl'>): Format => (jsonl ? 'jsonl' : json ? 'json' : 'human');

/** What a command makes of the ending of its run, beside what every run gets. */
export interface Manner {
  /** Hears every fact, those of agents too. */
  hear?(fact: Fact): void;
  /** Lines that tell how it went, above the last word on stderr. */
  story?(): readonly string[];
  /** Prints the result of a run that completed, for people. */
  present(ending: Ending, board: Board): Promise<void>;
  /** For a run that the user has to put something right for: what. Its exit code is then that of wrong usage. */
  refusal?(ending: Ending, board: Board): string | undefined;
}

/** Runs it and reports. Resolves with the exit code; the runtime has ended then. */
export async function runJob(session: Session, job: JobToRun, format: Format, terminal: Terminal, manner: Manner): Promise<number> {
  const { stdout, stderr } = terminal;
  const followed = await followJob(session, job, format, terminal, manner);
  if ('refused' in followed) return followed.refused;
  const { ending, board } = followed;
  for (const line of manner.story?.() ?? []) await stderr.line(line);
  const advice = manner.refusal?.(ending, board);
  for (const line of endingLines(ending, board, format, advice)) await stderr.line(line);
  if (format !== 'human') await stdout.line(endingDocument(ending, board, format));
  else if (ending.status === 'completed') await manner.present(ending, board);
  return advice === undefined ? exitCodeOf(ending) : EXIT.refused;
}

/** How it ended, or left alone, the exit code of what was not even begun. */
export type Followed = { readonly ending: Ending; readonly board: Board } | { readonly refused: number };

/** Runs it, and tells on the way. Afterwards the runtime has ended. */
export async function followJob(
  session: Session,
  { job, timeout, waitForPeople = false }: JobToRun,
  format: Format,
  terminal: Terminal,
  manner: Pick<Manner, 'hear'>,
): Promise<Followed> {
  const { stdout } = terminal;
  const refused = await unwatched(session, format, terminal);
  if (refused !== undefined) return { refused };
  const executionId = job.past?.executionId ?? createId();
  const { kind, name } = job;
  await using people = await reachable(session, [{ executionId, kind, name }], waitForPeople, terminal);
  await announce(session, executionId, terminal);
  const board = new Board(job.size);
  const progress = showProgress(terminal, board, format !== 'jsonl');
  session.logTo((text) => progress.note(text));
  const onFact = async (fact: Fact): Promise<void> => {
    manner.hear?.(fact);
    if (format === 'jsonl') await stdout.line(JSON.stringify(fact));
  };
  const run: Run = { ...session.surroundings, job, executionId, timeout, people, waitsForPeople: waitForPeople };
  let ending: Ending | undefined;
  try {
    ending = await execute(run, terminal, { board, progress, onFact });
    return { ending, board };
  } finally {
    await people?.[Symbol.asyncDispose]();
    await progress.stop();
    await session.surroundings.drain(graceAfter(ending));
  }
}

/** For what is still under way. What a signal has ended, or what user code has thrown past everybody, is not waited for. */
export const graceAfter = (ending: Ending | undefined): number => (ending && ending.signal === undefined ? 1_000 : 0);

/** Says where to watch. An exit code: a signal came before anybody did. */
export async function unwatched({ inspection }: Session, format: Format, { stdout, stderr }: Terminal): Promise<number | undefined> {
  const signal = await inspection.ready();
  if (!signal) return undefined;
  const refusal = new UsageError('CANCELLED', `${signal} came before anybody watched; nothing was run`);
  await stderr.line(refusal.message);
  if (format !== 'human') await stdout.line(refusalDocument(refusal, format));
  return exitCodeOfSignal(signal);
}

type Reached = Pick<Pointer, 'executionId' | 'kind' | 'name'>;

/** Whoever waits for people must be reached by them. Else it is as well as can be: a run that goes on from a journal can be controlled there. */
export async function reachable(
  { surroundings: { runtime, kept } }: Session,
  runs: readonly Reached[],
  isNeeded: boolean,
  { cwd, stderr }: Terminal,
): Promise<People | undefined> {
  if (!isNeeded && !kept) return undefined;
  try {
    return await People.invite(inboxOf(runtime), controlsOf(runtime, kept !== undefined), { runs, cwd });
  } catch (thrown) {
    if (isNeeded || !(thrown instanceof UsageError)) throw thrown;
    await stderr.line(`warn: other processes cannot reach this run: ${oneLine(thrown.message)}`);
    return undefined;
  }
}

/** Where the run is kept, and that there is more. */
async function announce({ surroundings: { kept }, journal }: Session, executionId: string, { stderr }: Terminal): Promise<void> {
  if (!kept || !journal) return;
  await stderr.line(`run ${shellWord(executionId)}`);
  const others = (await journal.unsettled()).filter((name) => name !== executionId).length;
  if (others === 0) return;
  const what = others === 1 ? 'Another execution' : `${others} other executions`;
  await stderr.line(`${what} in this journal ${others === 1 ? 'has' : 'have'} not ended: swarmchart list${kept.option}`);
}

/** With `--json` and `--jsonl` a refusal is a result too, so that whoever reads stdout always finds one. */
export async function guardedFormat(format: Format, { stdout }: Terminal, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof UsageError && format !== 'human') await stdout.line(refusalDocument(thrown, format));
    throw thrown;
  }
}
