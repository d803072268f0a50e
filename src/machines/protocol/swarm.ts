/** What a swarm is told, what it hears from its children and its pool, and the facts of tier 1. */

import type { AgentSpec, LeaseAnswer } from './agent.ts';
import type { ControlCommand } from './control.ts';
import type { Asked, Choice, Decision, DecisionPolicy, Vote } from './decision.ts';
import type { ErrorClass, Issue } from './errors.ts';
import type { ExecutionContext, ExecutionError, Json, JsonObject, ResourceAllocation, ResourceUsage } from './execution.ts';
import type { FactBody } from './facts.ts';
import type { Plan, Recovery, RetryPolicy } from './plan.ts';

/** One task of a decomposed goal: a routine, and who may do it. Plain data; `ordinal` is its index in the plan. */
export interface SwarmTask {
  readonly ordinal: number;
  readonly id: string;
  readonly description: string;
  /** Ordinals of the tasks that must settle first: declared, or implied by a reference. */
  readonly dependsOn: readonly number[];
  readonly dependents: readonly number[];
  /** An agent must have all of these. */
  readonly capabilities: readonly string[];
  /** 1 to 10: its weight when the budget is split. */
  readonly complexity: number;
  readonly priority: number;
  /** Place in the order (priority descending, declaration order). */
  readonly rank: number;
  /** The routine that its agent follows. */
  readonly plan: Plan;
  /** The run's input; may hold `{{name}}` for the swarm's input and `${task.result.path}` for a settled task. */
  readonly parameters: JsonObject;
  /** Names of all tools that its plan can call, fallbacks and nested plans included; what norms are checked against. */
  readonly tools: readonly string[];
  /** The role that does it, when the organization has roles. */
  readonly role?: string;
  /** `stop`: when every agent has failed at it, the swarm fails. `continue`: dependents go on without it. */
  readonly onFailure: 'stop' | 'continue';
  /** How many agents may try it, one after another; at least 1. */
  readonly maxAgents: number;
}

export interface SwarmPlan {
  readonly tasks: readonly SwarmTask[];
  /** Ordinal by rank. */
  readonly byRank: readonly number[];
  /** Ordinal by task id, own keys only. */
  readonly ordinals: Readonly<Record<string, number>>;
  /** Where it came from: the playbook's id, `model`, or `knowledge`. */
  readonly source: string;
}

/**
 * Who may do what, and who must: roles with cardinalities, missions (sets of tasks) and norms, as MOISE has them.
 *
 * Source: Implementation Guide, "SwarmStateMachine Core Implementation" (the organizer).
 */
export interface Organization {
  readonly roles: readonly Role[];
  readonly missions: readonly { readonly id: string; readonly tasks: readonly string[] }[];
  readonly norms: readonly Norm[];
}

export interface Role {
  readonly id: string;
  /** How many agents play it: at least `min`, at most `max`. */
  readonly min: number;
  readonly max: number;
  readonly capabilities: readonly string[];
  /** Roles that the same agent may play besides this one; any, when absent. */
  readonly compatibleWith?: readonly string[];
}

export type Norm =
  /** Where a mission has any permission or obligation, only roles with one may do its tasks. */
  | { readonly id: string; readonly type: 'permission'; readonly role: string; readonly mission: string }
  /** The role must complete the mission; `deadlineMs` counts from the start of coordination, by the swarm's own clock. */
  | { readonly id: string; readonly type: 'obligation'; readonly role: string; readonly mission: string; readonly deadlineMs?: number }
  | {
      readonly id: string;
      readonly type: 'prohibition';
      readonly role: string;
      readonly mission?: string;
      readonly tools?: readonly string[];
    };

/** What the organizer decided: who plays which role, and by which agents each task may be done. */
export interface Team {
  readonly roles: Readonly<Record<string, readonly string[]>>;
  /** By task id; `agents` absent: any capable one. A task with a `violation` must not be started. */
  readonly tasks: Readonly<Record<string, TeamTask>>;
  readonly obligations: readonly Obligation[];
}
export interface TeamTask {
  readonly role?: string;
  readonly agents?: readonly string[];
  readonly violation?: { readonly normId: string; readonly message: string };
}
export interface Obligation {
  readonly normId: string;
  readonly role: string;
  readonly mission: string;
  readonly tasks: readonly string[];
  readonly deadlineMs: number;
}

/**
 * What becomes of a task that no agent could do, before it fails: so many new plans are asked for, then people. Tasks that may fail
 * (`onFailure: 'continue'`) take neither rung: the swarm goes on without them.
 */
export interface Escalation {
  /** New plans that a swarm may ask for. */
  readonly replans: number;
  /** Who is asked in the end; nobody, when absent. */
  readonly human?: DecisionPolicy;
}

