import { createRuntime, defineTool } from 'swarmchart';
import { VirtualClock } from 'swarmchart/testing';

let isDown = true;
const answer = () => {
  if (isDown) throw new Error('503');
  return 'Berlin';
};
const find = defineTool({ name: 'find', provider: 'maps', run: answer });
const route = defineTool({ name: 'route', provider: 'maps', run: answer });

const clock = new VirtualClock();
await using runtime = await createRuntime({ tools: [find, route], clock, breakers: { provider: { failureThreshold: 3 } } });
runtime.events.subscribe('breaker/*', ({ type, payload }) => {
  const { scope, key, by = '' } = payload as Record<string, string>;
  console.log(type, scope, key, by);
});
const call = async (tool: string) => {
  const { result, error } = await runtime.run({ id: 'w', steps: [{ id: 's', tool }] }).result();
  console.log(tool, error?.code ?? result);
};
await call('find');
await call('route');
await call('find'); // the third failure in a row of what both depend on
await call('route'); // is not called any more
isDown = false;
clock.advance(30_000);
await call('route');
await call('find'); // the second probe that succeeds
runtime.breakers.forceOpen('tool', 'find', { by: 'ann' });
await call('find');
console.log(runtime.breakers.get('tool', 'find')?.state);
runtime.breakers.forceClose('tool', 'find', { by: 'ann' });
await call('find');
