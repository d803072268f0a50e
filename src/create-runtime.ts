/** The composition root: `createRuntime` and what it returns. */

import { customAlphabet } from 'nanoid';
import type { Blackboard } from './actors/blackboard.ts';
import { Handles } from './handles.ts';
import { SwarmchartError } from './machines/protocol/errors.ts';
import type { Json, JsonObject } from './machines/protocol/execution.ts';
import type { Fact } from './machines/protocol/facts.ts';
import type { RunJob } from './machines/protocol/run.ts';
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
import type { ExecutionHandle, SwarmHandle } from './runtime/execution/handle.ts';
import type { StepExecutionInput } from './runtime/execution/requests.ts';
import type { Journal } from './runtime/journal/journal.ts';
import { MemoryJournal } from './runtime/journal/memory-journal.ts';
import { restorationOf, type StreamRestoration } from './runtime/journal/restoration.ts';
import { checkStream } from './runtime/journal/stream-check.ts';
import { SILENT, safeLogger } from './runtime/logger.ts';
import { DEFAULT_MAX_OUTPUT_BYTES, type RuntimeOptions } from './runtime/options.ts';
import { checkOptions } from './runtime/options-check.ts';
import { Ladder } from './runtime/recovery.ts';
import type { RerunOptions } from './runtime/rerun/rerun.ts';
import { NO_SECRETS } from './runtime/secrets/secrets.ts';
import type { SupervisorControls } from './runtime/supervision/controls.ts';
import { type SwarmSource, Swarms } from './runtime/swarm/swarms.ts';
import { Tasks } from './runtime/tasks/tasks.ts';
import { Templates } from './runtime/templates.ts';
import type { ToolRegistry } from './runtime/tool-registry.ts';
import { type Watchdog, watchdog } from './runtime/watchdog/watchdog.ts';
import { evaluateCondition } from './runtime/workflow/conditions.ts';
import { type LoadedWorkflow, loadWorkflow } from './runtime/workflow/load.ts';
import type { WorkflowRegistry } from './runtime/workflow/registry.ts';
import type { WorkflowDefinition } from './runtime/workflow/schema.ts';
import { Starter } from './starter.ts';
import type { RoutineExecutionInput, RunOptions, SwarmExecutionInput, SwarmOptions, Tier, WorkflowSource } from './surface.ts';
import { System, type WorkConfiguration } from './system.ts';
import { tiersOf } from './tiers.ts';

export type Runtime = SwarmchartRuntime;

/**
 * Starts a runtime. Rejects with DUPLICATE_ID or INVALID_VALUE (WORKFLOW_INVALID for several problems) when its configuration makes no sense, and
 * with JOURNAL_LOCKED, JOURNAL_DAMAGED, JOURNAL_VERSION or JOURNAL_FAILED when its journal cannot be had.
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
    // Whatever closing says against it, the first error is the one to tell.
    await (runtime ? runtime.stop({ graceMs: 0 }) : journal.close()).catch((err: unknown) => {
      if (options.logger)
        safeLogger(options.logger, NO_SECRETS).error({ err }, 'a runtime that could not be created could not be closed, either');
    });
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
  readonly #options: RuntimeOptions;
  readonly #configuration: Configuration;
  readonly #blackboards: Blackboards;
  readonly #watchdog: Watchdog | undefined;
  readonly #approvals: Approvals;
  readonly #starter: Starter;
  readonly #recoveries: Recoveries;
  readonly #events: Events;
  #hasStopped = false;

  constructor(options: RuntimeOptions & { readonly journal: Journal }) {
    this.#options = options;
    const ladder = new Ladder(options);
    const createId = (): string => options.createId?.() ?? createNanoId();
    this.#configuration = configurationOf(options);
    const { registry, conditions, ...work } = this.#configuration;
    const log = options.logger ? safeLogger(options.logger, work.secrets) : SILENT;
    this.#watchdog = options.watchdog ? watchdog(options.watchdog, log) : undefined;
    const swarms = new Swarms({
      runtime: options,
      ladder,
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
    this.#system = new System(options, configured, swarms, this.#approvals);
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
    this.#starter = new Starter({
      system: this.#system,
      handles: this.#handles,
      configuration: this.#configuration,
      ladder,
      swarms,
      blackboards: this.#blackboards,
      createId,
    });
    this.#recoveries = new Recoveries({
      system: this.#system,
      handles: this.#handles,
      blackboards: this.#blackboards,
      approvals: this.#approvals,
      followSwarm: (execution, job) => this.#starter.followSwarm(execution, job),
      followRun: (execution, { tier, context, job }) => {
        const isOfSwarm = tier === 'tier2' && context.swarmId !== context.executionId;
        if (isOfSwarm) this.#starter.leaveResult(execution, (job as RunJob).plan.id);
      },
    });
    this.#events = new Events({
      bus,
      clock,
      log,
      journal: this.#system.journal,
      createId,
      scrub: (value) => work.secrets.scrubAny(value),
    });
    this.events = this.#events;
    const triggers = new Triggers<WorkflowSource>({
      ...this.#events.following,
      start: (workflow, more) => this.#starter.runLater(workflow, more),
    });
    this.#events.stopAlso(triggers);
    this.triggers = triggers;
    if (options.agents) this.#system.agents.bring(options.agents);
    ({ tier1: this.tier1, tier2: this.tier2, tier3: this.tier3 } = tiersOf(this.#system, this.#handles, this.#starter));
    this.#watchdog?.start();
  }

  /** Before anybody has this runtime: what its journal remembers, and what goes on from there. */
  async begin(): Promise<void> {
    await this.#system.begin();
    if (this.#options.recover ?? true) await this.#recoveries.recoverAll();
  }

  /** Executions by id: those that live, those that the journal has, and what became of them when this runtime was created. */
  get executions(): Pick<Recoveries, 'get' | 'list' | 'resume' | 'result' | 'giveUp' | 'outcome'> {
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
    return this.#starter.run(workflow, options) as ExecutionHandle<Result>;
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
    return (await this.#starter.rerun(source, options)) as ExecutionHandle<Result>;
  }

  /**
   * Starts a swarm: the goal is decomposed, a team is formed, each task becomes a run under a lease on a capable agent, and their results
   * become one. A definition or an input that is refused still becomes a swarm, which has failed.
   */
  swarm<Result = Json>(source: SwarmSource, options: SwarmOptions = {}): SwarmHandle<Result> {
    return this.#starter.swarm(source, options) as SwarmHandle<Result>;
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
    this.#recoveries.stop();
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
    this.#recoveries.stop();
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
    checkStream(facts);
    const restoration = restorationOf(facts);
    const { tier, context } = restoration;
    if (!fits(restoration)) throw new SwarmchartError('INVALID_INPUT', `These are facts of ${tier}: ${otherwise}`);
    this.#system.mustRun();
    const stored = await this.#system.journal.read(context.executionId);
    if (stored.length === 0) await this.#system.journal.append(context.executionId, 0, facts);
    return this.#recoveries.start(restoration, facts);
  }
}
