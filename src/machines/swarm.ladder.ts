/** What becomes of a task that no agent could do: another plan, then people, then its failure. Each rung is a fact. */

import type { ExecutionError, ResourceUsage } from './protocol/execution.ts';
import type { Rung } from './protocol/plan.ts';
import type { SwarmTask } from './protocol/swarm.ts';
import type { SwarmTurn } from './swarm.turn.ts';
import { askedBy } from './votes.ts';

/** What a person has settled, or cancelled, nobody else is asked about. */
const SETTLED_BY_PEOPLE: ReadonlySet<string> = new Set(['REJECTED_BY_HUMAN', 'CANCELLED']);

/** Another agent may do better, unless nothing about the failure is the agent's. A run that was revived to end has none: everybody was asked. */
export const mayHelp = (turn: SwarmTurn, error: ExecutionError): boolean =>
  error.errorClass !== 'validation' && !SETTLED_BY_PEOPLE.has(error.code) && takes(turn, error, 'another-agent');

/** Whether failures of this class climb this rung; without a word about it they do. */
function takes({ job }: SwarmTurn, { errorClass }: ExecutionError, rung: Rung): boolean {
  return job.recovery[errorClass]?.escalation?.includes(rung) ?? true;
}

function nextRung(turn: SwarmTurn, task: SwarmTask, error: ExecutionError): 'replan' | 'human' | 'failed' {
  const { escalation } = turn.job;
  const { stage, round } = turn.state;
  if (!escalation || task.onFailure === 'continue' || isEnding(turn) || SETTLED_BY_PEOPLE.has(error.code)) return 'failed';
  const asksPeople = escalation.human !== undefined && takes(turn, error, 'human');
  // Whoever fails while another plan is on its way is part of what that must solve.
  if (stage === 'replanning') return asksPeople || takes(turn, error, 'replan') ? 'replan' : 'failed';
  if (round < escalation.replans && takes(turn, error, 'replan')) return 'replan';
  return asksPeople ? 'human' : 'failed';
}

/** No agent is left for it: the next rung. */
export function giveUp(turn: SwarmTurn, task: SwarmTask, error: ExecutionError, usage: ResourceUsage, at: number): void {
  const rung = nextRung(turn, task, error);
  const { agentId = '' } = turn.at(task.ordinal).record;
  const mark = { taskId: task.id, ordinal: task.ordinal, agentId };
  if (rung === 'replan') turn.record({ type: 'tier1/task/given_up', at, payload: { ...mark, error, usage } });
  else if (rung === 'human') escalate(turn, task, error, usage, at);
  else failTask(turn, task, error, usage, at);
}

/** There is no other plan: people, where there are any. */
export function climbOn(turn: SwarmTurn, task: SwarmTask, error: ExecutionError, usage: ResourceUsage, at: number): void {
  if (turn.job.escalation?.human && takes(turn, error, 'human')) escalate(turn, task, error, usage, at);
  else failTask(turn, task, error, usage, at);
}

function escalate(turn: SwarmTurn, task: SwarmTask, error: ExecutionError, usage: ResourceUsage, at: number): void {
  const { agentId = '' } = turn.at(task.ordinal).record;
  const asked = askedBy(turn.job.escalation?.human ?? {}, at);
  turn.record({
    type: 'tier1/task/escalated',
    at,
    payload: { taskId: task.id, ordinal: task.ordinal, agentId, error, usage, ...asked },
  });
  turn.armExpiry(task);
}

export function failTask(turn: SwarmTurn, task: SwarmTask, error: ExecutionError, usage: ResourceUsage, at: number): void {
  const fatal = task.onFailure === 'stop';
  turn.record({ type: 'tier1/task/failed', at, payload: { taskId: task.id, ordinal: task.ordinal, error, usage, fatal } });
}

export const isEnding = ({ state: { phase } }: SwarmTurn): boolean => phase === 'cancelling' || phase === 'failing';
