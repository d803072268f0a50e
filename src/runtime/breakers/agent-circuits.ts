/** Between the pool and the circuit breakers of its agents: outcomes and probes go one way, circuits the other. */

import type { Permit } from '../../actors/services.ts';
import type { AgentCircuit, LeaseOutcome, PoolFact } from '../../machines/protocol/agent.ts';
import type { BreakerFact, BreakerKey } from '../../machines/protocol/breaker.ts';
import type { CircuitHooks } from '../agents/options.ts';
import type { BreakerRegistry } from './registry.ts';

const CIRCUITS: { readonly [Type in BreakerFact['type']]?: AgentCircuit } = {
  'breaker/opened': 'open',
  'breaker/half_opened': 'halfOpen',
  'breaker/closed': 'closed',
};
const keyOf = (agentId: string): BreakerKey => ({ scope: 'agent', key: agentId });

export class AgentCircuits implements CircuitHooks {
  readonly #breakers: () => Pick<BreakerRegistry, 'enter' | 'count' | 'drop'>;
  readonly #set: (agentId: string, circuit: AgentCircuit) => void;
  /** By agent: the lease that tries it, and its permit. */
  readonly #probes = new Map<string, { readonly leaseId: string; readonly permit: Permit }>();

  constructor(breakers: () => Pick<BreakerRegistry, 'enter' | 'count' | 'drop'>, set: (agentId: string, circuit: AgentCircuit) => void) {
    this.#breakers = breakers;
    this.#set = set;
  }

  /** The pool must know before it gives the agent to whoever waits. */
  changed({ type, payload }: BreakerFact): void {
    const circuit = CIRCUITS[type];
    if (circuit) this.#set(payload.key, circuit);
  }

  settled(agentId: string, leaseId: string, outcome: LeaseOutcome): void {
    const permit = this.#takeProbe(agentId, leaseId);
    if (permit) permit[outcome]();
    else this.#breakers().count(keyOf(agentId), outcome);
  }

  noted(fact: PoolFact): void {
    switch (fact.type) {
      case 'agent/leased': {
        const { agentId, leaseId, probe } = fact.payload;
        const passage = probe && this.#breakers().enter([keyOf(agentId)]);
        if (passage && 'permit' in passage) this.#probes.set(agentId, { leaseId, permit: passage.permit });
        return;
      }
      case 'agent/released':
      case 'agent/lease_expired':
      case 'agent/lease_revoked':
        this.#takeProbe(fact.payload.agentId, fact.payload.leaseId)?.released();
        return;
      case 'agent/crashed':
      case 'agent/lost':
        this.#takeProbe(fact.payload.agentId)?.failed();
        return;
      case 'agent/registered':
      case 'agent/escalated':
      case 'agent/unregistered':
        this.#probes.delete(fact.payload.agentId);
        this.#breakers().drop(keyOf(fact.payload.agentId));
        return;
      default:
    }
  }

  #takeProbe(agentId: string, leaseId?: string): Permit | undefined {
    const probe = this.#probes.get(agentId);
    if (!probe || (leaseId !== undefined && probe.leaseId !== leaseId)) return undefined;
    this.#probes.delete(agentId);
    return probe.permit;
  }
}
