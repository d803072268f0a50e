/** A run's turn: besides facts, it collects the children to start and the messages to those that live. */

import { executionError } from './protocol/errors.ts';
import type { ExecutionContext, ResourceUsage, Tier } from './protocol/execution.ts';
import type { Plan, PlanStep } from './protocol/plan.ts';
import type { ChildSpec, NurseryCommand, ReusedStep, RunCommand, RunFact, RunJob, RunReport } from './protocol/run.ts';
import type { StepCommand, StepFact } from './protocol/step.ts';
import type { WaitAnswer } from './protocol/wait.ts';
import { evolveRun } from './run.fold.ts';
import type { RunState, StepRecord } from './run.state.ts';
import { Turn } from './turn.ts';
import type { Expiry } from './votes.ts';

/** What a run hears. */
export type RunEvent = RunCommand | RunReport | Expiry;
export type EventOf<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>;

export interface RunContext {
  readonly execution: ExecutionContext;
  readonly job: RunJob;
  readonly state: RunState;
  /** Of a rerun: what is recorded with its start. */
  readonly reused?: readonly ReusedStep[];
  /** Time at which the actor was created, for the first fact. */
  readonly bornAt: number;
}

export class RunTurn extends Turn<RunState, RunFact> {
  readonly job: RunJob;
  readonly starts: ChildSpec[] = [];
  readonly messages: NurseryCommand[] = [];
  /** Terminal facts of children that crashed and cannot record their own. */
  readonly obituaries: { readonly execution: ExecutionContext; readonly tier: Tier; readonly fact: StepFact | RunFact }[] = [];
  /** Expiries of what people are asked that begin, and steps about which nobody is asked any more. */
  readonly expiries: Expiry[] = [];
  readonly unasked: string[] = [];
  /** There are more steps to start than one turn may. */
  hasMore = false;

  constructor({ state, job }: Pick<RunContext, 'state' | 'job'>) {
    super(state, evolveRun);
    this.job = job;
  }

  get plan(): Plan {
    return this.job.plan;
  }

  /** Ordinals come from the plan itself, so both exist; a stranger's ordinal is a defect worth a crash. */
  at(ordinal: number): { readonly step: PlanStep; readonly record: StepRecord } {
    const step = this.plan.steps[ordinal];
    const record = this.state.records.get(ordinal);
    if (!step || !record) throw new RangeError(`Plan "${this.plan.id}" has no step with ordinal ${ordinal}`);
    return { step, record };
  }

  /** From the step's record, when that has an expiry. */
  armExpiry({ id, ordinal }: PlanStep): void {
    const { status, asked } = this.at(ordinal).record;
    if (status === 'waiting' && asked?.expiresAt !== undefined)
      this.expiries.push({ type: 'decision.expired', subject: id, expiresAt: asked.expiresAt });
  }

  /** Before the fact that settles the question. */
  disarmExpiry({ id, ordinal }: PlanStep): void {
    if (this.at(ordinal).record.asked?.expiresAt !== undefined) this.unasked.push(id);
  }

  tell(step: PlanStep, event: StepCommand | WaitAnswer): void {
    this.messages.push({ type: 'child.tell', id: step.id, event });
  }

  tellAll(event: StepCommand): void {
    if (this.state.live > 0) this.messages.push({ type: 'child.tellAll', event });
  }
}

export const childContext = (job: RunJob, childExecutionId: string, at: number): ExecutionContext => ({
  executionId: childExecutionId,
  parentExecutionId: job.execution.executionId,
  swarmId: job.execution.swarmId,
  userId: job.execution.userId,
  timestamp: at,
  correlationId: job.execution.correlationId,
});

/** The usage of a run that settles at `at`: its children's sum, and its own active time. */
export function runUsage(state: RunState, at: number): ResourceUsage {
  const active = state.phase === 'running' ? at - state.activeSince : 0;
  return { ...state.usage, durationMs: Math.max(0, state.activeMs + active) };
}

export const runTimeout = (job: RunJob) =>
  executionError('RUN_TIMEOUT', `Run "${job.plan.id}" did not finish within ${job.allocation.maxDurationMs} ms`, 'tier2', {
    context: { workflowId: job.plan.id, timeout: job.allocation.maxDurationMs },
  });

export function stepById(turn: RunTurn, id: string): PlanStep {
  return turn.at(turn.plan.ordinals[id] ?? -1).step;
}
