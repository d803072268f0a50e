/** Every chart that `src/machines/machines.ts` exports, and how each is tested. Whoever adds a chart adds it here. */

import type { AnyStateMachine } from 'xstate';
import {
  agentMachine,
  breakerMachine,
  executorMachine,
  poolMachine,
  runMachine,
  supervisorMachine,
  swarmMachine,
  waiterMachine,
} from '../../../src/machines/machines.ts';
import type { Pick } from '../../../src/testing/random.ts';
import { tellAgent } from './agent-lives.ts';
import { breaker } from './breakers.ts';
import { executor } from './executors.ts';
import { swarmFrom } from './goals.ts';
import { type Interleaving, interleave } from './interleavings.ts';
import type { Folded } from './live-chart.ts';
import { tellPool } from './pools.ts';
import { run, runFrom } from './runs.ts';
import { tellSupervisor } from './supervisors.ts';
import { swarm } from './swarms.ts';
import { waiter } from './waiters.ts';
import type { Walks } from './walks.ts';

/** By the chart's id. `test/machines/<id>.paths.test.ts` takes every transition of it. */
export interface ChartUnderTest {
  readonly machine: AnyStateMachine;
  /** One interleaving of whatever it may hear. */
  readonly tell: (pick: Pick) => Interleaving;
  /** How many interleavings the tests tell. */
  readonly seeds: number;
}

/** A durable chart: told as a walk that crashes cut. */
const walked = <Machine, State extends Folded, Input extends object>(
  machine: Machine,
  walks: Walks<State, Input>,
  seeds: number,
  inputFrom = (pick: Pick): Input => walks.inputs[pick(walks.inputs.length)] as Input,
) => ({ machine, walks, seeds, tell: (pick: Pick) => interleave(walks, inputFrom(pick), pick) });

export const EVERY_CHART = {
  swarm: walked(swarmMachine, swarm, 1_200, swarmFrom),
  run: walked(runMachine, run, 1_700, runFrom),
  executor: walked(executorMachine, executor, 1_400),
  waiter: walked(waiterMachine, waiter, 1_200),
  pool: { machine: poolMachine, tell: tellPool, seeds: 1_300 },
  agent: { machine: agentMachine, tell: tellAgent, seeds: 1_500 },
  breaker: walked(breakerMachine, breaker, 1_500),
  supervisor: { machine: supervisorMachine, tell: tellSupervisor, seeds: 800 },
} satisfies Readonly<Record<string, ChartUnderTest>>;
