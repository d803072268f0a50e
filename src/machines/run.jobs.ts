/** From a step of the plan to a job for its executor: which work, with which values, on which share of the budget. */

import { executionError } from './protocol/errors.ts';
import type { ExecutionError, Json, JsonObject } from './protocol/execution.ts';
import type { Condition, PlanStep, Work } from './protocol/plan.ts';
import type { ChildSpec, RunJob } from './protocol/run.ts';
import type { ConditionScope, StepJob, StepWork } from './protocol/step.ts';
import { type ReferenceScope, resolveReferences } from './references.ts';
import type { RunState, StepRecord } from './run.state.ts';
import { childContext } from './run.turn.ts';
import { addCredits, lessCredits, subtractCredits } from './usage.ts';

/** What a parallel step does that has conditions: once they hold, it is entered. */
const ALWAYS: Condition = { type: 'expression', expression: 'true', steps: [] };

export type Result<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: ExecutionError };

/** The work in force: the step's own, or that of the fallback which replaced it. */
export function workOf(step: PlanStep, record: StepRecord): Work {
  const fallback = record.fallback === undefined ? undefined : step.fallbacks[record.fallback];
  if (fallback?.action !== 'use-tool') return step.work;
  const own = step.work.kind === 'tool' ? step.work : undefined;
  const parameters = fallback.parameters ?? own?.parameters ?? {};
  const parametersFrom = fallback.parameters ? [] : (own?.parametersFrom ?? []);
  return { kind: 'tool', tool: fallback.tool, strategy: 'deterministic', parameters, parametersFrom };
}

/** Cost of one attempt at the work in force. */
function creditsOf(step: PlanStep, record: StepRecord): string {
  const fallback = record.fallback === undefined ? undefined : step.fallbacks[record.fallback];
  return (fallback?.action === 'use-tool' ? fallback.credits : undefined) ?? step.credits;
}

export const childExecutionId = (job: RunJob, step: PlanStep, iteration: number): string =>
  `${job.execution.executionId}/${step.id}/${iteration}`;

/** A step's job with every reference resolved, or the error of the first reference that leads nowhere. */
export function childSpec(state: RunState, job: RunJob, step: PlanStep, record: StepRecord, start: Start): Result<ChildSpec> {
  const scope = referenceScope(state, job, start.variables);
  const work = resolvedWork(workOf(step, record), scope);
  if (!work.ok) return work;
  const key = childExecutionId(job, step, start.iteration);
  const retry = job.retry ?? step.retry;
  const isFirstWork = record.fallback === undefined;
  const stepJob: StepJob = {
    stepId: step.id,
    work: work.value,
    when: isFirstWork ? step.when : [],
    scope: conditionScope(state, job, step, start.variables),
    timeoutMs: Math.max(1, Math.min(step.timeoutMs, state.phase === 'running' ? state.dueAt - start.at : state.remainingMs)),
    ...(retry && { retry }),
    recovery: job.recovery,
    credits: creditsOf(step, record),
    allocation: {
      maxCredits: start.reserved,
      maxDurationMs: step.timeoutMs,
      maxMemoryMB: job.allocation.maxMemoryMB,
      maxConcurrentSteps: 1,
    },
    idempotencyKey: key,
  };
  const input = { execution: childContext(job, key, start.at), job: stepJob };
  return { ok: true, value: { id: step.id, src: 'executor', incarnation: start.iteration, input } };
}

export interface Start {
  readonly iteration: number;
  readonly reserved: string;
  readonly at: number;
  /** What `{{name}}` reads. */
  readonly variables: RunState['variables'];
}

/**
 * A step's share of the budget: its declared cost for all its attempts, or an even share of what is left if that is more.
 * `wait` while steps that still run may give something back; `exhausted` when nobody can.
 *
 * Source: Implementation Guide, "RunStateMachine Core Implementation" (whose constant tenth is not copied).
 */
