/** One subject and one number of agents in a process of its own. */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type AgentCosts, bareMachines, poolOfAgents } from './agents-subjects.ts';

const [subject = 'Swarmchart', number = '10000'] = process.argv.slice(2);
const agents = Number(number);
const WARM_UP = 2_000;
const LEASES = 20_000;

async function timed(work: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) * 1_000;
}

const create = subject === 'Swarmchart' ? poolOfAgents : bareMachines;
const warmUp = await create();
await warmUp.spawn(WARM_UP);
await warmUp.lease(WARM_UP);
await warmUp.stop();

const heap = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

const population = await create();
const before = heap();
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
await new Promise((resolve) => setTimeout(resolve, 5));
const spawn = await timed(() => population.spawn(agents));
await new Promise((resolve) => setTimeout(resolve, 5));
delay.disable();
const idle = heap() - before;
const lease = await timed(() => population.lease(LEASES));
const stop = await timed(() => population.stop());
const costs: AgentCosts = {
  spawn: spawn / agents,
  idle: idle / agents,
  lease: lease / LEASES,
  stop: stop / agents,
  delay: delay.max / 1e6,
};
console.log(JSON.stringify(costs));