/** Everything a swarm needs, as plain data; the payload of its first fact. */
export interface SwarmJob {
  readonly execution: ExecutionContext;
  readonly name: string;
  readonly goal: string;
  readonly input: JsonObject;
  readonly allocation: ResourceAllocation;
  /** What it was defined by, as JSON: a restart plans with the same playbooks and routines. Null when it had only a goal. */
  readonly definition: Json;
  /** Agents that only this swarm may use; their ids are its own. */
  readonly agents: readonly AgentSpec[];
  /** By the id of such an agent, the one that the pool knows it by: of two swarms each may have an `analyst`. */
  readonly poolIds: Readonly<Record<string, string>>;
  /** Agents of the pool that it does not use, because agents of its own have their names. */
  readonly shadowed?: readonly string[];
  readonly organization?: Organization;
  /** How many tasks run at once. */
  readonly maxConcurrentTasks: number;
  /** From the call: overrides every other retry policy of its runs. */
  readonly retry?: RetryPolicy;
  readonly recovery: Partial<Record<ErrorClass, Recovery>>;
  /** Absent: a task that no agent could do has failed. */
  readonly escalation?: Escalation;
  /** A request that was refused still becomes a swarm: it starts and fails with this. */
  readonly refusal?: ExecutionError;
}

/** What a planner's answer came to. */
export type PlanProposal =
  | { readonly ok: true; readonly plan: SwarmPlan }
  /** It made no sense; asked again with the problems, a planner may put it right. */
  | { readonly ok: false; readonly error: ExecutionError; readonly issues: readonly Issue[] };

export type TeamProposal = { readonly ok: true; readonly team: Team } | { readonly ok: false; readonly error: ExecutionError };

