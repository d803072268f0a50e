/** What an agent is, how its pool leases it out, and the facts of both. */

import type { ExecutionError, JsonObject } from './execution.ts';
import type { FactBody } from './facts.ts';

/**
 * An agent as plain data: who it is and what it can do.
 *
 * Source: Agent System Components, "Agent Types"; Implementation Guide, "Core Type Definitions".
 */
export interface AgentSpec {
  readonly id: string;
  readonly name: string;
  /** For instance `coder`, `tester`, `reviewer`; any word. */
  readonly type: string;
  /** Sorted, without duplicates, at least one. */
  readonly capabilities: readonly string[];
  /** Tasks that it takes at once; at least 1. */
  readonly maxConcurrentTasks: number;
  readonly description?: string;
  readonly persona?: string;
  readonly languages: readonly string[];
  readonly frameworks: readonly string[];
  readonly specialization?: string;
  readonly metadata: JsonObject;
  /** The swarm that brought it along, and alone may use it. Without one it is everybody's. */
  readonly swarmId?: string;
}

export type AgentStatus = 'starting' | 'ready' | 'suspect' | 'draining' | 'lost' | 'restarting' | 'escalated' | 'stopped';

/** Asks for an agent. Every request ends in exactly one `lease.refused`, or in a lease, which ends when it is returned or lost. */
export interface LeaseRequest {
  /** Chosen by the one who asks; never used twice. */
  readonly leaseId: string;
  /** Execution id of the one who asks and is answered. */
  readonly holder: string;
  /** All of these. */
  readonly capabilities: readonly string[];
  /** Only one of these agents, if given. */
  readonly agents?: readonly string[];
  /** None of these agents, for they have failed at it. */
  readonly exclude: readonly string[];
  /** The swarm whose own agents may serve too. */
  readonly swarmId?: string;
  readonly priority: number;
  /** The lease is taken back after this time. Milliseconds; without it, only its holder ends it. */
  readonly ttlMs?: number;
}

export type LeaseCommand =
  | { readonly type: 'lease.request'; readonly request: LeaseRequest; readonly at: number }
  /** Returns a lease, or withdraws a request that still waits. Of an unknown one it is a no-op. */
  | { readonly type: 'lease.return'; readonly leaseId: string; readonly at: number }
  /** The holder is gone: everything of it is returned and withdrawn. */
  | { readonly type: 'lease.returnAll'; readonly holder: string; readonly at: number };

/** What the holder hears. */
export type LeaseAnswer =
  | { readonly type: 'lease.granted'; readonly leaseId: string; readonly agentId: string; readonly at: number }
  | { readonly type: 'lease.refused'; readonly leaseId: string; readonly error: ExecutionError; readonly at: number }
  | {
      readonly type: 'lease.lost';
      readonly leaseId: string;
      readonly agentId: string;
      readonly error: ExecutionError;
      readonly at: number;
    };

export type PoolCommand =
  | LeaseCommand
  | { readonly type: 'pool.register'; readonly agents: readonly AgentSpec[]; readonly at: number }
  /** No new leases; it stops when its last one is returned. */
  | { readonly type: 'pool.unregister'; readonly agentIds: readonly string[]; readonly at: number };

/** From the pool to one of its agents. */
export type AgentCommand =
  | { readonly type: 'agent.assign'; readonly leaseId: string; readonly at: number }
  | { readonly type: 'agent.release'; readonly leaseId: string; readonly at: number }
  | { readonly type: 'agent.drain'; readonly at: number };

type OfAgent<More = unknown> = { readonly agentId: string } & More;

export type PoolFact =
  | FactBody<'agent/registered', OfAgent<{ readonly spec: AgentSpec }>>
  | FactBody<'agent/ready', OfAgent<{ readonly incarnation: number }>>
  | FactBody<'agent/suspected', OfAgent<{ readonly missed: number }>>
  | FactBody<'agent/lost', OfAgent<{ readonly error: ExecutionError; readonly leases: readonly string[] }>>
  | FactBody<'agent/crashed', OfAgent<{ readonly error: ExecutionError; readonly leases: readonly string[] }>>
  | FactBody<'agent/restarted', OfAgent<{ readonly incarnation: number; readonly restarts: number }>>
  /** It crashed too often in too short a time: it is not restarted. */
  | FactBody<'agent/escalated', OfAgent<{ readonly error: ExecutionError }>>
  | FactBody<'agent/draining', OfAgent>
  | FactBody<'agent/unregistered', OfAgent>
  | FactBody<'agent/leased', OfAgent<{ readonly leaseId: string; readonly holder: string; readonly load: number }>>
  | FactBody<'agent/released', OfAgent<{ readonly leaseId: string; readonly load: number }>>
  | FactBody<'agent/lease_expired', OfAgent<{ readonly leaseId: string; readonly holder: string }>>
  | FactBody<'agent/refused', { readonly leaseId: string; readonly holder: string; readonly error: ExecutionError }>;
