/** Which files `npm run visualize` writes, and what is in them. */

import {
  agentMachine,
  breakerMachine,
  executorMachine,
  poolMachine,
  runMachine,
  supervisorMachine,
  swarmMachine,
  waiterMachine,
} from '../src/machines/machines.ts';
import { mermaid } from '../src/testing/mermaid.ts';
import { definition } from './definition.ts';

const CHARTS = {
  swarm: swarmMachine,
  run: runMachine,
  executor: executorMachine,
  waiter: waiterMachine,
  breaker: breakerMachine,
  agent: agentMachine,
  pool: poolMachine,
  supervisor: supervisorMachine,
};

export interface Picture {
  /** Within this folder. */
  readonly file: string;
  readonly text: string;
}

export function pictures(): readonly Picture[] {
  return Object.entries(CHARTS).flatMap(([name, machine]) => [
    { file: `${name}.mmd`, text: mermaid(machine) },
    { file: `${name}.json`, text: definition(machine) },
  ]);
}
