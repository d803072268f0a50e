/**
 * What is left of an execution whose actor crashed: it, and all below it that had not ended or whose end nobody had heard of.
 *
 * The crash may have come in the middle of a turn, so nothing is taken from the actor: the facts say how far it had come.
 */

import { abandonedCost, type Costing } from '../../machines/executor.decisions.ts';
import { usageIn, withUsage } from '../../machines/executor.fold.ts';
import { limitsOf, NONE } from '../../machines/ledger.ts';
import { executionError } from '../../machines/protocol/errors.ts';
import { type ExecutionContext, type ExecutionError, NO_USAGE, type ResourceUsage } from '../../machines/protocol/execution.ts';
import type { FactBody } from '../../machines/protocol/facts.ts';
import type { StepJob } from '../../machines/protocol/step.ts';
import { undoLimits } from '../../machines/run.compensation.ts';
import { costOf } from '../../machines/run.jobs.ts';
import type { RunState } from '../../machines/run.state.ts';
import type { SwarmState } from '../../machines/swarm.state.ts';
import { withChildUsage } from '../../machines/usage.ts';
import type { ExecutionState } from '../journal/restoration.ts';

const SETTLED = new Set(['completed', 'failed', 'cancelled']);

type States = ReadonlyMap<string, ExecutionState>;
export type Fallen = States;

/** An execution and all below it that its parent still counts on, the deepest last. */
export function fallenFrom(executionId: string, states: States): Fallen {
  const found = new Map<string, ExecutionState>();
  const visit = (id: string): void => {
    const state = states.get(id);
    if (!state) return;
    found.set(id, state);
    for (const child of childrenOf(id, state)) visit(child);
  };
  visit(executionId);
  return found;
}

function childrenOf(executionId: string, state: ExecutionState): readonly string[] {
  if (!('records' in state)) return [];
  return [...stepsOf(state), ...undoOf(executionId, state)];
}

function stepsOf({ records }: RunState | SwarmState): readonly string[] {
  return [...(records as Iterable<{ readonly childExecutionId?: string }>)].flatMap(({ childExecutionId }) => childExecutionId ?? []);
}

/** The compensation under way, which no step counts. */
function undoOf(executionId: string, state: RunState | SwarmState): readonly string[] {
  if (!('undo' in state) || state.phase !== 'compensating') return [];
  const step = state.job?.plan.steps[state.undo.last() ?? -1];
  return step ? [`${executionId}/${step.id}/undo`] : [];
}

/**
 * What an execution had used, with all below it that it had not booked. Of an attempt that was under way nobody will hear what it used: it counts
 * as what it declares, as far as there is so much.
 *
 * @param states With that of its parent, if it has one.
 * @param job Of a step on its own.
 */
export function usageOf(executionId: string, states: States, job?: StepJob): ResourceUsage {
  const state = states.get(executionId);
  if (!state) return NO_USAGE;
  if ('records' in state) {
    if (SETTLED.has(state.phase)) return state.usage;
    const booked = stepsOf(state).reduce((sum, id) => withChildUsage(sum, usageOf(id, states)), state.usage);
    // To undo a step is no step.
    const undone = undoOf(executionId, state).map((id) => ({ ...usageOf(id, states), stepsExecuted: 0 }));
    return undone.reduce(withChildUsage, booked);
  }
  if (!('attempt' in state)) return { ...NO_USAGE, stepsExecuted: state.startedAt === 0 ? 0 : 1 };
  const costing = state.phase.startsWith('attempting.') ? (job ?? costingOf(executionId, states)) : undefined;
  return usageIn(costing ? { ...state, ...withUsage(state, abandonedCost({ job: costing, state })) } : state);
}

/** Of a step, or of what undoes it, as its run has it. */
function costingOf(executionId: string, states: States): Costing | undefined {
  const [name, stepId = '', ...path] = executionId.split('/').reverse();
  const run = states.get(path.reverse().join('/'));
  if (!run || !('undo' in run) || !run.job) return undefined;
  const { job } = run;
  const ordinal = job.plan.ordinals[stepId] ?? -1;
  const step = job.plan.steps[ordinal];
  const record = run.records.get(ordinal);
  if (!step || !record) return undefined;
  const own = { maxDurationMs: step.timeoutMs, maxConcurrentSteps: 1 };
  if (name === 'undo') return step.compensation && { ...step.compensation, allocation: { ...undoLimits(run, job), ...own } };
  return { ...costOf(job, step, record), allocation: { ...limitsOf(job.allocation, record.reserved, NONE), ...own } };
}

interface Burial {
  readonly execution: ExecutionContext;
  readonly tier: 'tier2' | 'tier3';
  readonly fact: FactBody;
}

/** The last facts of all below an execution that will never live again, the deepest first. */
export function burials(
  { executionId: root, ...shared }: ExecutionContext,
  fallen: Fallen,
  { cause }: ExecutionError,
  at: number,
): Burial[] {
  const below = [...fallen].filter(([id, { phase }]) => id !== root && !SETTLED.has(phase)).reverse();
  return below.map(([executionId, state]) => {
    const [stepId = '', ...path] = executionId.split('/').slice(0, -1).reverse();
    const execution = { ...shared, executionId, parentExecutionId: path.reverse().join('/'), timestamp: at };
    const usage = usageOf(executionId, fallen);
    const message = `"${executionId}" ended with "${root}", which crashed: ${cause?.message ?? 'nobody knows why'}`;
    const tier = 'records' in state ? 'tier2' : 'tier3';
    const error = executionError('ACTOR_CRASHED', message, tier, cause && { cause });
    if ('records' in state) {
      const routineId = 'undo' in state ? (state.job?.plan.id ?? stepId) : stepId;
      return { execution, tier: 'tier2', fact: { type: 'tier2/routine/failed', at, payload: { routineId, error, usage } } };
    }
    const attempts = 'attempt' in state ? state.attempt : 1;
    return { execution, tier: 'tier3', fact: { type: 'tier3/execution/failed', at, payload: { stepId, error, attempts, usage } } };
  });
}
