/** What a runtime's tiers are asked, and how each of them is controlled. */

import type { ExecutionResult, ExecutionStatus, Json, JsonObject } from './machines/protocol/execution.ts';
import type { EventBus } from './runtime/events/event-bus.ts';
import type { TierExecutionRequest } from './runtime/execution/requests.ts';
import type { SwarmDefinition } from './runtime/swarm/definition.ts';
import type { LoadedWorkflow } from './runtime/workflow/load.ts';
import type { WorkflowDefinition } from './runtime/workflow/schema.ts';

export interface RoutineExecutionInput {
  /** @default the workflow's id */
  readonly routineId?: string;
  readonly parameters?: JsonObject;
  /** A definition, or the id of one that was created before. */
  readonly workflow: WorkflowSource;
}

/** A definition (canonical or of a source document's dialect), one that was loaded, or the id of one that was created before. */
export type WorkflowSource = WorkflowDefinition | LoadedWorkflow | JsonObject | string;

export interface RunOptions extends Omit<TierExecutionRequest<never>, 'input'> {
  readonly input?: JsonObject;
}

export interface SwarmOptions extends RunOptions {
  /** Instead of the definition's own. */
  readonly goal?: string;
}

/** A swarm's definition and, as `parameters`, its input. Source: Implementation Guide, "Core Type Definitions". */
export type SwarmExecutionInput = Partial<SwarmDefinition> & { readonly goal?: string; readonly parameters?: JsonObject };

/** Controls of one tier, by execution id. Source: Implementation Guide, "Communication Interfaces". */
export interface Tier<Input> {
  /**
   * Resolves with how it ended; rejects only for a request that makes no sense (INVALID_INPUT, DUPLICATE_EXECUTION), and
   * while nothing can be recorded (JOURNAL_FULL, RUNTIME_STOPPED).
   */
  execute<Output = Json>(request: TierExecutionRequest<Input>): Promise<ExecutionResult<Output>>;
  /** Undefined for an execution that was never seen, or settled long ago. */
  getExecutionStatus(executionId: string): ExecutionStatus | undefined;
  pause(executionId: string): Promise<boolean>;
  resume(executionId: string): Promise<boolean>;
  cancelExecution(executionId: string, reason?: string): Promise<boolean>;
  /** As `runtime.events.subscribe`, only of what this tier records. */
  readonly on: EventBus['subscribe'];
}
