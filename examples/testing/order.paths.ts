/** Tests the order: `node order.paths.ts` prints what was covered, and a Mermaid diagram of it. */

import { testChart } from 'swarmchart/testing';
import { orderMachine } from './order.machine.ts';

export const report = testChart(orderMachine, {
  events: { ADD: [{ items: 1 }] },
  children: { charge: { settles: [{ id: 'receipt-1' }] } },
  key: ({ context }) => `${context.items > 0} ${context.refusals}`,
  invariants: {
    'what is paid has a receipt': (order) => !order.matches('paid') || order.context.receipt !== undefined,
    'nobody pays for nothing': (order) => !order.matches('paying') || order.context.items > 0,
  },
});

console.log(report.table);
console.log(report.diagram);
for (const { message, path } of report.problems) console.log(message, path);
