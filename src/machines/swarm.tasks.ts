/** From a task to a run under a lease, and what follows when the run ends: another agent, or the end of the task. */

import { blamesAgent } from './blame.ts';
import { resolveInput } from './inputs.ts';
import { limitsOf } from './ledger.ts';
import { hasOrdinal } from './ordinal-set.ts';
import type { LeaseOutcome } from './protocol/agent.ts';
import { executionError } from './protocol/errors.ts';
import {
  type Amounts,
  type ExecutionContext,
  type ExecutionError,
  type JsonObject,
  NO_USAGE,
  type StepStatus,
} from './protocol/execution.ts';
import type { ChildSpec, RunJob } from './protocol/run.ts';
import type { SwarmTask } from './protocol/swarm.ts';
import { resolveReferences } from './references.ts';
import type { RunOutcome } from './run.decisions.ts';
import type { Result } from './run.jobs.ts';
import { sealed, secretsBeside } from './secret-texts.ts';
import { giveUp, isEnding, mayHelp } from './swarm.ladder.ts';
import { memoryFor, memoryLack, nextRank, share } from './swarm.shares.ts';
import { isAtWork, type SwarmState, type TaskRecord } from './swarm.state.ts';
import type { SwarmTurn } from './swarm.turn.ts';

/** Asks for an agent for every task that is ready, the smallest rank first, while there is room. */
export function dispatch(turn: SwarmTurn, at: number): void {
  while (mayDispatch(turn.state)) {
    const rank = nextRank(turn);
    if (rank === undefined || busy(turn) >= turn.job.maxConcurrentTasks) return;
    const { task, record } = turn.at(turn.state.plan?.byRank[rank] ?? -1);
    const violation = turn.state.team?.tasks[task.id]?.violation;
    const memory = memoryFor(turn, task, record);
    const lack = memory ? undefined : memoryLack(turn, task);
    if (violation) blockTask(turn, task, violation, at);
    else if (memory) requestLease(turn, task, record, memory, at);
    else if (lack) giveUp(turn, task, lack, NO_USAGE, at);
    else return;
  }
}

/** What wants another plan holds up what has not begun. */
const mayDispatch = (state: SwarmState): boolean =>
  state.failure === undefined && (state.phase === 'replanning' || (state.phase === 'coordinating' && state.unsolved === 0));

const busy = ({ state: { leasing, leased, live } }: SwarmTurn): number => leasing + leased + live;

function requestLease(turn: SwarmTurn, task: SwarmTask, record: TaskRecord, reserved: Amounts, at: number): void {
  const { execution, poolIds, shadowed = [] } = turn.job;
  const poolId = (id: string): string => (Object.hasOwn(poolIds, id) ? (poolIds[id] ?? id) : id);
  const leaseId = `${execution.executionId}/${task.id}#${record.leases + 1}`;
  const agents = turn.state.team?.tasks[task.id]?.agents;
  const { failedAgents: exclude } = record;
  const payload = { taskId: task.id, ordinal: task.ordinal, leaseId, exclude, ...(reserved !== record.reserved && { reserved }) };
  turn.record({ type: 'tier1/lease/requested', at, payload });
  turn.requests.push({
    type: 'lease.request',
    at,
    request: {
      leaseId,
      holder: execution.executionId,
      capabilities: task.capabilities,
      ...(agents && { agents: agents.map(poolId) }),
      exclude: [...exclude.map(poolId), ...shadowed],
      swarmId: execution.executionId,
      priority: task.priority,
    },
  });
}

/** A norm forbids it: no run is started, so no tool of it is called. */
function blockTask(turn: SwarmTurn, task: SwarmTask, { normId, message }: { normId: string; message: string }, at: number): void {
  const mark = { taskId: task.id, ordinal: task.ordinal };
  turn.record({ type: 'tier1/norm/violated', at, payload: { ...mark, normId, message } });
  giveUp(turn, task, executionError('NORM_VIOLATED', message, 'tier1', { context: { taskId: task.id, normId } }), NO_USAGE, at);
}

