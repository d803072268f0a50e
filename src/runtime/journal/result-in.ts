/** How an execution ended, from its facts alone: the result that its caller got. */

import * as step from '../../machines/executor.decisions.ts';
import type { ExecutorState } from '../../machines/executor.fold.ts';
import type { ExecutionResult } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import * as run from '../../machines/run.decisions.ts';
import type { RunState } from '../../machines/run.state.ts';
import * as swarm from '../../machines/swarm.decisions.ts';
import type { SwarmState } from '../../machines/swarm.state.ts';
import { toResult } from '../execution/result.ts';
import { restorationOf } from './restoration.ts';

/** Of a stream that is settled. Throws INVALID_INPUT for facts that are no stream. */
export function resultIn(facts: readonly Fact[]): ExecutionResult {
  const { tier, context, states } = restorationOf(facts);
  const state = states.get(context.executionId);
  switch (tier) {
    case 'tier1':
      return toResult(swarm.outcomeOf({ state: state as SwarmState }), tier, context);
    case 'tier2':
      return toResult(run.outcomeOf({ state: state as RunState }), tier, context);
    case 'tier3':
      return toResult(step.outcomeOf({ state: state as ExecutorState }), tier, context);
  }
}
