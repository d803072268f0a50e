/**
 * The actor system of one runtime: its root, the delivery between actors, the charts with their ports filled, and who is where.
 *
 *   runtime (supervisor) ── breakers ── breaker/tool/…
 *                        ├─ pool ── agent/…
 *                        └─ executions (nursery) ── swarm/… ── nursery ── run/… ── nursery ── step/… ── attempt
 *                                                └─ run/…, step/… (on their own)
 */

import { type AnyActorLogic, type AnyActorRef, type EventObject, fromCallback } from 'xstate';
import type { Clock } from './actors/clock.ts';
import { asCause } from './actors/failure.ts';
import type { FaultHooks } from './actors/faults.ts';
import type { NurseryServices } from './actors/nursery.ts';
import type { HelperServices } from './actors/planner.ts';
import { MailQueue, PostOffice } from './actors/post-office.ts';
import type { Counters, WorkServices } from './actors/services.ts';
import type { Logger } from './actors/tool.ts';
import { chartsOf } from './charts.ts';
import type { CommitParams } from './machines/effects.ts';
import type { LeaseAnswer } from './machines/protocol/agent.ts';
import { executionError, SwarmchartError } from './machines/protocol/errors.ts';
import {
  type ExecutionContext,
  type ExecutionError,
  type ExecutionResult,
  NO_USAGE,
  type ResourceUsage,
  type Tier,
} from './machines/protocol/execution.ts';
import type { Fact, FactBody } from './machines/protocol/facts.ts';
import type { ChildReport, ChildSpec, RunJob } from './machines/protocol/run.ts';
import type { StepJob, TimedOutcome } from './machines/protocol/step.ts';
import type { SupervisorOutcome } from './machines/protocol/supervisor.ts';
import type { RunOutcome } from './machines/run.decisions.ts';
import { Agents } from './runtime/agents/agents.ts';
import { AgentCircuits } from './runtime/breakers/agent-circuits.ts';
import { knownGuards } from './runtime/breakers/known.ts';
import { scopeOptions } from './runtime/breakers/options.ts';
import { BreakerRegistry } from './runtime/breakers/registry.ts';
import { ErrorLog } from './runtime/errors/error-log.ts';
import { EventBus } from './runtime/events/event-bus.ts';
import { Directory, phaseOf } from './runtime/execution/directory.ts';
import { Execution } from './runtime/execution/handle.ts';
import { failedResult, toResult } from './runtime/execution/result.ts';
import { RootNursery } from './runtime/execution/root-nursery.ts';
import { type Root, Roots } from './runtime/execution/roots.ts';
import { SuspendedStates } from './runtime/execution/suspended-states.ts';
import { safeObserver } from './runtime/inspection.ts';
import { FactStream } from './runtime/journal/fact-stream.ts';
import type { Journal } from './runtime/journal/journal.ts';
import { MemoryJournal } from './runtime/journal/memory-journal.ts';
import { publishedStream } from './runtime/journal/published-stream.ts';
import { foldStream } from './runtime/journal/restoration.ts';
import { SILENT, safeLogger } from './runtime/logger.ts';
import { DEFAULT_MAILBOX_LIMIT, type RuntimeOptions } from './runtime/options.ts';
import { RuntimeTree, type Service } from './runtime/supervision/runtime-tree.ts';
import { leasedAgents } from './runtime/swarm/acting-agent.ts';
import { systemClock } from './runtime/system-clock.ts';
import { SystemPause } from './runtime/system-pause.ts';
import type { ToolRegistry } from './runtime/tool-registry.ts';

type RootReport = ChildReport<RunOutcome | TimedOutcome> | EventObject;
/** What works for a swarm beside its runs. */
export type SwarmHelpers = Pick<HelperServices, 'plan' | 'organize' | 'synthesize'>;
export type WorkConfiguration = Pick<
  WorkServices,
  'modules' | 'strategies' | 'blackboard' | 'evaluate' | 'classify' | 'maxOutputBytes' | 'watch'
