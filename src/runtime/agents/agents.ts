/** The agents of a runtime: registered, found, watched and leased. */

import type { AgentHooks } from '../../actors/agent-body.ts';
import { describe, wrapTierError } from '../../actors/failure.ts';
import type { AgentServices, HeldAgent } from '../../actors/services.ts';
import type { AgentState } from '../../machines/agent.fold.ts';
import { type AgentRecord, agentNamed, serves } from '../../machines/pool.state.ts';
import {
  type AgentCircuit,
  type AgentSpec,
  DEFAULT_LIFE,
  DISPOSE_GRACE_MS,
  type LeaseAnswer,
  type LeaseCommand,
  type PoolCommand,
  type PoolFact,
} from '../../machines/protocol/agent.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { ExecutionContext } from '../../machines/protocol/execution.ts';
import type { StepLease } from '../../machines/protocol/plan.ts';
import { checkObject, isId, reading } from '../door.ts';
import type { Service } from '../supervision/runtime-tree.ts';
import { type AgentDefinition, checkAgents } from './definition.ts';
import { type Enrolment, enrol } from './enrolment.ts';
import { type Lease, Leases } from './lease.ts';
import {
  type AgentsServices,
  checkGrace,
  checkLease,
  DEFAULT_TTL_MS,
  type LeaseOptions,
  type Registration,
  type UnregisterOptions,
} from './options.ts';
import { PoolHost } from './pool-host.ts';
import { type AgentSnapshot, type CapabilityEntry, capabilityIndex, type DiscoverCriteria, fits, snapshotOf } from './snapshots.ts';
import { Starts } from './starts.ts';

export type { LeaseOptions, Registration, UnregisterOptions } from './options.ts';

/** Agents that one message starts, so that the event loop gets its turn in between. */
const BATCH = 250;

/** Source: Agent System Components, "Agent Registry". */
export class Agents implements Pick<AgentServices, 'hold'> {
  readonly #services: AgentsServices;
  readonly #pool: PoolHost;
  /** Ids of agents that the pool has, and of those on their way there; both are taken. */
  readonly #ids = new Set<string>();
  readonly #arriving = new Set<string>();
  readonly #hooks = new Map<string, AgentHooks>();
  readonly #starting = new Starts();
  readonly #leaving = new Map<string, PromiseWithResolvers<void>>();
  readonly #leases: Leases;
  readonly #outliving = new Set<Promise<void>>();
  #isStopped = false;

