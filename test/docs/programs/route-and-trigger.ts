import { createRuntime, MemoryJournal, type RuntimeOptions } from 'swarmchart';
import { settlePromises, VirtualClock } from 'swarmchart/testing';

const journal = new MemoryJournal(); // one in a file survives the process
const clock = new VirtualClock();
let isDown = true;

async function start(options: RuntimeOptions = {}) {
  const runtime = await createRuntime({ journal, clock, ...options });
  await runtime.events.route({
    id: 'billing',
    pattern: 'order/placed',
    retry: { maxRetries: 2, backoff: { strategy: 'fixed', baseMs: 500 } },
    deliver: ({ fact, idempotencyKey, attempt }) => {
      if (isDown) throw new Error('503');
      console.log('billed', idempotencyKey, fact.payload, 'attempt', attempt);
    },
  });
  await runtime.triggers.register({
    id: 'packing',
    pattern: 'order/placed',
    workflow: {
      id: 'pack',
      input: { item: { type: 'string' } },
      steps: [{ id: 'say', tool: 'echo', parameters: { message: 'pack {{item}}' } }],
    },
    input: ({ payload }) => ({ item: (payload as { item: string }).item }),
  });
  runtime.tier2.on('tier2/routine/completed', ({ payload }) => console.log((payload as { result: string }).result));
  return runtime;
}

const first = await start();
await first.events.emit({ id: '1', type: 'order/placed', payload: { item: 'a lamp' } });
await clock.advanceAsync(1_000);
const [letter] = first.events.deadLetters('billing');
console.log(letter?.id, letter?.attempts, letter?.error.message);
await first.stop();

const second = await start();
isDown = false;
console.log(await second.events.redrive('billing'));
await second.events.emit({ id: '1', type: 'order/placed', payload: { item: 'a lamp' } }); // once more: nothing comes of it
await second.events.emit({ id: '2', type: 'order/placed', payload: { item: 'a chair' } });
await settlePromises();
console.log(second.triggers.list()[0]?.started, second.events.routes()[0]?.delivered);
await second.stop();
