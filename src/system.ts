/**
 * The actor system of one runtime: its root, the delivery between actors, the charts with their ports filled, and who is where.
 *
 *   runtime (supervisor) ── breakers ── breaker/tool/…
 *                        ├─ pool ── agent/…
 *                        └─ executions (nursery) ── swarm/… ── nursery ── run/… ── nursery ── step/… ── attempt
 *                                                └─ run/…, step/… (on their own)
 */

import { type AnyActorLogic, type AnyActorRef, fromCallback } from 'xstate';
import type { Clock } from './actors/clock.ts';
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
import type { ExecutionContext, Tier } from './machines/protocol/execution.ts';
import type { Fact } from './machines/protocol/facts.ts';
import type { RecoveryFact } from './machines/protocol/recovery.ts';
import type { ChildSpec } from './machines/protocol/run.ts';
import type { SupervisorOutcome } from './machines/protocol/supervisor.ts';
import { Agents } from './runtime/agents/agents.ts';
import { AgentCircuits } from './runtime/breakers/agent-circuits.ts';
import { knownGuards } from './runtime/breakers/known.ts';
import { scopeOptions } from './runtime/breakers/options.ts';
import { BreakerRegistry } from './runtime/breakers/registry.ts';
import { ErrorLog } from './runtime/errors/error-log.ts';
import { EventBus } from './runtime/events/event-bus.ts';
import { Commands } from './runtime/execution/commands.ts';
import { Directory } from './runtime/execution/directory.ts';
import { drain } from './runtime/execution/drain.ts';
import { Endings } from './runtime/execution/endings.ts';
import { Execution } from './runtime/execution/handle.ts';
import { RootNursery } from './runtime/execution/root-nursery.ts';
import { Roots } from './runtime/execution/roots.ts';
import { SuspendedStates } from './runtime/execution/suspended-states.ts';
import { safeObserver } from './runtime/inspection.ts';
import { FactStream } from './runtime/journal/fact-stream.ts';
import type { Journal } from './runtime/journal/journal.ts';
import { publishedStream } from './runtime/journal/published-stream.ts';
import { SILENT, safeLogger } from './runtime/logger.ts';
import { DEFAULT_MAILBOX_LIMIT, type RuntimeOptions } from './runtime/options.ts';
import type { RuntimeSecrets } from './runtime/secrets/secrets.ts';
import { RuntimeTree, type Service } from './runtime/supervision/runtime-tree.ts';
import { leasedAgents } from './runtime/swarm/acting-agent.ts';
import { systemClock } from './runtime/system-clock.ts';
import { SystemPause } from './runtime/system-pause.ts';
import type { ToolRegistry } from './runtime/tool-registry.ts';

/** What works for a swarm beside its runs. */
export type SwarmHelpers = Pick<HelperServices, 'plan' | 'organize' | 'synthesize'>;
export type WorkConfiguration = Pick<
  WorkServices,
  'modules' | 'strategies' | 'blackboard' | 'evaluate' | 'classify' | 'maxOutputBytes' | 'watch'
> & { readonly tools: Pick<ToolRegistry, 'get' | 'list'>; readonly secrets: RuntimeSecrets };

/** Hears every committed fact, before subscribers do, and of every root that is over. */
export interface FactWatch {
  readonly hear: (facts: readonly Fact[]) => void;
  readonly forget: (stream: string) => void;
}

/** What a chart's actor needs to go on from an earlier life. */
export interface Restoration {
  readonly seq: number;
  readonly at: number;
  readonly isHeld: boolean;
  readonly states: ReadonlyMap<string, unknown>;
  /** When the journal brought it back: how often in a row without progress. */
  readonly recovery?: number;
}

