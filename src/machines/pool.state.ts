/** What a pool remembers: its agents by kind and load, its leases, and the requests that wait. All of it persistent. */

import { Map as PersistentMap, Set as PersistentSet } from 'immutable';
import type { OrdinalSet } from './ordinal-set.ts';
import { EMPTY_QUEUE, NO_ORDINALS, type Queue } from './pool.queue.ts';
import {
  type AgentCircuit,
  type AgentLife,
  type AgentSpec,
  type AgentStatus,
  DEFAULT_LIFE,
  type LeaseOutcome,
  type LeaseRequest,
} from './protocol/agent.ts';

export interface AgentRecord {
  readonly spec: AgentSpec;
  /** Counts registrations; the lower one goes first among equals. */
  readonly ordinal: number;
  readonly kind: string;
  readonly status: AgentStatus;
  readonly incarnation: number;
  readonly restarts: number;
  /** When it crashed or was lost, as far back as its restart policy looks. */
  readonly failures: readonly number[];
  readonly leases: PersistentSet<string>;
  readonly circuit: AgentCircuit;
  /** While its circuit is half-open: the lease by which it is tried. */
  readonly probe?: string | undefined;
  /** How its last work went, the latest last. Forgotten when its circuit closes, and when it is started again. */
  readonly outcomes: readonly LeaseOutcome[];
  /** While draining: when its leases are taken back. */
  readonly dueAt?: number;
}

/** Agents that offer the same to the same. */
export interface Kind {
  readonly key: string;
  readonly swarmId: string | undefined;
  readonly capabilities: readonly string[];
  /** Agents that serve, or will once they are ready or restarted. */
  readonly members: number;
  /** Places (see `placeOf`) at which there are ready agents with room, and which these are. */
  readonly places: OrdinalSet;
  readonly free: PersistentMap<number, OrdinalSet>;
  /** The first request of each requirement that this kind meets. */
  readonly heads: Queue;
  /** Those of the requirements that not every agent of the kind meets. */
  readonly picky: PersistentSet<string>;
}

/** What waiting requests ask for; those with the same requirement are interchangeable but for their order. */
export interface Requirement {
  readonly key: string;
  readonly capabilities: readonly string[];
  readonly swarmId: string | undefined;
  readonly agents: readonly string[] | undefined;
  readonly exclude: readonly string[];
  readonly queue: Queue;
  /** Kinds that meet it. */
  readonly kinds: PersistentSet<string>;
}

export interface Lease {
  readonly ordinal: number;
  readonly holder: string;
  readonly dueAt?: number;
}

export interface Waiting {
  readonly request: LeaseRequest;
  readonly seq: number;
  readonly requirement: string;
}

export interface PoolState {
  readonly phase: 'serving';
  readonly at: number;
  readonly nextOrdinal: number;
  readonly nextSeq: number;
  readonly agents: PersistentMap<number, AgentRecord>;
  readonly ordinals: PersistentMap<string, number>;
  readonly kinds: PersistentMap<string, Kind>;
  readonly kindsByCapability: PersistentMap<string, PersistentSet<string>>;
  readonly leases: PersistentMap<string, Lease>;
  readonly waiting: PersistentMap<string, Waiting>;
  readonly waitingBySeq: PersistentMap<number, string>;
  readonly requirements: PersistentMap<string, Requirement>;
  /** Leases and waiting requests of each holder. */
  readonly held: PersistentMap<string, PersistentSet<string>>;
  /** Why, by agent. */
  readonly givenUp: PersistentMap<string, string>;
}

export const NO_NAMES = PersistentSet<string>();

export const EMPTY_POOL: PoolState = {
  phase: 'serving',
  at: 0,
  nextOrdinal: 0,
  nextSeq: 0,
  agents: PersistentMap(),
  ordinals: PersistentMap(),
  kinds: PersistentMap(),
  kindsByCapability: PersistentMap(),
  leases: PersistentMap(),
  waiting: PersistentMap(),
  waitingBySeq: PersistentMap(),
  requirements: PersistentMap(),
  held: PersistentMap(),
  givenUp: PersistentMap(),
};

export const emptyKind = (key: string, { swarmId, capabilities }: AgentSpec): Kind => ({
  key,
  swarmId,
  capabilities,
  members: 0,
  places: NO_ORDINALS,
  free: PersistentMap(),
  heads: EMPTY_QUEUE,
  picky: NO_NAMES,
});

export const lifeOf = ({ spec }: AgentRecord): AgentLife => spec.life ?? DEFAULT_LIFE;
export const loadOf = ({ leases }: AgentRecord): number => leases.size;
/** It can be given a lease now. */
export const hasRoom = (record: AgentRecord): boolean =>
  record.status === 'ready' && record.leases.size < record.spec.maxConcurrentTasks && isAdmitted(record);
/** An open circuit lets nothing through, a half-open one a lease at a time. */
const isAdmitted = ({ circuit, probe }: AgentRecord): boolean => circuit === 'closed' || (circuit === 'halfOpen' && probe === undefined);

/** So many of the last pieces of work are looked at, and it takes some to say anything. */
export const OUTCOMES_KEPT = 20;
const FEWEST_OUTCOMES = 5;
/** Source: Execution Layer Architecture, "Agent Health Management". */
const DEGRADED_ERROR_RATE = 0.4;

/** The share of its last pieces of work that failed; undefined while too few are known. */
export function errorRateOf({ outcomes }: AgentRecord): number | undefined {
  if (outcomes.length < FEWEST_OUTCOMES) return undefined;
  return outcomes.filter((outcome) => outcome === 'failed').length / outcomes.length;
}
/** It fails so often that others are given work before it. */
export const isDegraded = (record: AgentRecord): boolean => (errorRateOf(record) ?? 0) >= DEGRADED_ERROR_RATE;

/** More than any agent takes at once. */
const BEHIND_ALL = 100_000;
/** Its place among agents with room: by load, and behind every other one when it is degraded. */
export const placeOf = (record: AgentRecord): number => loadOf(record) + (isDegraded(record) ? BEHIND_ALL : 0);
/** It serves, or will again. */
export const serves = ({ status }: AgentRecord): boolean => status !== 'draining' && status !== 'escalated' && status !== 'stopped';

export const agentNamed = (state: PoolState, id: string): AgentRecord | undefined => {
  const ordinal = state.ordinals.get(id);
  return ordinal === undefined ? undefined : state.agents.get(ordinal);
};
