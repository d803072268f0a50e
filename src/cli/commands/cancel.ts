/** `swarmchart cancel ID`: of a run that lives, over its control socket; of one that nobody runs, by going on with it to its end. */

import { loadConfiguration } from '../configuration.ts';
import { askLive } from '../control/find-live.ts';
import { LONGEST_REASON } from '../control/protocol.ts';
import type { Ending } from '../execute.ts';
import { findExecution } from '../journal/find.ts';
import { type JournalFlags, keptFor, readingJournal } from '../journal/journal-file.ts';
import { jobOf, type PastJob } from '../journal/past.ts';
import { requireAll } from '../journal/requirements.ts';
import { exitCodeOfSignal, shellWord, UsageError } from '../outcome.ts';
import { type Controlled, controlledBy, printControlled } from '../print/controlled.ts';
import { followJob } from '../run-job.ts';
import { startRuntime } from '../session.ts';
import type { Terminal } from '../terminal.ts';

export interface CancelFlags extends JournalFlags {
  readonly reason?: string;
  readonly config?: string;
  readonly json?: boolean;
}

const DEFAULT_REASON = 'cancelled from the command line';

export async function cancel(id: string, flags: CancelFlags, terminal: Terminal): Promise<number> {
  const { reason = DEFAULT_REASON, json = false } = flags;
  if (reason.length > LONGEST_REASON) throw new UsageError('LIMIT_EXCEEDED', `--reason: it has at most ${LONGEST_REASON} characters`);
  const asked = await askLive(terminal.cwd, id, (executionId) => ({ type: 'control', id: executionId, action: 'cancel', reason }) as const);
  if (asked && asked.status !== 'over') return printControlled(controlledBy(asked, 'cancel'), json, terminal);
  const { configuration, registry } = await loadConfiguration(terminal.cwd, flags.config);
  const job = await readingJournal(flags, terminal.cwd, async ({ reader, place }) =>
    jobOf(reader, await findExecution(reader, id, place), place),
  );
  requireAll(job.root, 'undo', registry);
  await using session = await startRuntime(
    configuration,
    await keptFor(flags, terminal.cwd, 'have it leave: swarmchart pause ID'),
    {},
    terminal,
  );
  const followed = await followJob(session, { job: cancelled(job, reason), timeout: undefined }, 'human', terminal, {});
  if ('refused' in followed) return followed.refused;
  const { ending } = followed;
  const code = await printControlled(outcomeOf(ending), json, terminal);
  return ending.signal ? exitCodeOfSignal(ending.signal) : code;
}

/** It is told before anything of it goes on. */
const cancelled = (job: PastJob, reason: string): PastJob => ({
  ...job,
  past: { ...job.past, status: 'cancelling' },
  start: async (runtime) => {
    const handle = await job.start(runtime);
    await handle.cancel(reason);
    return handle;
  },
});

/** Where compensation fails, the run fails. */
function outcomeOf({ executionId, status, error, kept }: Ending): Controlled {
  const id = shellWord(executionId);
  const so = { executionId, action: 'cancel', process: null } as const;
  if (status === 'cancelled') return { ...so, status, error: null, word: `${id} cancelled` };
  const message =
    status === 'interrupted'
      ? `${id} was interrupted while it was cancelled; swarmchart resume ${id}${kept?.option ?? ''} goes on with that`
      : `${id} was not cancelled: it has ${status}${error ? `: ${error.code}: ${error.message}` : ''}`;
  const code = error?.code ?? 'EXECUTION_FAILED';
  return {
    ...so,
    status: status === 'failed' || status === 'interrupted' ? status : null,
    error: { code, message },
    word: `error: ${message}`,
  };
}
