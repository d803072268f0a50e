import { createRuntime } from 'swarmchart';

await using runtime = await createRuntime();
const { events } = runtime;

const shipped = Promise.withResolvers<void>();
events.subscribe('order/*', ({ type, payload }) => {
  console.log('heard', type, payload);
  if (type === 'order/shipped') shipped.resolve();
});
const stream = events.stream('order/**'); // from now on

console.log((await events.emit({ id: '4711', type: 'order/placed', payload: { total: 30 } })).outcome);
console.log((await events.emit({ id: '4711', type: 'order/placed', payload: { total: 30 } })).outcome); // as when a sender tries again
await events.emit({ type: 'order/shipped' });
await shipped.promise;

for await (const { fact } of stream) {
  console.log('streamed', fact.type);
  if (fact.type === 'order/shipped') break;
}
const placed = await events.history({ pattern: 'order/placed' });
console.log(placed.map(({ id }) => id));

const run = runtime.run({ id: 'w', steps: [{ id: 'a', tool: 'echo', parameters: { message: 'hi' } }] });
for await (const { percent, status, step } of run.progress()) console.log(percent, status, step?.status ?? '');
