/** The composition root: `createRuntime` and what it returns. */

import { customAlphabet } from 'nanoid';
import type { Blackboard } from './actors/blackboard.ts';
import { memberOf } from './actors/failure.ts';
import { Handles } from './handles.ts';
import { SwarmchartError } from './machines/protocol/errors.ts';
import type { ExecutionResult, Json, JsonObject, Tier as TierName } from './machines/protocol/execution.ts';
import type { Fact } from './machines/protocol/facts.ts';
import type { RunJob } from './machines/protocol/run.ts';
import type { SwarmJob } from './machines/protocol/swarm.ts';
import { Recoveries } from './recoveries.ts';
import type { Agents } from './runtime/agents/agents.ts';
import { checkGrace } from './runtime/agents/options.ts';
import { Approvals } from './runtime/approvals.ts';
import { Blackboards } from './runtime/blackboard.ts';
import { publishedWrites } from './runtime/blackboard-facts.ts';
import type { BreakerRegistry } from './runtime/breakers/registry.ts';
import { type Configuration, configurationOf } from './runtime/configuration.ts';
import { reading } from './runtime/door.ts';
import type { ErrorLog } from './runtime/errors/error-log.ts';
import { Events } from './runtime/events/events.ts';
import { Triggers } from './runtime/events/triggers.ts';
import type { Execution, ExecutionHandle, SwarmHandle } from './runtime/execution/handle.ts';
import { checkRequest, checkStepRequest, type StepExecutionInput, type TierExecutionRequest } from './runtime/execution/requests.ts';
import { prepareRun, stepJob } from './runtime/jobs.ts';
import type { Journal } from './runtime/journal/journal.ts';
import { MemoryJournal } from './runtime/journal/memory-journal.ts';
import { restorationOf, type StreamRestoration } from './runtime/journal/restoration.ts';
import { SILENT, safeLogger } from './runtime/logger.ts';
import { DEFAULT_MAX_OUTPUT_BYTES, type RuntimeOptions } from './runtime/options.ts';
import { checkOptions } from './runtime/options-check.ts';
import { Ladder } from './runtime/recovery.ts';
import { prepareRerun, type RerunOptions } from './runtime/rerun/rerun.ts';
import type { SupervisorControls } from './runtime/supervision/controls.ts';
import type { SwarmDefinition } from './runtime/swarm/definition.ts';
import { type SwarmSource, Swarms } from './runtime/swarm/swarms.ts';
import { Tasks } from './runtime/tasks/tasks.ts';
import { Templates } from './runtime/templates.ts';
import type { ToolRegistry } from './runtime/tool-registry.ts';
import { type Watchdog, watchdog } from './runtime/watchdog/watchdog.ts';
import { evaluateCondition } from './runtime/workflow/conditions.ts';
import { type LoadedWorkflow, loadWorkflow } from './runtime/workflow/load.ts';
import type { WorkflowRegistry } from './runtime/workflow/registry.ts';
import type { WorkflowDefinition } from './runtime/workflow/schema.ts';
import type { RoutineExecutionInput, RunOptions, SwarmExecutionInput, SwarmOptions, Tier, WorkflowSource } from './surface.ts';
import { System, type WorkConfiguration } from './system.ts';

export type Runtime = SwarmchartRuntime;

/**
 * Starts a runtime. Rejects with DUPLICATE_ID or INVALID_VALUE (WORKFLOW_INVALID for several problems) when its configuration makes no sense, and
 * with JOURNAL_LOCKED, JOURNAL_DAMAGED or JOURNAL_VERSION when its journal cannot be had.
 *
 * Nothing survives the process unless a durable journal is given. What that has of executions that have not ended goes on, unless `recover` is false.
 */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  // A caller's options may throw when they are read: that is a rejection, too.
  await Promise.resolve();
  checkOptions(options);
  const { journal = new MemoryJournal() } = options;
  await journal.open();
  let runtime: SwarmchartRuntime | undefined;
  try {
    runtime = new SwarmchartRuntime({ ...options, journal });
    await runtime.begin();
    return runtime;
  } catch (thrown) {
    await (runtime ? runtime.stop({ graceMs: 0 }) : journal.close());
    throw thrown;
  }
}

const createNanoId = customAlphabet('0123456789abcdefghijklmnopqrstuvwxyz', 16);

