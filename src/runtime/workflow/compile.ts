/** An outline without problems, and what waits for what, as the plan that a run follows. */

import { type Json, type JsonObject, PRIORITIES, type PriorityName } from '../../machines/protocol/execution.ts';
import {
  type Backoff,
  DEFAULT_BACKOFF,
  type Fallback,
  type Plan,
  type PlanStep,
  type RetryPolicy,
  type Work,
} from '../../machines/protocol/plan.ts';
import { DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS } from './limits.ts';
import type { Links } from './links.ts';
import { DEFAULT_STRATEGY } from './meaning.ts';
import type { Outline, OutlineStep, WorkflowFields } from './outline.ts';
import type { WorkflowRegistry } from './registry.ts';

export function compilePlan(outline: Outline, links: Links, registry?: WorkflowRegistry): Plan {
  const { fields, steps } = outline;
  const id = fields.id ?? '';
  const dependents = invert(links);
  const byRank = orderSteps(steps);
  const ranks = ranksOf(byRank);
  return {
    id,
    name: fields.name ?? id,
    version: fields.version ?? '1.0.0',
    ...(fields.description !== undefined && { description: fields.description }),
    steps: steps.map((step) => ({
      ...compileStep(step, fields, registry),
      dependsOn: [...(links[step.ordinal] ?? [])].sort((a, b) => a - b),
      dependents: dependents[step.ordinal] ?? [],
      rank: ranks[step.ordinal] ?? 0,
    })),
    ordinals: Object.fromEntries(steps.map((step) => [step.id, step.ordinal])),
    byRank,
    sinks: steps.filter(({ parent, ordinal }) => parent === undefined && dependents[ordinal]?.length === 0).map(({ ordinal }) => ordinal),
    metadata: metadataOf(fields),
  };
}

/** A group's own failures are those of its steps, so the workflow's defaults for retry, fallback and timeout go to the steps that do work. */
function compileStep(
  step: OutlineStep,
  workflow: WorkflowFields,
  registry?: WorkflowRegistry,
): Omit<PlanStep, 'dependsOn' | 'dependents' | 'rank'> {
  const { fields } = step;
  const isGroup = step.type === 'parallel' || step.type === 'conditional';
  const defaults: WorkflowFields = isGroup ? {} : workflow;
  const tool = step.type === 'tool' && fields.tool !== undefined ? registry?.tool?.(fields.tool) : undefined;
  const retry = retryPolicy(fields.retry ?? defaults.retry) ?? tool?.retry;
  return {
    ordinal: step.ordinal,
    id: step.id,
    name: fields.name ?? step.id,
    type: step.type,
    work: workOf(step),
    ...(step.parent && { parent: step.parent.ordinal }),
    ...(step.branch && { branch: step.branch }),
    children: step.children.map(({ ordinal }) => ordinal),
    priority: priorityOf(step),
    when: step.when.map(({ condition }) => condition),
    timeoutMs: fields.timeout ?? tool?.timeoutMs ?? defaults.timeout ?? (isGroup ? MAX_TIMEOUT_MS : DEFAULT_TIMEOUT_MS),
    ...(retry && { retry }),
    fallbacks: (fields.fallbacks ?? defaults.fallbacks ?? []).map((fallback) => fallbackOf(fallback, registry)),
    onFailure: fields.onFailure ?? 'stop',
    credits: BigInt(fields.credits ?? tool?.credits ?? 0).toString(),
    onBranchFailure: fields.onBranchFailure ?? 'collect',
    ...(fields.maxConcurrency !== undefined && { maxConcurrency: fields.maxConcurrency }),
  };
}

function workOf({ type, fields, condition }: OutlineStep): Work {
  const parameters = fields.parameters ?? {};
  if (type === 'module-operation') return { kind: type, module: fields.module ?? '', operation: fields.operation ?? '', parameters };
  if (type === 'conditional' && condition) return { kind: 'condition', condition: condition.condition };
  if (type !== 'tool') return { kind: 'group' };
  const { strategy = DEFAULT_STRATEGY, parametersFrom = [] } = fields;
  return { kind: 'tool', tool: fields.tool ?? '', strategy, parameters, parametersFrom };
}

function retryPolicy(retry: WorkflowFields['retry']): RetryPolicy | undefined {
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

function fallbackOf(fallback: NonNullable<WorkflowFields['fallbacks']>[number], registry?: WorkflowRegistry): Fallback {
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
