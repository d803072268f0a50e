/** What a stranger's project does with the packed package: types a tool and a workflow, runs them, and reads the result. */

import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, defineTool, defineWorkflow, readJournal, sqlite } from 'swarmchart';
import * as inspect from 'swarmchart/inspect';
import * as machines from 'swarmchart/machines';
import * as testing from 'swarmchart/testing';

const shout = defineTool({
  name: 'shout',
  description: 'Says it louder.',
  input: [{ name: 'text', type: 'string', required: true }],
  run: ({ text }) => ({ text: String(text).toUpperCase() }),
});

const workflow = defineWorkflow({
  id: 'greeting',
  input: { greeting: { type: 'string' } },
  steps: [
    { id: 'echo', tool: 'echo', parameters: { message: '{{greeting}}' } },
    { id: 'shout', tool: 'shout', parameters: { text: '{{greeting}}' }, dependencies: ['echo'] },
  ],
});

await using runtime = await createRuntime({ tools: [shout] });
const execution = runtime.run(workflow, { input: { greeting: 'hello' } });
const { success, status, error, resourcesUsed, context } = await execution.result();

assert.equal(error, undefined);
assert.equal(success, true);
assert.equal(status, 'completed');
assert.equal(resourcesUsed.stepsExecuted, 2);
assert.equal(typeof context.executionId, 'string');
assert.ok(Object.keys(machines).length > 0);
assert.ok(Object.keys(inspect).length > 0);
assert.equal((await testing.scriptedModel(['hello']).doGenerate({ prompt: [] })).content.length, 1);

// The watchdog's thread is a file of the package: it is found, and tells of a tool that holds the event loop.
const warnings: object[] = [];
const hold = defineTool({
  name: 'hold',
  run: () => {
    for (const end = Date.now() + 2_000; Date.now() < end; );
    return 'held';
  },
});
const logger = { debug() {}, info() {}, warn: (fields: object) => void warnings.push(fields), error() {} };
await using watched = await createRuntime({ tools: [hold], logger, watchdog: { blockedMs: 200 } });
await watched.run({ id: 'w', steps: [{ id: 'only', tool: 'hold' }] }).result();
assert.equal(warnings.length, 1);
assert.ok('heldMs' in (warnings[0] ?? {}));
assert.equal(watched.errors.counts().total, 0);

// So is the thread that writes a journal; what that has committed is there for the next one.
const file = join(mkdtempSync(join(tmpdir(), 'consumer-')), 'runs.db');
const durable = await createRuntime({ tools: [shout], journal: sqlite(file) });
await durable.run(workflow, { input: { greeting: 'hello' }, context: { executionId: 'kept' } }).result();
await durable.drain();
const journal = await readJournal(file);
for await (const { stream, problem } of journal.verify()) assert.deepEqual([stream, problem], ['kept', undefined]);
assert.equal((await journal.find('kept'))?.status, 'settled');
await journal.close();
console.log(`consumer: ${status}`);
