import type { AgentSpec } from '../../../src/machines/protocol/agent.ts';
import type { Issue } from '../../../src/machines/protocol/errors.ts';
import { DEFAULT_ALLOCATION } from '../../../src/machines/protocol/execution.ts';
import type { PlanProposal, SwarmJob, SwarmPlan, SwarmTask } from '../../../src/machines/protocol/swarm.ts';
import { type DecompositionContext, decompositionToPlan } from '../../../src/runtime/swarm/decomposition.ts';
import { type LoadedSwarm, type LoadSwarmOptions, loadSwarm } from '../../../src/runtime/swarm/load.ts';
import { Routines } from '../../../src/runtime/swarm/routines.ts';
import { IssueList, printIssue } from '../../../src/runtime/workflow/issues.ts';
import { registry } from '../workflow/load-for-test.ts';

/** `line:col path message` of every problem. */
export const problemsOf = (source: unknown, options: LoadSwarmOptions = {}): readonly string[] =>
  loadSwarm(source, options).issues.map((issue) => printIssue(issue));

export const codesOf = (source: unknown, options: LoadSwarmOptions = {}): readonly string[] =>
  loadSwarm(source, options).issues.map(({ code }) => code);

export function definitionOf(source: unknown, options: LoadSwarmOptions = { registry }): LoadedSwarm {
  const { definition, issues } = loadSwarm(source, options);
  if (!definition) throw new Error(issues.map((issue) => printIssue(issue)).join('\n'));
  return definition;
}

/** Routines of the source document's two agents. */
export function salesRoutines(): Routines {
  const issues = new IssueList();
  const routines = new Routines({ registry });
  const echo = (message: string) => ({ steps: [{ id: 'do', tool: 'echo', parameters: { message } }] });
  routines.addRoutines({ data_analysis: echo('{{goal}}'), content_generation: echo('{{results}}') }, ['routines'], issues);
  return routines;
}

export const decompose = (raw: unknown, context: Partial<DecompositionContext> = {}): PlanProposal =>
  decompositionToPlan(raw, { goal: 'Sell more', routines: salesRoutines(), ...context });

export function planIn(proposal: PlanProposal): SwarmPlan {
  if (!proposal.ok) throw new Error(proposal.error.message);
  return proposal.plan;
}

export function taskIn(proposal: PlanProposal, id: string): SwarmTask {
  const task = planIn(proposal).tasks.find((candidate) => candidate.id === id);
  if (!task) throw new Error(`no task ${id}`);
  return task;
}

export const issuesIn = (proposal: PlanProposal): readonly Issue[] => (proposal.ok ? [] : proposal.issues);

/** A decomposition of tasks that wait for others, each with a tool. */
export const waiting = (dependencies: Readonly<Record<string, readonly string[]>>): object => ({
  subTasks: Object.entries(dependencies).map(([id, on]) => ({ id, tool: 'echo', dependencies: [...on] })),
});

/** What the source document's model answers. */
export const SALES_TASKS = {
  subTasks: [
    {
      id: 'task_1',
      description: 'Analyze the sales data',
      dependencies: [],
      requiredCapabilities: ['data_analysis'],
      estimatedComplexity: 6,
      priority: 'high',
    },
    {
      id: 'task_2',
      description: 'Write the summary report',
      dependencies: ['task_1'],
      requiredCapabilities: ['content_generation'],
      estimatedComplexity: 4,
      priority: 'medium',
    },
  ],
};

export const swarmJob = (more: Partial<SwarmJob> = {}): SwarmJob => ({
  execution: { executionId: 'swarm-1', swarmId: 'swarm-1', userId: 'user', timestamp: 0, correlationId: 'c' },
  name: 'sales',
  goal: 'Sell more',
  input: {},
  allocation: DEFAULT_ALLOCATION,
  agents: [] as readonly AgentSpec[],
  definition: null,
  poolIds: {},
  maxConcurrentTasks: 8,
  recovery: {},
  ...more,
});
