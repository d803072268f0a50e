/** What a pool must do, as plainly as it can be said: everything is looked for everywhere. */

import type { AgentCircuit, AgentSpec, LeaseOutcome, LeaseRequest } from '../../../src/machines/protocol/agent.ts';
import type { ErrorCode } from '../../../src/machines/protocol/errors.ts';

interface NaiveAgent {
  readonly spec: AgentSpec;
  readonly ordinal: number;
  status: 'starting' | 'ready' | 'suspect' | 'draining' | 'escalated';
  incarnation: number;
  failures: number[];
  readonly leases: Map<string, LeaseRequest>;
  circuit: AgentCircuit;
  probe: string | undefined;
  outcomes: LeaseOutcome[];
}

/** `granted l1 ann`, `refused l2 NO_CAPABLE_AGENT`, `lost l3 AGENT_CRASHED`. */
export type NaiveAnswer = string;

export class NaivePool {
  readonly agents = new Map<string, NaiveAgent>();
  readonly waiting: LeaseRequest[] = [];
  #answers: NaiveAnswer[] = [];
  #ordinal = 0;

  /** What was answered since it was last asked. */
  take(): readonly NaiveAnswer[] {
    const answers = this.#answers;
    this.#answers = [];
    return answers;
  }

  register(spec: AgentSpec): void {
    const known = this.agents.get(spec.id);
    if (known && known.status !== 'escalated') return;
    this.agents.set(spec.id, {
      spec,
      ordinal: this.#ordinal++,
      status: 'starting',
      incarnation: 1,
      failures: [],
      leases: new Map(),
      ...FRESH(),
    });
  }

  ready(agent: NaiveAgent): void {
    agent.status = 'ready';
    this.#serve(agent);
  }

  request(request: LeaseRequest): void {
    const [best] = this.#meeting(request)
      .filter(hasRoom)
      .sort(
        (one, other) =>
          Number(isDegraded(one)) - Number(isDegraded(other)) || one.leases.size - other.leases.size || one.ordinal - other.ordinal,
      );
    if (best) this.#grant(best, request);
    else if (this.#meeting(request).length > 0) this.waiting.push(request);
    else this.#answers.push(`refused ${request.leaseId} NO_CAPABLE_AGENT`);
  }

  circuit(agent: NaiveAgent, circuit: AgentCircuit): void {
    if (agent.circuit === circuit) return;
    agent.circuit = circuit;
    agent.probe = undefined;
    if (circuit === 'closed') agent.outcomes = [];
    this.#serve(agent);
  }

  giveBack(leaseId: string, outcome?: LeaseOutcome): void {
    const index = this.waiting.findIndex((request) => request.leaseId === leaseId);
    if (index !== -1) this.waiting.splice(index, 1);
    for (const agent of this.agents.values()) {
      if (!agent.leases.delete(leaseId)) continue;
      if (agent.probe === leaseId) agent.probe = undefined;
      if (outcome) agent.outcomes = [...agent.outcomes, outcome].slice(-20);
      this.#serve(agent);
    }
  }

  /** In the order in which the pool has them: who of several is given to whom depends on it. */
  giveBackAll(leaseIds: readonly string[]): void {
    const waits = (leaseId: string) => this.waiting.some((request) => request.leaseId === leaseId);
    for (const leaseId of leaseIds.filter(waits)) this.giveBack(leaseId);
    for (const leaseId of leaseIds) this.giveBack(leaseId);
  }

  expire(leaseId: string): void {
    if (!this.leases().some(([, request]) => request.leaseId === leaseId)) return;
    this.#answers.push(`lost ${leaseId} LEASE_EXPIRED`);
    this.giveBack(leaseId);
  }

  end(agent: NaiveAgent, code: ErrorCode | 'stopped', at: number): void {
    if (code !== 'stopped') this.#lose(agent, code);
    if (agent.status === 'draining') {
      this.agents.delete(agent.spec.id);
      return;
    }
    const { maxRestarts, withinMs } = agent.spec.life?.restart ?? { maxRestarts: 3, withinMs: 60_000 };
    if (agent.failures.filter((failedAt) => failedAt > at - withinMs).length < maxRestarts) {
      agent.failures.push(at);
      agent.incarnation++;
      agent.status = 'starting';
      agent.outcomes = [];
      return;
    }
    agent.status = 'escalated';
    this.#refuseHopeless();
  }

  unregister(agent: NaiveAgent): void {
    if (agent.status === 'escalated') this.agents.delete(agent.spec.id);
    else agent.status = 'draining';
    this.#refuseHopeless();
  }

  leases(): readonly (readonly [NaiveAgent, LeaseRequest])[] {
    return [...this.agents.values()].flatMap((agent) => [...agent.leases.values()].map((request) => [agent, request] as const));
  }

  #lose(agent: NaiveAgent, code: ErrorCode): void {
    for (const leaseId of agent.leases.keys()) this.#answers.push(`lost ${leaseId} ${code}`);
    agent.leases.clear();
    agent.probe = undefined;
  }

  #meeting(request: LeaseRequest): NaiveAgent[] {
    return [...this.agents.values()].filter(
      (agent) => agent.status !== 'draining' && agent.status !== 'escalated' && meets(agent.spec, request),
    );
  }

  #grant(agent: NaiveAgent, request: LeaseRequest): void {
    agent.leases.set(request.leaseId, request);
    if (agent.circuit === 'halfOpen') agent.probe = request.leaseId;
    this.#answers.push(`granted ${request.leaseId} ${agent.spec.id}`);
  }

  #serve(agent: NaiveAgent): void {
    while (hasRoom(agent)) {
      const [next] = this.waiting.filter((request) => meets(agent.spec, request)).sort((one, other) => other.priority - one.priority);
      if (!next) return;
      this.waiting.splice(this.waiting.indexOf(next), 1);
      this.#grant(agent, next);
    }
  }

  #refuseHopeless(): void {
    for (const request of [...this.waiting]) {
      if (this.#meeting(request).length > 0) continue;
      this.waiting.splice(this.waiting.indexOf(request), 1);
      this.#answers.push(`refused ${request.leaseId} NO_CAPABLE_AGENT`);
    }
  }
}

const FRESH = () => ({ circuit: 'closed' as const, probe: undefined, outcomes: [] });

const hasRoom = ({ status, leases, spec, circuit, probe }: NaiveAgent): boolean =>
  status === 'ready' && leases.size < spec.maxConcurrentTasks && (circuit === 'closed' || (circuit === 'halfOpen' && !probe));

const isDegraded = ({ outcomes }: NaiveAgent): boolean =>
  outcomes.length >= 5 && outcomes.filter((outcome) => outcome === 'failed').length >= 0.4 * outcomes.length;

const meets = ({ id, capabilities, swarmId }: AgentSpec, request: LeaseRequest): boolean =>
  (swarmId === undefined || swarmId === request.swarmId) &&
  request.capabilities.every((capability) => capabilities.includes(capability)) &&
  (request.agents === undefined || request.agents.includes(id)) &&
  !request.exclude.includes(id);
