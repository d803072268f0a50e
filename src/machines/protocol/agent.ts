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
  /** How its actor lives, where it is not as `DEFAULT_LIFE` says. */
  readonly life?: AgentLife;
}

/** What the supervision of an agent needs to know, as plain data. Its hooks are functions and stay with its body. */
export interface AgentLife {
  /** It has hooks to run. One without is ready at once and has neither a body nor a timer. */
  readonly hasBody: boolean;
  /** Milliseconds. */
  readonly readyTimeoutMs: number;
  readonly heartbeat?: HeartbeatPolicy;
  readonly restart: RestartPolicy;
}

/** Source: Agent System Components, "Agent Lifecycle Management"; Execution Layer Architecture, "Agent Health Management". */
export interface HeartbeatPolicy {
  /** Rest between two checks. Milliseconds. */
  readonly intervalMs: number;
  /** A check that has not answered by then is missed. Milliseconds. */
  readonly timeoutMs: number;
  /** The first miss makes an agent suspect, so many in a row lose it. */
  readonly misses: number;
}

/** Restarts at most `maxRestarts` times within any `withinMs` milliseconds; one more failure and the agent is given up. */
export interface RestartPolicy {
  readonly maxRestarts: number;
  readonly withinMs: number;
}

export const DEFAULT_LIFE: AgentLife = {
  hasBody: false,
  readyTimeoutMs: 30_000,
  restart: { maxRestarts: 3, withinMs: 60_000 },
};

/** How long an agent may take to dispose of itself. Milliseconds. */
export const DISPOSE_GRACE_MS = 5_000;
/** Requests that may wait for an agent; more are refused with RESOURCE_EXHAUSTED. */
export const MOST_WAITING = 100_000;

/** How the work under a lease went, as far as that says something about its agent. */
export type LeaseOutcome = 'succeeded' | 'failed';

/** Of an agent: open, it gets no leases; half-open, one at a time, by which it is tried. */
export type AgentCircuit = 'closed' | 'open' | 'halfOpen';

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
  | { readonly type: 'lease.return'; readonly leaseId: string; readonly outcome?: LeaseOutcome; readonly at: number }
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
  /** No new leases; it stops when its last one is returned, or lost after `graceMs`, if given. Of an unknown agent it is a no-op. */
  | { readonly type: 'pool.unregister'; readonly agentIds: readonly string[]; readonly graceMs?: number; readonly at: number }
  /** From the agent's circuit breaker. Of an unknown agent it is a no-op. */
  | { readonly type: 'pool.circuit'; readonly agentId: string; readonly circuit: AgentCircuit; readonly at: number };

/** From the pool to one of its agents. */
export type AgentCommand =
  | { readonly type: 'agent.assign'; readonly leaseId: string; readonly at: number }
  | { readonly type: 'agent.release'; readonly leaseId: string; readonly at: number }
  | { readonly type: 'agent.drain'; readonly at: number };

/** From the pool to the nursery of its agents. */
export type AgentNurseryCommand =
  | { readonly type: 'child.start'; readonly children: readonly AgentChild[]; readonly ack: boolean }
  | { readonly type: 'child.tell'; readonly id: string; readonly event: AgentCommand };

export interface AgentChild {
  /** `agent/<id>` */
  readonly id: string;
  readonly src: 'agent';
  readonly incarnation: number;
  readonly input: { readonly spec: AgentSpec; readonly incarnation: number };
}

/** What an agent says about itself. Its own state is folded from these; the pool books those that concern it. */
export type AgentReport =
  | { readonly type: 'agent.started'; readonly at: number; readonly dueAt: number }
  | { readonly type: 'agent.ready'; readonly at: number; readonly dueAt: number }
  | { readonly type: 'agent.checking'; readonly at: number; readonly beat: number; readonly dueAt: number }
  | { readonly type: 'agent.alive'; readonly at: number; readonly dueAt: number }
  | { readonly type: 'agent.suspected'; readonly at: number; readonly missed: number; readonly dueAt: number }
  | { readonly type: 'agent.missed'; readonly at: number; readonly missed: number; readonly dueAt: number }
  | { readonly type: 'agent.recovered'; readonly at: number; readonly dueAt: number }
  | { readonly type: 'agent.assigned'; readonly at: number; readonly leaseId: string; readonly load: number }
  | { readonly type: 'agent.released'; readonly at: number; readonly leaseId: string; readonly load: number }
  | { readonly type: 'agent.draining'; readonly at: number }
  | { readonly type: 'agent.stopping'; readonly at: number; readonly dueAt: number }
  | { readonly type: 'agent.stopped'; readonly at: number }
  | { readonly type: 'agent.lost'; readonly at: number; readonly missed: number }
  | { readonly type: 'agent.failed'; readonly at: number };

