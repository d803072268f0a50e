import { createRuntime, defineTool } from 'swarmchart';

const gate = Promise.withResolvers<string>();
const slow = defineTool({ name: 'slow', run: () => gate.promise });
const workflow = {
  id: 'w',
  steps: [
    { id: 'a', tool: 'slow' },
    { id: 'b', tool: 'echo', parameters: { message: 'done' }, dependencies: ['a'] },
  ],
};
const quick = { id: 'q', steps: [{ id: 'a', tool: 'echo', parameters: { message: 'fine' } }] };

await using runtime = await createRuntime({ tools: [slow] });
const { breakers, events } = runtime;
const execution = runtime.run(workflow);
const isPaused = Promise.withResolvers<void>();
events.subscribe('tier2/routine/paused', () => isPaused.resolve());

for (let n = 1; n <= 5; n++) {
  await breakers.guard({ scope: 'layer', key: 'L2' }, () => Promise.reject(new Error('down'))).catch(() => undefined);
}
gate.resolve('the step under way ends');
await isPaused.promise;
console.log(breakers.get('system')?.state, execution.status, await execution.resume());
console.log((await runtime.run(quick).result()).error?.code);

breakers.reset('system', { by: 'ann' });
console.log((await runtime.run(quick).result()).result); // the probe
console.log((await execution.result()).result, breakers.get('system')?.state);
