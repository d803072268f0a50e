/** `leave PATH RUNS`: a process that dies while so many runs are at work. `recover PATH RUNS`: the one after it. */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createRuntime, sqlite } from '../src/index.ts';

const [mode = 'recover', path = '', count = '0'] = process.argv.slice(2);
const runs = Number(count);
const chain = {
  id: 'bench',
  steps: ['a', 'b', 'c'].map((id, index, all) => ({
    id,
    tool: id === 'b' ? 'slow' : 'noop',
    dependencies: all.slice(Math.max(0, index - 1), index),
  })),
};

if (mode === 'leave') {
  const everybodyIsAtWork = Promise.withResolvers<void>();
  let atWork = 0;
  const slow = () => {
    if (++atWork === runs) everybodyIsAtWork.resolve();
    return new Promise<never>(() => {});
  };
  const journal = sqlite(path, { durability: 'process' });
  const tools = [
    { name: 'noop', run: () => null },
    { name: 'slow', breaker: false as const, timeoutMs: 3_600_000, run: slow },
  ];
  const runtime = await createRuntime({ journal, tools });
  const workflow = runtime.createWorkflow(chain);
  for (let index = 0; index < runs; index++) runtime.run(workflow, { context: { executionId: `run-${index}` } });
  await everybodyIsAtWork.promise;
  // As a crash leaves it: nothing is closed.
  process.exit();
} else {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const began = performance.now();
  const noop = () => null;
  const tools = [
    { name: 'noop', run: noop },
    { name: 'slow', breaker: false as const, timeoutMs: 3_600_000, run: noop },
  ];
  const runtime = await createRuntime({ journal: sqlite(path), tools });
  const backMs = performance.now() - began;
  const { recovered, troubles } = runtime.executions.outcome;
  if (recovered.length !== runs) throw new Error(`${recovered.length} of ${runs} went on: ${JSON.stringify(troubles.slice(0, 3))}`);
  await Promise.all(recovered.map(async (id) => runtime.executions.get(id)?.result()));
  const overMs = performance.now() - began;
  delay.disable();
  console.log(JSON.stringify({ backMs, overMs, delayMs: delay.max / 1e6, peakMB: process.resourceUsage().maxRSS / 1_024 }));
  await runtime.stop();
}