/** How an agent's actor ended, if it did not crash: stopped in order, lost by its heartbeat, or never ready. */
export interface AgentOutcome {
  readonly end: 'stopped' | 'lost' | 'failed';
}

/** A report as it reaches the pool. One of an earlier incarnation is stale. */
export type PoolReport = Extract<AgentReport, { readonly type: 'agent.ready' | 'agent.suspected' | 'agent.recovered' }> & {
  readonly agentId: string;
  readonly incarnation: number;
};

/** From an agent to its body. */
export type BodyCommand =
  | { readonly type: 'body.check'; readonly beat: number }
  | { readonly type: 'body.assigned'; readonly leaseId: string }
  | { readonly type: 'body.dispose' };

export type BodyReply =
  | { readonly type: 'body.ready'; readonly at: number }
  | { readonly type: 'body.alive'; readonly beat: number; readonly at: number }
  | { readonly type: 'body.disposed'; readonly at: number };

export interface BodyInput {
  readonly agentId: string;
  readonly incarnation: number;
}

type OfAgent<More = unknown> = { readonly agentId: string } & More;

export type PoolFact =
  | FactBody<'agent/registered', OfAgent<{ readonly spec: AgentSpec }>>
  | FactBody<'agent/ready', OfAgent<{ readonly incarnation: number }>>
  | FactBody<'agent/suspected', OfAgent<{ readonly missed: number }>>
  /** A heartbeat in time: it gets leases again. */
  | FactBody<'agent/recovered', OfAgent>
  | FactBody<'agent/lost', OfAgent<{ readonly error: ExecutionError; readonly leases: readonly string[] }>>
  | FactBody<'agent/crashed', OfAgent<{ readonly error: ExecutionError; readonly leases: readonly string[] }>>
  | FactBody<'agent/restarted', OfAgent<{ readonly incarnation: number; readonly restarts: number }>>
  /** It crashed too often in too short a time: it is not restarted. */
  | FactBody<'agent/escalated', OfAgent<{ readonly error: ExecutionError }>>
  | FactBody<'agent/draining', OfAgent<{ /** When its leases are taken back. */ readonly dueAt?: number }>>
  | FactBody<'agent/unregistered', OfAgent>
  | FactBody<'agent/circuit_changed', OfAgent<{ readonly circuit: AgentCircuit }>>
  | FactBody<
      'agent/leased',
      OfAgent<{
        readonly leaseId: string;
        readonly holder: string;
        readonly load: number;
        readonly dueAt?: number;
        /** Its circuit is half-open, and this lease tries it. */
        readonly probe?: true;
      }>
    >
  | FactBody<'agent/released', OfAgent<{ readonly leaseId: string; readonly load: number; readonly outcome?: LeaseOutcome }>>
  | FactBody<'agent/lease_expired', OfAgent<{ readonly leaseId: string; readonly holder: string }>>
  /** Taken back from its holder, because the agent was unregistered and its grace is over. */
  | FactBody<'agent/lease_revoked', OfAgent<{ readonly leaseId: string; readonly holder: string }>>
  /** Agents that could serve it are busy or not ready. */
  | FactBody<'agent/lease_awaited', { readonly request: LeaseRequest }>
  | FactBody<'agent/lease_withdrawn', { readonly leaseId: string; readonly holder: string }>
  | FactBody<'agent/refused', { readonly leaseId: string; readonly holder: string; readonly error: ExecutionError }>;
