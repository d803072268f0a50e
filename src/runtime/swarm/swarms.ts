/** From what a caller asks for to a swarm's job, and what its planner, organizer and synthesizer do. */

import { isSwarmchartError, memberOf, wrapTierError } from '../../actors/failure.ts';
import { toJson } from '../../actors/json.ts';
import type { HelperServices } from '../../actors/planner.ts';
import type { Logger } from '../../actors/tool.ts';
import type { AgentSpec } from '../../machines/protocol/agent.ts';
import { executionError, type Issue, SwarmchartError } from '../../machines/protocol/errors.ts';
import type { Json, JsonObject, ResourceAllocation } from '../../machines/protocol/execution.ts';
import type { SwarmJob, SwarmPlan, Team, TeamProposal } from '../../machines/protocol/swarm.ts';
import { poolPrefix } from '../../machines/swarm.decisions.ts';
import type { CheckedRequest } from '../execution/requests.ts';
import type { RuntimeOptions } from '../options.ts';
import type { Ladder } from '../recovery.ts';
import { resolveInput } from '../workflow/input.ts';
import { issuesToError } from '../workflow/issues.ts';
import type { WorkflowRegistry } from '../workflow/registry.ts';
import type { SwarmDefinition } from './definition.ts';
import { MemoryKnowledge } from './knowledge.ts';
import { DEFAULT_CONCURRENT_TASKS } from './limits.ts';
import { goalOf, type LoadedSwarm, loadSwarmOrThrow } from './load.ts';
import { organize } from './organization.ts';
import { type PlanningServices, planGoal, rememberPlan } from './planner.ts';
import { Routines } from './routines.ts';
import { synthesis } from './synthesis.ts';

/** A definition, one that was loaded, or just a goal: then the runtime's planner decides what is to be done. */
export type SwarmSource = SwarmDefinition | LoadedSwarm | JsonObject | string;

export interface SwarmRequest {
  /** Instead of the definition's own. */
  readonly goal?: string;
  readonly input?: JsonObject;
  /** What the caller itself said about the allocation; the rest is the definition's, then the default. */
  readonly limits: Partial<ResourceAllocation>;
}

export interface SwarmsOptions {
  readonly runtime: RuntimeOptions;
  readonly ladder: Ladder;
  readonly registry: WorkflowRegistry;
  /** Everybody's agents that may be given tasks. */
  readonly agents: () => readonly AgentSpec[];
  /** Whether there is an agent of this id already. */
  readonly isTaken: (agentId: string) => boolean;
  readonly log: Logger;
}

export class Swarms implements Pick<HelperServices, 'plan' | 'organize' | 'synthesize'> {
  readonly #options: SwarmsOptions;
  readonly #planning: PlanningServices;
  /** By the job that came of them: of two jobs for one id only one becomes a swarm. */
  readonly #definitions = new WeakMap<SwarmJob, LoadedSwarm>();
  /** What the tasks of the swarms were that came as far as to their results. */
  readonly #plans = new WeakMap<SwarmJob, SwarmPlan>();

