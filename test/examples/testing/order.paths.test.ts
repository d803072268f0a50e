/** examples/testing: a machine that is not ours is tested along every path, and its bugs are found. */

import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type AnyStateMachine, createMachine } from 'xstate';
import { orderMachine } from '../../../examples/testing/order.machine.ts';
import { testChart } from '../../../src/testing/testing.ts';

let report: typeof import('../../../examples/testing/order.paths.ts')['report'];
let printed: string;

beforeAll(async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  ({ report } = await import('../../../examples/testing/order.paths.ts'));
  printed = log.mock.calls.join('\n');
  log.mockRestore();
});

describe('examples/testing', () => {
  it('takes every transition of the order: a refusal, a last refusal, a bank that never answers', () => {
    expect(report.problems).toEqual([]);
    expect(report.isComplete, report.table).toBe(true);
    expect([report.isTruncated, report.deadEnds]).toEqual([false, []]);
    expect(printed).toContain('order: 7 of 7 states, 11 of 11 transitions');
    expect(printed).toContain('class order_cart,order_paying,order_refused,order_unclear,order_paid,order_cancelled taken');
  });

  it('would see a refusal that nobody handles, a receipt that nobody keeps, and an order that waits for ever', () => {
    const { config } = orderMachine;
    const { paying } = config.states as Record<string, Record<string, object>>;
    const options = {
      events: { ADD: [{ items: 1 }], CANCEL: [] },
      children: { charge: { settles: [{ id: 'receipt-1' }] } },
      key: ({ context }: { readonly context: { readonly items: number } }) => String(context.items > 0),
      invariants: {
        'what is paid has a receipt': (order: { matches(state: string): boolean; context: { receipt?: string } }) =>
          !order.matches('paid') || order.context.receipt !== undefined,
      },
    };
    const withPaying = (changed: object, states: object = {}): AnyStateMachine =>
      createMachine(
        { ...config, states: { ...config.states, paying: { ...paying, ...changed }, ...states } } as never,
        orderMachine.implementations as never,
      );
    const invoke = paying?.['invoke'] ?? {};

    const { onError: _, ...withoutError } = invoke as Record<string, unknown>;
    expect(testChart(withPaying({ invoke: withoutError }), options as never).problems.map(({ message }) => message)).toEqual([
      'charge fails with "charge failed": nobody handles it in "paying", and it ends the whole chart',
      'charge crashes with "charge crashed": nobody handles it in "paying", and it ends the whole chart',
    ]);

    expect(testChart(withPaying({ invoke: { ...invoke, onDone: 'paid' } }), options as never).problems).toEqual([
      {
        message: 'what is paid has a receipt: does not hold in "paid"',
        path: ['ADD {"items":1}', 'PAY', 'charge settles with {"id":"receipt-1"}'],
      },
    ]);

    expect(testChart(withPaying({}, { unclear: {} }), options as never).deadEnds).toEqual(['"unclear"']);
  });
});
