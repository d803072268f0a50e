/** An outline without problems, and what waits for what, as the plan that a run follows. */

import type { DecisionPolicy } from '../../machines/protocol/decision.ts';
import { type Json, type JsonObject, PRIORITIES, type PriorityName } from '../../machines/protocol/execution.ts';
import {
  type Backoff,
  type Compensation,
  DEFAULT_BACKOFF,
  type Fallback,
  type Plan,
  type PlanStep,
  type RetryPolicy,
  type WaitFor,
  type Work,
} from '../../machines/protocol/plan.ts';
import { DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS } from './limits.ts';
import type { Links } from './links.ts';
import { DEFAULT_STRATEGY, type Meaning } from './meaning.ts';
import type { CompensationFields, Outline, OutlineStep, StepFields, WorkflowFields } from './outline.ts';
import type { WorkflowRegistry } from './registry.ts';
import type { StepType } from './shapes.ts';
import { DEFAULT_ITEM_NAME } from './step-rules.ts';

export interface CompileOptions {
  readonly registry?: WorkflowRegistry | undefined;
  /** The plan of a workflow that a step names; there is one, since its name was checked. */
  plan(id: string): Plan;
}

/** `name` is that of a plan that has none of its own: a body's, which is known by its step. */
export function compilePlan(
  outline: Outline,
  { links, bodies }: Meaning,
  options: CompileOptions,
  name: { readonly id: string; readonly name: string } = { id: '', name: '' },
): Plan {
  const { fields, steps } = outline;
  const id = fields.id ?? name.id;
  const dependents = invert(links);
  const byRank = orderSteps(steps);
  const ranks = ranksOf(byRank);
  const bodyOf = (step: OutlineStep): Plan | undefined => {
    const meaning = bodies.get(step.ordinal);
    if (step.calls !== undefined) return options.plan(step.calls);
    if (step.body === undefined || meaning === undefined) return undefined;
    return compilePlan(step.body, meaning, options, { id: `${id}/${step.id}`, name: step.fields.name ?? step.id });
  };
  return {
    id,
    name: fields.name ?? (fields.id === undefined ? name.name : id),
    version: outline.settings.version ?? '1.0.0',
    ...(fields.description !== undefined && { description: fields.description }),
    steps: steps.map((step) => ({
      ...compileStep(step, outline.settings, bodyOf(step), options.registry),
      dependsOn: [...(links[step.ordinal] ?? [])].sort((a, b) => a - b),
      dependents: dependents[step.ordinal] ?? [],
      rank: ranks[step.ordinal] ?? 0,
    })),
    ordinals: Object.fromEntries(steps.map((step) => [step.id, step.ordinal])),
    byRank,
    sinks: steps.filter(({ parent, ordinal }) => parent === undefined && dependents[ordinal]?.length === 0).map(({ ordinal }) => ordinal),
    metadata: metadataOf(fields),
    ...(fields.input && { inputs: fields.input }),
  };
}

const WORKING: ReadonlySet<StepType> = new Set(['tool', 'agent', 'module-operation']);

/** A group's or a body's own failures are those of its steps, so the workflow's defaults for retry, fallback and timeout go to the steps that do work. */
function compileStep(
  step: OutlineStep,
  settings: WorkflowFields,
  body: Plan | undefined,
  registry?: WorkflowRegistry,
): Omit<PlanStep, 'dependsOn' | 'dependents' | 'rank'> {
  const { fields } = step;
  const isWorking = WORKING.has(step.type);
  const defaults: WorkflowFields = isWorking ? settings : {};
  const tool = fields.tool === undefined ? undefined : registry?.tool?.(fields.tool);
  const retry = retryPolicy(fields.retry ?? defaults.retry) ?? tool?.retry;
  return {
    ordinal: step.ordinal,
    id: step.id,
    name: fields.name ?? step.id,
    type: step.type,
    work: workOf(step, body),
    ...(step.parent && { parent: step.parent.ordinal }),
    ...(step.branch && { branch: step.branch }),
    children: step.children.map(({ ordinal }) => ordinal),
    priority: priorityOf(step),
    when: step.when.map(({ condition }) => condition),
    timeoutMs: fields.timeout ?? tool?.timeoutMs ?? defaults.timeout ?? (isWorking ? DEFAULT_TIMEOUT_MS : MAX_TIMEOUT_MS),
    ...(retry && { retry }),
    fallbacks: (fields.fallbacks ?? defaults.fallbacks ?? []).map((fallback) => fallbackOf(fallback, registry)),
    onFailure: fields.onFailure ?? 'stop',
    credits: BigInt(fields.credits ?? tool?.credits ?? 0).toString(),
    onBranchFailure: fields.onBranchFailure ?? 'collect',
    ...(fields.maxConcurrency !== undefined && { maxConcurrency: fields.maxConcurrency }),
    ...(step.compensate && { compensation: compensationOf(step.compensate, settings, registry) }),
  };
}

