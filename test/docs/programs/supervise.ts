import { startSupervisor } from 'swarmchart';
import { fromCallback } from 'xstate';

// Any logic of XState will do. One that throws has crashed.
const line = fromCallback(({ receive }) => {
  receive(({ type }) => {
    if (type === 'BREAK') throw new Error('the line is dead');
  });
});
const cache = fromCallback(() => {});

const { ok: supervisor, error } = await startSupervisor(
  {
    name: 'store',
    strategy: 'rest-for-one',
    intensity: { maxRestarts: 1, withinMs: 60_000 },
    kinds: { line, cache },
    children: [
      { id: 'line', src: 'line' },
      { id: 'cache', src: 'cache', shutdown: 100 },
    ],
  },
  { onFact: ({ type, payload }) => console.log(type, 'id' in payload ? payload.id : '') },
);
if (!supervisor) throw new Error(error.message);
supervisor.child('line')?.send({ type: 'BREAK' });
console.log((await supervisor.countChildren()).ok);
supervisor.child('line')?.send({ type: 'BREAK' });
const { end, reason, cause } = await supervisor.ended;
console.log(end, reason, cause?.message);
