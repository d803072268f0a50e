/** From a stream's facts to what a restart needs: the job of its root, and the folded state of each of its executions. */

import { describe } from '../../actors/failure.ts';
import { type ExecutorState, evolveExecutor, FRESH_EXECUTOR } from '../../machines/executor.fold.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { ExecutionContext, Tier } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import { isHeldIn, recoveriesIn } from '../../machines/protocol/recovery.ts';
import type { RunFact, RunJob } from '../../machines/protocol/run.ts';
import type { StepFact, StepJob } from '../../machines/protocol/step.ts';
import type { SwarmFact, SwarmJob } from '../../machines/protocol/swarm.ts';
import type { WaitFact } from '../../machines/protocol/wait.ts';
import { evolveRun } from '../../machines/run.fold.ts';
import { FRESH_RUN, type RunState } from '../../machines/run.state.ts';
import { evolveSwarm } from '../../machines/swarm.fold.ts';
import { FRESH_SWARM, type SwarmState } from '../../machines/swarm.state.ts';
import { evolveWaiter, FRESH_WAITER, type WaiterState } from '../../machines/waiter.fold.ts';
import { checkObject, reading } from '../door.ts';

export interface StreamRestoration {
  readonly tier: Tier;
  readonly context: ExecutionContext;
  readonly job: SwarmJob | RunJob | StepJob;
  /** Number of the last fact. */
  readonly seq: number;
  /** When that happened. */
  readonly at: number;
  /** It was paused with all others. */
  readonly isHeld: boolean;
  /** How often it was recovered since it last got anywhere. */
  readonly recoveries: number;
  /** By execution id. */
  readonly states: ReadonlyMap<string, ExecutionState>;
}

export type ExecutionState = SwarmState | RunState | ExecutorState | WaiterState;

/** Folds a stream. Throws INVALID_INPUT when it does not begin with the start of a swarm, a run or a step, and for what is no list of facts. */
export function restorationOf(facts: readonly Fact[]): StreamRestoration {
  return reading('The facts', () => {
    if (!Array.isArray(facts)) throw new SwarmchartError('INVALID_INPUT', `Facts are a list, got ${describe(facts)}`);
    for (const [index, fact] of facts.entries()) checkObject(`The fact ${index + 1}`, fact);
    const [first] = facts;
    if (!first) throw new SwarmchartError('INVALID_INPUT', 'A stream without facts cannot be restored');
    const at = facts.at(-1)?.at ?? 0;
    const root = rootOf(first);
    const states = foldStream(facts);
    const recoveries = recoveriesIn(facts, isHelped(states.get(root.context.executionId)));
    return { ...root, isHeld: isHeldIn(facts), recoveries, at, seq: facts.length, states };
  });
}

const HELPED: ReadonlySet<string> = new Set<SwarmState['phase']>(['pending', 'decomposing', 'organizing', 'replanning', 'synthesizing']);

/** Somebody plans for a swarm, organizes it, or makes its result. */
const isHelped = (state: ExecutionState | undefined): boolean => state !== undefined && HELPED.has(state.phase);

/** The folded state of every execution in a stream, by its id. */
export function foldStream(facts: Iterable<Fact>): Map<string, ExecutionState> {
  const states = new Map<string, ExecutionState>();
  for (const fact of facts) {
    states.set(fact.executionId, evolveExecution(states.get(fact.executionId), fact));
  }
  return states;
}

/** The state of the fact's execution after it; undefined before its first. */
export function evolveExecution(state: ExecutionState | undefined, fact: Fact): ExecutionState {
  if (fact.tier === 'tier1') return evolveSwarm((state as SwarmState | undefined) ?? FRESH_SWARM, fact as SwarmFact);
  if (fact.tier === 'tier2') return evolveRun((state as RunState | undefined) ?? FRESH_RUN, fact as RunFact);
  if (isOfWaiter(state, fact)) return evolveWaiter((state as WaiterState | undefined) ?? FRESH_WAITER, fact as WaitFact);
  return evolveExecutor((state as ExecutorState | undefined) ?? FRESH_EXECUTOR, fact as StepFact);
}

/** Of tier 3, a wait has no attempts. */
const isOfWaiter = (state: object | undefined, fact: Fact): boolean =>
  fact.type.startsWith('tier3/wait/') || (state !== undefined && !('attempt' in state));

function rootOf(fact: Fact): Pick<StreamRestoration, 'tier' | 'context' | 'job'> {
  const started = fact as SwarmFact | RunFact | StepFact;
  if (started.type === 'tier1/swarm/coordination_started') {
    const { job } = started.payload;
    return { tier: 'tier1', context: job.execution, job };
  }
  if (started.type === 'tier2/routine/started') {
    const { job } = started.payload;
    return { tier: 'tier2', context: job.execution, job };
  }
  if (started.type === 'tier3/execution/started' && started.payload.root) {
    const { execution, job } = started.payload.root;
    return { tier: 'tier3', context: execution, job };
  }
  throw new SwarmchartError('INVALID_INPUT', `A stream begins with the start of a swarm, a run or a step, not with "${fact.type}"`);
}
