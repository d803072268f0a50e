/** `swarmchart rerun ID --from STEP`: a new run that takes over what another one had done before that step. */

import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { RunJob } from '../../machines/protocol/run.ts';
import { restorationOf } from '../../runtime/journal/restoration.ts';
import { rerun as planRerun } from '../../runtime/rerun/rerun.ts';
import type { WorkflowRegistry } from '../../runtime/workflow/registry.ts';
import { loadConfiguration } from '../configuration.ts';
import type { Ending, Job } from '../execute.ts';
import { readInputs, typedValues } from '../input.ts';
import { findExecution } from '../journal/find.ts';
import { type JournalFlags, keptFor, type OpenedJournal, readingJournal } from '../journal/journal-file.ts';
import { requireAll } from '../journal/requirements.ts';
import { rootAt } from '../journal/root-state.ts';
import { oneLine, UsageError } from '../outcome.ts';
import { printValue } from '../report.ts';
import { type CommonFlags, formatOf, guardedFormat, runJob } from '../run-job.ts';
import { startRuntime } from '../session.ts';
import type { Terminal } from '../terminal.ts';

export interface RerunFlags extends Omit<CommonFlags, 'timeout'>, JournalFlags {
  readonly from: string;
  readonly input?: readonly string[];
  readonly config?: string;
  readonly waitForPeople?: boolean;
}

type Inputs = Awaited<ReturnType<typeof readInputs>>;

export function rerun(id: string, flags: RerunFlags, terminal: Terminal): Promise<number> {
  const format = formatOf(flags);
  return guardedFormat(format, terminal, async () => {
    const { cwd, stdout, stderr } = terminal;
    const given = await readInputs(flags.input ?? [], cwd);
    const { configuration, registry } = await loadConfiguration(cwd, flags.config);
    const { job, story } = await readingJournal(flags, cwd, (opened) => planned(opened, registry, id, flags.from, given));
    await using session = await startRuntime(
      configuration,
      await keptFor(flags, cwd, 'have it leave: swarmchart pause ID'),
      flags,
      terminal,
    );
    await stderr.line(story);
    const present = ({ result }: Ending): Promise<void> => stdout.line(printValue(result));
    return await runJob(session, { job, timeout: undefined, waitForPeople: flags.waitForPeople }, format, terminal, { present });
  });
}

/** Whatever is wrong is found before anything is started. */
async function planned(
  { reader, place }: OpenedJournal,
  registry: WorkflowRegistry,
  id: string,
  from: string,
  given: Inputs,
): Promise<{ readonly job: Job; readonly story: string }> {
  const { name: source } = await findExecution(reader, id, place);
  const facts = await reader.read(source);
  return refusing(() => {
    // Throws for what is no run.
    planRerun(facts, { from });
    requireAll(rootAt(facts), 'all', registry);
    const { plan } = restorationOf(facts).job as RunJob;
    const options = { from, input: typedValues(given, plan.inputs) };
    const { again, reused } = planRerun(facts, options);
    const job: Job = {
      kind: 'workflow',
      name: plan.id,
      size: plan.steps.length,
      start: (runtime, { context }) => runtime.rerun(source, { ...options, executionId: context.executionId }),
    };
    return { job, story: `again: ${listed(again)}; taken over: ${listed(reused.map(({ stepId }) => stepId))}` };
  });
}

const MOST_NAMED = 10;

function listed(ids: readonly string[]): string {
  const names = ids.slice(0, MOST_NAMED).map((each) => oneLine(each, 60));
  return names.length === 0 ? 'nothing' : `${names.join(', ')}${ids.length > names.length ? ` and ${ids.length - names.length} more` : ''}`;
}

function refusing<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (thrown) {
    if (!(thrown instanceof SwarmchartError)) throw thrown;
    throw new UsageError(thrown.code, thrown.message, { issues: thrown.issues, cause: thrown });
  }
}