export function reservation(state: RunState, job: RunJob, step: PlanStep, record: StepRecord): string | 'wait' | 'exhausted' {
  const credits = creditsOf(step, record);
  const left = subtractCredits(subtractCredits(job.allocation.maxCredits, state.usage.creditsUsed), state.reservedCredits);
  if (lessCredits(left, credits)) return state.live > 0 ? 'wait' : 'exhausted';
  const share = BigInt(left) / BigInt(Math.max(1, state.unstarted));
  const retries = BigInt(credits) * BigInt(mostRetries(job, step));
  const wanted = addCredits(credits, retries.toString());
  const most = BigInt(wanted) > share ? BigInt(wanted) : share;
  return (most < BigInt(left) ? most : BigInt(left)).toString();
}

/** Without a policy of its own a step is retried as the class of its error says, which nobody knows yet. */
function mostRetries({ retry, recovery }: RunJob, step: PlanStep): number {
  const policy = retry ?? step.retry;
  return policy ? policy.maxRetries : Math.max(0, ...Object.values(recovery).map(({ maxRetries }) => maxRetries));
}

export function exhausted(job: RunJob, step: PlanStep, { usage: { creditsUsed } }: RunState, record: StepRecord): ExecutionError {
  const credits = creditsOf(step, record);
  const { maxCredits } = job.allocation;
  const message = `Step "${step.id}" costs ${credits} credits; ${creditsUsed} of ${maxCredits} are used`;
  return executionError('RESOURCE_EXHAUSTED', message, 'tier2', { context: { stepId: step.id, credits, maxCredits, creditsUsed } });
}

function resolvedWork(work: Work, scope: ReferenceScope): Result<StepWork> {
  if (work.kind === 'condition') return { ok: true, value: work };
  if (work.kind === 'group') return { ok: true, value: { kind: 'condition', condition: ALWAYS } };
  const own = resolve(work.parameters, scope);
  if (!own.ok) return own;
  if (work.kind === 'module-operation') return { ok: true, value: { ...work, parameters: own.value as JsonObject } };
  const merged: Record<string, Json> = {};
  for (const reference of work.parametersFrom) {
    const source = resolve(reference, scope);
    if (!source.ok) return source;
    if (source.value !== null && typeof source.value === 'object' && !Array.isArray(source.value)) Object.assign(merged, source.value);
    else if (source.value !== null)
      return { ok: false, error: executionError('INVALID_PARAMETER_TYPE', `${reference} is not an object`, 'tier2') };
  }
  Object.assign(merged, own.value);
  return { ok: true, value: { kind: 'tool', tool: work.tool, strategy: work.strategy, parameters: merged } };
}

function resolve(value: Json, scope: ReferenceScope): Result<Json> {
  const resolved = resolveReferences(value, scope);
  if (resolved.ok) return resolved;
  return { ok: false, error: executionError(resolved.error.code, resolved.error.message, 'tier2') };
}

function referenceScope(state: RunState, job: RunJob, variables: RunState['variables']): ReferenceScope {
  return {
    input: (name) => (variables.has(name) ? { found: true, value: variables.get(name) ?? null } : { found: false }),
    step: (id) => {
      const record = recordOf(state, job, id);
      return record ? { found: true, status: record.status, result: record.output, error: record.error ?? null } : { found: false };
    },
  };
}

function conditionScope(state: RunState, job: RunJob, step: PlanStep, variables: RunState['variables']): ConditionScope {
  const conditions: Condition[] = [...step.when];
  if (step.work.kind === 'condition') conditions.push(step.work.condition);
  if (conditions.length === 0) return { input: {}, steps: {} };
  const names = conditions.flatMap((condition) => (condition.type === 'step-result' ? [condition.stepId] : condition.steps));
  const entries = names.map((name) => {
    const record = recordOf(state, job, name);
    return [
      name,
      { status: record?.status ?? 'pending', result: record?.output ?? null, error: record ? errorJson(record) : null },
    ] as const;
  });
  return { input: variables.toObject(), steps: Object.fromEntries(entries) };
}

function recordOf(state: RunState, job: RunJob, id: string): StepRecord | undefined {
  const ordinal = Object.hasOwn(job.plan.ordinals, id) ? job.plan.ordinals[id] : undefined;
  return ordinal === undefined ? undefined : state.records.get(ordinal);
}

const errorJson = ({ error }: StepRecord): Json =>
  error ? { code: error.code, message: error.message, errorClass: error.errorClass } : null;
