/** `swarmchart run FILE` */

import { loadConfiguration } from '../configuration.ts';
import type { Ending } from '../execute.ts';
import { readInputs, typedInput } from '../input.ts';
import { UsageError } from '../outcome.ts';
import { printValue } from '../report.ts';
import { type CommonFlags, formatOf, guardedFormat, runWorkflow, startRuntime } from '../run-workflow.ts';
import type { Terminal } from '../terminal.ts';
import { chooseWorkflow, readWorkflowFile } from '../workflow-file.ts';

export interface RunFlags extends CommonFlags {
  readonly workflow?: string;
  readonly input?: readonly string[];
  readonly config?: string;
}

export function run(file: string, flags: RunFlags, terminal: Terminal): Promise<number> {
  const format = formatOf(flags);
  return guardedFormat(format, terminal, async () => {
    const given = await readInputs(flags.input ?? [], terminal.cwd);
    const { path, configuration } = await loadConfiguration(terminal.cwd, flags.config);
    await using session = await startRuntime(configuration, flags, terminal);
    const found = await readWorkflowFile(file, terminal.cwd, {
      registry: session.runtime.registry,
      ...(given.size > 0 && { inputNames: given.keys() }),
    });
    const workflow = choose(found, file, flags.workflow, path);
    const input = typedInput(given, workflow.inputs);
    const present = ({ result }: Ending): Promise<void> => terminal.stdout.line(printValue(result));
    return await runWorkflow(session, { workflow, input, timeout: flags.timeout }, format, terminal, { present });
  });
}

const NEEDS_CONFIGURATION: ReadonlySet<string> = new Set(['TOOL_NOT_FOUND', 'MODULE_NOT_FOUND', 'UNKNOWN_STRATEGY']);

function choose(
  ...[found, file, name, configuration]: [...Parameters<typeof chooseWorkflow>, string | undefined]
): ReturnType<typeof chooseWorkflow> {
  try {
    return chooseWorkflow(found, file, name);
  } catch (thrown) {
    const isUnconfigured = configuration === undefined && found.issues.some(({ code }) => NEEDS_CONFIGURATION.has(code));
    if (!(thrown instanceof UsageError) || !isUnconfigured) throw thrown;
    const hint =
      'tools, modules and strategies come from a swarmchart.config.ts in the working folder, or from --config PATH; there is none';
    throw new UsageError(thrown.code, thrown.message, { issues: thrown.issues, hint });
  }
}
