import { testChart } from 'swarmchart/testing';
import { assign, fromPromise, setup } from 'xstate';

const parcel = setup({
  types: { context: {} as { attempts: number }, events: {} as { type: 'SEND'; to: string } | { type: 'GIVE_UP' } },
  actors: { deliver: fromPromise<{ signedBy: string }, { to: string }>(() => Promise.reject(new Error('no post in a test'))) },
  guards: {
    isAddressed: (_, to: string) => to !== '',
    mayTryAgain: ({ context }) => context.attempts < 3,
  },
  actions: { count: assign({ attempts: ({ context }) => context.attempts + 1 }) },
}).createMachine({
  id: 'parcel',
  context: { attempts: 0 },
  initial: 'packed',
  states: {
    packed: {
      on: {
        SEND: { guard: { type: 'isAddressed', params: ({ event }) => event.to }, target: 'travelling', actions: 'count' },
        GIVE_UP: 'kept',
      },
    },
    travelling: {
      invoke: { id: 'deliver', src: 'deliver', input: { to: 'Ann' }, onDone: 'delivered', onError: 'returned' },
      after: { 86400000: 'lost' },
    },
    returned: { always: [{ guard: 'mayTryAgain', target: 'packed' }, { target: 'kept' }] },
    delivered: { type: 'final' },
    lost: {},
    kept: { type: 'final' },
  },
});

const report = testChart(parcel, {
  events: { SEND: [{ to: 'Ann' }, { to: '' }] },
  children: { deliver: { settles: [{ signedBy: 'Ann' }] } },
  invariants: { 'nobody tries four times': ({ context }) => context.attempts <= 3 },
});
console.log(report.table);
console.log(report.isComplete, report.isTruncated, report.problems, report.deadEnds);
