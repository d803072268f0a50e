/** What the registry shows of its agents. */

import type { AgentState } from '../../machines/agent.fold.ts';
import { type AgentRecord, errorRateOf, hasRoom, isDegraded, loadOf, type PoolState } from '../../machines/pool.state.ts';
import type { AgentCircuit, AgentSpec, AgentStatus } from '../../machines/protocol/agent.ts';

export interface AgentSnapshot {
  readonly spec: AgentSpec;
  readonly status: AgentStatus;
  /** Leases on it now. */
  readonly currentLoad: number;
  /** When it was last known to live, in milliseconds since the epoch; absent before it was ready. Without a heartbeat, when it became ready. */
  readonly lastHeartbeat?: number;
  /** 1 for its first life. */
  readonly incarnation: number;
  /** How often it was started again. */
  readonly restarts: number;
  /**
   * `unhealthy`: it misses its heartbeat, has failed as an actor, or its circuit is open, and it gets no work. `degraded`: it fails so often (40 % of
   * its last 20 pieces of work, of 5 at least) that it gets only what no healthy agent has room for, or its circuit is half-open.
   */
  readonly health: 'healthy' | 'degraded' | 'unhealthy';
  /** Of its circuit breaker. */
  readonly circuit: AgentCircuit;
  /** The share of its last pieces of work that failed; absent while fewer than 5 are known. */
  readonly errorRate?: number;
}

/** Every criterion that is given must be met. */
export interface DiscoverCriteria {
  /** All of these. */
  readonly capabilities?: readonly string[];
  readonly type?: string;
  readonly language?: string;
  readonly framework?: string;
  /** True: it has room for another task. False: it has none. */
  readonly available?: boolean;
}

export interface CapabilityEntry {
  readonly capability: string;
  /** Agents that offer it, ready or about to be. */
  readonly agents: number;
  /** Those that are ready and have room. */
  readonly available: number;
}

export function snapshotOf(record: AgentRecord, life: AgentState | undefined): AgentSnapshot {
  const errorRate = errorRateOf(record);
  return {
    spec: record.spec,
    status: record.status,
    currentLoad: loadOf(record),
    ...(life && life.aliveAt > 0 && { lastHeartbeat: life.aliveAt }),
    incarnation: record.incarnation,
    restarts: record.restarts,
    health: healthOf(record),
    circuit: record.circuit,
    ...(errorRate !== undefined && { errorRate }),
  };
}

const UNHEALTHY: ReadonlySet<AgentStatus> = new Set(['suspect', 'lost', 'restarting', 'escalated']);

function healthOf(record: AgentRecord): AgentSnapshot['health'] {
  if (UNHEALTHY.has(record.status) || record.circuit === 'open') return 'unhealthy';
  return record.circuit === 'halfOpen' || isDegraded(record) ? 'degraded' : 'healthy';
}

export function fits(record: AgentRecord, { capabilities, type, language, framework, available }: DiscoverCriteria): boolean {
  const { spec } = record;
  return (
    (capabilities ?? []).every((capability) => spec.capabilities.includes(capability)) &&
    (type === undefined || spec.type === type) &&
    (language === undefined || spec.languages.includes(language)) &&
    (framework === undefined || spec.frameworks.includes(framework)) &&
    (available === undefined || hasRoom(record) === available)
  );
}

export function capabilityIndex({ kinds, kindsByCapability }: PoolState): readonly CapabilityEntry[] {
  const entries: CapabilityEntry[] = [];
  for (const [capability, keys] of kindsByCapability) {
    let agents = 0;
    let available = 0;
    for (const key of keys) {
      const kind = kinds.get(key);
      if (!kind || kind.swarmId !== undefined) continue;
      agents += kind.members;
      for (const free of kind.free.values()) available += free.size;
    }
    if (agents > 0) entries.push({ capability, agents, available });
  }
  return entries.sort((one, other) => (one.capability < other.capability ? -1 : 1));
}
