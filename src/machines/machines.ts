/** The charts, for people who compose them, test them or draw them. */

export { type AgentState, evolveAgent } from './agent.fold.ts';
export { type AgentInput, type AgentMachine, agentMachine } from './agent.machine.ts';
export { type BreakerState, evolveBreaker } from './breaker.fold.ts';
export { type BreakerInput, breakerMachine, type CircuitBreaker } from './breaker.machine.ts';
export { type ExecutorState, evolveExecutor } from './executor.fold.ts';
export { type ExecutorInput, executorMachine, type UnifiedExecutor } from './executor.machine.ts';
export { evolvePool } from './pool.fold.ts';
export { type AgentPool, type PoolInput, poolMachine } from './pool.machine.ts';
export type { PoolState } from './pool.state.ts';
export { evolveRun } from './run.fold.ts';
export { type RunInput, type RunStateMachine, runMachine } from './run.machine.ts';
export type { RunState, StepRecord } from './run.state.ts';
export { evolveSupervisor } from './supervisor.fold.ts';
export { type SupervisorInput, type SupervisorMachine, supervisorMachine } from './supervisor.machine.ts';
export type { SupervisedRecord, SupervisorState } from './supervisor.state.ts';
export { evolveSwarm } from './swarm.fold.ts';
export { type SwarmInput, type SwarmStateMachine, swarmMachine } from './swarm.machine.ts';
export type { SwarmState, TaskRecord } from './swarm.state.ts';
export { evolveWaiter, type WaiterState } from './waiter.fold.ts';
export { type WaiterInput, type WaiterStateMachine, waiterMachine } from './waiter.machine.ts';
