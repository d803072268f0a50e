/** What the commands that run a workflow share: a runtime, progress, the printing of what came out. */

import type { Configuration } from '../config.ts';
import { createRuntime, type Runtime } from '../create-runtime.ts';
import { SwarmchartError } from '../machines/protocol/errors.ts';
import { type Ending, execute, type Run } from './execute.ts';
import { UsageError } from './outcome.ts';
import { logTo, showProgress } from './progress/progress.ts';
import { StepBoard } from './progress/step-board.ts';
import { endingDocument, endingLines, exitCodeOf, type Format, refusalDocument } from './report.ts';
import type { Terminal } from './terminal.ts';

export interface CommonFlags {
  readonly json?: boolean;
  readonly jsonl?: boolean;
  readonly timeout?: number;
  readonly verbose?: boolean;
}

/** A runtime whose log goes to wherever progress is shown at the moment. */
export interface Session {
  readonly runtime: Runtime;
  /** Until this is called, nothing is shown. */
  logTo(note: (text: string) => void): void;
}

export const formatOf = ({ json, jsonl }: CommonFlags): Format => (jsonl ? 'jsonl' : json ? 'json' : 'human');

/** Throws UsageError when the configuration contradicts itself. */
export async function startRuntime(configuration: Configuration, { verbose = false }: CommonFlags): Promise<Session> {
  let note: (text: string) => void = () => {};
  try {
    const runtime = await createRuntime({ ...configuration, logger: logTo((text) => note(text), verbose) });
    return {
      runtime,
      logTo(next) {
        note = next;
      },
    };
  } catch (thrown) {
    if (!(thrown instanceof SwarmchartError)) throw thrown;
    throw new UsageError(thrown.code, `The configuration was refused: ${thrown.message}`, { issues: thrown.issues, cause: thrown });
  }
}

/** Runs it and reports. `present` prints the result of a run that completed, for people. */
export async function runWorkflow(
  session: Session,
  run: Omit<Run, 'runtime'>,
  format: Format,
  terminal: Terminal,
  present: (ending: Ending, board: StepBoard) => Promise<void>,
): Promise<{ readonly exitCode: number; readonly ending: Ending; readonly board: StepBoard }> {
  const { stdout, stderr } = terminal;
  const board = new StepBoard(run.workflow.plan.steps.length);
  const progress = showProgress(terminal, board, format !== 'jsonl');
  session.logTo((text) => progress.note(text));
  const onFact = async (fact: object): Promise<void> => {
    if (format === 'jsonl') await stdout.line(JSON.stringify(fact));
  };
  const ending = await execute({ ...run, runtime: session.runtime }, terminal, { board, progress, onFact });
  for (const line of endingLines(ending, board, format)) await stderr.line(line);
  if (format !== 'human') await stdout.line(endingDocument(ending, board, format));
  else if (ending.status === 'completed') await present(ending, board);
  return { exitCode: exitCodeOf(ending), ending, board };
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
