/** From a step of the plan to a job for its executor: which work, with which values, on which share of the budget. */

import { amounts, type Claim, describeLack, freeOf, lacking, limitsOf, NONE, promiseOf } from './ledger.ts';
import { memoryWanted, NO_NEEDS, needsOf } from './plan.needs.ts';
import { executionError } from './protocol/errors.ts';
import type { Amounts, ExecutionContext, ExecutionError } from './protocol/execution.ts';
import type { Fallback, PlanStep, Work } from './protocol/plan.ts';
import type { ChildSpec, RunJob } from './protocol/run.ts';
import type { StepJob } from './protocol/step.ts';
import type { WaitJob } from './protocol/wait.ts';
import type { RunState, StepRecord } from './run.state.ts';
import { type OwnRun, subRunJob } from './run.subruns.ts';
import { childContext } from './run.turn.ts';
import { ALWAYS, conditionScope, type Result, referenceScope, resolvedWait, resolvedWork } from './run.values.ts';
import { addCredits } from './usage.ts';

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
export function costOf(job: RunJob, step: PlanStep, record: StepRecord): Cost {
  if (mustBeAsked(step, record)) return FREE_OF_CHARGE;
  const fallback = fallbackOf(job, step, record);
  const own = fallback?.action === 'use-tool' ? fallback : step;
  const { credits = step.credits, tokens = step.tokens ?? 0, memoryMB = step.memoryMB ?? 0 } = own;
  return { credits, tokens, memoryMB };
}

interface Cost {
  readonly credits: string;
  readonly tokens: number;
  readonly memoryMB: number;
}
const FREE_OF_CHARGE: Cost = { credits: '0', tokens: 0, memoryMB: 0 };

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
    value: { id: step.id, src: kind, incarnation: start.iteration + record.crashes, input: { execution, job: own } },
  });
  const scope = referenceScope(state, job, start.variables);
  const timeoutMs = Math.max(1, Math.min(step.timeoutMs, state.phase === 'running' ? state.dueAt - start.at : state.remainingMs));
  const allocation = {
    ...limitsOf(job.allocation, start.reserved, state.reserved),
    maxDurationMs: timeoutMs,
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
  const { credits, tokens, memoryMB } = costOf(job, step, record);
  const stepJob: StepJob = {
    stepId: step.id,
    work: work.value,
    when: isFirstWork ? step.when : [],
    scope: conditionScope(state, job, step, start.variables),
    timeoutMs,
    ...(retry && { retry }),
    recovery: job.recovery,
    credits,
    ...(tokens > 0 && { tokens }),
    ...(memoryMB > 0 && { memoryMB }),
    allocation: { ...allocation, maxConcurrentSteps: 1 },
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
  readonly reserved: Amounts;
  readonly at: number;
  /** What `{{name}}` reads. */
  readonly variables: RunState['variables'];
}

/**
 * What is promised to a step before it starts: its declared cost for all its attempts, or an even share of what is left if that is more; one
 * step, or as many as its plan has; the memory that it declares. `wait` while steps that still run may give something back; `exhausted` when
 * nobody can. A run of its own that can do with less waits for more while somebody works.
 *
 * Source: Implementation Guide, "RunStateMachine Core Implementation" (whose constant tenth is not copied).
 */
export function reservation(state: RunState, job: RunJob, step: PlanStep, record: StepRecord): Amounts | 'wait' | 'exhausted' {
  const { live, idle, unstarted } = state;
  const free = freeOf(job.allocation, state.usage, state.reserved);
  const claim = claimOf(job, step, record);
  if (lacking(free, claim.least)) return live > 0 ? 'wait' : 'exhausted';
  if (claim === IDLE) return free.steps === Number.POSITIVE_INFINITY ? NONE : claim.wanted;
  if (claim.most && live > idle && lacking(free, claim.wanted)) return 'wait';
  const isAgain = record.iteration > 0 && chartOf(step.work) === 'run';
  return promiseOf(free, claim, { weight: 1, of: Math.max(1, unstarted + (isAgain ? 1 : 0)) });
}

const ONE_STEP = amounts('0', 0, 1, 0);
/** Of what spends nothing: a wait, or a question that is asked first. */
const IDLE: Claim = { least: ONE_STEP, wanted: ONE_STEP };

function claimOf(job: RunJob, step: PlanStep, record: StepRecord): Claim {
  const kind = childKind(job, step, record);
  if (kind === 'waiter' || mustBeAsked(step, record)) return IDLE;
  const { credits, tokens, memoryMB } = costOf(job, step, record);
  if (kind === 'run') return nestedClaim(job, workOf(job, step, record), credits);
  const least = amounts(credits, tokens, 1, memoryMB);
  const retries = credits === '0' && tokens === 0 ? 0 : mostRetries(job, step);
  if (retries === 0) return { least, wanted: least };
  const all = (BigInt(credits) * BigInt(retries + 1)).toString();
  return { least, wanted: amounts(all, tokens * (retries + 1), 1, memoryMB) };
}

/** A map needs something for each item, and nobody knows how many there are; it gets its share. */
function nestedClaim(job: RunJob, work: Work, own: string): Claim {
  const inner = work.kind === 'workflow' || work.kind === 'loop' || work.kind === 'map' ? work.plan : job.plan.items;
  const needs = inner ? needsOf(inner) : NO_NEEDS;
  const { credits, tokens, steps, memoryMB, allMemoryMB } = needs;
  const isMap = work.kind === 'map';
  const least = amounts(own, 0, !isMap && steps > 0 ? 1 : 0, memoryMB);
  const most = { memoryMB: isMap && memoryMB > 0 ? Number.POSITIVE_INFINITY : allMemoryMB };
  const wantedMB = memoryWanted(needs, job);
  return { least, wanted: isMap ? amounts(own, 0, 0, wantedMB) : amounts(addCredits(own, credits), tokens, steps, wantedMB), most };
}

/** Without a policy of its own a step is retried as the class of its error says, which nobody knows yet. */
function mostRetries({ retry, recovery }: RunJob, step: PlanStep): number {
  const policy = retry ?? step.retry;
  return policy ? policy.maxRetries : Math.max(0, ...Object.values(recovery).map(({ maxRetries }) => maxRetries));
}

export function exhausted(job: RunJob, step: PlanStep, { usage }: RunState, record: StepRecord): ExecutionError {
  const { least } = claimOf(job, step, record);
  const { allocation } = job;
  const kind = lacking(freeOf(allocation, usage, NONE), least) ?? 'credits';
  const figures = {
    credits: { credits: least.credits, maxCredits: allocation.maxCredits, creditsUsed: usage.creditsUsed },
    tokens: { tokens: least.tokens ?? 0, maxTokens: allocation.maxTokens ?? 0, tokensUsed: usage.tokensUsed ?? 0 },
    steps: { maxSteps: allocation.maxSteps ?? 0, stepsExecuted: usage.stepsExecuted },
    memoryMB: { memoryMB: least.memoryMB ?? 0, maxMemoryMB: allocation.maxMemoryMB },
  };
  const message = `Step "${step.id}" ${describeLack(kind, least, allocation, usage)}`;
  return executionError('RESOURCE_EXHAUSTED', message, 'tier2', { context: { stepId: step.id, ...figures[kind] } });
}
