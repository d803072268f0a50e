/** A lease on an agent, for those who are no actors. */

import type { Clock } from '../../actors/clock.ts';
import { describe } from '../../actors/failure.ts';
import type { AgentSpec, LeaseAnswer, LeaseCommand, LeaseOutcome } from '../../machines/protocol/agent.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { ExecutionError } from '../../machines/protocol/execution.ts';
import type { LeaseOptions } from './options.ts';

/** Permission to give an agent one task. It counts against the agent's capacity until it is released or lost. */
export interface Lease extends AsyncDisposable {
  readonly agentId: string;
  readonly spec: AgentSpec;
  /** Aborted when the lease is lost: AGENT_CRASHED, AGENT_LOST, AGENT_UNREGISTERED, LEASE_EXPIRED or RUNTIME_STOPPED. */
  readonly signal: AbortSignal;
  /**
   * Gives it back, and says how the work went, if that says something about the agent: its circuit breaker and its health go by that.
   * Once is enough; later calls do nothing. Throws INVALID_VALUE for any other outcome.
   */
  release(outcome?: LeaseOutcome): void;
}

const toError = ({ code, message, errorClass, context }: ExecutionError): SwarmchartError =>
  new SwarmchartError(code, message, { errorClass, ...(context && { context }) });

/** One request and what becomes of it. */
class LeaseHold {
  readonly #granted = Promise.withResolvers<Lease>();
  readonly #abort = new AbortController();
  readonly #specOf: (agentId: string) => AgentSpec | undefined;
  readonly #giveBack: (outcome?: LeaseOutcome) => void;
  #isGranted = false;
  #isOver = false;

  /** `giveBack` returns the lease or withdraws the request, and forgets this. */
  constructor(specOf: (agentId: string) => AgentSpec | undefined, giveBack: (outcome?: LeaseOutcome) => void) {
    this.#specOf = specOf;
    this.#giveBack = giveBack;
  }

  get lease(): Promise<Lease> {
    return this.#granted.promise;
  }

  /** Withdraws it while it waits. What was granted stays with whoever has got it. */
  abandon(reason: unknown): void {
    if (this.#isGranted) return;
    this.#granted.reject(reason);
    this.#end();
  }

  hear(answer: LeaseAnswer): void {
    switch (answer.type) {
      case 'lease.granted':
        this.#grant(answer.agentId);
        return;
      case 'lease.refused':
        this.lose(toError(answer.error));
        return;
      case 'lease.lost':
        this.lose(toError(answer.error));
    }
  }

  /** It is over, and there is nothing to give back. */
  lose(error: SwarmchartError): void {
    this.#isOver = true;
    this.#granted.reject(error);
    this.#abort.abort(error);
  }

  #grant(agentId: string): void {
    const spec = this.#specOf(agentId);
    if (this.#isOver || !spec) return;
    this.#isGranted = true;
    const release = (outcome?: LeaseOutcome) => this.#end(checkOutcome(outcome));
    this.#granted.resolve({
      agentId,
      spec,
      signal: this.#abort.signal,
      release,
      [Symbol.asyncDispose]: () => Promise.resolve(release()),
    });
  }

  #end(outcome?: LeaseOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#giveBack(outcome);
  }
}

function checkOutcome(given: unknown): LeaseOutcome | undefined {
  if (given === undefined || given === 'succeeded' || given === 'failed') return given;
  throw new SwarmchartError('INVALID_VALUE', `The outcome of a lease is "succeeded" or "failed", or is left out; got ${describe(given)}`);
}

const MEDIUM = 5;

interface LeasesServices {
  readonly clock: Clock;
  readonly specOf: (agentId: string) => AgentSpec | undefined;
  readonly send: (command: LeaseCommand) => void;
}

/** All requests and leases of those who are no actors. Each is a holder of its own. */
export class Leases {
  readonly #services: LeasesServices;
  readonly #holds = new Map<string, LeaseHold>();
  #asked = 0;

  constructor(services: LeasesServices) {
    this.#services = services;
  }

  async ask(options: LeaseOptions & { readonly swarmId?: string }, signal?: AbortSignal): Promise<Lease> {
    signal?.throwIfAborted();
    const { clock, specOf, send } = this.#services;
    const { capabilities = [], exclude = [], agents, swarmId, priority = MEDIUM, ttlMs } = options;
    const leaseId = `hold/${++this.#asked}`;
    const hold = new LeaseHold(specOf, (outcome) => {
      this.#holds.delete(leaseId);
      send({ type: 'lease.return', leaseId, at: clock.now(), ...(outcome && { outcome }) });
    });
    this.#holds.set(leaseId, hold);
    const wanted = { capabilities, exclude, priority, ...(agents && { agents }), ...(swarmId !== undefined && { swarmId }) };
    const request = { leaseId, holder: leaseId, ...wanted, ...(ttlMs !== undefined && { ttlMs }) };
    send({ type: 'lease.request', request, at: clock.now() });
    if (!signal) return hold.lease;
    const onAbort = () => hold.abandon(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    return hold.lease.finally(() => signal.removeEventListener('abort', onAbort));
  }

  /** False when it is for somebody else. */
  hear(holder: string, message: LeaseAnswer): boolean {
    const hold = this.#holds.get(holder);
    if (!hold) return false;
    if (message.type !== 'lease.granted') this.#holds.delete(holder);
    hold.hear(message);
    return true;
  }

  loseAll(error: SwarmchartError): void {
    for (const hold of this.#holds.values()) hold.lose(error);
    this.#holds.clear();
  }
}