/** The agent is there: the task's run begins, or the one that lost its agent goes on. */
export function startLeased(turn: SwarmTurn, ordinal: number, at: number): void {
  const { task, record } = turn.at(ordinal);
  const mark = { taskId: task.id, ordinal, agentId: record.agentId ?? '' };
  const incarnation = record.incarnation + 1;
  if (record.childExecutionId !== undefined) {
    const spec = runSpec(turn, task, record.childExecutionId, { at, incarnation, reserved: record.reserved });
    turn.record({ type: 'tier1/task/continued', at, payload: { ...mark, incarnation } });
    if (spec.ok) turn.starts.push(spec.value);
    turn.messages.push({ type: 'child.tell', id: task.id, event: { type: 'execution.resume', at } });
    return;
  }
  const iteration = record.iteration + 1;
  const reserved = share(turn, task, record);
  const childExecutionId = `${turn.job.execution.executionId}/${task.id}/${iteration}`;
  const spec = runSpec(turn, task, childExecutionId, { at, incarnation, reserved });
  if (!spec.ok) {
    turn.returnLease(record, at);
    return giveUp(turn, task, spec.error, NO_USAGE, at);
  }
  turn.record({ type: 'tier1/task/started', at, payload: { ...mark, childExecutionId, iteration, reserved } });
  turn.starts.push(spec.value);
}

/**
 * Nobody can do it. What its last agent failed with says more than that there is no other.
 * A run that has begun must end first; while the swarm is paused nothing of it may run, so it ends when the swarm goes on.
 */
export function refuseTask(turn: SwarmTurn, task: SwarmTask, error: ExecutionError, at: number): void {
  const { leaseId = '', childExecutionId, error: earlier } = turn.at(task.ordinal).record;
  turn.record({ type: 'tier1/lease/refused', at, payload: { taskId: task.id, ordinal: task.ordinal, leaseId, error } });
  if (childExecutionId === undefined) giveUp(turn, task, earlier ?? error, NO_USAGE, at);
  else if (isAtWork(turn.state)) reviveToEnd(turn, task.ordinal, error.message, at);
}

/** Runs whose leases were refused during a pause live again to end. */
export function endRefused(turn: SwarmTurn, at: number): void {
  turn.state.records.forEach(({ status, childExecutionId, error }, ordinal) => {
    if (status !== 'pending' || childExecutionId === undefined) return;
    if (!hasOrdinal(turn.state.ready, turn.at(ordinal).task.rank)) reviveToEnd(turn, ordinal, error?.message ?? '', at);
  });
}

/** A run that lost its agent lives again only to end in order. */
export function reviveToEnd(turn: SwarmTurn, ordinal: number, reason: string, at: number): void {
  const { task, record } = turn.at(ordinal);
  const { childExecutionId, reserved } = record;
  if (childExecutionId === undefined || record.isLive) return;
  const incarnation = record.incarnation + 1;
  const spec = runSpec(turn, task, childExecutionId, { at, incarnation, reserved });
  if (!spec.ok) return;
  turn.record({ type: 'tier1/task/continued', at, payload: { taskId: task.id, ordinal, agentId: record.agentId ?? '', incarnation } });
  turn.starts.push(spec.value);
  turn.messages.push({ type: 'child.tell', id: task.id, event: { type: 'execution.cancel', at, reason } });
}

interface Start {
  readonly at: number;
  readonly incarnation: number;
  readonly reserved: Amounts;
}

function runSpec(turn: SwarmTurn, task: SwarmTask, executionId: string, { at, incarnation, reserved }: Start): Result<ChildSpec> {
  const { job, state } = turn;
  const input = taskInput(turn, task);
  if (!input.ok) return input;
  const execution = runContext(turn, executionId, at);
  const runJob: RunJob = {
    execution,
    plan: task.plan,
    ...input.value,
    allocation: {
      ...job.allocation,
      ...limitsOf(job.allocation, reserved, state.reserved),
      maxDurationMs: Math.max(1, state.deadlineAt - at),
    },
    recovery: job.recovery,
    ...(job.retry && { retry: job.retry }),
  };
  return { ok: true, value: { id: task.id, src: 'run', incarnation, input: { execution, job: runJob } } };
}

export function runContext({ job }: SwarmTurn, executionId: string, at: number): ExecutionContext {
  const { executionId: parentExecutionId, swarmId, userId, correlationId } = job.execution;
  return { executionId, parentExecutionId, swarmId, userId, timestamp: at, correlationId };
}

