/** `swarmchart resume ID|--all`: executions of the journal go on. */

import { MOST_RECOVERIES } from '../../machines/protocol/recovery.ts';
import type { WorkflowRegistry } from '../../runtime/workflow/registry.ts';
import { loadConfiguration } from '../configuration.ts';
import type { Ending } from '../execute.ts';
import { isOfExecution, summaryOf } from '../journal/executions.ts';
import { findExecution } from '../journal/find.ts';
import { type JournalFlags, keptFor, type OpenedJournal, placeOf, readingJournal } from '../journal/journal-file.ts';
import { jobOf, type PastJob } from '../journal/past.ts';
import { missingFor, requireAll } from '../journal/requirements.ts';
import { EXIT, oneLine, shellWord, UsageError } from '../outcome.ts';
import { type Format, printValue } from '../report.ts';
import { type CommonFlags, formatOf, guardedFormat, runJob } from '../run-job.ts';
import { manyDocument, runMany } from '../run-many.ts';
import { startRuntime } from '../session.ts';
import type { Terminal } from '../terminal.ts';

export interface ResumeFlags extends Omit<CommonFlags, 'timeout'>, JournalFlags {
  readonly all?: boolean;
  readonly config?: string;
  readonly waitForPeople?: boolean;
}

export function resume(id: string | undefined, flags: ResumeFlags, terminal: Terminal): Promise<number> {
  const format = formatOf(flags);
  return guardedFormat(format, terminal, async () => {
    const { all = false, waitForPeople = false } = flags;
    if ((id === undefined) !== all) throw new UsageError('INVALID_INPUT', 'Give the ID of an execution, or --all');
    const { configuration, registry } = await loadConfiguration(terminal.cwd, flags.config);
    const { jobs, exhausted } = await readingJournal(flags, terminal.cwd, async (opened) =>
      id === undefined ? everyJob(opened, registry, terminal) : { jobs: [await jobFor(opened, id)], exhausted: [] },
    );
    if (id !== undefined) for (const { root } of jobs) requireAll(root, 'all', registry);
    const [first] = jobs;
    if (!first && exhausted.length === 0) return nothingToDo(flags, format, terminal);
    await using session = await startRuntime(
      configuration,
      await keptFor(flags, terminal.cwd, 'have it leave: swarmchart pause ID'),
      flags,
      terminal,
    );
    for (const { past } of exhausted) await session.runtime.executions.giveUp(past.executionId);
    if (!first) return await nothingToDo(flags, format, terminal);
    if (id === undefined) return await runMany(session, jobs, waitForPeople, format, terminal);
    if (isPaused(first)) await terminal.stderr.line(`${oneLine(first.name)} was paused, and goes on`);
    const present = ({ result }: Ending): Promise<void> => terminal.stdout.line(printValue(result));
    return await runJob(session, { job: first, timeout: undefined, waitForPeople }, format, terminal, { present });
  });
}

async function nothingToDo(flags: ResumeFlags, format: Format, { cwd, stdout, stderr }: Terminal): Promise<number> {
  await stderr.line(`Nothing in the journal is to go on by itself: swarmchart list${placeOf(flags.journal, cwd).option}`);
  if (format !== 'human') await stdout.line(manyDocument([], format));
  return EXIT.succeeded;
}

const isPaused = ({ past: { status } }: PastJob): boolean => status === 'paused' || status === 'pausing';

/** Who names an execution that is paused wants it to go on. */
const unpaused = (job: PastJob): PastJob =>
  isPaused(job)
    ? {
        ...job,
        start: async (runtime) => {
          const handle = await job.start(runtime);
          await handle.resume();
          return handle;
        },
      }
    : job;

/** Whether it runs already is seen when the journal is opened. */
const jobFor = async ({ reader, place }: OpenedJournal, id: string): Promise<PastJob> =>
  unpaused(await jobOf(reader, await findExecution(reader, id, place), place));

/** Everything that has not ended, but what somebody has paused, what was given up, and what could not go on here: that goes on when it is named. */
async function everyJob({ reader, runners, place }: OpenedJournal, registry: WorkflowRegistry, { stderr }: Terminal) {
  const jobs: PastJob[] = [];
  /** Recovered too often without progress. */
  const exhausted: PastJob[] = [];
  const left: string[] = [];
  for await (const info of reader.streams()) {
    if (!isOfExecution(info) || info.status === 'settled') continue;
    const { status } = await summaryOf(reader, info, runners);
    if (status === 'interrupted' || status === 'waiting') {
      const job = await jobOf(reader, info, place);
      if (job.recoveries >= MOST_RECOVERIES) exhausted.push(job);
      else if (missingFor(job.root, 'all', registry).length === 0) jobs.push(job);
      else left.push('without its tools in the configuration');
    } else if (status !== 'running') left.push(status === 'dead' ? 'dead letter' : status);
  }
  for (const { past, recoveries } of exhausted) {
    const again = `swarmchart resume ${shellWord(past.executionId)}${place.option}`;
    await stderr.line(`Given up after ${recoveries} recoveries without progress: ${shellWord(past.executionId)}. next: ${again}`);
  }
  if (left.length > 0) {
    const list = [...new Set(left)].map((status) => `${left.filter((each) => each === status).length} ${status}`).join(', ');
    await stderr.line(`Left as they are: ${list}. swarmchart list${place.option}`);
  }
  return { jobs, exhausted };
}
