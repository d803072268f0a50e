/** Which steps start, and with what: the ready ones by rank, while there is room and budget. */

import { NONE } from './ledger.ts';
import { leastOrdinal } from './ordinal-set.ts';
import { NO_USAGE } from './protocol/execution.ts';
import type { PlanStep } from './protocol/plan.ts';
import { childExecutionId, childSpec, exhausted, reservation } from './run.jobs.ts';
import { failStep, settleGroup, settleStep } from './run.settle.ts';
import type { StepRecord } from './run.state.ts';
import type { RunContext, RunTurn } from './run.turn.ts';

/** Facts that one turn may record while it starts steps; the rest waits for the nursery, so that no turn blocks the loop. */
const FACTS_PER_TURN = 32;

/** Starts ready steps, the smallest rank first, while there is room and budget. */
export function dispatch(turn: RunTurn, at: number): void {
  const { maxConcurrentSteps } = turn.job.allocation;
  while (turn.state.phase === 'running' && turn.state.failure === undefined) {
    const rank = leastOrdinal(turn.state.ready);
    if (rank === undefined) return;
    const { step, record } = turn.at(turn.plan.byRank[rank] ?? -1);
    const isGroup = isEntered(step, record);
    if (!isGroup && turn.state.live >= maxConcurrentSteps) return;
    if (turn.facts.length >= FACTS_PER_TURN) {
      turn.hasMore = true;
      return;
    }
    if (isGroup) startGroup(turn, step, at);
    else if (!startStep(turn, step, at)) return;
  }
}

/** A group that needs no executor of its own, and so neither a place nor a budget: it has no conditions, or they are known to hold. */
function isEntered({ type, children, when }: PlanStep, { fallback, isAdmitted }: StepRecord): boolean {
  if (fallback !== undefined) return false;
  return (type === 'parallel' && when.length === 0) || (isAdmitted === true && children.length > 0);
}

/** Whether the next step that is ready must wait for budget that others hold. */
export function isHeldUp({ state, job }: Pick<RunContext, 'state' | 'job'>): boolean {
  const rank = leastOrdinal(state.ready);
  const ordinal = rank === undefined ? -1 : (job.plan.byRank[rank] ?? -1);
  const step = job.plan.steps[ordinal];
  const record = state.records.get(ordinal);
  return step !== undefined && record !== undefined && !isEntered(step, record) && reservation(state, job, step, record) === 'wait';
}

function startGroup(turn: RunTurn, step: PlanStep, at: number): void {
  turn.record({ type: 'tier2/step/started', at, payload: { stepId: step.id, ordinal: step.ordinal, iteration: 1, reserved: NONE } });
  settleGroup(turn, step, at);
}

/** False: it must wait for budget that running steps hold. */
function startStep(turn: RunTurn, step: PlanStep, at: number): boolean {
  const { record } = turn.at(step.ordinal);
  const reserved = reservation(turn.state, turn.job, step, record);
  if (reserved === 'wait') return false;
  if (reserved === 'exhausted') {
    failStep(turn, step, { error: exhausted(turn.job, step, turn.state, record), attempts: 0, usage: NO_USAGE }, at);
    return true;
  }
  const iteration = record.iteration + 1;
  const spec = childSpec(turn.state, turn.job, step, record, { iteration, reserved, at, variables: turn.state.variables });
  if (!spec.ok) {
    failStep(turn, step, { error: spec.error, attempts: 0, usage: NO_USAGE }, at);
    return true;
  }
  if (spec.value === 'nothing') {
    settleStep(turn, step, { status: 'completed', output: [], attempts: 0, usage: NO_USAGE }, at);
    return true;
  }
  const { job } = spec.value.input;
  turn.record({
    type: 'tier2/step/started',
    at,
    payload: {
      stepId: step.id,
      ordinal: step.ordinal,
      childExecutionId: childExecutionId(turn.job, step, iteration),
      iteration,
      reserved,
      ...(record.fallback !== undefined && { fallback: record.fallback }),
      ...('for' in job && { waitsFor: job.for }),
    },
  });
  turn.starts.push(spec.value);
  if ('for' in job && job.for.type === 'signal') takeSignal(turn, job.for.name, at);
  return true;
}

/** The oldest signal of a name goes to the first step that waits for it, by rank. */
export function takeSignal(turn: RunTurn, name: string, at: number): void {
  const signals = turn.state.signals.get(name);
  const listeners = turn.state.listeners.get(name);
  const rank = listeners && leastOrdinal(listeners);
  if (!signals || rank === undefined) return;
  const { step } = turn.at(turn.plan.byRank[rank] ?? -1);
  const [payload = null] = signals;
  turn.record({ type: 'tier2/step/signal_taken', at, payload: { stepId: step.id, ordinal: step.ordinal, name, payload } });
  turn.tell(step, { type: 'wait.answered', at, answer: { kind: 'value', value: payload } });
}