/** The swarm's input and goal, the results of the tasks that it depends on, and over them its own parameters. */
function taskInput(turn: SwarmTurn, task: SwarmTask): Result<Pick<RunJob, 'input' | 'secrets'>> {
  const { job, state } = turn;
  const known = (id: string): TaskRecord | undefined => {
    const ordinals = state.plan?.ordinals ?? {};
    return Object.hasOwn(ordinals, id) ? state.records.get(ordinals[id] ?? -1) : undefined;
  };
  const resolved = resolveReferences(task.parameters, {
    input: (name) => {
      if (Object.hasOwn(job.input, name)) return { found: true, value: job.input[name] ?? null };
      return name === 'goal' ? { found: true, value: job.goal } : { found: false };
    },
    step: (id) => {
      const record = known(id);
      return record ? { found: true, status: statusOf(record), result: record.result, error: record.error ?? null } : { found: false };
    },
  });
  if (!resolved.ok) return { ok: false, error: executionError(resolved.error.code, resolved.error.message, 'tier1') };
  const results = Object.fromEntries(task.dependsOn.map((ordinal) => [turn.at(ordinal).task.id, turn.at(ordinal).record.result]));
  const around: JsonObject = { goal: job.goal, ...job.input, task: task.id, description: task.description, results };
  const own = resolved.value as JsonObject;
  const { inputs } = task.plan;
  if (!inputs) return { ok: true, value: { input: { ...around, ...own }, ...sealed(resolved.secrets) } };
  const wanted = Object.fromEntries(Object.entries(around).filter(([name]) => Object.hasOwn(inputs, name)));
  const { input, issues } = resolveInput(inputs, { ...wanted, ...own });
  if (issues.length === 0) {
    return { ok: true, value: { input, ...sealed(secretsBeside(resolved.secrets, (name) => !Object.hasOwn(inputs, name))) } };
  }
  const list = issues.map(({ message }) => message).join(' ');
  return { ok: false, error: executionError('INVALID_INPUT', `Task "${task.id}": ${list}`, 'tier1', { context: { taskId: task.id } }) };
}

function statusOf({ status }: TaskRecord): StepStatus {
  if (status === 'escalated') return 'waiting';
  return status === 'leasing' || status === 'leased' || status === 'stopping' || status === 'unsolved' ? 'pending' : status;
}

/** Books how a task's run ended, and gives its agent back. */
export function settleTask(turn: SwarmTurn, task: SwarmTask, outcome: RunOutcome, at: number): void {
  const { record } = turn.at(task.ordinal);
  const mark = { taskId: task.id, ordinal: task.ordinal };
  const agentId = record.agentId ?? '';
  const { usage } = outcome;
  turn.returnLease(record, at, verdictOf(outcome));
  if (outcome.status === 'completed') {
    turn.record({ type: 'tier1/task/completed', at, payload: { ...mark, agentId, result: outcome.result, usage } });
    return;
  }
  if (outcome.status === 'cancelled' && isEnding(turn)) {
    turn.record({ type: 'tier1/task/cancelled', at, payload: { ...mark, reason: outcome.reason ?? '', usage } });
    return;
  }
  const error = outcome.error ?? (record.agentId === undefined ? record.error : undefined) ?? unexplained(task, outcome);
  const isRevived = record.agentId === undefined && record.status !== 'stopping';
  if (!isEnding(turn) && !isRevived && mayHelp(turn, error) && record.iteration - record.forgiven < task.maxAgents) {
    turn.record({ type: 'tier1/task/reassigned', at, payload: { ...mark, agentId, error, usage } });
  } else {
    giveUp(turn, task, error, usage, at);
  }
}

/** What a run's end says about the agent that did it. */
function verdictOf({ status, error }: RunOutcome): LeaseOutcome | undefined {
  if (status === 'completed') return 'succeeded';
  return status === 'failed' && (!error || blamesAgent(error)) ? 'failed' : undefined;
}

function unexplained(task: SwarmTask, { status, reason }: RunOutcome): ExecutionError {
  if (status === 'cancelled') {
    return executionError('CANCELLED', `The run of task "${task.id}" was cancelled: ${reason ?? ''}`, 'tier2', {
      context: { taskId: task.id, reason: reason ?? '' },
    });
  }
  return executionError('EXECUTION_FAILED', `The run of task "${task.id}" failed without an error`, 'tier2');
}
