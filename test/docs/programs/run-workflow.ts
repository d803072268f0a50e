import { createRuntime, defineTool, loadWorkflow } from 'swarmchart';

const quote = defineTool({
  name: 'quote',
  input: [{ name: 'item', type: 'string', required: true }],
  credits: '2',
  run: ({ item }) => ({ item, price: String(item).length * 10 }),
});
const text = `
id: order
input: { items: { type: array } }
steps:
  - id: quotes
    type: map
    over: "{{items}}"
    steps: [{ id: quote, tool: quote, parameters: { item: "{{item}}" } }]
  - { id: say, tool: echo, parameters: { message: "The first is \${quotes.result[0].price}" } }
`;

await using runtime = await createRuntime({ tools: [quote] });
const workflow = loadWorkflow(text, { registry: runtime.registry });
const execution = runtime.run(workflow, { input: { items: ['tea', 'cake'] }, allocation: { maxCredits: '10' } });
const { status, result, resourcesUsed } = await execution.result();
console.log(status, result, resourcesUsed.creditsUsed);
