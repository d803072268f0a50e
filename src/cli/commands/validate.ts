/** `swarmchart validate FILE` */

import type { Issue } from '../../machines/protocol/errors.ts';
import type { AgentDefinition } from '../../runtime/agents/definition.ts';
import { swarmJsonSchema } from '../../runtime/swarm/definition.ts';
import { isSwarmSource, type LoadedSwarm, loadSwarm } from '../../runtime/swarm/load.ts';
import { printIssue } from '../../runtime/workflow/issues.ts';
import type { LoadedWorkflow } from '../../runtime/workflow/load.ts';
import type { WorkflowRegistry } from '../../runtime/workflow/registry.ts';
import { workflowJsonSchema } from '../../runtime/workflow/schema.ts';
import { loadConfiguration } from '../configuration.ts';
import { EXIT, UsageError } from '../outcome.ts';
import { readSource } from '../source-file.ts';
import type { Terminal } from '../terminal.ts';
import { chooseWorkflow, readWorkflows } from '../workflow-file.ts';

export interface ValidateFlags {
  readonly workflow?: string;
  readonly json?: boolean;
  readonly schema?: true | 'workflow' | 'swarm';
  readonly config?: string;
}

interface Findings {
  readonly issues: readonly Issue[];
  /** What there is in a file without problems, one a line. */
  readonly lines: readonly string[];
  readonly data: object;
}

export async function validate(file: string | undefined, flags: ValidateFlags, terminal: Terminal): Promise<number> {
  const { stdout, stderr } = terminal;
  if (flags.schema) {
    await stdout.line(JSON.stringify(flags.schema === 'swarm' ? swarmJsonSchema() : workflowJsonSchema(), null, 2));
    return EXIT.succeeded;
  }
  if (file === undefined) throw new UsageError('INVALID_INPUT', 'Name a workflow or swarm file, or ask for --schema');
  const { path, registry, configuration } = await loadConfiguration(terminal.cwd, flags.config);
  const toolsChecked = path !== undefined;
  const text = await readSource(file, terminal.cwd);
  const options = toolsChecked ? { registry, agents: configuration.agents ?? [] } : {};
  const { issues, lines, data } = isSwarmSource(text) ? inSwarm(text, file, flags, options) : inWorkflows(text, file, flags, options);
  const valid = issues.length === 0;
  if (flags.json) await stdout.line(JSON.stringify({ v: 1, valid, file, toolsChecked, ...data, issues }));
  else for (const line of valid ? lines : issues.map((issue) => printIssue(issue, file))) await stdout.line(line);
  if (!toolsChecked) {
    await stderr.line('There is no swarmchart.config.ts: whether tools, modules, strategies and conditions exist was not checked.');
  }
  return valid ? EXIT.succeeded : EXIT.refused;
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

interface Options {
  readonly registry?: WorkflowRegistry;
  readonly agents?: readonly AgentDefinition[];
}

function inWorkflows(text: string, file: string, { workflow: name }: ValidateFlags, options: Options): Findings {
  const found = readWorkflows(text, file, options);
  const isNamed = name !== undefined && found.issues.length === 0;
  const workflows: readonly LoadedWorkflow[] = isNamed ? [chooseWorkflow(found, file, name)] : found.workflows;
  return {
    issues: found.issues,
    lines: [
      `${file} ok: ${count(workflows.length, 'workflow')}`,
      ...workflows.map(({ plan }) => `  ${plan.id} ${plan.version}: ${count(plan.steps.length, 'step')}`),
    ],
    data: {
      workflows: workflows.map(({ plan }) => ({ id: plan.id, name: plan.name, version: plan.version, steps: plan.steps.length })),
    },
  };
}

function inSwarm(text: string, file: string, { workflow }: ValidateFlags, options: Options): Findings {
  if (workflow !== undefined) throw new UsageError('INVALID_INPUT', `${file} holds a swarm: leave out --workflow`);
  const { definition, issues } = loadSwarm(text, { ...options, fileName: file });
  return { issues, lines: definition ? linesOn(definition, file) : [], data: definition ? { swarm: dataOf(definition) } : {} };
}

const tasksOf = (tasks: unknown): number => (Array.isArray(tasks) ? tasks.length : 0);

const linesOn = ({ id, agents, playbooks }: LoadedSwarm, file: string): readonly string[] => [
  `${file} ok: 1 swarm`,
  `  ${id}: ${count(agents.length, 'agent')}, ${count(playbooks.length, 'playbook')}`,
  ...playbooks.map((playbook) => `    ${playbook.id}: ${count(tasksOf(playbook.tasks), 'task')}`),
];

const dataOf = ({ id, name, goal, agents, playbooks }: LoadedSwarm): object => ({
  id,
  name,
  goal: goal ?? null,
  agents: agents.map((agent) => ({ id: agent.id, capabilities: agent.capabilities })),
  playbooks: playbooks.map((playbook) => ({ id: playbook.id, tasks: tasksOf(playbook.tasks) })),
});
