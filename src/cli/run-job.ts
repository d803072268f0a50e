/** What the commands that run something share: a runtime, progress, the printing of what came out. */

import type { Configuration } from '../config.ts';
import { createRuntime, type Runtime } from '../create-runtime.ts';
import { SwarmchartError } from '../machines/protocol/errors.ts';
import type { Fact } from '../machines/protocol/facts.ts';
import type { RuntimeOptions } from '../runtime/options.ts';
import { People } from './control/people.ts';
import { inboxOf } from './control/runtime-inbox.ts';
import { type Ending, execute, type Run } from './execute.ts';
import { type InspectFlags, Inspection } from './inspection.ts';
import { EXIT, exitCodeOfSignal, UsageError } from './outcome.ts';
import { Board } from './progress/board.ts';
import { logTo, showProgress } from './progress/progress.ts';
import { endingDocument, endingLines, exitCodeOf, type Format, refusalDocument } from './report.ts';
import type { Terminal } from './terminal.ts';

/** What is to be run, and whether people may answer meanwhile. */
export interface JobToRun extends Pick<Run, 'job' | 'timeout'> {
  readonly waitForPeople?: boolean | undefined;
}

export interface CommonFlags extends InspectFlags {
  readonly json?: boolean;
  readonly jsonl?: boolean;
  readonly timeout?: number;
  readonly verbose?: boolean;
}

/** A runtime whose log goes to wherever progress is shown at the moment. */
export interface Session extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly inspection: Inspection;
  /** What was logged before this is called is shown then. */
  logTo(note: (text: string) => void): void;
}

export const formatOf = ({ json, jsonl }: CommonFlags): Format => (jsonl ? 'jsonl' : json ? 'json' : 'human');

/** Lines that are logged before anything is shown, such as those of agents that start. */
const MOST_EARLY = 1_000;

/** Throws UsageError when the configuration contradicts itself. */
export async function startRuntime(
  configuration: Configuration & Pick<RuntimeOptions, 'faults'>,
  flags: CommonFlags,
  terminal: Terminal,
): Promise<Session> {
  const early: string[] = [];
  let note = (text: string): void => {
    if (early.length < MOST_EARLY) early.push(text);
  };
  const logger = logTo((text) => note(text), flags.verbose ?? false);
  const inspection = await Inspection.start(flags, terminal);
  try {
    const runtime = await createRuntime({ watchdog: {}, ...configuration, ...inspection.options, logger });
    return {
      runtime,
      inspection,
      logTo(next) {
        note = next;
        for (const text of early.splice(0)) next(text);
      },
      async [Symbol.asyncDispose]() {
        await runtime.stop({ graceMs: 0 });
        await inspection[Symbol.asyncDispose]();
      },
    };
  } catch (thrown) {
    await inspection[Symbol.asyncDispose]();
    if (!(thrown instanceof SwarmchartError)) throw thrown;
    throw new UsageError(thrown.code, `The configuration was refused: ${thrown.message}`, { issues: thrown.issues, cause: thrown });
  }
}

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

/** Runs it and reports. Resolves with the exit code. */
export async function runJob(
  session: Session,
  { job, timeout, waitForPeople }: JobToRun,
  format: Format,
  terminal: Terminal,
  manner: Manner,
): Promise<number> {
  const { stdout, stderr } = terminal;
  const signal = await session.inspection.ready();
  if (signal) {
    const refusal = new UsageError('CANCELLED', `${signal} came before anybody watched; nothing was run`);
    await stderr.line(refusal.message);
    if (format !== 'human') await stdout.line(refusalDocument(refusal, format));
    return exitCodeOfSignal(signal);
  }
  const { runtime } = session;
  const inbox = waitForPeople ? inboxOf(runtime) : undefined;
  await using people = inbox && (await People.invite(inbox, { kind: job.kind, name: job.name, cwd: terminal.cwd }));
  const board = new Board(job.size);
  const progress = showProgress(terminal, board, format !== 'jsonl');
  session.logTo((text) => progress.note(text));
  const onFact = async (fact: Fact): Promise<void> => {
    manner.hear?.(fact);
    if (format === 'jsonl') await stdout.line(JSON.stringify(fact));
  };
  const ending = await execute({ job, timeout, people, runtime }, terminal, { board, progress, onFact });
  for (const line of manner.story?.() ?? []) await stderr.line(line);
  const advice = manner.refusal?.(ending, board);
  for (const line of endingLines(ending, board, format, advice)) await stderr.line(line);
  if (format !== 'human') await stdout.line(endingDocument(ending, board, format));
  else if (ending.status === 'completed') await manner.present(ending, board);
  return advice === undefined ? exitCodeOf(ending) : EXIT.refused;
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
