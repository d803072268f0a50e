/** How a swarm goes from its goal to its result: a planner, an organizer and a synthesizer work one after another, each a child of its own. */

import { executionError } from './protocol/errors.ts';
import { type ExecutionError, type Json, NO_USAGE } from './protocol/execution.ts';
import type { PlanProposal, SynthesisOutcome, TaskReport, TeamProposal } from './protocol/swarm.ts';
import { fail, type SwarmEvent } from './swarm.decisions.ts';
import { restartExpiries } from './swarm.people.ts';
import { isAtWork, type SwarmState, type TaskRecord } from './swarm.state.ts';
import { dispatch, endRefused, reviveToEnd, startLeased } from './swarm.tasks.ts';
import { HELPERS, type SwarmContext, type SwarmTurn, swarmUsage } from './swarm.turn.ts';
import { replanIn } from './swarm.unsolved.ts';

type Done = Extract<SwarmEvent, { type: 'child.done' }>;

/** A planner is asked once more, with what was wrong with its first answer. */
const MOST_PLAN_ATTEMPTS = 2;

function recordStarted(turn: SwarmTurn, { job, bornAt: at }: SwarmContext): void {
  turn.record({ type: 'tier1/swarm/coordination_started', at, payload: { goal: job.goal, job } });
}

export function startSwarm(turn: SwarmTurn, context: SwarmContext): void {
  recordStarted(turn, context);
  startHelper(turn);
}

/** A request that was refused: the swarm exists, and has failed. */
export function refuseSwarm(turn: SwarmTurn, context: SwarmContext): void {
  recordStarted(turn, context);
  const { job, bornAt: at } = context;
  const error = job.refusal ?? executionError('INVALID_INPUT', `Swarm "${job.name}" was refused`, 'tier1');
  turn.record({ type: 'tier1/swarm/coordination_failed', at, payload: { error, usage: NO_USAGE } });
}

/** The child that works for the present stage. */
export function startHelper(turn: SwarmTurn): void {
  const { job, state } = turn;
  const { stage, plan, planAttempt: attempt, issues } = state;
  if (stage === 'coordinating') return;
  const id = HELPERS[stage];
  const replan = replanIn(state);
  const inputs = {
    decomposing: () => ({ job, attempt, issues }),
    replanning: () => ({ job, attempt, issues, ...(replan && { replan }) }),
    organizing: () => ({ job, plan }),
    synthesizing: () => ({ job, plan, tasks: reports(state) }),
  };
  const input = inputs[stage]();
  turn.starts.push({ id, src: id.slice(1), incarnation: incarnationOf(state), input });
}

/** Unique among all planners, and among all organizers. */
function incarnationOf({ stage, round, planAttempt }: SwarmState): number {
  if (stage === 'organizing') return round + 1;
  return isPlanning(stage) ? round * MOST_PLAN_ATTEMPTS + planAttempt : 1;
}

const isPlanning = (stage: SwarmState['stage']): boolean => stage === 'decomposing' || stage === 'replanning';

export function recordPlanRefused(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { output, at } = event as Done;
  const { error, issues } = output as Extract<PlanProposal, { ok: false }>;
  turn.record({ type: 'tier1/swarm/plan_refused', at, payload: { attempt: turn.state.planAttempt, error, issues } });
  if (turn.state.hasHelper) startHelper(turn);
}

/** What a helper has failed with. */
export function helperError(turn: SwarmTurn, event: SwarmEvent): { readonly error: ExecutionError; readonly at: number } {
  const ended = event as Done | Extract<SwarmEvent, { type: 'child.crashed' }>;
  const { id, at } = ended;
  if (ended.type === 'child.done') return { error: (ended.output as { readonly error: ExecutionError }).error, at };
  const { cause } = ended;
  const message = `The ${id.slice(1)} of swarm "${turn.job.name}" crashed: ${cause.message}`;
  return { error: executionError('ACTOR_CRASHED', message, 'tier1', { cause }), at };
}

export function recordDecomposed(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { output, at } = event as Done;
  const { plan } = output as Extract<PlanProposal, { ok: true }>;
  turn.record({ type: 'tier1/swarm/decomposed', at, payload: { plan } });
  if (turn.state.hasHelper) startHelper(turn);
}

export function recordOrganized(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { output, at } = event as Done;
  const { team } = output as Extract<TeamProposal, { ok: true }>;
  turn.record({ type: 'tier1/swarm/organized', at, payload: { team } });
  dispatch(turn, at);
}

