import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, defineTool, defineWorkflow, type Journal, sqlite } from 'swarmchart';

const path = join(await mkdtemp(join(tmpdir(), 'durable-')), 'runs.db');
const calls: string[] = [];
let isUp = false;
const begun = Promise.withResolvers<void>();
const tools = [
  defineTool({ name: 'book', run: (_, { idempotencyKey }) => calls.push(`book ${idempotencyKey}`) }),
  defineTool({
    name: 'pay',
    run: (_, { idempotencyKey }) => {
      calls.push(`pay ${idempotencyKey}`);
      if (isUp) return 'paid';
      begun.resolve();
      return new Promise(() => {}); // it hangs until the next life
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
before.run(workflow, { context: { executionId: 'trip-1' } });
await begun.promise;
await before.drain({ graceMs: 0 }); // or the process is killed

isUp = true;
await using after = await start(sqlite(path));
console.log(after.executions.outcome.recovered);
const { status, result } = (await after.executions.result('trip-1')) ?? {};
console.log(status, result);
console.log(calls);
