/** Swarmchart: an actor-model agent runtime in which every run and every step is a supervised statechart. */

export type { AgentContext } from './actors/agent-body.ts';
export type { Blackboard, BlackboardEntry, WriteCondition } from './actors/blackboard.ts';
export type { Clock } from './actors/clock.ts';
export { wrapTierError } from './actors/failure.ts';
export type { AgentFault, FaultHooks, ToolFault } from './actors/faults.ts';
export type { ModuleOperations, Strategy, StrategyCall } from './actors/services.ts';
export type { ChildKind } from './actors/supervised-children.ts';
export * from './actors/tool.ts';
export { type Configuration, defineConfig } from './config.ts';
export { createRuntime, type Runtime } from './create-runtime.ts';
export type { AgentCircuit, AgentSpec, AgentStatus, LeaseOutcome } from './machines/protocol/agent.ts';
export type { BreakerKey, BreakerOptions, BreakerScope } from './machines/protocol/breaker.ts';
export type { Choice, Decision, DecisionPolicy, Vote } from './machines/protocol/decision.ts';
export * from './machines/protocol/errors.ts';
export type {
  Amounts,
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
export type {
  Backoff,
  Compensation,
  Condition,
  Fallback,
  InputDeclaration,
  Plan,
  PlanStep,
  RetryPolicy,
  Rung,
  SubRun,
  WaitFor,
} from './machines/protocol/plan.ts';
export { MOST_RECOVERIES, type RecoveryFact } from './machines/protocol/recovery.ts';
export type { FactOf, ReusedStep } from './machines/protocol/run.ts';
export type {
  ChildCounts,
  ChildSummary,
  DynamicChild,
  RestartStrategy,
  RestartType,
  Shutdown,
  SupervisorError,
  SupervisorErrorCode,
  SupervisorFact,
  SupervisorOutcome,
  SupervisorResult,
} from './machines/protocol/supervisor.ts';
export type { FailedTask, ObligationAnswer, Organization, SwarmPlan, TaskReport } from './machines/protocol/swarm.ts';
export type { Recovered, RecoveryTrouble } from './recoveries.ts';
export type { LeaseOptions, Registration } from './runtime/agents/agents.ts';
export type { AgentDefinition } from './runtime/agents/definition.ts';
export type { Lease } from './runtime/agents/lease.ts';
export type { AgentSnapshot, CapabilityEntry, DiscoverCriteria } from './runtime/agents/snapshots.ts';
export type { PendingDecision } from './runtime/approvals.ts';
export type { Audit, GuardedCall } from './runtime/breakers/doors.ts';
export type { BreakersOptions } from './runtime/breakers/options.ts';
export type { BreakerSnapshot } from './runtime/breakers/snapshot.ts';
export type { ErrorCounts } from './runtime/errors/books.ts';
export type { ErrorFilter, ErrorLogOptions } from './runtime/errors/error-log.ts';
export type { ErrorEntry, ErrorTally, FailureOutcome } from './runtime/errors/failure.ts';
export type { DeadLetter } from './runtime/events/dead-letters.ts';
export type { Emission, EmittedEvent } from './runtime/events/emission.ts';
export type { SubscribeOptions } from './runtime/events/event-bus.ts';
export type { StreamOptions } from './runtime/events/events.ts';
export type { FactFilter, HistoryOptions } from './runtime/events/history.ts';
export type { IntakeStage } from './runtime/events/intake.ts';
export type { Delivery, RouteSnapshot } from './runtime/events/route.ts';
export type { Redriven, RouteDefinition } from './runtime/events/routes.ts';
export type { FactHandler, Overflow, Subscription } from './runtime/events/subscriber.ts';
export type { TriggerSnapshot } from './runtime/events/trigger.ts';
export type { TriggerDefinition } from './runtime/events/triggers.ts';
export type { ExecutionHandle, RunControls, SwarmHandle } from './runtime/execution/handle.ts';
export type { Progress } from './runtime/execution/progress.ts';
export type { ExecutionOptions, StepExecutionInput, TierExecutionRequest } from './runtime/execution/requests.ts';
export type { ExecutionSnapshot, StepSnapshot } from './runtime/execution/snapshot.ts';
export type { SwarmSnapshot, TaskSnapshot } from './runtime/execution/swarm-snapshot.ts';
export type { StreamVerification } from './runtime/journal/durable/verification.ts';
export { archiveStreams, type ExportOptions, exportStreams, verifyExport } from './runtime/journal/export.ts';
export type { Journal, JournalCondition, JournalReader, Recorded, StreamInfo, StreamStatus } from './runtime/journal/journal.ts';
export { MemoryJournal } from './runtime/journal/memory-journal.ts';
export {
  type Replay,
  type ReplayedExecution,
  type ReplayOptions,
  replay,
  type StatusChange,
  type WaitSnapshot,
} from './runtime/journal/replay.ts';
export type { SqliteOptions } from './runtime/journal/sqlite/options.ts';
export { type JournalFileReader, readJournal } from './runtime/journal/sqlite/read-journal.ts';
export { sqlite } from './runtime/journal/sqlite/sqlite.ts';
export type { RuntimeOptions } from './runtime/options.ts';
export type { EscalationDefinition, RecoveryStrategies } from './runtime/recovery.ts';
export { type Rerun, type RerunOptions, rerun } from './runtime/rerun/rerun.ts';
export type { SecretRequest, SecretSource, SecretsOption } from './runtime/secrets/secrets.ts';
export type { SupervisorControls, SupervisorEvent } from './runtime/supervision/controls.ts';
export type { SupervisedChild, SupervisedKind, SupervisorDefinition } from './runtime/supervision/definition.ts';
export { type SupervisionOptions, type Supervisor, startSupervisor } from './runtime/supervision/supervisor.ts';
export {
  defineSwarm,
  type PlaybookDefinition,
  type SwarmDefinition,
  type SwarmTaskDefinition,
  swarmJsonSchema,
} from './runtime/swarm/definition.ts';
export { type KnowledgeBase, MemoryKnowledge, type Prior } from './runtime/swarm/knowledge.ts';
export { isSwarmSource, type LoadedSwarm, type LoadSwarmOptions, type LoadSwarmResult, loadSwarm } from './runtime/swarm/load.ts';
export type { Planner, PlannerRequest } from './runtime/swarm/planner.ts';
export { type Playbook, playbookPlanner } from './runtime/swarm/playbook.ts';
export type { SwarmSource } from './runtime/swarm/swarms.ts';
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
export type { TemplateParameter, Templates, WorkflowTemplate } from './runtime/templates.ts';
export type { WatchdogOptions } from './runtime/watchdog/watchdog.ts';
export { type LoadedWorkflow, type LoadOptions, type LoadResult, loadWorkflow, loadWorkflows } from './runtime/workflow/load.ts';
export { defineWorkflow, type WorkflowDefinition, workflowJsonSchema } from './runtime/workflow/schema.ts';
export type { RoutineExecutionInput, RunOptions, SwarmExecutionInput, SwarmOptions, Tier, WorkflowSource } from './surface.ts';
export * from './tools/process.ts';