class SwarmchartRuntime implements AsyncDisposable {
  readonly tier1: Tier<SwarmExecutionInput>;
  readonly tier2: Tier<RoutineExecutionInput>;
  readonly tier3: Tier<StepExecutionInput>;
  /** What happens: heard, read again, routed on; and told, by events of your own. */
  readonly events: Omit<Events, 'following' | 'stopAlso' | 'stopFollowers' | 'close'>;
  /** Workflows that start because something happened. */
  readonly triggers: Omit<Triggers<WorkflowSource>, 'stop'>;
  /** Tasks without a workflow of their own: sequences, parallel lists, pipelines, batches. */
  readonly tasks = new Tasks((workflow, options) => this.run(workflow, options));
  /** Workflows with parameters. */
  readonly templates = new Templates((definition) => this.createWorkflow(definition));
  readonly #system: System;
  readonly #handles: Handles;
  readonly #swarms: Swarms;
  readonly #options: RuntimeOptions;
  readonly #configuration: Configuration;
  readonly #blackboards: Blackboards;
  readonly #watchdog: Watchdog | undefined;
  readonly #approvals: Approvals;
  readonly #ladder: Ladder;
  readonly #recoveries: Recoveries;
  readonly #events: Events;
  #hasStopped = false;

  constructor(options: RuntimeOptions & { readonly journal: Journal }) {
    this.#options = options;
    this.#ladder = new Ladder(options);
    this.#configuration = configurationOf(options);
    const { registry, conditions, ...work } = this.#configuration;
    const log = options.logger ? safeLogger(options.logger, work.secrets) : SILENT;
    this.#watchdog = options.watchdog ? watchdog(options.watchdog, log) : undefined;
    this.#swarms = new Swarms({
      runtime: options,
      ladder: this.#ladder,
      registry,
      log,
      agents: () => this.#system.agents.specs(),
      isTaken: (id) => this.#system.agents.isTaken(id),
    });
    const configured: WorkConfiguration = {
      ...work,
      blackboard: ({ swarmId, executionId }, signal) => this.#blackboards.of(swarmId, { by: executionId, signal }),
      evaluate: (condition, scope, signal) => evaluateCondition(condition, scope, conditions, signal),
      classify: options.classify ?? (() => undefined),
      maxOutputBytes: options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES,
      ...(this.#watchdog && { watch: this.#watchdog }),
    };
    this.#approvals = new Approvals({
      step: (id, stepId, decision) => this.#handles.run(id).decide(stepId, decision),
      task: (id, taskId, decision) => this.#handles.swarmDecisions(id).decideTask(taskId, decision),
      obligation: (id, normId, decision) => this.#handles.swarmDecisions(id).decide(normId, decision),
    });
    this.#system = new System(options, configured, this.#swarms, this.#approvals);
    const { clock, directory, bus } = this.#system;
    const publish = publishedWrites((facts) => bus.publish(work.secrets.atLastDoor(facts)));
    this.#blackboards = new Blackboards({
      clock,
      record: (swarmId, fact) => {
        if (this.#hasStopped) throw new SwarmchartError('RUNTIME_STOPPED', 'The runtime has been stopped');
        const gate = this.#system.commands.record(swarmId, fact);
        return gate === false ? publish(swarmId, fact) : gate;
      },
      isLive: (swarmId) => directory.find(swarmId) !== undefined,
      secrets: work.secrets,
    });
    this.#handles = new Handles(this.#system);
    this.#recoveries = new Recoveries({
      system: this.#system,
      handles: this.#handles,
      blackboards: this.#blackboards,
      approvals: this.#approvals,
      followSwarm: (execution, job) => this.#followSwarm(execution, job),
      followRun: (execution, { tier, context, job }) => {
        const isOfSwarm = tier === 'tier2' && context.swarmId !== context.executionId;
        if (isOfSwarm) void this.#exportResult(execution, (job as RunJob).plan.id);
      },
    });
    this.#events = new Events({
      bus,
      clock,
      log,
      journal: this.#system.journal,
      createId: () => this.#createId(),
      scrub: (value) => work.secrets.atLastDoor(value),
    });
    this.events = this.#events;
    const triggers = new Triggers<WorkflowSource>({ ...this.#events.following, start: (workflow, more) => this.#runLater(workflow, more) });
    this.#events.stopAlso(triggers);
    this.triggers = triggers;
    if (options.agents) this.#system.agents.bring(options.agents);
    this.tier1 = this.#tier('tier1', (request) => this.#startSwarm(request));
    this.tier2 = this.#tier('tier2', (request) => this.#startRoutine(request));
    this.tier3 = this.#tier('tier3', (request) => this.#startStep(request));
    this.#watchdog?.start();
  }

  /** Before anybody has this runtime: what its journal remembers, and what goes on from there. */
  async begin(): Promise<void> {
    await this.#system.begin();
    if (this.#options.recover ?? true) await this.#recoveries.recoverAll();
  }

  /** Executions by id: those that live, those that the journal has, and what became of them when this runtime was created. */
  get executions(): Pick<Recoveries, 'get' | 'list' | 'resume' | 'outcome'> {
    return this.#recoveries;
  }

  /** What exists here that a workflow can name; for `loadWorkflows`. */
  get registry(): WorkflowRegistry {
    return this.#configuration.registry;
  }

  /** The tools that steps can name; more can be registered at any time. */
  get tools(): Pick<ToolRegistry, 'register' | 'get' | 'list'> {
    return this.#configuration.tools;
  }

  /** The agents that swarms and agent steps may use: registered, found and leased; more can be registered at any time. */
  get agents(): Pick<Agents, 'register' | 'unregister' | 'get' | 'list' | 'discover' | 'capabilities' | 'lease' | 'crash'> {
    return this.#system.agents;
  }

  /** The services of the runtime, which are a supervision tree: whichever crashes is started again. */
  get supervisor(): Pick<SupervisorControls, 'whichChildren' | 'countChildren'> {
    return this.#system.supervisor;
  }

  /** What waits for decisions of people, in all executions of this runtime, and the way to answer. */
  get approvals(): Pick<Approvals, 'list' | 'get' | 'decide'> {
    return this.#approvals;
  }

  /** Every failure so far, and what became of it. */
  get errors(): Pick<ErrorLog, 'list' | 'counts'> {
    return this.#system.errors;
  }

  /** The circuit breakers: seen, opened, closed and reset by hand, and for calls of the embedder's own. */
  get breakers(): Pick<BreakerRegistry, 'list' | 'get' | 'forceOpen' | 'forceClose' | 'reset' | 'guard'> {
    return this.#system.breakers;
  }

  /**
   * A copy of anything with `[secret:NAME]` for every value of a secret that is known; itself where there is none. For what embedders show or
   * log of their own.
   */
  scrub<T>(value: T): T {
    return this.#configuration.secrets.scrubAny(value);
  }

  /** Live executions, timers and what went by unnoticed, in numbers. */
  get vitals() {
    return this.#system.vitals;
  }

  /**
   * Checks a definition and keeps it, so that it can be run by its id. Throws every problem at once.
   * A workflow created before under this id is replaced; runs that use it are not touched.
   */
  createWorkflow(definition: WorkflowDefinition | JsonObject): LoadedWorkflow {
    const loaded = loadWorkflow(definition, { registry: this.#configuration.registry });
    this.#configuration.workflows.set(loaded.plan.id, loaded);
    return loaded;
  }

  /** Starts a run of a workflow. A workflow or an input that is refused still becomes a run, which has failed. */
  run<Result = Json>(workflow: WorkflowSource, options: RunOptions = {}): ExecutionHandle<Result> {
    const { clock } = this.#system;
    const checked = checkRequest(options, () => this.#createId(), clock.now());
    const load = (names: readonly string[]) => this.#load(workflow, names);
    const input = reading('The request', () => options.input ?? {});
    const prepared = prepareRun(load, input, checked.allocation, nameOf(workflow));
    const job: RunJob = {
      execution: checked.execution,
      allocation: checked.allocation,
      recovery: this.#ladder.recovery(this.#configuration.registry),
      ...(checked.retry && { retry: checked.retry }),
      ...prepared,
    };
    const execution = this.#system.start('tier2', checked.execution, job);
    if (checked.hasSwarm) void this.#exportResult(execution, job.plan.id);
    return this.#handles.execution(execution, 'tier2') as ExecutionHandle<Result>;
  }

  /**
   * Goes on with a run or a step from its facts: what was committed is not done again, what was interrupted is, under the same
   * idempotency key. Throws INVALID_INPUT when the facts do not begin with the start of one.
   */
  async restore(facts: readonly Fact[]): Promise<ExecutionHandle> {
    return (await this.#restore(facts, ({ tier }) => tier !== 'tier1', 'restoreSwarm goes on with a swarm')) as ExecutionHandle;
  }

  /** The same for a swarm; each of its runs goes on under a new lease. */
  async restoreSwarm(facts: readonly Fact[]): Promise<SwarmHandle> {
    return (await this.#restore(facts, ({ tier }) => tier === 'tier1', 'restore goes on with a run or a step')) as SwarmHandle;
  }

  /**
   * Starts a new run that takes over what another one did before a step, and does that step again with all that depends on it. The other one is an
   * id in this runtime's journal, or its facts; it may have ended in any way or not at all, and is not touched. Throws EXECUTION_NOT_FOUND, or
   * INVALID_INPUT with every problem of the facts, or else of the step and the input.
   */
  async rerun<Result = Json>(source: string | readonly Fact[], options: RerunOptions): Promise<ExecutionHandle<Result>> {
    const { journal, clock } = this.#system;
    const { job, reused } = await prepareRerun(source, options, { journal, now: () => clock.now(), createId: () => this.#createId() });
    const { execution: context, plan } = job;
    const execution = this.#system.start('tier2', context, job, undefined, { reused });
    if (context.swarmId !== context.executionId) void this.#exportResult(execution, plan.id);
    return this.#handles.execution(execution, 'tier2') as ExecutionHandle<Result>;
  }

  /**
   * Starts a swarm: the goal is decomposed, a team is formed, each task becomes a run under a lease on a capable agent, and their results
   * become one. A definition or an input that is refused still becomes a swarm, which has failed.
   */
  swarm<Result = Json>(source: SwarmSource, options: SwarmOptions = {}): SwarmHandle<Result> {
    const checked = checkRequest(options, () => this.#createId(), this.#system.clock.now());
    const asked = reading('The request', () => askedOf(options));
    const job = this.#swarms.job(source, asked, checked);
    const execution = this.#system.start('tier1', checked.execution, job);
    return this.#followSwarm(execution, job) as SwarmHandle<Result>;
  }

  /** A swarm's blackboard, to read and to write. Runs that named the swarm leave their results there, by workflow id. */
  blackboard(swarmId: string): Blackboard {
    return this.#blackboards.of(swarmId);
  }

  /**
   * Cancels what lives, waits until it has settled, at most `graceMs`, then stops every actor. What has not settled by then gets a failed
   * result with RUNTIME_STOPPED. Afterwards nothing of the runtime is left: no actor, no timer.
   */
  async stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    const graceMs = reading('The options', () => checkGrace(options).graceMs ?? 10_000, 'INVALID_VALUE');
    this.#events.stopFollowers();
    const live = this.#system.live();
    // A cancel that is refused has its reason in the execution's result.
    for (const { context } of live)
      this.#handles
        .control(context.executionId)
        .cancel('runtime stopped')
        .catch(() => false);
    if (live.length > 0 && graceMs > 0) {
      const { clock } = this.#system;
      const deadline = Promise.withResolvers<void>();
      const timer = clock.setTimeout(() => deadline.resolve(), graceMs);
      await Promise.race([Promise.all(live.map((execution) => execution.result())), deadline.promise]);
      clock.clearTimeout(timer);
    }
    await this.#end('The runtime was stopped');
  }

  /**
   * Lets what is under way finish, at most for `graceMs`, and begins nothing more; then stops every actor without cancelling anything. A durable
   * journal goes on with all of it at the next start: what was cut short is then done again, under the same idempotency key. Until then results
   * that are awaited here are failed with RUNTIME_STOPPED.
   */
  async drain(options: { readonly graceMs?: number } = {}): Promise<void> {
    const graceMs = reading('The options', () => checkGrace(options).graceMs ?? 10_000, 'INVALID_VALUE');
    this.#events.stopFollowers();
    await this.#system.drain(graceMs);
    await this.#end('The runtime was stopped; the execution goes on from its journal');
  }

  /** Drains when the journal outlives this process, and otherwise cancels what lives. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (this.#system.journal.isDurable ? this.drain() : this.stop());
  }

  async #end(message: string): Promise<void> {
    const agents = this.#system.agents.stop();
    this.#system.halt(message);
    this.#hasStopped = true;
    await agents;
    await this.#watchdog?.stop();
    await this.#events.close();
    await this.#system.journal.close();
  }

  async #restore(facts: readonly Fact[], fits: (restoration: StreamRestoration) => boolean, otherwise: string) {
    const restoration = restorationOf(facts);
    const { tier, context } = restoration;
    if (!fits(restoration)) throw new SwarmchartError('INVALID_INPUT', `These are facts of ${tier}: ${otherwise}`);
    this.#system.mustRun();
    const stored = await this.#system.journal.read(context.executionId);
    if (stored.length === 0) await this.#system.journal.append(context.executionId, 0, facts);
    return this.#recoveries.start(restoration, facts);
  }

  /** For those who can wait: throws SYSTEM_PAUSED where `run` would have made a run that failed with it. */
  #runLater(workflow: WorkflowSource, options: RunOptions): ExecutionHandle {
    const state = this.#system.breakers.get('system')?.state ?? 'closed';
    if (state !== 'closed') throw new SwarmchartError('SYSTEM_PAUSED', `The circuit breaker of the system is ${state}`);
    return this.run(workflow, options);
  }

  #load(source: WorkflowSource, inputNames: readonly string[]): LoadedWorkflow {
    if (typeof source === 'string') {
      const created = this.#configuration.workflows.get(source);
      if (created) return created;
      throw new SwarmchartError('WORKFLOW_NOT_FOUND', `There is no workflow "${source}"; create it first`);
    }
    if (isLoaded(source)) return source;
    return loadWorkflow(source, { registry: this.#configuration.registry, inputNames });
  }

  /** What is missing is refused as a run; callers in JavaScript leave out anything. */
  #startRoutine(request: Partial<TierExecutionRequest<Partial<RoutineExecutionInput>>> | undefined): ExecutionHandle {
    const { workflow, options } = reading('The request', () => {
      const { workflow, parameters } = request?.input ?? {};
      return { workflow, options: { ...request, input: parameters ?? {} } };
    });
    return this.run(workflow as WorkflowSource, options);
  }

  #startStep(request: TierExecutionRequest<StepExecutionInput>): ExecutionHandle {
    const checked = checkStepRequest(request, () => this.#createId(), this.#system.clock.now());
    const job = stepJob(checked, this.#configuration.tools.get(checked.input.toolName), this.#ladder.recovery(this.registry));
    return this.#handles.execution(this.#system.start('tier3', checked.execution, job), 'tier3');
  }

  /** The caller's goal is a text of its own, not a template as a definition's. */
  #startSwarm(request: TierExecutionRequest<SwarmExecutionInput> | undefined): SwarmHandle {
    const { source, options } = reading('The request', () => {
      const { goal, parameters = {}, ...definition } = request?.input ?? {};
      const { input: _, ...rest } = request ?? {};
      const isOnlyGoal = Object.keys(definition).length === 0;
      const source: SwarmSource = isOnlyGoal ? (goal ?? '') : ({ id: 'swarm', ...definition } as SwarmDefinition);
      return { source, options: { ...rest, ...(goal !== undefined && { goal }), input: parameters } };
    });
    return this.swarm(source, options);
  }

  /** Its own agents live as long as it does. */
  #followSwarm(execution: Execution, job: SwarmJob): SwarmHandle {
    const { executionId } = execution.context;
    const lent = this.#system.agents.lend(job.agents.map((agent) => ({ ...agent, id: job.poolIds[agent.id] ?? agent.id })));
    void execution.result().then(({ success }) => {
      this.#system.agents.ask({ type: 'lease.returnAll', holder: executionId, at: this.#system.clock.now() });
      this.#system.agents.takeBack(lent);
      if (success) this.#swarms.completed(job);
    });
    return this.#handles.swarm(execution);
  }

  #tier<Input>(tier: TierName, start: (request: TierExecutionRequest<Input>) => Pick<ExecutionHandle, 'result'>): Tier<Input> {
    return {
      execute: async <Output>(request: TierExecutionRequest<Input>) => (await start(request).result()) as ExecutionResult<Output>,
      getExecutionStatus: (executionId) => this.#system.directory.status(executionId),
      pause: (executionId) => this.#handles.control(executionId).pause(),
      resume: (executionId) => this.#handles.control(executionId).resume(),
      cancelExecution: (executionId, reason) => this.#handles.control(executionId).cancel(reason),
      on: this.#system.bus.ofTier(tier),
    };
  }

  async #exportResult(execution: Execution, key: string): Promise<void> {
    const { success, result, context } = await execution.result();
    if (!success) return;
    const { executionId, swarmId } = context;
    const board = this.#blackboards.of(swarmId, { by: executionId });
    await board.set(key, result ?? null).catch((thrown: unknown) => {
      this.#system.log.warn({ err: thrown, execution: executionId, swarm: swarmId, key }, 'a result could not be left on the blackboard');
    });
  }

  #createId(): string {
    return this.#options.createId?.() ?? createNanoId();
  }
}

/** What the caller of a swarm wants instead of what its definition says. */
function askedOf({ goal, input, allocation, options }: SwarmOptions) {
  const timeout = options?.timeout;
  const limits = { ...allocation, ...(timeout !== undefined && { maxDurationMs: timeout }) };
  return { ...(goal !== undefined && { goal }), ...(input && { input }), limits };
}

function nameOf(source: unknown): string {
  const name = typeof source === 'string' ? source : memberOf(source, 'id');
  return typeof name === 'string' ? name : 'refused';
}

const isLoaded = (source: object | null | undefined): source is LoadedWorkflow =>
  typeof source === 'object' && source !== null && 'plan' in source && !('steps' in source);
