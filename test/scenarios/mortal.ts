/**
 * A process that dies in tests: a durable run of three steps. `node mortal.ts JOURNAL WHAT`.
 *
 * Each step says `effect STEP KEY` when it has acted. `suicide`: after the effect of the second step it kills itself. `hang`: that step never ends.
 * `child`, `bound`: it waits for a process of its own, and says `child PID`; a bound one is to die with this one. SIGTERM drains, a second one
 * ends it at once.
 */

import { writeSync } from 'node:fs';
import { createRuntime, sqlite } from '../../src/index.ts';
import { isTerminal } from '../../src/runtime/journal/journal.ts';
import { streamRecords } from '../../src/tools/process.ts';

const [path = '', what = ''] = process.argv.slice(2);
const say = (line: string): void => void writeSync(1, `${line}\n`);

/** Says its number and sleeps. */
const SLEEPER = ['sh', '-c', 'echo $$; exec sleep 600'];
const BOUND = ['setpriv', '--pdeathsig', 'KILL', '--', ...SLEEPER];

const act = {
  name: 'act',
  run: async (_: unknown, { stepId, idempotencyKey, signal }: { stepId: string; idempotencyKey: string; signal: AbortSignal }) => {
    say(`effect ${stepId} ${idempotencyKey}`);
    if (stepId !== 'b') return stepId;
    if (what === 'suicide') process.kill(process.pid, 'SIGKILL');
    if (what === 'hang') await new Promise(() => setTimeout(() => {}, 600_000));
    if (what === 'child' || what === 'bound')
      for await (const pid of streamRecords(what === 'child' ? SLEEPER : BOUND, { signal })) say(`child ${pid}`);
    // Until its reader has seen that it has acted, and has said so.
    if (what === 'finish') await new Promise((resolve) => process.stdin.once('data', resolve));
    return stepId;
  },
};

const runtime = await createRuntime({ journal: sqlite(path, { durability: 'process' }), tools: [act] });
process.on('SIGTERM', () => {
  process.on('SIGTERM', () => process.exit(143));
  say('draining');
  void runtime.drain().then(() => process.exit(0));
});

const steps = ['a', 'b', 'c'].map((id, index, all) => ({ id, tool: 'act', dependencies: all.slice(Math.max(0, index - 1), index) }));
const context = { executionId: 'mortal' };
const execution = runtime.executions.get('mortal') ?? runtime.run({ id: 'mortal', steps }, { context });
for await (const fact of execution.facts()) if (isTerminal(fact)) say(`ended ${fact.executionId}`);
const { status, result } = await execution.result();
say(`result ${status} ${String(result)}`);
await runtime.stop();
