/** Swarmchart: an actor-model agent runtime in which every run and every step is a supervised statechart. */

export type { Blackboard, BlackboardEntry, WriteCondition } from './actors/blackboard.ts';
export type { Clock } from './actors/clock.ts';
export { wrapTierError } from './actors/failure.ts';
export type { ModuleOperations, Strategy, StrategyCall } from './actors/services.ts';
export * from './actors/tool.ts';
export { type Configuration, defineConfig } from './config.ts';
export {
  createRuntime,
  type RoutineExecutionInput,
  type RunOptions,
  type Runtime,
  type Tier,
  type WorkflowSource,
} from './create-runtime.ts';
export * from './machines/protocol/errors.ts';
export type {
  ExecutionContext,
  ExecutionError,
  ExecutionResult,
  ExecutionStatus,
  Json,
  JsonObject,
  ResourceAllocation,
  ResourceUsage,
  StepStatus,
} from './machines/protocol/execution.ts';
export type { Fact } from './machines/protocol/facts.ts';
export type { Backoff, Condition, Fallback, Plan, PlanStep, RetryPolicy } from './machines/protocol/plan.ts';
export type { Decision } from './machines/protocol/run.ts';
export type { FactHandler, Subscription } from './runtime/events/event-bus.ts';
export type { ExecutionHandle } from './runtime/execution/handle.ts';
export type { ExecutionOptions, StepExecutionInput, TierExecutionRequest } from './runtime/execution/requests.ts';
export type { ExecutionSnapshot, StepSnapshot } from './runtime/execution/snapshot.ts';
export type { Journal } from './runtime/journal/journal.ts';
export { MemoryJournal } from './runtime/journal/memory-journal.ts';
export type { RuntimeOptions } from './runtime/options.ts';
export {
  defineSwarm,
  type PlaybookDefinition,
  type SwarmDefinition,
  type SwarmTaskDefinition,
  swarmJsonSchema,
} from './runtime/swarm/definition.ts';
export { type KnowledgeBase, MemoryKnowledge, type Prior } from './runtime/swarm/knowledge.ts';
export { isSwarmSource, type LoadedSwarm, type LoadSwarmOptions, type LoadSwarmResult, loadSwarm } from './runtime/swarm/load.ts';
export { type Playbook, playbookPlanner } from './runtime/swarm/playbook.ts';
export type { Planner, PlannerRequest } from './runtime/swarm/planner.ts';
export type { SynthesisReport, Synthesize } from './runtime/swarm/synthesis.ts';
export type {
  BatchResult,
  ConcurrentTaskOptions,
  PipelineResult,
  SequentialTask,
  Stage,
  Task,
  TaskExecution,
  TaskOptions,
  TaskResult,
} from './runtime/tasks/task.ts';
export type { Tasks } from './runtime/tasks/tasks.ts';
export { type LoadedWorkflow, type LoadOptions, type LoadResult, loadWorkflow, loadWorkflows } from './runtime/workflow/load.ts';
export { defineWorkflow, type WorkflowDefinition, workflowJsonSchema } from './runtime/workflow/schema.ts';
export * from './tools/process.ts';
