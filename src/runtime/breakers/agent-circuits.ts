/**
 * Between the pool and the circuit breakers of its agents: outcomes and probes go one way, circuits the other. By mail, for either may be in the
 * middle of its own business; but how work went is heard by the breaker before the pool can give the agent to whoever waits.
 */

import type { Permit } from '../../actors/services.ts';
import type { BreakerPhase } from '../../machines/breaker.fold.ts';
import type { AgentCircuit, LeaseOutcome, PoolFact } from '../../machines/protocol/agent.ts';
import type { BreakerFact, BreakerKey } from '../../machines/protocol/breaker.ts';
import type { CircuitHooks } from '../agents/options.ts';
import type { BreakerRegistry } from './registry.ts';

export interface AgentCircuitsServices {
  readonly breakers: () => Pick<BreakerRegistry, 'enter' | 'count' | 'drop' | 'phaseOf'>;
  readonly enqueue: (to: string, type: string, open: () => void) => void;
  /** Tells the pool. */
  readonly setCircuit: (agentId: string, circuit: AgentCircuit) => void;
}

/** A lease that tries an agent; its permit comes with the next mail. */
interface Probe {
  readonly leaseId: string;
  permit: Permit | undefined;
}

const CIRCUITS: { readonly [Phase in BreakerPhase]: AgentCircuit } = {
  closed: 'closed',
  open: 'open',
  held: 'open',
  'halfOpen.idle': 'halfOpen',
  'halfOpen.probing': 'halfOpen',
};
const CHANGES: ReadonlySet<BreakerFact['type']> = new Set(['breaker/opened', 'breaker/half_opened', 'breaker/closed']);

const keyOf = (agentId: string): BreakerKey => ({ scope: 'agent', key: agentId });

export class AgentCircuits implements CircuitHooks {
  readonly #services: AgentCircuitsServices;
  readonly #probes = new Map<string, Probe>();

  constructor(services: AgentCircuitsServices) {
    this.#services = services;
  }

  /** Hears of what the breaker of an agent records. */
  changed({ type, payload: { key } }: BreakerFact): void {
    if (CHANGES.has(type)) this.#tell(key);
  }

  settled(agentId: string, leaseId: string, outcome: LeaseOutcome): AgentCircuit {
    const probe = this.#takeProbe(agentId, leaseId);
    if (probe) probe.permit?.[outcome]();
    else this.#services.breakers().count(keyOf(agentId), outcome);
    return this.#circuitOf(agentId);
  }

  noted(fact: PoolFact): void {
    switch (fact.type) {
      case 'agent/leased':
        if (fact.payload.probe) this.#try(fact.payload.agentId, fact.payload.leaseId);
        return;
      case 'agent/released':
      case 'agent/lease_expired':
      case 'agent/lease_revoked':
        return this.#end(fact.payload.agentId, 'released', fact.payload.leaseId);
      case 'agent/crashed':
      case 'agent/lost':
        return this.#end(fact.payload.agentId, 'failed');
      case 'agent/registered':
        // One that an earlier life of this runtime knew comes back with what is remembered of it.
        this.#probes.delete(fact.payload.agentId);
        if (this.#circuitOf(fact.payload.agentId) !== 'closed') this.#tell(fact.payload.agentId);
        return;
      case 'agent/escalated':
      case 'agent/unregistered':
        this.#probes.delete(fact.payload.agentId);
        this.#services.breakers().drop(keyOf(fact.payload.agentId));
        return;
      default:
    }
  }

  #tell(agentId: string): void {
    this.#services.enqueue('pool', 'pool.circuit', () => this.#services.setCircuit(agentId, this.#circuitOf(agentId)));
  }

  #try(agentId: string, leaseId: string): void {
    const probe: Probe = { leaseId, permit: undefined };
    this.#probes.set(agentId, probe);
    this.#services.enqueue('pool', 'breaker.acquired', () => {
      if (this.#probes.get(agentId) !== probe) return;
      const passage = this.#services.breakers().enter([keyOf(agentId)]);
      if ('permit' in passage) probe.permit = passage.permit;
    });
  }

  /** The pool hears of what follows before it hears of the agent's next life. */
  #end(agentId: string, how: keyof Permit, leaseId?: string): void {
    const probe = this.#takeProbe(agentId, leaseId);
    if (!probe) return;
    this.#services.enqueue('pool', `breaker.${how}`, () => {
      probe.permit?.[how]();
      this.#services.setCircuit(agentId, this.#circuitOf(agentId));
    });
  }

  #circuitOf(agentId: string): AgentCircuit {
    return CIRCUITS[this.#services.breakers().phaseOf(keyOf(agentId))];
  }

  #takeProbe(agentId: string, leaseId?: string): Probe | undefined {
    const probe = this.#probes.get(agentId);
    if (!probe || (leaseId !== undefined && probe.leaseId !== leaseId)) return undefined;
    this.#probes.delete(agentId);
    return probe;
  }
}