export function recordSynthesizing(turn: SwarmTurn): void {
  turn.record({ type: 'tier1/swarm/synthesizing', at: turn.state.at, payload: {} });
  startHelper(turn);
}

export function recordCompleted(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { output, at } = event as Done;
  const { result } = output as Extract<SynthesisOutcome, { ok: true }>;
  turn.record({ type: 'tier1/swarm/coordination_completed', at, payload: { result, usage: swarmUsage(turn.state, at) } });
  turn.returnAll(at);
}

/** The planner's second answer made no sense either, there can be no team, the synthesis failed, or the helper crashed. */
export function recordHelperFailed(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { error, at } = helperError(turn, event);
  fail(turn, error, at);
}

export function recordResumed(turn: SwarmTurn, _context: SwarmContext, event: SwarmEvent): void {
  const { at } = event as Extract<SwarmEvent, { type: 'execution.resume' }>;
  const { hasHelper } = turn.state;
  turn.record({ type: 'tier1/swarm/resumed', at, payload: {} });
  turn.tellAll({ type: 'execution.resume', at });
  if (!hasHelper && turn.state.hasHelper) startHelper(turn);
  if (turn.state.leased > 0)
    turn.state.records.forEach(({ status }, ordinal) => void (status === 'leased' && startLeased(turn, ordinal, at)));
  endRefused(turn, at);
  dispatch(turn, at);
}

/** After a restart no agent holds anything for this swarm: every run asks for one again, and goes on where it was. */
export function restartChildren(turn: SwarmTurn, { bornAt }: SwarmContext): void {
  const at = Math.max(bornAt, turn.state.at);
  const error = executionError('AGENT_LOST', 'The runtime was restarted', 'tier1');
  turn.returnAll(at);
  if (turn.state.phase === 'waiting') turn.record({ type: 'tier1/swarm/resumed', at, payload: {} });
  turn.state.records.forEach(({ leaseId = '', agentId = null, isLive }, ordinal) => {
    if (leaseId === '' && !isLive) return;
    const { task } = turn.at(ordinal);
    if (leaseId !== '') turn.record({ type: 'tier1/lease/lost', at, payload: { taskId: task.id, ordinal, leaseId, agentId, error } });
    if (isLive) turn.record({ type: 'tier1/task/suspended', at, payload: { taskId: task.id, ordinal } });
  });
  if (turn.state.hasHelper) startHelper(turn);
  const { phase, reason = 'swarm-failed' } = turn.state;
  if (isAtWork(turn.state)) endRefused(turn, at);
  if (phase === 'cancelling' || phase === 'failing') {
    turn.state.records.forEach((_, ordinal) => {
      reviveToEnd(turn, ordinal, reason, at);
    });
  }
  if (phase !== 'cancelling' && phase !== 'failing') restartExpiries(turn);
  dispatch(turn, at);
}

/** How a helper's end is to be taken. Stale: it is not the one that works now. */
export function helperEnd({ state }: SwarmContext, event: SwarmEvent): 'good' | 'repairable' | 'failed' | 'stale' {
  if (event.type !== 'child.done' && event.type !== 'child.crashed') return 'stale';
  const isPresent = state.hasHelper && state.stage !== 'coordinating' && event.id === HELPERS[state.stage];
  if (!isPresent || event.incarnation !== incarnationOf(state)) return 'stale';
  if (event.type === 'child.crashed') return 'failed';
  if ((event.output as { readonly ok: boolean }).ok) return 'good';
  return isPlanning(state.stage) && state.planAttempt < MOST_PLAN_ATTEMPTS ? 'repairable' : 'failed';
}

function reports({ plan, records }: SwarmState): Readonly<Record<string, TaskReport>> {
  return Object.fromEntries((plan?.tasks ?? []).map(({ id, ordinal }) => [id, reportOf(records.get(ordinal))]));
}

function reportOf(record: TaskRecord | undefined): TaskReport {
  const { status, error } = record ?? { status: 'cancelled' as const };
  const isSettled = status === 'completed' || status === 'failed';
  const result: Json = record?.result ?? null;
  const problem = error ? { code: error.code, message: error.message } : null;
  return { status: isSettled ? status : 'cancelled', result, agentId: record?.agentId ?? null, error: problem };
}
