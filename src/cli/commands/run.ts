/** `swarmchart run FILE` */

import { isSwarmSource, type LoadSwarmOptions } from '../../runtime/swarm/load.ts';
import { loadConfiguration } from '../configuration.ts';
import type { Ending, Job } from '../execute.ts';
import { readInputs, typedInput } from '../input.ts';
import { swarmJob, workflowJob } from '../jobs.ts';
import { type JournalFlags, keptFor } from '../journal/journal-file.ts';
import { UsageError } from '../outcome.ts';
import { printValue } from '../report.ts';
import { type CommonFlags, formatOf, guardedFormat, runJob } from '../run-job.ts';
import { startRuntime } from '../session.ts';
import { readSource } from '../source-file.ts';
import { checkGoal, readSwarm } from '../swarm-file.ts';
import type { Terminal } from '../terminal.ts';
import { chooseWorkflow, readWorkflows } from '../workflow-file.ts';

export interface RunFlags extends CommonFlags, JournalFlags {
  readonly workflow?: string;
  readonly goal?: string;
  readonly input?: readonly string[];
  readonly config?: string;
  readonly waitForPeople?: boolean;
}

type Surroundings = Required<Pick<LoadSwarmOptions, 'registry' | 'agents'>>;
type Inputs = Awaited<ReturnType<typeof readInputs>>;

export function run(file: string, flags: RunFlags, terminal: Terminal): Promise<number> {
  const format = formatOf(flags);
  return guardedFormat(format, terminal, async () => {
    const given = await readInputs(flags.input ?? [], terminal.cwd);
    const { path, configuration, registry } = await loadConfiguration(terminal.cwd, flags.config);
    const text = await readSource(file, terminal.cwd);
    const read = isSwarmSource(text) ? swarmIn : workflowIn;
    const job = explained(path, () => read(text, file, flags, given, { registry, agents: configuration.agents ?? [] }));
    await using session = await startRuntime(configuration, await keptFor(flags, terminal.cwd), flags, terminal);
    const present = ({ result }: Ending): Promise<void> => terminal.stdout.line(printValue(result));
    const { timeout, waitForPeople } = flags;
    return await runJob(session, { job, timeout, waitForPeople }, format, terminal, { present });
  });
}

function workflowIn(text: string, file: string, { workflow: name, goal }: RunFlags, given: Inputs, { registry }: Surroundings): Job {
  const found = readWorkflows(text, file, { registry, ...(given.size > 0 && { inputNames: given.keys() }) });
  const workflow = chooseWorkflow(found, file, name);
  if (goal !== undefined) throw new UsageError('INVALID_INPUT', `${file} holds a workflow, which has no goal: leave out --goal`);
  return workflowJob(workflow, typedInput(given, workflow.inputs));
}

function swarmIn(text: string, file: string, { workflow, goal }: RunFlags, given: Inputs, surroundings: Surroundings): Job {
  if (workflow !== undefined) {
    throw new UsageError('INVALID_INPUT', `${file} holds a swarm, which is run as a whole: leave out --workflow`);
  }
  const swarm = readSwarm(text, file, surroundings);
  const input = typedInput(given, swarm.inputs, 'swarm');
  checkGoal(swarm, goal, input, file);
  return swarmJob(swarm, input, goal);
}

const NEEDS_CONFIGURATION: ReadonlySet<string> = new Set(['TOOL_NOT_FOUND', 'MODULE_NOT_FOUND', 'UNKNOWN_STRATEGY', 'SECRET_NOT_FOUND']);

/** Without a configuration, what the file names may be missing for that reason alone. */
function explained(configuration: string | undefined, read: () => Job): Job {
  try {
    return read();
  } catch (thrown) {
    const isRefusal = thrown instanceof UsageError && thrown.issues.some(({ code }) => NEEDS_CONFIGURATION.has(code));
    if (!isRefusal || configuration !== undefined) throw thrown;
    const hint =
      'tools, modules, strategies and secrets come from a swarmchart.config.ts in the working folder, or from --config PATH; there is none';
    throw new UsageError(thrown.code, thrown.message, { issues: thrown.issues, hint });
  }
}
