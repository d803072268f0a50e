import { createRuntime, defineTool, defineWorkflow } from 'swarmchart';

const countWords = defineTool({
  name: 'count-words',
  input: [{ name: 'text', type: 'string', required: true }],
  run: ({ text }) => ({ words: String(text).split(/\s+/).length }),
});

const workflow = defineWorkflow({
  id: 'greeting',
  input: { name: { type: 'string' } },
  steps: [
    { id: 'greet', tool: 'echo', parameters: { message: 'Good morning, {{name}}' } },
    { id: 'count', tool: 'count-words', parameters: { text: '${greet.result}' }, retry: { maxRetries: 2 } },
  ],
});

await using runtime = await createRuntime({ tools: [countWords] });
const execution = runtime.run(workflow, { input: { name: 'Ada' } });
for await (const fact of execution.facts()) console.log(fact.type);
const { status, result, resourcesUsed } = await execution.result();
console.log(status, result, resourcesUsed);
