/** The pool as a service of the runtime, with its ports filled. Its next life goes on from what the last one had recorded: leases outlive it. */

import { type Actor, type AnyActorRef, fromCallback } from 'xstate';
import { agentBody, type BodyServices } from '../../actors/agent-body.ts';
import { Nursery, type NurseryServices } from '../../actors/nursery.ts';
import type { Counters } from '../../actors/services.ts';
import { type AgentReportParams, agentMachine } from '../../machines/agent.machine.ts';
import type { CommitParams } from '../../machines/effects.ts';
import { poolMachine } from '../../machines/pool.machine.ts';
import { EMPTY_POOL, type PoolState } from '../../machines/pool.state.ts';
import { type AnswerParams, childIdOf } from '../../machines/pool.turn.ts';
import type { AgentCircuit, AgentNurseryCommand, LeaseOutcome, PoolCommand, PoolFact } from '../../machines/protocol/agent.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import { publishedStream } from '../journal/published-stream.ts';
import type { Service } from '../supervision/runtime-tree.ts';

export interface PoolServices extends BodyServices {
  readonly counters: Counters;
  /** Brings a message from outside to an actor, when it is its turn. */
  readonly enqueue: (to: string, type: string, open: () => void) => void;
  readonly publish: (facts: readonly Fact[]) => void;
  readonly answer: (answer: AnswerParams) => void;
  /** How the work under a lease went, just before the pool hears of it. Returns what follows for the agent's circuit, which comes first. */
  readonly settled: (agentId: string, leaseId: string, outcome: LeaseOutcome) => AgentCircuit | undefined;
  /** Hears of what the pool records, as soon as it does. */
  readonly noted: (facts: readonly PoolFact[]) => void;
  /** The pool crashes whenever it is told this: it will not be told again. */
  readonly refused: (command: PoolCommand) => void;
  /** Its facts could not be told, which is a defect. */
  readonly failed: (error: unknown) => void;
}

/** Lives in which a command may bring the pool down: a second one says that it is the command. */
const MOST_TRIES = 2;

interface Waiting {
  readonly command: PoolCommand;
  readonly tries: number;
}

const isForPool = ({ type }: { readonly type: string }): boolean =>
  type === 'agent.ready' || type === 'agent.suspected' || type === 'agent.recovered';

export class PoolHost {
  readonly #services: PoolServices;
  readonly #logic: typeof poolMachine;
  /** While the pool is started again. */
  #backlog: Waiting[] = [];
  #actor: Actor<typeof poolMachine> | undefined;
  /** What the last life had recorded. */
  #recorded: PoolState | undefined;
  #nursery: Nursery | undefined;
  #isStopped = false;

  constructor(services: PoolServices) {
    this.#services = services;
    const { counters } = services;
    const countStale = () => void counters.stale++;
    const report = (_: unknown, params: AgentReportParams) => this.#forward(params);
    const agent = agentMachine.provide({ actors: { body: agentBody(services) }, actions: { report, countStale } });
    const stream = publishedStream('pool', services.publish, services.failed);
    this.#logic = poolMachine.provide({
      actors: { nursery: this.#nurseryLogic({ agent }) },
      actions: {
        commit: (_: unknown, params: CommitParams) => {
          const { executionId } = params.execution;
          for (const { type } of params.facts) services.faults.fact?.({ executionId, type });
          stream.record(params);
          services.noted(params.facts as readonly PoolFact[]);
        },
        answer: (_: unknown, params: AnswerParams) => services.answer(params),
        countStale,
      },
    });
  }

  get service(): Service {
    return {
      logic: this.#logic,
      input: () => ({ at: this.#services.clock.now(), ...(this.#recorded && { restored: this.#recorded }) }),
      isWanted: () => !this.#isStopped,
      changed: (ref) => this.#changed(ref as Actor<typeof poolMachine> | undefined),
    };
  }

  /** What is known after all commands that were delivered. */
  get state(): PoolState {
    return this.#actor?.getSnapshot().context.state ?? this.#recorded ?? EMPTY_POOL;
  }

  /** The living actor of an agent. */
  find(agentId: string): AnyActorRef | undefined {
    return this.#nursery?.find(childIdOf(agentId));
  }

  send(command: PoolCommand): void {
    this.#services.enqueue('pool', command.type, () => {
      if (this.#isStopped) return;
      if (command.type === 'lease.return' && command.outcome) this.#judge(command.leaseId, command.outcome, command.at);
      this.#deliver({ command, tries: 0 });
    });
  }

  /** From within a letter. */
  tell(command: PoolCommand): void {
    this.#deliver({ command, tries: 0 });
  }

  stop(): void {
    this.#isStopped = true;
    this.#actor?.send({ type: 'xstate.stop' } as never);
    // A pool that has failed does not stop its nursery.
    this.#nursery?.close();
  }

  #judge(leaseId: string, outcome: LeaseOutcome, at: number): void {
    const { leases, agents } = this.state;
    const lease = leases.get(leaseId);
    const record = lease && agents.get(lease.ordinal);
    if (!record) return;
    const agentId = record.spec.id;
    const circuit = this.#services.settled(agentId, leaseId, outcome);
    if (circuit && circuit !== record.circuit) this.tell({ type: 'pool.circuit', agentId, circuit, at });
  }

  /** A turn that failed has done nothing, so what the pool was told in it is told to its next life. */
  #deliver({ command, tries }: Waiting): void {
    const actor = this.#actor;
    if (this.#isStopped) return;
    if (actor?.getSnapshot().status !== 'active') {
      this.#backlog.push({ command, tries });
      return;
    }
    actor.send(command);
    if (actor.getSnapshot().status !== 'error') return;
    if (tries + 1 < MOST_TRIES) this.#backlog.unshift({ command, tries: tries + 1 });
    else this.#services.refused(command);
  }

  #changed(actor: Actor<typeof poolMachine> | undefined): void {
    // A turn that failed has recorded nothing, so what the actor knew before it is what its facts say.
    this.#recorded = this.#actor?.getSnapshot().context.state;
    this.#actor = actor;
    if (!actor) return;
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const waiting of backlog) this.#services.enqueue('pool', waiting.command.type, () => this.#deliver(waiting));
  }

  /** Only what concerns it; through the mail like everything between actors. */
  #forward({ agentId, incarnation, reports }: AgentReportParams): void {
    for (const report of reports) {
      if (!isForPool(report)) continue;
      this.#services.enqueue('pool', report.type, () => {
        if (!this.#isStopped) this.#actor?.send({ ...report, agentId, incarnation } as never);
      });
    }
  }

  #nurseryLogic(logics: { readonly agent: typeof agentMachine }) {
    const { clock, counters } = this.#services;
    const services: NurseryServices = {
      clock,
      counters,
      logics: () => logics,
      admitted: () => ({}),
      born: () => {},
      departed: () => {},
      fell: () => Promise.resolve(undefined),
      falling: () => undefined,
    };
    return fromCallback<AgentNurseryCommand, undefined>(({ self, sendBack, receive }) => {
      const nursery = new Nursery(self, services, sendBack);
      this.#nursery = nursery;
      receive((message) => nursery.hear(message as Parameters<Nursery['hear']>[0]));
      return () => nursery.close();
    });
  }
}
