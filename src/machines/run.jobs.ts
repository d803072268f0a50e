/** From a step of the plan to a job for its executor: which work, with which values, on which share of the budget. */

import { executionError } from './protocol/errors.ts';
import type { ExecutionContext, ExecutionError } from './protocol/execution.ts';
import type { Fallback, Plan, PlanStep, Work } from './protocol/plan.ts';
import type { ChildSpec, RunJob } from './protocol/run.ts';
import type { StepJob } from './protocol/step.ts';
import type { WaitJob } from './protocol/wait.ts';
import type { RunState, StepRecord } from './run.state.ts';
import { type OwnRun, planCredits, subRunJob } from './run.subruns.ts';
import { childContext } from './run.turn.ts';
import { ALWAYS, conditionScope, type Result, referenceScope, resolvedWait, resolvedWork } from './run.values.ts';
import { addCredits, lessCredits, subtractCredits } from './usage.ts';

export type { Result } from './run.values.ts';

/** The work in force: the step's own, or that of the fallback which replaced it. */
export function workOf(job: Pick<RunJob, 'recovery'>, step: PlanStep, record: StepRecord): Work {
  const fallback = fallbackOf(job, step, record);
  if (fallback?.action !== 'use-tool') return step.work;
  const own = step.work.kind === 'tool' ? step.work : undefined;
  const parameters = fallback.parameters ?? own?.parameters ?? {};
  const parametersFrom = fallback.parameters ? [] : (own?.parametersFrom ?? []);
  return { kind: 'tool', tool: fallback.tool, strategy: 'deterministic', parameters, parametersFrom };
}

/** The fallback in force: one of the step's own, or that of an error's class. */
function fallbackOf({ recovery }: Pick<RunJob, 'recovery'>, step: PlanStep, record: StepRecord): Fallback | undefined {
  if (record.fallback === undefined) return undefined;
  return step.fallbacks[record.fallback] ?? (record.recovery && recovery[record.recovery]?.fallback);
}

/** Cost of one attempt at the work in force. */
function creditsOf(job: RunJob, step: PlanStep, record: StepRecord): string {
  const fallback = fallbackOf(job, step, record);
  return (fallback?.action === 'use-tool' ? fallback.credits : undefined) ?? step.credits;
}

export const childExecutionId = (job: RunJob, step: PlanStep, iteration: number): string =>
  `${job.execution.executionId}/${step.id}/${iteration}`;

/** Which chart a step's child follows. */
export function childKind(job: Pick<RunJob, 'recovery'>, step: PlanStep, record: StepRecord): 'executor' | 'run' | 'waiter' {
  return mustBeAsked(step, record) ? 'executor' : chartOf(workOf(job, step, record));
}

function chartOf({ kind }: Work): 'executor' | 'run' | 'waiter' {
  if (kind === 'wait') return 'waiter';
  return kind === 'workflow' || kind === 'map' || kind === 'loop' || kind === 'item' ? 'run' : 'executor';
}

/** Only an executor evaluates conditions: what is none has them asked first, and is admitted when they hold. */
export const mustBeAsked = (step: PlanStep, record: StepRecord): boolean =>
  step.when.length > 0 && record.fallback === undefined && !record.isAdmitted && chartOf(step.work) !== 'executor';

/**
 * A step's child with every reference resolved, or the error of the first reference that leads nowhere.
 * `nothing`: there is no work, its result is an empty list.
 */