const ROOT_LOGICS = { tier1: 'swarm', tier2: 'run', tier3: 'executor' } as const satisfies Record<Tier, string>;

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
  readonly #endings: Endings;
  /** What is asked of live executions. */
  readonly commands: Commands;
  readonly #watch: FactWatch;
  readonly #secrets: RuntimeSecrets;
  #isStopped = false;

  constructor(options: RuntimeOptions & { readonly journal: Journal }, work: WorkConfiguration, helpers: SwarmHelpers, watch: FactWatch) {
    this.#watch = watch;
    this.clock = options.clock ?? systemClock();
    this.#secrets = work.secrets;
    this.log = options.logger ? safeLogger(options.logger, work.secrets) : SILENT;
    this.journal = options.journal;
    this.errors = new ErrorLog(options.errors ?? {}, this.log);
    this.bus = new EventBus({ clock: this.clock, log: this.log, first: (facts) => this.errors.hear(facts) });
    this.#post = new PostOffice(options.carrier ?? new MailQueue(), this.counters, options.mailboxLimit ?? DEFAULT_MAILBOX_LIMIT);
    this.#faults = options.faults ?? {};
    this.#endings = new Endings({
      roots: this.#roots,
      log: this.log,
      journal: this.journal,
      abandoned: (executionId) => {
        this.errors.forget(executionId);
        if (!this.#isStopped) this.#executions.stop(executionId);
      },
    });
    this.commands = new Commands({
      clock: this.clock,
      directory: this.directory,
      roots: this.#roots,
      post: this.#post,
      journal: this.journal,
      secrets: work.secrets,
    });
    const { clock, counters, log, directory } = this;
    const checked = (facts: readonly Fact[]) => work.secrets.atLastDoor(facts);
    const publish = (facts: readonly Fact[]) => this.bus.publish(checked(facts));
    const breakers = () => this.breakers;
    const breakerHost = parentOnly();
    const enqueue = (to: string, type: string, open: () => void) => this.#post.enqueue(to, type, open);
    const circuits = new AgentCircuits({ breakers, enqueue, setCircuit: (...change) => this.agents.setCircuit(...change) });
    this.suspension = new SystemPause({
      clock,
      log,
      directory,
      breakers,
      enqueue,
      live: () => this.#roots.keys(),
      record: (...about) => void this.commands.note(...about),
    });
    this.breakers = new BreakerRegistry({
      clock,
      counters,
      options: scopeOptions(options.breakers),
      parent: breakerHost.ref,
      journal: this.journal,
      publish,
      checked,
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
      publish,
      secrets: work.secrets,
      ...(options.faults && { faults: options.faults }),
      circuits,
      onAnswer: (holder, message) => this.#tellHolder(holder, message),
    });
    const agents = leasedAgents(directory, this.agents);
    const nursery = this.#nurseryServices();
    this.#logics = chartsOf({
      work: { ...work, clock, counters, log, streams: directory, breakers: this.breakers, faults: this.#faults, agents },
      helpers: { ...helpers, streams: directory, counters, secrets: work.secrets, maxOutputBytes: work.maxOutputBytes },
      nursery,
      directory,
      commit: (params) => this.#commit(params),
      askPool: (command) => this.agents.ask(command),
    });
    this.#executions = new RootNursery({
      services: nursery,
      roots: this.#roots,
      post: this.#post,
      hear: (report) => this.#endings.hear(report),
      started: (context) => this.suspension.born(context),
    });
    const supervision = publishedStream('runtime', publish);
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
    return {
      executions: this.directory.size,
      actorsWithTimers: this.#tree.pendingTimers(),
      ...this.counters,
      secretsCaught: this.#secrets.caught,
    };
  }

  /** Starts a root execution in a stream of its own; `more` is what its chart takes beside its job. Throws DUPLICATE_EXECUTION for an id that is taken. */
  start(tier: Tier, given: ExecutionContext, asked: object, restoration?: Restoration, more: object = {}): Execution {
    const [context, job] = this.#secrets.scrub([given, asked] as const);
    const { executionId } = context;
    this.mustRun();
    // What the journal brings back may have been refused, or given up, here before.
    const isTaken = restoration?.recovery === undefined && this.directory.status(executionId) !== undefined;
    if (this.#roots.has(executionId) || isTaken) {
      throw new SwarmchartError('DUPLICATE_EXECUTION', `There is an execution "${executionId}" already`);
    }
    const execution = new Execution(context);
    void execution.result().then(() => this.#watch.forget(executionId));
    const stream = new FactStream({
      name: executionId,
      journal: this.journal,
      checked: (facts) => this.#secrets.atLastDoor(facts),
      ...(restoration && { seq: restoration.seq, at: restoration.at }),
      onCommitted: (facts) => this.#publish(facts, execution),
      onFailed: (error) => this.#unrecorded(executionId, tier, error),
    });
    const refusal = restoration || 'refusal' in job ? undefined : this.suspension.admit(execution, tier);
    const input = { ...more, execution: context, job: refusal ? { ...job, refusal } : job };
    const spec: ChildSpec = { id: executionId, src: ROOT_LOGICS[tier], incarnation: 1, input };
    const suspended = new SuspendedStates(restoration?.states);
    this.#roots.set(executionId, { execution, stream, tier, suspended, spec, fallen: new Map(), falls: new Set() });
    if (restoration) this.#goOn(restoration, context, stream, tier);
    this.#executions.start(executionId);
    return execution;
  }

  /** Perhaps nobody waits for its result: what the journal brought back has no caller. */
  #unrecorded(executionId: string, tier: Tier, err: SwarmchartError): void {
    if (err.code !== 'DUPLICATE_EXECUTION')
      this.log.error({ err, execution: executionId }, 'an execution cannot be recorded any more, and ends here');
    this.#endings.abandon(executionId, executionError(err.code, err.message, tier));
  }

  /** Throws RUNTIME_STOPPED once it has been stopped, or is about to. */
  mustRun(): void {
    if (this.#isStopped || this.directory.effects.isHeld) throw new SwarmchartError('RUNTIME_STOPPED', 'The runtime has been stopped');
  }

  #goOn({ isHeld, at, recovery: recoveries }: Restoration, context: ExecutionContext, stream: FactStream, tier: Tier): void {
    if (isHeld) this.suspension.adopt(context.executionId);
    if (recoveries === undefined) return;
    const fact: RecoveryFact = { type: 'execution/recovered', at: Math.max(at, this.clock.now()), payload: { recoveries } };
    stream.record({ execution: context, tier, facts: [fact] });
  }

  /** Before anything is started: what survives beside executions. */
  async begin(): Promise<void> {
    this.journal.watch((condition) => this.suspension.heed(condition));
    await this.breakers.restore();
  }

  /** A root execution that lives. */
  find(executionId: string): { readonly execution: Execution; readonly tier: Tier } | undefined {
    return this.#roots.get(executionId);
  }

  /** Nothing begins any more. Resolves when what is under way has ended and all that was recorded is committed; at the latest after `graceMs`. */
  drain(graceMs: number): Promise<void> {
    const note = (...about: Parameters<Commands['note']>) => this.commands.note(...about);
    return drain({ clock: this.clock, post: this.#post, roots: this.#roots, effects: this.directory.effects, note }, graceMs);
  }

  #commit(params: CommitParams): void {
    const { executionId } = params.execution;
    if (!this.directory.find(executionId)) this.#endings.bury(params);
    else if (this.#faults.fact) for (const { type } of params.facts) this.#faults.fact({ executionId, type });
    this.directory.record(params);
    if (params.tier !== 'tier3') this.#roots.heard(params.execution, params.facts);
  }

  /** Executions that were started and have not settled. */
  live(): readonly Execution[] {
    return [...this.#roots.values()].map(({ execution }) => execution);
  }

  /** Stops every actor at once. What has not settled gets a failed result that no fact records. */
  halt(message = 'The runtime was stopped'): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.breakers.stop();
    void this.agents.stop();
    for (const executionId of this.#roots.keys()) {
      this.#endings.abandon(executionId, executionError('RUNTIME_STOPPED', message, 'tier2'));
    }
    this.#tree.stop();
    this.bus.close();
  }

  /** A service crashed more often than its supervisor puts up with: nothing can be promised any more. */
  #giveUp({ childId = 'runtime', cause }: SupervisorOutcome): void {
    const message = `The runtime gave up: its service "${childId}" crashed too often${cause ? `: ${cause.message}` : ''}`;
    this.log.error({ service: childId, cause }, message);
    this.agents.fail(cause);
    for (const [executionId, { tier }] of [...this.#roots])
      this.#endings.abandon(executionId, executionError('ACTOR_CRASHED', message, tier));
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
      fell: (execution) => this.#endings.fell(execution),
      falling: (execution) => this.#roots.falling(execution.executionId),
    };
  }

  /** Of a lease that its holder has not lived to hear of nobody would ever return it. */
  #tellHolder(holder: string, message: LeaseAnswer): void {
    this.#post.enqueue(holder, message.type, () => {
      const ref = this.directory.find(holder)?.ref;
      if (ref?.getSnapshot().status === 'active') ref.send(message);
      else if (message.type === 'lease.granted') this.agents.ask({ type: 'lease.return', leaseId: message.leaseId, at: this.clock.now() });
    });
  }

  #publish(facts: readonly Fact[], execution: Execution): void {
    // Of one that was abandoned meanwhile nobody would forget what is heard now.
    if (this.#roots.has(execution.context.executionId)) this.#watch.hear(facts);
    this.bus.publish(facts);
    execution.announce();
  }
}
