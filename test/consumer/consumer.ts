/** What a stranger's project does with the packed package: types a tool and a workflow, runs them, and reads the result. */

import assert from 'node:assert/strict';
import { createRuntime, defineTool, defineWorkflow } from 'swarmchart';
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
console.log(`consumer: ${status}`);
