/** `swarmchart demo`: the repo-report workflow on any git repository. Nothing is computed here; every figure comes from a step. */

import { resolve } from 'node:path';
import { loadConfiguration } from '../configuration.ts';
import { readReport, summaryTable } from '../demo-summary.ts';
import type { Ending } from '../execute.ts';
import { compiledFile, shippedFile } from '../package-files.ts';
import type { StepBoard } from '../progress/step-board.ts';
import { timeline } from '../progress/timeline.ts';
import { type CommonFlags, formatOf, guardedFormat, runWorkflow, startRuntime } from '../run-workflow.ts';
import type { Terminal } from '../terminal.ts';
import { chooseWorkflow, readWorkflowFile } from '../workflow-file.ts';

export interface DemoFlags extends CommonFlags {
  readonly repo: string;
  readonly out: string;
}

const EXAMPLE = 'examples/repo-report';

export function demo(flags: DemoFlags, terminal: Terminal): Promise<number> {
  const format = formatOf(flags);
  return guardedFormat(format, terminal, async () => {
    const { configuration } = await loadConfiguration(terminal.cwd, compiledFile(`${EXAMPLE}/swarmchart.config.ts`));
    await using session = await startRuntime(configuration, flags, terminal);
    const file = shippedFile(`${EXAMPLE}/repo-report.yaml`);
    const workflow = chooseWorkflow(await readWorkflowFile(file, terminal.cwd, { registry: session.runtime.registry }), file);
    const input = { repo: resolve(terminal.cwd, flags.repo), out: resolve(terminal.cwd, flags.out) };
    const present = (ending: Ending, board: StepBoard): Promise<void> => presentReport(ending, board, terminal);
    return await runWorkflow(session, { workflow, input, timeout: flags.timeout }, format, terminal, { present, refusal });
  });
}

/** No repository, or no git to read it with: the user's to put right, not a failure of the analysis. */
function refusal({ error }: Ending, { fatal }: StepBoard): string | undefined {
  if (fatal?.stepId !== 'inspect') return undefined;
  if (error?.code === 'INVALID_INPUT') return 'name a git repository with --repo PATH';
  return error?.code === 'PROCESS_NOT_FOUND' ? 'the demo reads a git repository, and needs git for that' : undefined;
}

async function presentReport({ result }: Ending, board: StepBoard, { stdout }: Terminal): Promise<void> {
  const { markdown, json } = result as { readonly markdown: string; readonly json: string };
  if (stdout.isTTY) await stdout.line(`${timeline(board.rows())}\n`);
  await stdout.line(summaryTable(await readReport(json)));
  await stdout.line(`\nReport: ${markdown}\n        ${json}`);
}