  constructor(options: SwarmsOptions) {
    this.#options = options;
    const { runtime, registry, log } = options;
    this.#planning = {
      ...(runtime.planner && { planner: runtime.planner }),
      knowledge: runtime.knowledge ?? new MemoryKnowledge(),
      definition: (job) => this.#definitionOf(job),
      agents: (job) => this.#agentsFor(job),
      routines: new Routines({ registry }),
      log,
    };
  }

  readonly plan: HelperServices['plan'] = (input, signal) => planGoal(this.#planning, input, signal);

  readonly organize: HelperServices['organize'] = ({ job, plan }) => {
    const proposal = organize(job.organization, withRecoveryTools(plan, job), this.#agentsFor(job));
    return this.#definitionOf(job)?.onlyOwnAgents ? withOwnAgentsOnly(proposal, plan, job.agents) : proposal;
  };

  readonly synthesize: HelperServices['synthesize'] = (input, signal) => {
    this.#plans.set(input.job, input.plan);
    return synthesis(input, signal, this.#options.runtime.synthesize);
  };

  /** Never throws: a request that makes no sense becomes a job that fails with every problem. */
  job(source: SwarmSource, request: SwarmRequest, checked: CheckedRequest): SwarmJob {
    const { execution, allocation, retry } = checked;
    const common = { execution, ...(retry && { retry }), recovery: this.#options.ladder.recovery(this.#options.registry) };
    try {
      const given = isLoaded(source) ? source.source : source;
      const definition: Json = typeof given === 'string' ? null : toJson(given, 'The caller', Number.MAX_SAFE_INTEGER);
      const loaded = isLoaded(source) ? source : definition === null ? undefined : this.#load(definition);
      const { input, issues } = resolveInput(loaded?.inputs, request.input ?? {}, { noun: 'input', taker: 'swarm' });
      if (issues.length > 0) throw issuesToError(issues);
      const goal = goalIn(source, loaded, request.goal, input);
      const agents = (loaded?.agents ?? []).map((agent): AgentSpec => ({ ...agent, swarmId: execution.executionId }));
      const poolIds = this.#poolIds(execution.executionId, agents);
      const shadowed = agents.flatMap(({ id }) => (this.#options.isTaken(id) ? [id] : []));
      const escalation = this.#options.ladder.escalation(loaded?.escalation);
      const job: SwarmJob = {
        ...common,
        name: loaded?.id ?? goal.slice(0, 200),
        goal,
        input,
        definition,
        agents,
        poolIds,
        ...(shadowed.length > 0 && { shadowed }),
        ...(escalation && { escalation }),
        ...(loaded?.organization && { organization: loaded.organization }),
        maxConcurrentTasks: loaded?.maxConcurrentTasks ?? DEFAULT_CONCURRENT_TASKS,
        allocation: { ...allocation, ...ownLimits(loaded, request.limits) },
      };
      if (loaded) this.#definitions.set(job, loaded);
      return job;
    } catch (thrown) {
      const name = typeof source === 'string' ? source.slice(0, 200) : 'refused';
      const refusal = refusalFrom(thrown);
      const nothing = { goal: '', input: {}, definition: null, agents: [], poolIds: {}, maxConcurrentTasks: 1 };
      return { ...common, ...nothing, name, allocation, refusal };
    }
  }

  #poolIds(executionId: string, agents: readonly AgentSpec[]): SwarmJob['poolIds'] {
    const ids = agents.map(({ id }) => [id, `${poolPrefix(executionId)}${id}`] as const);
    const issues = ids
      .filter(([, poolId]) => this.#options.isTaken(poolId))
      .map(([id, poolId]): Issue => ({ code: 'DUPLICATE_AGENT', path: ['agents', id], message: `There is an agent "${poolId}" already` }));
    if (issues.length > 0) throw issuesToError(issues);
    return Object.fromEntries(ids);
  }

  /** After a swarm has completed: what it has taught is remembered. */
  completed(job: SwarmJob): void {
    const plan = this.#plans.get(job);
    if (plan) void rememberPlan(this.#planning, job, plan);
  }

  /** Of one that was restored it is read again. */
  #definitionOf(job: SwarmJob): LoadedSwarm | undefined {
    const known = this.#definitions.get(job);
    if (known || job.definition === null) return known;
    const loaded = this.#load(job.definition);
    this.#definitions.set(job, loaded);
    return loaded;
  }

  #load(definition: Json): LoadedSwarm {
    return loadSwarmOrThrow(definition, { registry: this.#options.registry });
  }

  #agentsFor(job: SwarmJob): readonly AgentSpec[] {
    if (this.#definitionOf(job)?.onlyOwnAgents) return job.agents;
    return [...job.agents, ...this.#options.agents().filter(({ id }) => !Object.hasOwn(job.poolIds, id))];
  }
}

const isLoaded = (source: unknown): source is LoadedSwarm => memberOf(source, 'routines') instanceof Routines;

function goalIn(source: SwarmSource, loaded: LoadedSwarm | undefined, named: string | undefined, input: JsonObject): string {
  const goal = loaded ? goalOf(loaded, named, input) : (named ?? source);
  if (typeof goal !== 'string' || goal.trim() === '') throw new SwarmchartError('INVALID_INPUT', 'A goal is a text that is not empty');
  return goal;
}

/** What the definition says of its budget, as far as the call says nothing. */
function ownLimits(loaded: LoadedSwarm | undefined, said: Partial<ResourceAllocation>): Partial<ResourceAllocation> {
  const { credits, tokens, steps, memoryMB, timeoutMs }: Partial<LoadedSwarm> = loaded ?? {};
  return {
    ...(credits !== undefined && said.maxCredits === undefined && { maxCredits: credits }),
    ...(tokens !== undefined && said.maxTokens === undefined && { maxTokens: tokens }),
    ...(steps !== undefined && said.maxSteps === undefined && { maxSteps: steps }),
    ...(memoryMB !== undefined && said.maxMemoryMB === undefined && { maxMemoryMB: memoryMB }),
    ...(timeoutMs !== undefined && said.maxDurationMs === undefined && { maxDurationMs: timeoutMs }),
  };
}

/** Norms hold for the tools of fallbacks, too, also for those of an error's class. */
function withRecoveryTools(plan: SwarmPlan, { recovery }: SwarmJob): SwarmPlan {
  const more = Object.values(recovery).flatMap(({ fallback }) => (fallback?.action === 'use-tool' ? [fallback.tool] : []));
  return more.length === 0 ? plan : { ...plan, tasks: plan.tasks.map((task) => ({ ...task, tools: [...task.tools, ...more] })) };
}

/** Tasks that any capable agent may do are left to those of the swarm. */
function withOwnAgentsOnly(proposal: TeamProposal, plan: SwarmPlan, agents: readonly AgentSpec[]): TeamProposal {
  if (!proposal.ok) return proposal;
  const tasks: Record<string, Team['tasks'][string]> = { ...proposal.team.tasks };
  for (const { id, capabilities } of plan.tasks) {
    const task = tasks[id] ?? {};
    if (task.agents) continue;
    const able = agents.filter((agent) => capabilities.every((capability) => agent.capabilities.includes(capability)));
    tasks[id] = { ...task, agents: able.map((agent) => agent.id) };
  }
  return { ok: true, team: { ...proposal.team, tasks } };
}

/** Reading what a caller gives may throw anything: it may be a proxy. */
function refusalFrom(thrown: unknown) {
  const refused = isSwarmchartError(thrown) ? thrown : new SwarmchartError('INVALID_INPUT', wrapTierError(thrown, 'tier1').message);
  const issues = refused.issues.map((issue) => ({ code: issue.code, path: [...issue.path], message: issue.message }));
  return executionError(refused.code, refused.message, 'tier1', { context: { issues } });
}