/** Input of the children that are no runs. */
export interface PlannerInput {
  readonly job: SwarmJob;
  /** 1, and 2 for the repair of a first answer that made no sense. */
  readonly attempt: number;
  readonly issues: readonly Issue[];
  /** Of a swarm that has a plan already, which cannot be carried out. */
  readonly replan?: Replan;
}
export interface FailedTask {
  readonly taskId: string;
  readonly error: ExecutionError;
}
export interface Replan {
  /** 1 for the first new plan. */
  readonly round: number;
  /** With which it began. */
  readonly failure: FailedTask;
  /** All tasks that no agent could do. */
  readonly failures: readonly FailedTask[];
  /** Tasks of the present plan that are done: the new plan holds them, and they do not run again. */
  readonly kept: readonly SwarmTask[];
  /** Their results, by id. */
  readonly completed: JsonObject;
}
export interface OrganizerInput {
  readonly job: SwarmJob;
  readonly plan: SwarmPlan;
}
export interface SynthesizerInput {
  readonly job: SwarmJob;
  readonly plan: SwarmPlan;
  readonly tasks: Readonly<Record<string, TaskReport>>;
}
export interface TaskReport {
  readonly status: 'completed' | 'failed' | 'skipped' | 'cancelled';
  readonly result: Json;
  readonly agentId: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export type SynthesisOutcome = { readonly ok: true; readonly result: Json } | { readonly ok: false; readonly error: ExecutionError };

export type SwarmCommand =
  | ControlCommand
  | {
      readonly type: 'swarm.decide';
      readonly at: number;
      readonly normId: string;
      readonly decision: ObligationDecision;
      readonly by?: string;
    }
  | { readonly type: 'swarm.decideTask'; readonly at: number; readonly taskId: string; readonly decision: Decision };

/** What it hears from the pool. */
export type SwarmReport = LeaseAnswer;

/** A person's answer to an obligation that was not met in time. `retry` grants the same time again. */
export type ObligationDecision = Choice;
export interface ObligationAnswer {
  readonly decision: ObligationDecision;
  readonly by?: string;
  /** Anybody may decide about an obligation. */
  readonly role?: string;
}

/** `replanning`: runs that have begun go on, nothing else begins, and then a planner is asked for another plan. */
export type SwarmStage = 'decomposing' | 'organizing' | 'coordinating' | 'replanning' | 'synthesizing';

type OfTask<More = unknown> = { readonly taskId: string; readonly ordinal: number } & More;

export type SwarmFact =
  | FactBody<'tier1/swarm/coordination_started', { readonly goal: string; readonly job: SwarmJob }>
  /** A planner's answer made no sense; it is asked once more. */
  | FactBody<'tier1/swarm/plan_refused', { readonly attempt: number; readonly error: ExecutionError; readonly issues: readonly Issue[] }>
  | FactBody<'tier1/swarm/decomposed', { readonly plan: SwarmPlan }>
  | FactBody<'tier1/swarm/organized', { readonly team: Team }>
  /** Tasks that no agent could do want another plan. The questions about tasks that people were asked are withdrawn. */
  | FactBody<'tier1/swarm/replanning', { readonly round: number; readonly taskId: string; readonly error: ExecutionError }>
  /** All runs have ended, and a planner is asked. */
  | FactBody<'tier1/swarm/plan_requested', { readonly round: number; readonly attempt: number }>
  /** There is no other plan: the old one goes on. */
  | FactBody<'tier1/swarm/replanning_failed', { readonly round: number; readonly error: ExecutionError }>
  | FactBody<'tier1/swarm/synthesizing', Record<string, never>>
  | FactBody<'tier1/swarm/pausing', { readonly epoch: number }>
  | FactBody<'tier1/swarm/paused', Record<string, never>>
  | FactBody<'tier1/swarm/waiting', Record<string, never>>
  | FactBody<'tier1/swarm/resumed', Record<string, never>>
  | FactBody<'tier1/swarm/cancelling', { readonly reason: string }>
  | FactBody<'tier1/swarm/failing', { readonly error: ExecutionError }>
  | FactBody<'tier1/swarm/coordination_completed', { readonly result: Json; readonly usage: ResourceUsage }>
  | FactBody<'tier1/swarm/coordination_failed', { readonly error: ExecutionError; readonly usage: ResourceUsage }>
  | FactBody<'tier1/swarm/coordination_cancelled', { readonly reason: string; readonly usage: ResourceUsage }>
  | FactBody<'tier1/lease/requested', OfTask<{ readonly leaseId: string; readonly exclude: readonly string[] }>>
  | FactBody<'tier1/lease/granted', OfTask<{ readonly leaseId: string; readonly agentId: string }>>
  | FactBody<'tier1/lease/refused', OfTask<{ readonly leaseId: string; readonly error: ExecutionError }>>
  /** Nobody needs it before there is another plan. */
  | FactBody<'tier1/lease/withdrawn', OfTask<{ readonly leaseId: string }>>
  | FactBody<'tier1/lease/lost', OfTask<{ readonly leaseId: string; readonly agentId: string | null; readonly error: ExecutionError }>>
  | FactBody<
      'tier1/task/started',
      OfTask<{
        readonly childExecutionId: string;
        /** 1, and one more for each further agent that tries it. */
        readonly iteration: number;
        readonly agentId: string;
        readonly reserved: string;
      }>
    >
  /** The same run goes on under a new lease. */
  | FactBody<'tier1/task/continued', OfTask<{ readonly agentId: string; readonly incarnation: number }>>
  /** Its agent was lost, and its run has stopped where it was. */
  | FactBody<'tier1/task/suspended', OfTask>
  | FactBody<'tier1/task/paused', OfTask<{ readonly epoch: number }>>
  | FactBody<'tier1/task/waiting', OfTask>
  | FactBody<'tier1/task/woken', OfTask>
  /** An agent failed at it; another one is asked for. Without an agent's id, its agent was lost just before. */
  | FactBody<'tier1/task/reassigned', OfTask<{ readonly agentId: string; readonly error: ExecutionError; readonly usage: ResourceUsage }>>
  /** No agent could do it, and another plan is wanted. */
  | FactBody<'tier1/task/given_up', OfTask<{ readonly agentId: string; readonly error: ExecutionError; readonly usage: ResourceUsage }>>
  /** No agent could do it, and people are asked. */
  | FactBody<
      'tier1/task/escalated',
      OfTask<{ readonly agentId: string; readonly error: ExecutionError; readonly usage: ResourceUsage } & Asked>
    >
  /** An answer that does not decide yet. */
  | FactBody<'tier1/task/voted', OfTask<Vote>>
  | FactBody<'tier1/task/decided', OfTask<Decision>>
  /** Nobody has decided in time. */
  | FactBody<'tier1/task/expired', OfTask>
  | FactBody<'tier1/task/completed', OfTask<{ readonly agentId: string; readonly result: Json; readonly usage: ResourceUsage }>>
  | FactBody<'tier1/task/failed', OfTask<{ readonly error: ExecutionError; readonly usage: ResourceUsage; readonly fatal: boolean }>>
  | FactBody<'tier1/task/cancelled', OfTask<{ readonly reason: string; readonly usage: ResourceUsage }>>
  | FactBody<'tier1/norm/violated', OfTask<{ readonly normId: string; readonly message: string }>>
  | FactBody<
      'tier1/obligation/unmet',
      { readonly normId: string; readonly role: string; readonly mission: string; readonly open: readonly string[] }
    >
  | FactBody<'tier1/obligation/decided', { readonly normId: string; readonly decision: ObligationDecision; readonly by?: string }>
  | FactBody<
      'tier1/blackboard/written',
      { readonly key: string; readonly operation: string; readonly value: Json; readonly version: number }
    >;
