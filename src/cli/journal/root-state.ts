/** A root execution as its facts have it, whatever tier it is of. */

import type { ExecutorState } from '../../machines/executor.fold.ts';
import type { JsonObject } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { Plan } from '../../machines/protocol/plan.ts';
import type { RunJob } from '../../machines/protocol/run.ts';
import type { StepJob } from '../../machines/protocol/step.ts';
import type { SwarmJob } from '../../machines/protocol/swarm.ts';
import type { RunState } from '../../machines/run.state.ts';
import type { SwarmState } from '../../machines/swarm.state.ts';
import { type ExecutionSnapshot, executorSnapshot, runSnapshot } from '../../runtime/execution/snapshot.ts';
import { type SwarmSnapshot, swarmSnapshot } from '../../runtime/execution/swarm-snapshot.ts';
import { restorationOf, type StreamRestoration } from '../../runtime/journal/restoration.ts';

export interface Root {
  readonly tier: StreamRestoration['tier'];
  readonly name: string;
  readonly snapshot: ExecutionSnapshot | SwarmSnapshot;
  /** Of the run, or of the tasks that the swarm has been planned to do. */
  readonly plans: readonly Plan[];
  /** Of a step on its own. */
  readonly tool?: string;
}

export const isSwarm = (snapshot: Root['snapshot']): snapshot is SwarmSnapshot => 'tasks' in snapshot;

const KINDS = { tier1: 'swarm', tier2: 'workflow', tier3: 'step' } as const;

export const kindOf = ({ tier }: Root): (typeof KINDS)[keyof typeof KINDS] => KINDS[tier];

/** Folds the facts of a stream, or those of its root alone. Throws SwarmchartError where they do not begin with a start. */
export function rootAt(facts: readonly Fact[]): Root {
  const { tier, context, job, states } = restorationOf(facts);
  const { executionId } = context;
  const state = states.get(executionId);
  if (tier === 'tier1') {
    const swarm = state as SwarmState;
    const plans = (swarm.plan?.tasks ?? []).map(({ plan }) => plan);
    return { tier, name: swarmName(job as SwarmJob), snapshot: swarmSnapshot(executionId, swarm), plans };
  }
  if (tier === 'tier2') {
    const { plan } = job as RunJob;
    return { tier, name: plan.id, snapshot: runSnapshot(executionId, state as RunState), plans: [plan] };
  }
  const { stepId, work } = job as StepJob;
  const snapshot = executorSnapshot(executionId, state as ExecutorState);
  return { tier, name: stepId, snapshot, plans: [], ...(work.kind === 'tool' && { tool: work.tool }) };
}

/** The id of its file, where it has one. */
function swarmName({ definition, name }: SwarmJob): string {
  const id = typeof definition === 'object' && definition !== null ? (definition as JsonObject)['id'] : undefined;
  return typeof id === 'string' ? id : name;
}
