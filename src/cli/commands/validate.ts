/** `swarmchart validate FILE` */

import type { Issue } from '../../machines/protocol/errors.ts';
import { printIssue } from '../../runtime/workflow/issues.ts';
import type { LoadedWorkflow } from '../../runtime/workflow/load.ts';
import { workflowJsonSchema } from '../../runtime/workflow/schema.ts';
import { loadConfiguration } from '../configuration.ts';
import { EXIT, UsageError } from '../outcome.ts';
import { startRuntime } from '../run-workflow.ts';
import type { Terminal } from '../terminal.ts';
import { chooseWorkflow, readWorkflowFile } from '../workflow-file.ts';

export interface ValidateFlags {
  readonly workflow?: string;
  readonly json?: boolean;
  readonly schema?: boolean;
  readonly config?: string;
}

export async function validate(file: string | undefined, flags: ValidateFlags, terminal: Terminal): Promise<number> {
  if (flags.schema) {
    await terminal.stdout.line(JSON.stringify(workflowJsonSchema(), null, 2));
    return EXIT.succeeded;
  }
  if (file === undefined) throw new UsageError('INVALID_INPUT', 'Name a workflow file, or ask for --schema');
  const { path, configuration } = await loadConfiguration(terminal.cwd, flags.config);
  const areToolsChecked = path !== undefined;
  await using session = await startRuntime(configuration, {}, terminal);
  const found = await readWorkflowFile(file, terminal.cwd, areToolsChecked ? { registry: session.runtime.registry } : {});
  const isNamed = flags.workflow !== undefined && found.issues.length === 0;
  const workflows = isNamed ? [chooseWorkflow(found, file, flags.workflow)] : found.workflows;
  const { stdout, stderr } = terminal;
  if (flags.json) await stdout.line(JSON.stringify(document(file, workflows, found.issues, areToolsChecked)));
  else for (const line of lines(file, workflows, found.issues)) await stdout.line(line);
  if (!areToolsChecked) {
    await stderr.line('There is no swarmchart.config.ts: whether tools, modules, strategies and conditions exist was not checked.');
  }
  return found.issues.length === 0 ? EXIT.succeeded : EXIT.refused;
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

function lines(file: string, workflows: readonly LoadedWorkflow[], issues: readonly Issue[]): readonly string[] {
  if (issues.length > 0) return issues.map((issue) => printIssue(issue, file));
  return [
    `${file} ok: ${count(workflows.length, 'workflow')}`,
    ...workflows.map(({ plan }) => `  ${plan.id} ${plan.version}: ${count(plan.steps.length, 'step')}`),
  ];
}

function document(file: string, workflows: readonly LoadedWorkflow[], issues: readonly Issue[], areToolsChecked: boolean): object {
  return {
    v: 1,
    valid: issues.length === 0,
    file,
    toolsChecked: areToolsChecked,
    workflows: workflows.map(({ plan }) => ({ id: plan.id, name: plan.name, version: plan.version, steps: plan.steps.length })),
    issues,
  };
}