export function childSpec(
  state: RunState,
  job: RunJob,
  step: PlanStep,
  record: StepRecord,
  start: Start,
): Result<ChildSpec<ChildInput> | 'nothing'> {
  const kind = childKind(job, step, record);
  const key = childExecutionId(job, step, start.iteration);
  const execution = childContext(job, key, start.at);
  const spec = <Job extends StepJob | RunJob | WaitJob>(own: Job) => ({
    ok: true as const,
    value: { id: step.id, src: kind, incarnation: start.iteration, input: { execution, job: own } },
  });
  const scope = referenceScope(state, job, start.variables);
  const timeoutMs = Math.max(1, Math.min(step.timeoutMs, state.phase === 'running' ? state.dueAt - start.at : state.remainingMs));
  const allocation = {
    maxCredits: start.reserved,
    maxDurationMs: timeoutMs,
    maxMemoryMB: job.allocation.maxMemoryMB,
    maxConcurrentSteps: job.allocation.maxConcurrentSteps,
  };
  const own = workOf(job, step, record);
  if (kind === 'waiter' && own.kind === 'wait') {
    const wait = record.waitsFor ? { ok: true as const, value: record.waitsFor } : resolvedWait(own.for, step, scope);
    return wait.ok ? spec({ stepId: step.id, for: wait.value }) : wait;
  }
  if (kind === 'run') {
    const nested = subRunJob(job, step, record, own as OwnRun, { scope, variables: start.variables, allocation });
    if (!nested.ok || nested.value === 'nothing') return nested as Result<'nothing'>;
    const { recovery, retry } = job;
    return spec({ execution, ...nested.value, recovery, ...(retry && { retry }) });
  }
  const isAsked = mustBeAsked(step, record);
  const work = resolvedWork(isAsked ? { kind: 'condition', condition: ALWAYS } : own, scope);
  if (!work.ok) return work;
  const retry = job.retry ?? step.retry;
  const isFirstWork = record.fallback === undefined;
  const stepJob: StepJob = {
    stepId: step.id,
    work: work.value,
    when: isFirstWork ? step.when : [],
    scope: conditionScope(state, job, step, start.variables),
    timeoutMs,
    ...(retry && { retry }),
    recovery: job.recovery,
    credits: isAsked ? '0' : creditsOf(job, step, record),
    allocation: { ...allocation, maxDurationMs: step.timeoutMs, maxConcurrentSteps: 1 },
    idempotencyKey: key,
  };
  return spec(stepJob);
}

export interface ChildInput {
  readonly execution: ExecutionContext;
  readonly job: StepJob | RunJob | WaitJob;
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
  const credits = creditsOf(job, step, record);
  const left = subtractCredits(subtractCredits(job.allocation.maxCredits, state.usage.creditsUsed), state.reservedCredits);
  if (lessCredits(left, credits)) return state.live > 0 ? 'wait' : 'exhausted';
  const isAgain = record.iteration > 0 && chartOf(step.work) === 'run';
  const share = BigInt(left) / BigInt(Math.max(1, state.unstarted + (isAgain ? 1 : 0)));
  const retries = BigInt(credits) * BigInt(mostRetries(job, step));
  const wanted = addCredits(addCredits(credits, retries.toString()), nestedCredits(job.plan, step));
  const most = BigInt(wanted) > share ? BigInt(wanted) : share;
  return (most < BigInt(left) ? most : BigInt(left)).toString();
}

function nestedCredits(plan: Plan, { work }: PlanStep): string {
  if (work.kind === 'workflow' || work.kind === 'loop') return planCredits(work.plan);
  return work.kind === 'item' && plan.items ? planCredits(plan.items) : '0';
}

/** Without a policy of its own a step is retried as the class of its error says, which nobody knows yet. */
function mostRetries({ retry, recovery }: RunJob, step: PlanStep): number {
  const policy = retry ?? step.retry;
  return policy ? policy.maxRetries : Math.max(0, ...Object.values(recovery).map(({ maxRetries }) => maxRetries));
}

export function exhausted(job: RunJob, step: PlanStep, { usage: { creditsUsed } }: RunState, record: StepRecord): ExecutionError {
  const credits = creditsOf(job, step, record);
  const { maxCredits } = job.allocation;
  const message = `Step "${step.id}" costs ${credits} credits; ${creditsUsed} of ${maxCredits} are used`;
  return executionError('RESOURCE_EXHAUSTED', message, 'tier2', { context: { stepId: step.id, credits, maxCredits, creditsUsed } });
}