> & { readonly tools: Pick<ToolRegistry, 'get' | 'list'> };

/** Hears every committed fact, before subscribers do, and of every root that is over. */
export interface FactWatch {
  readonly hear: (facts: readonly Fact[]) => void;
  readonly forget: (stream: string) => void;
}

/** What a chart's actor needs to go on from an earlier life. */
export interface Restoration {
  readonly seq: number;
  readonly states: ReadonlyMap<string, unknown>;
}

const ROOT_LOGICS = { tier1: 'swarm', tier2: 'run', tier3: 'executor' } as const satisfies Record<Tier, string>;

const FAILED_FACTS = {
  tier1: 'tier1/swarm/coordination_failed',
  tier2: 'tier2/routine/failed',
  tier3: 'tier3/execution/failed',
} as const satisfies Record<Tier, string>;

/** Names the stream of the supervisor's facts. */
const RUNTIME: ExecutionContext = { executionId: 'runtime', swarmId: 'runtime', userId: 'runtime', timestamp: 0, correlationId: 'runtime' };

/** A service that only is the parent of what it stands for. */
function parentOnly() {
  let ref: AnyActorRef | undefined;
  const service: Service = {
    logic: fromCallback(({ receive }) => receive(() => {})),
    changed: (next) => {
      ref = next;
    },
  };
  return { service, ref: () => ref };
}

export class System {
  readonly clock: Clock;
  readonly log: Logger;
  readonly journal: Journal;
  readonly errors: ErrorLog;
  readonly bus: EventBus;
  readonly directory = new Directory();
  readonly counters: Counters = { stale: 0, deadLetters: 0, abandoned: 0, lateResults: 0 };
  readonly #logics: Readonly<Record<string, AnyActorLogic>>;
  readonly #post: PostOffice;
  readonly #tree: RuntimeTree;
  readonly #executions: RootNursery;
  readonly #faults: FaultHooks;
  readonly breakers: BreakerRegistry;
  readonly suspension: SystemPause;
  readonly agents: Agents;
  readonly #roots = new Roots(this.directory);
  #isStopped = false;

  readonly #watch: FactWatch;

