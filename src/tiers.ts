/** The three tiers as a caller has them: each starts its own kind of execution, and controls it by its id. */

import type { Handles } from './handles.ts';
import type { ExecutionResult, Tier as TierName } from './machines/protocol/execution.ts';
import type { ExecutionHandle } from './runtime/execution/handle.ts';
import type { StepExecutionInput, TierExecutionRequest } from './runtime/execution/requests.ts';
import type { Starter } from './starter.ts';
import type { RoutineExecutionInput, SwarmExecutionInput, Tier } from './surface.ts';
import type { System } from './system.ts';

export interface Tiers {
  readonly tier1: Tier<SwarmExecutionInput>;
  readonly tier2: Tier<RoutineExecutionInput>;
  readonly tier3: Tier<StepExecutionInput>;
}

export function tiersOf(system: System, handles: Handles, starter: Starter): Tiers {
  const tier = <Input>(name: TierName, start: (request: TierExecutionRequest<Input>) => Pick<ExecutionHandle, 'result'>): Tier<Input> => ({
    execute: async <Output>(request: TierExecutionRequest<Input>) => (await start(request).result()) as ExecutionResult<Output>,
    getExecutionStatus: (executionId) => system.directory.status(executionId),
    pause: (executionId) => handles.control(executionId).pause(),
    resume: (executionId) => handles.control(executionId).resume(),
    cancelExecution: (executionId, reason) => handles.control(executionId).cancel(reason),
    on: system.bus.ofTier(name),
  });
  return {
    tier1: tier('tier1', (request) => starter.swarmOf(request)),
    tier2: tier('tier2', (request) => starter.routine(request)),
    tier3: tier('tier3', (request) => starter.step(request)),
  };
}
