import { createRuntime, defineWorkflow } from 'swarmchart';

const workflow = defineWorkflow({
  id: 'pay',
  steps: [
    { id: 'paid', type: 'wait', signal: 'order/paid', timeout: 86_400_000 },
    { id: 'ship', type: 'wait', approval: { prompt: 'Ship ${paid.result.order}?', role: 'clerk' } },
    { id: 'done', tool: 'echo', parameters: { message: 'shipped to ${ship.result}' } },
  ],
});

await using runtime = await createRuntime();
const execution = runtime.run(workflow);
for await (const { type } of execution.facts()) {
  if (type !== 'tier2/routine/waiting') continue;
  const [step] = (await execution.snapshot()).waiting;
  console.log(execution.status, step?.stepId, step?.for?.type);
  if (step?.stepId === 'paid') await execution.signal('order/paid', { order: 'A-7' });
  else await execution.decide('ship', { decision: 'approve', value: 'Berlin', by: 'ann', role: 'clerk' });
}
console.log((await execution.result()).result);