  constructor(services: AgentsServices) {
    this.#services = services;
    this.#pool = new PoolHost({
      ...services,
      faults: services.faults ?? {},
      hooksOf: (agentId) => this.#hooks.get(agentId),
      outliving: (work) => this.#outlive(work),
      answer: ({ holder, message }) => this.#answer(holder, message),
      settled: (...how) => services.circuits?.settled(...how),
      noted: (facts) => {
        for (const fact of facts) {
          this.#note(fact);
          services.circuits?.noted(fact);
        }
      },
      refused: (command) => this.#refuse(command),
      failed: (err) => this.fail(err),
    });
    this.#leases = new Leases({ clock: services.clock, specOf: (id) => this.spec(id), send: (command) => this.ask(command) });
  }

  /** The pool, for whoever supervises it. */
  get service(): Service {
    return this.#pool.service;
  }

  /**
   * Registers agents, all or none, and resolves when each is ready. Rejects with every problem of the definitions at once (INVALID_VALUE,
   * UNKNOWN_KEY, DUPLICATE_AGENT), with AGENT_NOT_READY when one could not be started although it was tried again, and with
   * AGENT_UNREGISTERED when it was unregistered meanwhile.
   */
  register(definition: AgentDefinition): Promise<Registration>;
  register(definitions: readonly AgentDefinition[]): Promise<readonly Registration[]>;
  async register(given: AgentDefinition | readonly AgentDefinition[]): Promise<Registration | readonly Registration[]> {
    this.#mustRun();
    const { isList, enrolment } = reading(
      'The definition',
      () => {
        const isList = Array.isArray(given);
        return { isList, enrolment: this.#checked(isList ? given : [given], isList ? ['agents'] : []) };
      },
      'INVALID_VALUE',
    );
    // A few are taken at once: what is asked after this call finds them registered.
    const agents = enrolment instanceof Promise ? await enrolment : enrolment;
    const specs = agents.map(({ spec, hooks }) => {
      if (hooks) this.#hooks.set(spec.id, hooks);
      return spec;
    });
    const ready = this.#starting.begin(specs.map(({ id }) => id));
    this.#add(specs);
    await ready;
    const registrations = specs.map(({ id }) => ({
      agentId: id,
      unregister: (options?: UnregisterOptions) => this.unregister(id, options),
    }));
    return isList ? registrations : (registrations[0] as Registration);
  }

  /** Registers the agents that a runtime begins with. Throws as `register` rejects; one that cannot be started is logged, unless it was stopped. */
  bring(definitions: readonly AgentDefinition[]): void {
    checkAgents(definitions, () => false, false, ['agents']);
    this.register(definitions).catch((err: unknown) => {
      if (!this.#isStopped) this.#services.log.error({ err }, 'The runtime does not have all of its agents');
    });
  }

  /** Resolves with true when the agent has stopped, with false when there is none. From now on it gets no leases. */
  async unregister(id: string, options: UnregisterOptions = {}): Promise<boolean> {
    const { graceMs } = reading('The options', () => checkGrace(options), 'INVALID_VALUE');
    if (!isId(id)) return false;
    const isGivenUp = agentNamed(this.#pool.state, id)?.status === 'escalated';
    if (this.#isStopped || (!this.#ids.has(id) && !isGivenUp)) return false;
    const left = promiseIn(this.#leaving, id);
    this.#pool.send({ type: 'pool.unregister', agentIds: [id], at: this.#services.clock.now(), ...(graceMs !== undefined && { graceMs }) });
    await left;
    return true;
  }

  get(id: string): AgentSnapshot | undefined {
    const record = isId(id) ? agentNamed(this.#pool.state, id) : undefined;
    return record && this.#snapshot(record);
  }

  /** What an agent is, also one of a swarm's own. */
  spec(id: string): AgentSpec | undefined {
    return agentNamed(this.#pool.state, id)?.spec;
  }

  /** All of them, in the order in which they were registered; those that swarms brought along, too. */
  list(): readonly AgentSnapshot[] {
    return this.#records().map((record) => this.#snapshot(record));
  }

  /** Agents that anybody may use and that are ready, so none that has missed its heartbeat. */
  discover(criteria: DiscoverCriteria = {}): readonly AgentSnapshot[] {
    checkObject('The criteria', criteria, 'INVALID_VALUE');
    const mayServe = (record: AgentRecord) => record.spec.swarmId === undefined && record.status === 'ready';
    const found = reading(
      'The criteria',
      () => this.#records().filter((record) => mayServe(record) && fits(record, criteria)),
      'INVALID_VALUE',
    );
    return found.map((record) => this.#snapshot(record));
  }

  /** What agents that anybody may use can do, by name, with how many there are and how many have room. */
  capabilities(): readonly CapabilityEntry[] {
    return capabilityIndex(this.#pool.state);
  }

  /** The agents that anybody may use, without those that are on their way out. */
  specs(): readonly AgentSpec[] {
    return this.#records().flatMap((record) => (serves(record) && record.spec.swarmId === undefined ? [record.spec] : []));
  }

  /**
   * Waits for the least loaded of the agents that fit, in order of priority. Rejects with NO_CAPABLE_AGENT when nobody could ever serve it, with
   * RESOURCE_EXHAUSTED when too many wait, and with the signal's reason when that is aborted first.
   */
  async lease(given: LeaseOptions = {}): Promise<Lease> {
    const { signal, ttlMs = DEFAULT_TTL_MS, ...options } = reading('The options', () => ({ ...checkLease(given) }), 'INVALID_VALUE');
    this.#mustRun();
    return this.#leases.ask({ ...options, ttlMs }, signal);
  }

  /** For a step: everybody's agents and those of its swarm, for as long as its attempt lasts. */
  async hold({ capabilities, agent }: StepLease, { swarmId }: ExecutionContext, signal: AbortSignal): Promise<HeldAgent> {
    this.#mustRun();
    return this.#leases.ask({ capabilities, swarmId, ...(agent !== undefined && { agents: [agent] }) }, signal);
  }

  /**
   * For tests and demonstrations: throws inside the agent's actor, which crashes; its pool acts as after any crash. False when there is no such
   * agent, or when it has no body, because neither `faults` were given to the runtime nor hooks to the agent.
   */
  crash(id: string, thrown: unknown = new Error(`Agent "${describe(id)}" was made to crash`)): boolean {
    const body = isId(id) ? this.#pool.find(id)?.getSnapshot().children['body'] : undefined;
    if (body?.getSnapshot().status !== 'active') return false;
    this.#services.enqueue(body.id, 'body.throw', () => {
      if (body.getSnapshot().status === 'active') body.send({ type: 'body.throw', thrown });
    });
    return true;
  }

  /** For holders that are actors: the answer comes by `onAnswer`. */
  ask(command: LeaseCommand): void {
    if (!this.#isStopped) this.#pool.send(command);
  }

  /** From its circuit breaker, by mail. */
  setCircuit(agentId: string, circuit: AgentCircuit): void {
    this.#pool.tell({ type: 'pool.circuit', agentId, circuit, at: this.#services.clock.now() });
  }

  isTaken(id: string): boolean {
    return this.#ids.has(id) || this.#arriving.has(id);
  }

  /** Brings in what a swarm has of its own, and returns the ids. They have no hooks. Ids that are taken are left out. */
  lend(specs: readonly AgentSpec[]): readonly string[] {
    if (this.#isStopped) return [];
    const life = this.#services.faults && { ...DEFAULT_LIFE, hasBody: true };
    const lent = specs.filter(({ id }) => !this.isTaken(id));
    this.#add(life ? lent.map((spec) => ({ ...spec, life })) : lent);
    return lent.map(({ id }) => id);
  }

  /** They are gone at once; whoever still holds a lease on them loses it. */
  takeBack(agentIds: readonly string[]): void {
    if (this.#isStopped || agentIds.length === 0) return;
    this.#pool.send({ type: 'pool.unregister', agentIds, graceMs: 0, at: this.#services.clock.now() });
  }

  /** Ends every agent and every lease at once; resolves when all have disposed of themselves, or after 5 seconds. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#pool.stop();
    this.#endAll(new SwarmchartError('RUNTIME_STOPPED', 'The runtime has been stopped'));
    if (this.#outliving.size === 0) return;
    const { clock } = this.#services;
    const late = Promise.withResolvers<void>();
    const timer = clock.setTimeout(late.resolve, DISPOSE_GRACE_MS);
    await Promise.race([Promise.all(this.#outliving), late.promise]);
    clock.clearTimeout(timer);
  }

  #checked(given: readonly unknown[], root: readonly string[]): Enrolment {
    return enrol(given, {
      ids: this.#ids,
      arriving: this.#arriving,
      hasFaults: this.#services.faults !== undefined,
      root,
      turn: async () => {
        await new Promise<void>((resolve) => this.#services.enqueue('pool', 'definitions', resolve));
        this.#mustRun();
      },
    });
  }

  #add(specs: readonly AgentSpec[]): void {
    const at = this.#services.clock.now();
    for (const { id } of specs) {
      this.#ids.add(id);
      this.#arriving.delete(id);
    }
    for (let from = 0; from < specs.length; from += BATCH) {
      this.#pool.send({ type: 'pool.register', agents: specs.slice(from, from + BATCH), at });
    }
  }

  #answer(holder: string, message: LeaseAnswer): void {
    if (!this.#leases.hear(holder, message)) this.#services.onAnswer(holder, message);
  }

  #note({ type, payload }: PoolFact): void {
    switch (type) {
      case 'agent/ready':
        this.#starting.ended(payload.agentId);
        return;
      case 'agent/escalated': {
        const { agentId, error } = payload;
        this.#ids.delete(agentId);
        this.#hooks.delete(agentId);
        const message = `Agent "${agentId}" could not be started: ${error.message}`;
        this.#starting.ended(agentId, new SwarmchartError('AGENT_NOT_READY', message, { context: { agentId, code: error.code } }));
        return;
      }
      case 'agent/unregistered': {
        const { agentId } = payload;
        this.#ids.delete(agentId);
        this.#hooks.delete(agentId);
        this.#starting.ended(agentId, new SwarmchartError('AGENT_UNREGISTERED', `Agent "${agentId}" was unregistered`));
        settle(this.#leaving, agentId)?.resolve();
        return;
      }
      default:
    }
  }

  /** The pool crashed twice over it. Whoever asked is told; what is only given back is lost with it, and logged. */
  #refuse(command: PoolCommand): void {
    const { log } = this.#services;
    const error = new SwarmchartError('ACTOR_CRASHED', `The pool of agents crashes when it is told "${command.type}"`);
    log.error({ command }, error.message);
    switch (command.type) {
      case 'lease.request': {
        const { leaseId, holder } = command.request;
        this.#answer(holder, { type: 'lease.refused', leaseId, error: wrapTierError(error, 'tier1'), at: this.#services.clock.now() });
        return;
      }
      case 'pool.register':
        for (const { id } of command.agents) {
          this.#ids.delete(id);
          this.#hooks.delete(id);
          this.#starting.ended(id, error);
        }
        return;
      case 'pool.unregister':
        for (const id of command.agentIds) settle(this.#leaving, id)?.resolve();
        return;
      default:
    }
  }

  #records(): readonly AgentRecord[] {
    return [...this.#pool.state.agents.values()].sort((one, other) => one.ordinal - other.ordinal);
  }

  #snapshot(record: AgentRecord): AgentSnapshot {
    const ref = this.#pool.find(record.spec.id);
    const state = (ref?.getSnapshot().context as { readonly state: AgentState } | undefined)?.state;
    return snapshotOf(record, state);
  }

  #outlive(work: Promise<void>): void {
    this.#outliving.add(work);
    void work.finally(() => this.#outliving.delete(work));
  }

  /** The pool has failed for good: every agent and every lease is lost. */
  fail(err: unknown): void {
    if (this.#isStopped) return;
    this.#services.log.error({ err }, 'the pool of agents failed');
    this.#isStopped = true;
    this.#pool.stop();
    this.#endAll(new SwarmchartError('ACTOR_CRASHED', 'The pool of agents failed', { cause: err }));
  }

  #endAll(error: SwarmchartError): void {
    this.#leases.loseAll(error);
    this.#starting.endAll(error);
    for (const { resolve } of this.#leaving.values()) resolve();
    this.#leaving.clear();
    this.#ids.clear();
    this.#arriving.clear();
    this.#hooks.clear();
  }

  #mustRun(): void {
    if (this.#isStopped) throw new SwarmchartError('RUNTIME_STOPPED', 'The runtime has been stopped');
  }
}

function promiseIn(waiters: Map<string, PromiseWithResolvers<void>>, id: string): Promise<void> {
  const waiter = waiters.get(id) ?? Promise.withResolvers<void>();
  waiters.set(id, waiter);
  return waiter.promise;
}

function settle(waiters: Map<string, PromiseWithResolvers<void>>, id: string): PromiseWithResolvers<void> | undefined {
  const waiter = waiters.get(id);
  waiters.delete(id);
  return waiter;
}
