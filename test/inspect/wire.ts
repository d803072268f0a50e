/** The wire of the Stately inspector, written down strictly and apart from the code, and an observer that collects what goes over it. */

import { z } from 'zod';
import { type StatelyMessage, type StatelyOptions, statelyEvents } from '../../src/inspect/inspect.ts';

const envelope = {
  sessionId: z.string().regex(/^x:\d+$/),
  rootId: z.string().regex(/^x:\d+$/),
  id: z.string(),
  createdAt: z.string().regex(/^\d+$/),
  _version: z.literal('0.7.2'),
};
const event = z.looseObject({ type: z.string() });
const snapshot = z.looseObject({ status: z.enum(['active', 'done', 'error', 'stopped']) });
const definition = z.string().refine((text) => z.looseObject({ id: z.string().optional() }).safeParse(JSON.parse(text)).success);

export const wireMessage = z.discriminatedUnion('type', [
  z.strictObject({
    ...envelope,
    type: z.literal('@xstate.actor'),
    name: z.string(),
    parentId: z.string().optional(),
    definition,
    snapshot,
  }),
  z.strictObject({ ...envelope, type: z.literal('@xstate.event'), event, sourceId: z.string().optional() }),
  z.strictObject({ ...envelope, type: z.literal('@xstate.snapshot'), event, snapshot }),
]);

export function collectMessages(options?: StatelyOptions) {
  const messages: StatelyMessage[] = [];
  return { messages, inspect: statelyEvents((message) => messages.push(message), options), tree: () => treeOf(messages) };
}

/** Every actor with all above it, in the order in which they appeared: `runtime > run-1 > nursery`. */
export function treeOf(messages: readonly StatelyMessage[]): readonly string[] {
  const paths = new Map<string, string>();
  for (const message of messages) {
    if (message.type !== '@xstate.actor') continue;
    const { sessionId, parentId, name } = message;
    paths.set(sessionId, parentId === undefined ? name : `${paths.get(parentId) ?? '(a parent that never appeared)'} > ${name}`);
  }
  return [...paths.values()];
}

/** Throws with every problem. Each message must come out of JSON as it went in. */
export function checkWire(messages: readonly unknown[]): void {
  const copies: unknown = JSON.parse(JSON.stringify(messages));
  z.array(wireMessage).parse(copies);
  if (JSON.stringify(copies) !== JSON.stringify(messages)) throw new Error('A message is not plain JSON');
}
