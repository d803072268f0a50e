/** What the registry of agents can be asked, and what it needs of the runtime. */

import type { Clock } from '../../actors/clock.ts';
import type { FaultHooks } from '../../actors/faults.ts';
import type { Counters, Secrets } from '../../actors/services.ts';
import type { Logger } from '../../actors/tool.ts';
import type { AgentCircuit, LeaseAnswer, LeaseOutcome, PoolFact } from '../../machines/protocol/agent.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { Fact } from '../../machines/protocol/facts.ts';

/** Connects the agents with their circuit breakers. */
export interface CircuitHooks {
  /** How the work under a lease went, just before the pool hears of it. Returns the agent's circuit that follows. */
  readonly settled: (agentId: string, leaseId: string, outcome: LeaseOutcome) => AgentCircuit;
  /** Hears of what the pool records, as soon as it does: while it still acts, so that it must not send it anything. */
  readonly noted: (fact: PoolFact) => void;
}

export interface AgentsServices {
  readonly clock: Clock;
  readonly log: Logger;
  readonly counters: Counters;
  readonly enqueue: (to: string, type: string, open: () => void) => void;
  readonly publish: (facts: readonly Fact[]) => void;
  readonly secrets: Secrets;
  /** Given, faults may be injected into any agent, so that each has a body. */
  readonly faults?: FaultHooks;
  /** Without them no agent has a circuit breaker. */
  readonly circuits?: CircuitHooks;
  /** Answers to holders that asked through `ask`. */
  readonly onAnswer: (holder: string, message: LeaseAnswer) => void;
}

export interface Registration {
  readonly agentId: string;
  unregister(options?: UnregisterOptions): Promise<boolean>;
}

export interface UnregisterOptions {
  /** How long those who hold leases on it may keep them; then they lose them with AGENT_UNREGISTERED. Milliseconds. @default until they return them */
  readonly graceMs?: number;
}

/** What to ask of an agent. */
export interface LeaseOptions {
  /** All of these. */
  readonly capabilities?: readonly string[];
  /** Only one of these agents. */
  readonly agents?: readonly string[];
  /** None of these. */
  readonly exclude?: readonly string[];
  /** Larger first. @default 5 */
  readonly priority?: number;
  /** It is taken back after this time, with LEASE_EXPIRED. Milliseconds. @default 3_600_000 */
  readonly ttlMs?: number;
  /** Withdraws the request while it waits. What is leased already is not touched. */
  readonly signal?: AbortSignal;
}

export const DEFAULT_TTL_MS = 3_600_000;

export function checkLease(given: LeaseOptions): LeaseOptions {
  checkObject(given);
  const { capabilities, agents, exclude, priority, ttlMs, signal } = given;
  for (const [name, list] of Object.entries({ capabilities, agents, exclude })) {
    if (list !== undefined && !(Array.isArray(list) && list.length <= 10_000 && list.every((item) => typeof item === 'string'))) {
      throw new SwarmchartError('INVALID_VALUE', `${name} must be a list of at most 10000 texts`);
    }
  }
  if (priority !== undefined && !Number.isInteger(priority)) throw new SwarmchartError('INVALID_VALUE', 'priority must be an integer');
  if (ttlMs !== undefined && !(Number.isInteger(ttlMs) && ttlMs >= 1 && ttlMs < 2 ** 31)) {
    throw new SwarmchartError('INVALID_VALUE', 'ttlMs must be an integer number of milliseconds from 1 to 2147483647');
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new SwarmchartError('INVALID_VALUE', 'signal must be an AbortSignal');
  return given;
}

export function checkGrace(given: UnregisterOptions): UnregisterOptions {
  checkObject(given);
  const { graceMs } = given;
  if (graceMs === undefined || (Number.isInteger(graceMs) && graceMs >= 0 && graceMs < 2 ** 31)) return given;
  throw new SwarmchartError(
    'INVALID_VALUE',
    `graceMs must be an integer number of milliseconds from 0 to 2147483647, got ${String(graceMs)}`,
  );
}

function checkObject(given: unknown): void {
  if (typeof given !== 'object' || given === null) throw new SwarmchartError('INVALID_VALUE', 'The options must be an object');
}
