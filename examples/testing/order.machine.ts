/** An order that is paid for with a card: a machine like those of any application. Nothing of it is Swarmchart's. */

import { assign, fromPromise, setup } from 'xstate';

interface Receipt {
  readonly id: string;
}

export const orderMachine = setup({
  types: {
    context: {} as { items: number; refusals: number; receipt: string | undefined },
    events: {} as { type: 'ADD'; items: number } | { type: 'PAY' } | { type: 'CANCEL' },
  },
  actors: {
    /** Asks the bank. */
    charge: fromPromise<Receipt, { items: number }>(() => Promise.reject(new Error('there is no bank in a test'))),
  },
  delays: { patience: 30_000 },
  guards: {
    hasItems: ({ context }) => context.items > 0,
    maySendAgain: ({ context }) => context.refusals < 2,
  },
  actions: {
    add: assign({ items: ({ context, event }) => context.items + (event.type === 'ADD' ? event.items : 0) }),
    countRefusal: assign({ refusals: ({ context }) => context.refusals + 1 }),
    keepReceipt: assign({ receipt: (_, { id }: Receipt) => id }),
  },
}).createMachine({
  id: 'order',
  context: { items: 0, refusals: 0, receipt: undefined },
  initial: 'cart',
  states: {
    cart: {
      on: { ADD: { actions: 'add' }, PAY: { guard: 'hasItems', target: 'paying' }, CANCEL: 'cancelled' },
    },
    paying: {
      invoke: {
        src: 'charge',
        input: ({ context: { items } }) => ({ items }),
        onDone: { target: 'paid', actions: { type: 'keepReceipt', params: ({ event }) => event.output } },
        onError: [{ guard: 'maySendAgain', target: 'refused', actions: 'countRefusal' }, { target: 'cancelled' }],
      },
      after: { patience: 'unclear' },
    },
    refused: { on: { PAY: 'paying', CANCEL: 'cancelled' } },
    unclear: { on: { PAY: 'paying', CANCEL: 'cancelled' } },
    paid: { type: 'final' },
    cancelled: { type: 'final' },
  },
});
