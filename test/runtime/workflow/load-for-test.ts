import { readFileSync } from 'node:fs';
import type { Plan, PlanStep } from '../../../src/machines/protocol/plan.ts';
import { printIssue } from '../../../src/runtime/workflow/issues.ts';
import { type LoadOptions, loadWorkflow, loadWorkflows } from '../../../src/runtime/workflow/load.ts';
import type { WorkflowRegistry } from '../../../src/runtime/workflow/registry.ts';

export const fixture = (name: string): string => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), 'utf8');

export const planOf = (source: unknown, options?: LoadOptions): Plan => loadWorkflow(source, options).plan;

export function stepOf(plan: Plan, id: string): PlanStep {
  const step = plan.steps.find((candidate) => candidate.id === id);
  if (!step) throw new Error(`no step ${id}`);
  return step;
}

/** Ids of the steps that a step waits for. */
export const awaitedBy = (plan: Plan, id: string): readonly string[] =>
  stepOf(plan, id).dependsOn.map((ordinal) => plan.steps[ordinal]?.id ?? '?');

/** `line:col path message` of every problem. */
export const problemsOf = (source: unknown, options?: LoadOptions): readonly string[] =>
  loadWorkflows(source, options).issues.map((issue) => printIssue(issue));

export const codesOf = (source: unknown, options?: LoadOptions): readonly string[] =>
  loadWorkflows(source, options).issues.map(({ code }) => code);

/** Steps that do nothing but name others, for tests of the graph. */
export const chainOf = (dependencies: Readonly<Record<string, readonly string[]>>): object => ({
  id: 'w',
  steps: Object.entries(dependencies).map(([id, on]) => ({ id, tool: 'echo', dependencies: [...on] })),
});

const created = loadWorkflow({
  id: 'created',
  input: { path: { type: 'string' }, depth: { type: 'number', default: 1 } },
  steps: [{ id: 'only', tool: 'echo' }],
});

export const registry: WorkflowRegistry = {
  hasTool: (name) => name === 'echo' || name === 'slow',
  hasModule: (name) => name === 'context',
  hasOperation: (module, operation) => module === 'context' && operation === 'create-context',
  hasStrategy: (name) => name === 'deterministic',
  hasCondition: (name) => name === 'isMonday',
  workflow: (id) => (id === 'created' ? created : undefined),
  tool: (name) =>
    name === 'slow'
      ? {
          timeoutMs: 90_000,
          credits: '7',
          retry: { maxRetries: 1, backoff: { strategy: 'fixed', baseMs: 5, factor: 1, maxMs: 5, jitter: 0 } },
        }
      : undefined,
  names: (kind) =>
    ({ tool: ['echo', 'slow'], module: ['context'], strategy: ['deterministic'], condition: ['isMonday'], workflow: ['created'] })[kind],
};
