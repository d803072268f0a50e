/**
 * What is left of an execution whose actor crashed: it, and all below it that had not ended or whose end nobody had heard of.
 *
 * The crash may have come in the middle of a turn, so nothing is taken from the actor: the facts say how far it had come.
 */

import { usageIn } from '../../machines/executor.fold.ts';
import { executionError } from '../../machines/protocol/errors.ts';
import { type ExecutionContext, type ExecutionError, NO_USAGE, type ResourceUsage } from '../../machines/protocol/execution.ts';
import type { FactBody } from '../../machines/protocol/facts.ts';
import type { RunState } from '../../machines/run.state.ts';
import type { SwarmState } from '../../machines/swarm.state.ts';
import { withChildUsage } from '../../machines/usage.ts';
import type { ExecutionState } from '../journal/restoration.ts';

const SETTLED = new Set(['completed', 'failed', 'cancelled']);

export type Fallen = ReadonlyMap<string, ExecutionState>;

/** An execution and all below it that its parent still counts on, the deepest last. */
export function fallenFrom(executionId: string, states: ReadonlyMap<string, ExecutionState>): Fallen {
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

/** What an execution had used, with all below it that it had not booked. */
export function usageOf(executionId: string, fallen: Fallen): ResourceUsage {
  const state = fallen.get(executionId);
  if (!state) return NO_USAGE;
  if ('records' in state) {
    if (SETTLED.has(state.phase)) return state.usage;
    const booked = stepsOf(state).reduce((sum, id) => withChildUsage(sum, usageOf(id, fallen)), state.usage);
    // To undo a step is no step.
    const undone = undoOf(executionId, state).map((id) => ({ ...usageOf(id, fallen), stepsExecuted: 0 }));
    return undone.reduce(withChildUsage, booked);
  }
  if ('attempt' in state) return usageIn(state);
  return { ...NO_USAGE, stepsExecuted: state.startedAt === 0 ? 0 : 1 };
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
