/** What is remembered of a swarm, and what it is before its first fact. */

import { List, Map as PersistentMap } from 'immutable';
import { emptyOrdinals, type OrdinalSet } from './ordinal-set.ts';
import type { Asked, Vote } from './protocol/decision.ts';
import type { Issue } from './protocol/errors.ts';
import { type ExecutionError, type Json, NO_USAGE, type ResourceUsage } from './protocol/execution.ts';
import type { FailedTask, Obligation, SwarmJob, SwarmPlan, SwarmStage, Team } from './protocol/swarm.ts';

export type SwarmPhase =
  | 'pending'
  | SwarmStage
  | 'pausing'
  | 'paused'
  | 'waiting'
  | 'cancelling'
  | 'failing'
  | 'completed'
  | 'failed'
  | 'cancelled';

export interface TaskRecord {
  /**
   * `leasing`: an agent was asked for. `leased`: it is held, and its run does not live yet. `stopping`: it was lost, and its run is told to stop.
   * `unsolved`: no agent could do it, and another plan is wanted. `escalated`: no agent could do it, and people are asked.
   */
  readonly status:
    | 'pending'
    | 'leasing'
    | 'leased'
    | 'running'
    | 'stopping'
    | 'paused'
    | 'waiting'
    | 'unsolved'
    | 'escalated'
    | 'completed'
    | 'failed'
    | 'cancelled';
  /** Dependencies that have not settled. */
  readonly blockedBy: number;
  /** Agents that were asked for. */
  readonly leases: number;
  readonly leaseId?: string;
  readonly agentId?: string;
  /** Agents that failed at it. */
  readonly failedAgents: readonly string[];
  /** Runs that were started; each has an execution of its own. */
  readonly iteration: number;
  /** Those of them that do not count any more: a person said that it shall be tried again, or there is another plan. */
  readonly forgiven: number;
  /** Lives of its runs' actors, over all runs. */
  readonly incarnation: number;
  /** The run that has not settled; without a lease it does not live. */
  readonly childExecutionId?: string;
  readonly isLive: boolean;
  readonly reserved: string;
  /** Epoch of the pause that it is parked in. */
  readonly pausedIn: number;
  /** 0: it never was. */
  readonly startedAt: number;
  readonly settledAt: number;
  readonly result: Json;
  readonly error?: ExecutionError;
  /** Who must decide about it, and until when. */
  readonly asked?: Asked;
  /** Answers that do not decide yet. */
  readonly votes?: readonly Vote[];
  readonly usage: ResourceUsage;
}

/** What a task of an earlier plan leaves to one of the same name: no lease, run or life is ever named like another. */
export type Counters = Pick<TaskRecord, 'leases' | 'iteration' | 'incarnation'>;

export interface ObligationRecord extends Obligation {
  /** The swarm's active time at which it is due; past `escalated` nobody looks at it. */
  readonly dueActiveMs: number;
  readonly status: 'open' | 'escalated' | 'waived' | 'met';
}

export interface SwarmState {
  readonly phase: SwarmPhase;
  /** Where it goes on after a pause. */
  readonly stage: SwarmStage;
  readonly at: number;
  readonly startedAt: number;
  readonly job?: SwarmJob;
  /** A planner, an organizer or a synthesizer lives. */
  readonly hasHelper: boolean;
  readonly planAttempt: number;
  /** What was wrong with the planner's first answer. */
  readonly issues: readonly Issue[];
  readonly plan?: SwarmPlan;
  readonly team?: Team;
  readonly records: List<TaskRecord>;
  /** Ranks of the tasks that can be given to an agent. */
  readonly ready: OrdinalSet;
  /** Tasks that wait for a lease, and those that have one but no living run. */
  readonly leasing: number;
  readonly leased: number;
  /** Runs that live, those of them that wait for somebody outside, and those parked in the current pause. */
  readonly live: number;
  readonly idle: number;
  readonly parked: number;
  /** Tasks for which another plan is wanted, and those about which people are asked. */
  readonly unsolved: number;
  readonly escalated: number;
  /** New plans that were asked for; why the last one was; and that there was none, so that unsolved tasks take the next rung. */
  readonly round: number;
  readonly cause?: FailedTask;
  readonly isReplanned: boolean;
  /** By id, of tasks of earlier plans. */
  readonly earlier: PersistentMap<string, Counters>;
  /** Tasks that have not settled, and the complexity of those that never started. */
  readonly open: number;
  readonly unstartedComplexity: number;
  readonly obligations: PersistentMap<string, ObligationRecord>;
  readonly pauseEpoch: number;
  /** When the swarm's time is up, and when the timer fires: then, or when an obligation is due before. */
  readonly deadlineAt: number;
  readonly dueAt: number;
  readonly remainingMs: number;
  readonly activeMs: number;
  readonly activeSince: number;
  readonly reservedCredits: string;
  readonly usage: ResourceUsage;
  /** The first cause why the swarm must fail. */
  readonly failure?: ExecutionError;
  readonly reason?: string;
  readonly result: Json;
}

export const FRESH_SWARM: SwarmState = {
  phase: 'pending',
  stage: 'decomposing',
  at: 0,
  startedAt: 0,
  hasHelper: false,
  planAttempt: 1,
  issues: [],
  records: List(),
  ready: emptyOrdinals(0),
  leasing: 0,
  leased: 0,
  live: 0,
  idle: 0,
  parked: 0,
  unsolved: 0,
  escalated: 0,
  round: 0,
  isReplanned: false,
  earlier: PersistentMap(),
  open: 0,
  unstartedComplexity: 0,
  obligations: PersistentMap(),
  pauseEpoch: 0,
  deadlineAt: 0,
  dueAt: 0,
  remainingMs: 0,
  activeMs: 0,
  activeSince: 0,
  reservedCredits: '0',
  usage: NO_USAGE,
  result: null,
};

export const BLANK_TASK: TaskRecord = {
  status: 'pending',
  blockedBy: 0,
  leases: 0,
  failedAgents: [],
  iteration: 0,
  forgiven: 0,
  incarnation: 0,
  isLive: false,
  reserved: '0',
  pausedIn: 0,
  startedAt: 0,
  settledAt: 0,
  result: null,
  usage: NO_USAGE,
};

const ACTIVE: ReadonlySet<SwarmPhase> = new Set(['decomposing', 'organizing', 'coordinating', 'replanning', 'synthesizing']);

/** Its clock runs. */
export const isActive = ({ phase }: SwarmState): boolean => ACTIVE.has(phase);

export const activeMsAt = (state: SwarmState, at: number): number =>
  state.activeMs + (isActive(state) ? Math.max(0, at - state.activeSince) : 0);

/** Its tasks may go on: in the stage `replanning` those whose runs have begun. */
export const isAtWork = ({ phase }: SwarmState): boolean => phase === 'coordinating' || phase === 'replanning';

/** The timer's next due time: the swarm's deadline, or the first obligation's. */
export function rearmed(state: SwarmState): SwarmState {
  let dueAt = state.deadlineAt;
  if (state.stage === 'coordinating') {
    for (const { status, dueActiveMs } of state.obligations.values()) {
      if (status === 'open') dueAt = Math.min(dueAt, state.activeSince + dueActiveMs - state.activeMs);
    }
  }
  return { ...state, dueAt };
}
