/** The charts of a runtime with their ports filled, by the name under which a nursery starts them. */

import type { AnyActorLogic } from 'xstate';
import { attemptActor } from './actors/attempt.ts';
import { type NurseryServices, nurseryActor } from './actors/nursery.ts';
import { type HelperServices, organizerActor, plannerActor, synthesizerActor } from './actors/planner.ts';
import type { WorkServices } from './actors/services.ts';
import type { CommitParams, ReportParams } from './machines/effects.ts';
import { executorMachine } from './machines/executor.machine.ts';
import type { LeaseCommand } from './machines/protocol/agent.ts';
import type { ExecutionContext } from './machines/protocol/execution.ts';
import { runMachine } from './machines/run.machine.ts';
import { swarmMachine } from './machines/swarm.machine.ts';
import { waiterMachine } from './machines/waiter.machine.ts';
import type { Directory } from './runtime/execution/directory.ts';

export interface ChartServices {
  readonly work: WorkServices;
  readonly helpers: HelperServices;
  readonly nursery: NurseryServices;
  readonly directory: Directory;
  readonly commit: (params: CommitParams) => void;
  readonly askPool: (command: LeaseCommand) => void;
}

export function chartsOf({ work, helpers, nursery, directory, ...effects }: ChartServices): Readonly<Record<string, AnyActorLogic>> {
  const commit = (_: unknown, params: CommitParams) => effects.commit(params);
  const countStale = () => void work.counters.stale++;
  const report = ({ context }: { context: { execution: ExecutionContext } }, { message }: ReportParams) =>
    directory.find(context.execution.executionId)?.report(message);
  const actions = { commit, countStale, report };
  const actors = { nursery: nurseryActor(nursery) };
  return {
    executor: executorMachine.provide({ actors: { attempt: attemptActor(work) }, actions }),
    waiter: waiterMachine.provide({ actions }),
    run: runMachine.provide({ actors, actions }),
    swarm: swarmMachine.provide({
      actors,
      actions: { commit, countStale, askPool: (_: unknown, command: LeaseCommand) => effects.askPool(command) },
    }),
    planner: plannerActor(helpers),
    organizer: organizerActor(helpers),
    synthesizer: synthesizerActor(helpers),
  };
}
