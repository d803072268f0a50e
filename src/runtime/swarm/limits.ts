/** How big a swarm's definition, and a planner's answer, may be. What is beyond is refused with LIMIT_EXCEEDED. */
export const SWARM_LIMITS = {
  /** Tasks of one decomposition. */
  tasks: 1_000,
  /** Keys of one task, remarks of a planner included. */
  taskKeys: 100,
  referencesPerTask: 10_000,
  playbooks: 1_000,
  goalsPerPlaybook: 100,
  agents: 10_000,
  goalLength: 100_000,
  patternLength: 1_000,
  descriptionLength: 10_000,
  capabilities: 100,
  /** Agents that may try one task. */
  maxAgents: 100,
  concurrentTasks: 10_000,
  /** Of a definition or an answer that is no text, as JSON. Text has the limit of workflow text. */
  bytes: 4 * 1024 * 1024,
  /** Goals that are remembered, and the size of one decomposition as JSON. */
  rememberedGoals: 1_000,
  rememberedBytes: 256 * 1024,
} as const;

/** Tasks that run at once, where a swarm does not say. */
export const DEFAULT_CONCURRENT_TASKS = 20;
export const DEFAULT_COMPLEXITY = 5;
/** Agents that try a task, one after another, where it does not say. */
export const DEFAULT_MAX_AGENTS = 3;