function workOf(step: OutlineStep, plan: Plan | undefined): Work {
  const { type, fields, condition, until } = step;
  const parameters = fields.parameters ?? {};
  if (type === 'module-operation') return { kind: type, module: fields.module ?? '', operation: fields.operation ?? '', parameters };
  if (type === 'conditional' && condition) return { kind: 'condition', condition: condition.condition };
  if (type === 'wait') return { kind: type, for: awaitedBy(fields) };
  if (type === 'workflow' && plan) return { kind: type, plan, parameters };
  if (type === 'map' && plan) return { kind: type, plan, parameters, over: fields.over ?? [], as: fields.as ?? DEFAULT_ITEM_NAME };
  if (type === 'loop' && plan) {
    return { kind: type, plan, parameters, maxIterations: fields.maxIterations ?? 1, ...(until && { until: until.condition }) };
  }
  if (type !== 'tool' && type !== 'agent') return { kind: 'group' };
  const { strategy = DEFAULT_STRATEGY, parametersFrom = [], capabilities = [], agent } = fields;
  const lease = { capabilities: [...new Set(capabilities)].sort(), ...(agent !== undefined && { agent }) };
  return { kind: 'tool', tool: fields.tool ?? '', strategy, parameters, parametersFrom, ...(type === 'agent' && { lease }) };
}

function awaitedBy({ duration, until, signal, approval }: StepFields): WaitFor {
  if (duration !== undefined) return { type: 'timer', durationMs: duration };
  if (until !== undefined) return { type: 'time', at: until };
  if (signal !== undefined) return { type: 'signal', name: signal };
  const { prompt, ...asked }: { prompt?: string | undefined } & PolicyFields = typeof approval === 'object' ? approval : {};
  return { type: 'approval', ...(prompt !== undefined && { prompt }), ...policyOf(asked) };
}

function compensationOf(
  { tool: name = '', parameters = {}, timeout, retry: given }: CompensationFields,
  settings: WorkflowFields,
  registry?: WorkflowRegistry,
): Compensation {
  const tool = registry?.tool?.(name);
  const retry = retryPolicy(given ?? settings.retry) ?? tool?.retry;
  return {
    tool: name,
    parameters,
    timeoutMs: timeout ?? tool?.timeoutMs ?? settings.timeout ?? DEFAULT_TIMEOUT_MS,
    ...(retry && { retry }),
    credits: BigInt(tool?.credits ?? 0).toString(),
  };
}

export function retryPolicy(retry: WorkflowFields['retry']): RetryPolicy | undefined {
  if (retry === undefined) return undefined;
  if (typeof retry === 'number') return { maxRetries: retry, backoff: DEFAULT_BACKOFF };
  const given = typeof retry.backoff === 'string' ? { strategy: retry.backoff } : (retry.backoff ?? {});
  const backoff: Backoff = {
    strategy: given.strategy ?? DEFAULT_BACKOFF.strategy,
    baseMs: given.baseMs ?? DEFAULT_BACKOFF.baseMs,
    factor: given.factor ?? DEFAULT_BACKOFF.factor,
    maxMs: given.maxMs ?? DEFAULT_BACKOFF.maxMs,
    jitter: given.jitter ?? DEFAULT_BACKOFF.jitter,
  };
  return { maxRetries: retry.maxRetries, backoff };
}

interface PolicyFields {
  readonly role?: string | undefined;
  readonly quorum?: number | undefined;
  readonly timeout?: number | undefined;
}

/** Who decides, in the words of a plan. */
export const policyOf = ({ role, quorum, timeout }: PolicyFields): DecisionPolicy => ({
  ...(role !== undefined && { role }),
  ...(quorum !== undefined && quorum > 1 && { quorum }),
  ...(timeout !== undefined && { timeoutMs: timeout }),
});

export function fallbackOf(fallback: NonNullable<WorkflowFields['fallbacks']>[number], registry?: WorkflowRegistry): Fallback {
  if (fallback.action === 'escalate-to-human') return { on: fallback.on, action: fallback.action, ...policyOf(fallback) };
  if (fallback.action !== 'use-tool') return fallback;
  const { parameters, ...rest } = fallback;
  const credits = registry?.tool?.(fallback.tool)?.credits;
  return { ...rest, ...(parameters && { parameters }), ...(credits !== undefined && { credits: BigInt(credits).toString() }) };
}

function priorityOf({ fields: { priority = 'medium' } }: OutlineStep): number {
  return typeof priority === 'number' ? priority : PRIORITIES[priority satisfies PriorityName];
}

function orderSteps(steps: readonly OutlineStep[]): readonly number[] {
  const order = steps.map((step) => ({ ordinal: step.ordinal, priority: priorityOf(step) }));
  return order.sort((a, b) => b.priority - a.priority || a.ordinal - b.ordinal).map(({ ordinal }) => ordinal);
}

function ranksOf(byRank: readonly number[]): readonly number[] {
  const ranks: number[] = Array.from({ length: byRank.length }, () => 0);
  for (const [rank, ordinal] of byRank.entries()) ranks[ordinal] = rank;
  return ranks;
}

function invert(links: Links): readonly (readonly number[])[] {
  const dependents: number[][] = links.map(() => []);
  for (const [ordinal, awaited] of links.entries()) for (const other of awaited) dependents[other]?.push(ordinal);
  return dependents;
}

function metadataOf({ metadata = {}, triggers, parallelBranches }: WorkflowFields): JsonObject {
  const kept: Record<string, Json> = { ...metadata };
  if (triggers !== undefined) kept['triggers'] = triggers;
  if (parallelBranches !== undefined) kept['parallelBranches'] = parallelBranches;
  return kept;
}
