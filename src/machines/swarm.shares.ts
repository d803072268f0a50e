/** What a swarm promises to its tasks: memory when an agent is asked for, the rest when the run begins. */

import { amounts, type Claim, describeLack, type Free, freeOf, lacking, NONE, promiseOf } from './ledger.ts';
import { hasOrdinal, leastOrdinal } from './ordinal-set.ts';
import { memoryWanted, needsOf } from './plan.needs.ts';
import { executionError } from './protocol/errors.ts';
import type { Amounts, ExecutionError } from './protocol/execution.ts';
import type { SwarmTask } from './protocol/swarm.ts';
import type { TaskRecord } from './swarm.state.ts';
import type { SwarmTurn } from './swarm.turn.ts';

const freeIn = ({ state, job }: SwarmTurn): Free => freeOf(job.allocation, state.usage, state.reserved);

/**
 * A task's share of what is left, weighted by complexity over all tasks that never started; or what its plan is known to need, if that is more.
 *
 * Source: Implementation Guide, "Resource Management" (whose constant tenth is not copied).
 */
export function share(turn: SwarmTurn, task: SwarmTask, { startedAt, reserved: { memoryMB: held = 0 } }: TaskRecord): Amounts {
  const { credits, tokens, steps } = needsOf(task.plan);
  const weights = turn.state.unstartedComplexity + (startedAt === 0 ? 0 : task.complexity);
  const claim: Claim = { least: NONE, wanted: amounts(credits, tokens, steps, 0), most: { memoryMB: 0 } };
  const part = promiseOf(freeIn(turn), claim, { weight: task.complexity, of: Math.max(1, weights) });
  return amounts(part.credits, part.tokens ?? 0, part.steps ?? 0, held);
}

/** The memory that is held for a task from now on; undefined when there is not enough. */
export function memoryFor(turn: SwarmTurn, task: SwarmTask, { childExecutionId, reserved }: TaskRecord): Amounts | undefined {
  const needs = needsOf(task.plan);
  const { memoryMB, allMemoryMB } = needs;
  if (childExecutionId !== undefined || memoryMB === 0) return reserved;
  const wanted = amounts('0', 0, 0, memoryWanted(needs, turn.job));
  const claim: Claim = { least: amounts('0', 0, 0, memoryMB), wanted, most: { memoryMB: allMemoryMB } };
  const free = freeIn(turn);
  if (lacking(free, claim.least)) return undefined;
  const promised = promiseOf(free, claim, { weight: task.complexity, of: Math.max(task.complexity, turn.state.unstartedComplexity) });
  return amounts('0', 0, 0, promised.memoryMB ?? 0);
}

/** Nobody holds any memory, and still there is not enough. */
export function memoryLack({ state, job }: SwarmTurn, task: SwarmTask): ExecutionError | undefined {
  if (state.reserved.memoryMB !== undefined) return undefined;
  const { memoryMB } = needsOf(task.plan);
  const { allocation } = job;
  const message = `A step of task "${task.id}" ${describeLack('memoryMB', { credits: '0', memoryMB }, allocation, state.usage)}`;
  const context = { taskId: task.id, memoryMB, maxMemoryMB: allocation.maxMemoryMB };
  return executionError('RESOURCE_EXHAUSTED', message, 'tier1', { context });
}

/**
 * The rank of the next task that is given to an agent: the first that is ready. Where that waits for memory which only runs without an agent
 * hold, the first of those: O(tasks), for want of anything else that could go on. Runs that wait for somebody outside do not count.
 */
export function nextRank(turn: SwarmTurn): number | undefined {
  const { ready, records, plan, leasing, leased, live, idle } = turn.state;
  const first = leastOrdinal(ready);
  if (first === undefined || leasing + leased + live > idle) return first;
  const { task, record } = turn.at(plan?.byRank[first] ?? -1);
  if (memoryFor(turn, task, record) !== undefined || turn.state.reserved.memoryMB === undefined) return first;
  const isHolder = (ordinal: number): boolean => records.get(ordinal)?.reserved.memoryMB !== undefined;
  const holder = plan?.byRank.findIndex((ordinal, rank) => hasOrdinal(ready, rank) && isHolder(ordinal)) ?? -1;
  return holder < 0 ? first : holder;
}
