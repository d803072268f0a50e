import { testChart } from 'swarmchart/testing';
import { createMachine, fromPromise } from 'xstate';

const careless = createMachine(
  {
    id: 'careless',
    initial: 'idle',
    states: {
      idle: { on: { SAVE: 'saving' } },
      saving: { invoke: { id: 'save', src: 'save', onDone: 'idle' }, on: { STOP: 'stopped' } },
      stopped: { type: 'final' },
      printing: {},
    },
  },
  { actors: { save: fromPromise(() => Promise.resolve()) } },
);

const { problems, diagram } = testChart(careless, { children: { save: { crashes: [] } } });
for (const { message, path } of problems) console.log(`${path.join(' → ')}\n  ${message}`);
console.log(diagram);
