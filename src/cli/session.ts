/** A runtime for the commands that run something: with the journal they keep it in, and a log that goes to where progress is shown. */

import type { Configuration } from '../config.ts';
import { createRuntime, type Runtime } from '../create-runtime.ts';
import { SwarmchartError } from '../machines/protocol/errors.ts';
import type { Journal } from '../runtime/journal/journal.ts';
import type { RuntimeOptions } from '../runtime/options.ts';
import type { Surroundings } from './execute.ts';
import { type InspectFlags, Inspection } from './inspection.ts';
import { journalError } from './journal/journal-errors.ts';
import type { KeptJournal } from './journal/journal-file.ts';
import { UsageError } from './outcome.ts';
import { logTo } from './progress/progress.ts';
import type { Terminal } from './terminal.ts';

export interface SessionFlags extends InspectFlags {
  readonly verbose?: boolean;
}

export interface Session extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly surroundings: Surroundings;
  readonly inspection: Inspection;
  readonly journal: Journal | undefined;
  /** What was logged before this is called is shown then. */
  logTo(note: (text: string) => void): void;
}

/** Lines that are logged before anything is shown, such as those of agents that start. */
const MOST_EARLY = 1_000;

/** Throws UsageError when the configuration contradicts itself, and when the journal cannot be used. Nothing of the journal goes on by itself. */
export async function startRuntime(
  configuration: Configuration & Pick<RuntimeOptions, 'faults'>,
  kept: KeptJournal | undefined,
  flags: SessionFlags,
  terminal: Terminal,
): Promise<Session> {
  const early: string[] = [];
  let note = (text: string): void => {
    if (early.length < MOST_EARLY) early.push(text);
  };
  const logger = logTo((text) => note(text), flags.verbose ?? false);
  const inspection = await Inspection.start(flags, terminal);
  try {
    const durable = kept && { journal: kept.journal, recover: false };
    const runtime = await createRuntime({ watchdog: {}, ...configuration, ...inspection.options, ...durable, logger });
    const end = (graceMs: number): Promise<void> => (kept ? runtime.drain({ graceMs }) : runtime.stop({ graceMs }));
    return {
      runtime,
      surroundings: { runtime, kept, drain: end },
      inspection,
      journal: kept?.journal,
      logTo(next) {
        note = next;
        for (const text of early.splice(0)) next(text);
      },
      async [Symbol.asyncDispose]() {
        await end(0);
        await inspection[Symbol.asyncDispose]();
      },
    };
  } catch (thrown) {
    await inspection[Symbol.asyncDispose]();
    if (!(thrown instanceof SwarmchartError)) throw thrown;
    if (kept && thrown.code.startsWith('JOURNAL_')) throw journalError(thrown, kept.shown, kept.whenLocked);
    throw new UsageError(thrown.code, `The configuration was refused: ${thrown.message}`, { issues: thrown.issues, cause: thrown });
  }
}
