/** A swarm's turn: besides facts, it collects the children to start, the messages to those that live, and what the pool is asked. */

import type { LeaseCommand } from './protocol/agent.ts';
import type { ControlCommand } from './protocol/control.ts';
import { executionError } from './protocol/errors.ts';
import type { ExecutionContext, ResourceUsage } from './protocol/execution.ts';
import type { ChildSpec, NurseryCommand, RunFact } from './protocol/run.ts';
import type { SwarmFact, SwarmJob, SwarmTask } from './protocol/swarm.ts';
import { evolveSwarm } from './swarm.fold.ts';
import { activeMsAt, type SwarmState, type TaskRecord } from './swarm.state.ts';
import { Turn } from './turn.ts';
import type { Expiry } from './votes.ts';

export interface SwarmContext {
  readonly job: SwarmJob;
  readonly state: SwarmState;
  /** Time at which the actor was created, for the first fact. */
  readonly bornAt: number;
}

export class SwarmTurn extends Turn<SwarmState, SwarmFact> {
  readonly job: SwarmJob;
  readonly starts: ChildSpec[] = [];
  readonly messages: NurseryCommand[] = [];
  readonly requests: LeaseCommand[] = [];
  /** Terminal facts of runs that crashed and cannot record their own. */
  readonly obituaries: { readonly execution: ExecutionContext; readonly fact: RunFact }[] = [];

  /** Expiries of what people are asked that begin, and tasks about which nobody is asked any more. */
  readonly expiries: Expiry[] = [];
  readonly unasked: string[] = [];

  constructor({ state, job }: SwarmContext) {
    super(state, evolveSwarm);
    this.job = job;
  }

  /** Ordinals come from the plan itself, so both exist; a stranger's ordinal is a defect worth a crash. */
  at(ordinal: number): { readonly task: SwarmTask; readonly record: TaskRecord } {
    const task = this.state.plan?.tasks[ordinal];
    const record = this.state.records.get(ordinal);
    if (!task || !record) throw new RangeError(`Swarm "${this.job.name}" has no task with ordinal ${ordinal}`);
    return { task, record };
  }

  ordinalOf(taskId: string): number {
    return this.state.plan?.ordinals[taskId] ?? -1;
  }

  /** From the task's record, when that has an expiry. */
  armExpiry({ id, ordinal }: SwarmTask): void {
    const { status, asked } = this.at(ordinal).record;
    if (status === 'escalated' && asked?.expiresAt !== undefined)
      this.expiries.push({ type: 'decision.expired', subject: id, expiresAt: asked.expiresAt });
  }

  /** Before the fact that settles the question. */
  disarmExpiry({ id, ordinal }: SwarmTask): void {
    if (this.at(ordinal).record.asked?.expiresAt !== undefined) this.unasked.push(id);
  }

  tellAll(event: ControlCommand): void {
    if (this.state.live > 0) this.messages.push({ type: 'child.tellAll', event });
  }

  /** Before the fact that ends it, which forgets that it lives. */
  stopHelper(): void {
    const { stage, hasHelper } = this.state;
    if (hasHelper && stage !== 'coordinating') this.messages.push({ type: 'child.stop', id: HELPERS[stage] });
  }

  returnAll(at: number): void {
    this.requests.push({ type: 'lease.returnAll', holder: this.job.execution.executionId, at });
  }

  returnLease({ leaseId }: TaskRecord, at: number): void {
    if (leaseId !== undefined) this.requests.push({ type: 'lease.return', leaseId, at });
  }
}

export const HELPERS = {
  decomposing: '$planner',
  replanning: '$planner',
  organizing: '$organizer',
  synthesizing: '$synthesizer',
} as const;
export const isHelper = (id: string): boolean => id.startsWith('$');

/** The usage of a swarm that settles at `at`: its runs' sum, and its own active time. */
export function swarmUsage(state: SwarmState, at: number): ResourceUsage {
  return { ...state.usage, durationMs: activeMsAt(state, at) };
}

export const swarmTimeout = ({ name, allocation }: SwarmJob) =>
  executionError('SWARM_TIMEOUT', `Swarm "${name}" did not finish within ${allocation.maxDurationMs} ms`, 'tier1', {
    context: { swarm: name, timeout: allocation.maxDurationMs },
  });
