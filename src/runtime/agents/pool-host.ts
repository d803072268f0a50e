/** The pool as an actor beneath the runtime's root, with its ports filled. Begins with the first command, so that a runtime without agents has none. */

import { type Actor, type AnyActorRef, createActor, fromCallback } from 'xstate';
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

export interface PoolServices extends BodyServices {
  readonly counters: Counters;
  readonly parent: () => AnyActorRef;
  /** Brings a message from outside to an actor, when it is its turn. */
  readonly enqueue: (to: string, type: string, open: () => void) => void;
  readonly publish: (facts: readonly Fact[]) => void;
  readonly answer: (answer: AnswerParams) => void;
  /** How the work under a lease went, just before the pool hears of it. Returns what follows for the agent's circuit, which comes first. */
  readonly settled: (agentId: string, leaseId: string, outcome: LeaseOutcome) => AgentCircuit | undefined;
  /** Hears of what the pool records, as soon as it does. */
  readonly noted: (facts: readonly PoolFact[]) => void;
  /** The pool's actor has failed, which is a defect. */
  readonly failed: (error: unknown) => void;
}

const isForPool = ({ type }: { readonly type: string }): boolean =>
  type === 'agent.ready' || type === 'agent.suspected' || type === 'agent.recovered';

export class PoolHost {
  readonly #services: PoolServices;
  readonly #logic: typeof poolMachine;
  #actor: Actor<typeof poolMachine> | undefined;
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
          stream.record(params);
          services.noted(params.facts as readonly PoolFact[]);
        },
        answer: (_: unknown, params: AnswerParams) => services.answer(params),
        countStale,
      },
    });
  }

  /** What is known after all commands that were delivered. */
  get state(): PoolState {
    return this.#actor?.getSnapshot().context.state ?? EMPTY_POOL;
  }

  /** The living actor of an agent. */
  find(agentId: string): AnyActorRef | undefined {
    return this.#nursery?.find(childIdOf(agentId));
  }

  send(command: PoolCommand): void {
    this.#services.enqueue('pool', command.type, () => {
      if (this.#isStopped) return;
      if (command.type === 'lease.return' && command.outcome) this.#judge(command.leaseId, command.outcome, command.at);
      this.#started().send(command);
    });
  }

  /** From within a letter. */
  tell(command: PoolCommand): void {
    if (!this.#isStopped) this.#actor?.send(command);
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

  #started(): Actor<typeof poolMachine> {
    if (this.#actor) return this.#actor;
    const options = { parent: this.#services.parent(), id: 'pool', src: 'pool', input: { at: this.#services.clock.now() } };
    const actor = createActor(this.#logic, options as { input: { at: number } });
    this.#actor = actor;
    actor.subscribe({ error: (error) => this.#services.failed(error) });
    return actor.start();
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
    const services: NurseryServices = { clock, counters, logics: () => logics, admitted: () => ({}), born: () => {}, departed: () => {} };
    return fromCallback<AgentNurseryCommand, undefined>(({ self, sendBack, receive }) => {
      const nursery = new Nursery(self, services, sendBack);
      this.#nursery = nursery;
      receive((message) => nursery.hear(message as Parameters<Nursery['hear']>[0]));
      return () => nursery.close();
    });
  }
}
