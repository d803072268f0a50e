import { createRuntime } from 'swarmchart';

await using runtime = await createRuntime();
runtime.templates.createTemplate({
  id: 'greeting',
  parameters: {
    word: { type: 'string', default: 'Hello' },
    name: { type: 'string', references: true },
    shy: { type: 'string', default: 'nobody' },
  },
  workflow: {
    steps: [
      { id: 'greet', tool: 'echo', parameters: { message: '<%name%>' }, when: 'input.who != <%shy%>' },
      { id: 'again', tool: 'echo', parameters: { message: '<%word%>, ${greet.result}' } },
    ],
  },
});
const { plan } = runtime.templates.instantiateFromTemplate('greeting', { name: '{{who}}' });
console.log((await runtime.run(plan.id, { input: { who: 'Ada' } }).result()).result);
