/** The charts, for people who compose them, test them or draw them. */

export { type BreakerInput, type BreakerState, breakerMachine, type CircuitBreaker, evolveBreaker } from './breaker.machine.ts';
export { type ExecutorState, evolveExecutor } from './executor.fold.ts';
export { type ExecutorInput, executorMachine, type UnifiedExecutor } from './executor.machine.ts';
export { evolveRun } from './run.fold.ts';
export { type RunInput, type RunStateMachine, runMachine } from './run.machine.ts';
export type { RunState, StepRecord } from './run.state.ts';
export { evolveWaiter, type WaiterState } from './waiter.fold.ts';
export { type WaiterInput, type WaiterStateMachine, waiterMachine } from './waiter.machine.ts';
