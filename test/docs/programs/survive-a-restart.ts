import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, defineTool, defineWorkflow, type Journal, sqlite } from 'swarmchart';

const path = join(await mkdtemp(join(tmpdir(), 'durable-')), 'runs.db');
const calls: string[] = [];
let isUp = false;
const tools = [
  defineTool({ name: 'book', run: (_, { idempotencyKey }) => calls.push(`book ${idempotencyKey}`) }),
  defineTool({
    name: 'pay',
    run: async (_, { idempotencyKey }) => {
      calls.push(`pay ${idempotencyKey}`);
      return isUp ? 'paid' : new Promise(() => {}); // it hangs until the next life
    },
  }),
];
const start = (journal: Journal) => createRuntime({ journal, tools });
const workflow = defineWorkflow({
  id: 'trip',
  steps: [
    { id: 'book', tool: 'book' },
    { id: 'pay', tool: 'pay', dependencies: ['book'] },
  ],
});

const before = await start(sqlite(path));
const execution = before.run(workflow, { context: { executionId: 'trip-1' } });
for await (const { type, executionId } of execution.facts()) if (type === 'tier3/execution/started' && executionId.includes('pay')) break;
await before.drain({ graceMs: 0 }); // or the process is killed

isUp = true;
await using after = await start(sqlite(path));
console.log(after.executions.outcome.recovered);
const { status, result } = (await after.executions.get('trip-1')?.result()) ?? {};
console.log(status, result);
console.log(calls);