  constructor(options: RuntimeOptions, work: WorkConfiguration, helpers: SwarmHelpers, watch: FactWatch) {
    this.#watch = watch;
    this.clock = options.clock ?? systemClock();
    this.log = options.logger ? safeLogger(options.logger) : SILENT;
    this.journal = options.journal ?? new MemoryJournal();
    this.errors = new ErrorLog(options.errors ?? {}, this.log);
    this.bus = new EventBus({ clock: this.clock, log: this.log, first: (facts) => this.errors.hear(facts) });
    this.#post = new PostOffice(options.carrier ?? new MailQueue(), this.counters, options.mailboxLimit ?? DEFAULT_MAILBOX_LIMIT);
    this.#faults = options.faults ?? {};
    const { clock, counters, log, directory } = this;
    const breakers = () => this.breakers;
    const breakerHost = parentOnly();
    const enqueue = (to: string, type: string, open: () => void) => this.#post.enqueue(to, type, open);
    const circuits = new AgentCircuits({ breakers, enqueue, setCircuit: (...change) => this.agents.setCircuit(...change) });
    this.suspension = new SystemPause({ clock, log, directory, breakers, enqueue, live: () => this.#roots.keys() });
    this.breakers = new BreakerRegistry({
      clock,
      counters,
      options: scopeOptions(options.breakers),
      parent: breakerHost.ref,
      publish: (facts) => this.bus.publish(facts),
      faults: this.#faults,
      log,
      known: knownGuards({ ...work, agents: { get: (id) => this.agents.get(id) } }),
      noted: (fact) => {
        if (fact.payload.scope === 'agent') circuits.changed(fact);
        if (fact.payload.scope === 'system') this.suspension.noted(fact);
      },
    });
    this.agents = new Agents({
      clock,
      log,
      counters,
      enqueue,
      publish: (facts) => this.bus.publish(facts),
      ...(options.faults && { faults: options.faults }),
      circuits,
      onAnswer: (holder, message) => this.#tellHolder(holder, message),
    });
    const agents = leasedAgents(directory, this.agents);
    const nursery = this.#nurseryServices();
    this.#logics = chartsOf({
      work: { ...work, clock, counters, log, streams: directory, breakers: this.breakers, faults: this.#faults, agents },
      helpers: { ...helpers, streams: directory, counters, maxOutputBytes: work.maxOutputBytes },
      nursery,
      directory,
      commit: (params) => this.#commit(params),
      askPool: (command) => this.agents.ask(command),
    });
    this.#executions = new RootNursery({
      services: nursery,
      roots: this.#roots,
      post: this.#post,
      hear: (report) => this.#hear(report),
      started: (context) => this.suspension.born(context),
    });
    const supervision = publishedStream('runtime', (facts) => this.bus.publish(facts));
    this.#tree = new RuntimeTree(
      { breakers: breakerHost.service, pool: this.agents.service, executions: this.#executions.service },
      {
        clock,
        post: this.#post,
        ...(options.inspect && { inspect: safeObserver(options.inspect, log) }),
        onFact: ({ supervisor: _, ...fact }) => supervision.record({ execution: RUNTIME, tier: 'tier1', facts: [fact] }),
        onEscalated: (outcome) => this.#giveUp(outcome),
      },
    );
  }

  /** The runtime's services as its supervisor has them. */
  get supervisor(): RuntimeTree['controls'] {
    return this.#tree.controls;
  }

  get vitals() {
    return { executions: this.directory.size, actorsWithTimers: this.#tree.pendingTimers(), ...this.counters };
  }

  /** Starts a root execution in a stream of its own. Throws DUPLICATE_EXECUTION for an id that is taken. */
  start(tier: Tier, context: ExecutionContext, job: object, restoration?: Restoration): Execution {
    const { executionId } = context;
    if (this.#isStopped) throw new SwarmchartError('RUNTIME_STOPPED', 'The runtime has been stopped');
    if (this.#roots.has(executionId) || this.directory.status(executionId) !== undefined) {
      throw new SwarmchartError('DUPLICATE_EXECUTION', `There is an execution "${executionId}" already`);
    }
    const execution = new Execution(context);
    void execution.result().then(() => this.#watch.forget(executionId));
    const stream = new FactStream({
      name: executionId,
      journal: this.journal,
      ...(restoration && { seq: restoration.seq }),
      onCommitted: (facts) => this.#publish(facts, execution),
      onFailed: (error) => this.#abandon(executionId, executionError('JOURNAL_FAILED', error.message, tier)),
    });
    const refusal = restoration || 'refusal' in job ? undefined : this.suspension.admit(execution, tier);
    const input = { execution: context, job: refusal ? { ...job, refusal } : job };
    const spec: ChildSpec = { id: executionId, src: ROOT_LOGICS[tier], incarnation: 1, input };
    const suspended = new SuspendedStates(restoration?.states);
    this.#roots.set(executionId, { execution, stream, tier, suspended, spec, fallen: new Map(), falls: new Set() });
    this.#executions.start(executionId);
    return execution;
  }

  /**
   * Sends a command to a live execution. Resolves with whether it was accepted, once what was recorded before it is committed.
   * Rejects with MAILBOX_FULL when too many commands wait for it already.
   */
  async command(
    executionId: string,
    accepts: (phase: string, context: object) => boolean,
    event: (at: number) => EventObject,
  ): Promise<boolean> {
    await this.#roots.get(executionId)?.execution.started;
    if (!this.directory.find(executionId)?.ref) await this.#mailUnderWay(executionId);
    const entry = this.directory.find(executionId);
    const ref = entry?.ref;
    if (!ref) return false;
    const answer = Promise.withResolvers<boolean>();
    const deliver = (): boolean | Promise<boolean> => {
      const isAccepted = ref.getSnapshot().status === 'active' && accepts(phaseOf(entry), ref.getSnapshot().context);
      if (isAccepted) ref.send(event(this.clock.now()));
      return entry.stream.committed()?.then(() => isAccepted) ?? isAccepted;
    };
    const isTaken = this.#post.post(ref, 'command', () => {
      try {
        answer.resolve(deliver());
      } catch (thrown) {
        answer.reject(thrown);
      }
    });
    if (!isTaken) throw new SwarmchartError('MAILBOX_FULL', `Too many commands wait for execution "${executionId}"`);
    return answer.promise;
  }

  /** A child lives a moment after the fact that it was started: what starts it is on its way. */
  async #mailUnderWay(executionId: string): Promise<void> {
    const root = executionId.split('/', 1)[0] ?? executionId;
    if (root === executionId || !this.#roots.has(root)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#post.enqueue(root, 'command', resolve);
    await promise;
  }

  /** The folded state of a root execution as far as it is committed: that of its actor, or, once it has settled, of its facts. */
  async stateOf(executionId: string): Promise<unknown> {
    await this.#roots.get(executionId)?.execution.started;
    const entry = this.directory.find(executionId);
    // The ids of children begin with that of their root, which has no slash.
    if (!entry?.ref) return foldStream(await this.journal.read(executionId.split('/', 1)[0] ?? executionId)).get(executionId);
    const { state } = entry.ref.getSnapshot().context as { readonly state: unknown };
    await entry.stream.committed();
    return state;
  }

  #commit(params: CommitParams): void {
    const { executionId } = params.execution;
    if (!this.directory.find(executionId)) this.#bury(params);
    else if (this.#faults.fact) for (const { type } of params.facts) this.#faults.fact({ executionId, type });
    this.directory.record(params);
    if (params.tier !== 'tier3') this.#roots.heard(params.execution, params.facts);
  }

  /** The last word about an execution that crashed, by whoever supervises it. */
  #bury({ execution, facts: [last] }: CommitParams): void {
    const { error } = (last?.payload ?? {}) as { readonly error?: ExecutionError };
    if (last && error) this.#roots.bury(execution, error, last.at);
  }

  /** Records a fact about a live root execution in its stream, and gives the gate that it must pass; false when no such root lives. */
  record(executionId: string, fact: FactBody): Promise<void> | undefined | false {
    const root = this.#roots.get(executionId);
    // One that has ended may still wait for its last commit: after its terminal fact there is none.
    if (!root || this.directory.find(executionId)?.ref?.getSnapshot().status !== 'active') return false;
    root.stream.record({ execution: root.execution.context, tier: 'tier1', facts: [fact] });
    return root.stream.committed();
  }

  /** Executions that were started and have not settled. */
  live(): readonly Execution[] {
    return [...this.#roots.values()].map(({ execution }) => execution);
  }

  /** Stops every actor at once. What has not settled gets a failed result that no fact records. */
  halt(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.breakers.stop();
    void this.agents.stop();
    for (const executionId of this.#roots.keys()) {
      this.#abandon(executionId, executionError('RUNTIME_STOPPED', 'The runtime was stopped', 'tier2'));
    }
    this.#tree.stop();
    this.bus.close();
  }

  /** A service crashed more often than its supervisor puts up with: nothing can be promised any more. */
  #giveUp({ childId = 'runtime', cause }: SupervisorOutcome): void {
    const message = `The runtime gave up: its service "${childId}" crashed too often${cause ? `: ${cause.message}` : ''}`;
    this.log.error({ service: childId, cause }, message);
    this.agents.fail(cause);
    for (const [executionId, { tier }] of [...this.#roots]) this.#abandon(executionId, executionError('ACTOR_CRASHED', message, tier));
    this.halt();
  }

  #nurseryServices(): NurseryServices {
    return {
      clock: this.clock,
      counters: this.counters,
      logics: () => this.#logics,
      admitted: (execution, report) => {
        const restored = this.#roots.admit(execution, report);
        return restored === undefined ? {} : { restored };
      },
      born: (execution, ref: AnyActorRef) => {
        const entry = this.directory.find(execution.executionId);
        if (entry) entry.ref = ref;
        this.#roots.get(execution.executionId)?.execution.start();
      },
      departed: (execution, how) => this.#roots.dismiss(execution, how),
      fell: (execution) => this.#fell(execution),
      falling: (execution) => this.#roots.falling(execution.executionId),
    };
  }

  async #fell(execution: ExecutionContext): Promise<ResourceUsage | undefined> {
    try {
      return await this.#roots.fell(execution, (stream) => this.journal.read(stream));
    } catch (thrown) {
      const [root = ''] = execution.executionId.split('/', 1);
      this.#abandon(
        root,
        executionError('JOURNAL_FAILED', `After a crash the facts of "${root}" cannot be read: ${asCause(thrown).message}`, 'tier2'),
      );
      return undefined;
    }
  }

  /** Of a lease that its holder has not lived to hear of nobody would ever return it. */
  #tellHolder(holder: string, message: LeaseAnswer): void {
    this.#post.enqueue(holder, message.type, () => {
      const ref = this.directory.find(holder)?.ref;
      if (ref?.getSnapshot().status === 'active') ref.send(message);
      else if (message.type === 'lease.granted') this.agents.ask({ type: 'lease.return', leaseId: message.leaseId, at: this.clock.now() });
    });
  }

  #hear(message: RootReport): void {
    if (message.type !== 'child.done' && message.type !== 'child.crashed') return;
    const report = message as Extract<ChildReport<RunOutcome | TimedOutcome>, { type: 'child.done' | 'child.crashed' }>;
    const root = this.#roots.get(report.id);
    if (!root) return;
    if (report.type === 'child.done') {
      void this.#settle(root, toResult(report.output, root.tier, root.execution.context));
      return;
    }
    const error = executionError('ACTOR_CRASHED', `Execution "${report.id}" crashed: ${report.cause.message}`, root.tier, {
      cause: report.cause,
    });
    this.log.error({ execution: report.id, cause: report.cause }, 'an execution crashed');
    const { usage = NO_USAGE, at } = report;
    this.#roots.bury(root.execution.context, error, at);
    root.stream.record({
      execution: root.execution.context,
      tier: root.tier,
      facts: [{ type: FAILED_FACTS[root.tier], at, payload: { ...lastWordsOf(root), error, usage } }],
    });
    void this.#settle(root, { ...failedResult(error, root.execution.context), resourcesUsed: usage });
  }

  async #settle({ execution, stream }: Root, result: ExecutionResult): Promise<void> {
    const { executionId } = execution.context;
    try {
      await stream.committed();
    } catch {
      // The stream has failed, and with that the execution was abandoned.
      return;
    }
    this.#roots.delete(executionId);
    execution.settle(result);
  }

  /** A stream that cannot be written, or a runtime that stops: nothing of this execution goes on. */
  #abandon(executionId: string, error: ExecutionError): void {
    const root = this.#roots.get(executionId);
    if (!root) return;
    this.#roots.delete(executionId);
    this.errors.forget(executionId);
    root.execution.start();
    if (!this.#isStopped) this.#executions.stop(executionId);
    root.execution.settle(failedResult(error, root.execution.context));
  }

  #publish(facts: readonly Fact[], execution: Execution): void {
    this.#watch.hear(facts);
    this.bus.publish(facts);
    execution.announce();
  }
}

/** What the last fact of a root says beside its error and its usage. */
function lastWordsOf({ tier, spec }: Root): object {
  const { job } = spec.input as { readonly job: RunJob | StepJob };
  if (tier === 'tier2') return { routineId: (job as RunJob).plan.id };
  return tier === 'tier3' ? { stepId: (job as StepJob).stepId, attempts: 1 } : {};
}
