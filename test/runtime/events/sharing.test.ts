/** A fact is the same for all who hear it, and for the journal: whoever wants to change it has to copy it. */

import { describe, expect, it } from 'vitest';
import type { Fact, Recorded, WorkflowDefinition } from '../../../src/index.ts';
import { settlePromises } from '../../../src/testing/testing.ts';
import { collectAll } from '../../support/collect-all.ts';
import { startRuntime } from '../../support/start-runtime.ts';

const workflow: WorkflowDefinition = { id: 'w', steps: [{ id: 's', tool: 'list' }] };
const tools = [{ name: 'list', run: () => ({ items: [3, 1, 2] }) }];
type Changeable = { type: string; payload: { items?: unknown; [name: string]: unknown } };

/** Tries to; whether it could. */
function changed(fact: Fact): boolean {
  const open = fact as unknown as Changeable;
  const attempts = [
    () => (open.type = 'changed'),
    () => (open.payload['more'] = 'changed'),
    () => Object.assign(open.payload['deep'] ?? open.payload, { n: 3 }),
  ];
  return attempts.some((attempt) => {
    try {
      attempt();
      return true;
    } catch {
      return false;
    }
  });
}

describe('a fact', () => {
  it('is changed by nobody who gets it: no handler, filter, stream, route, trigger, stage, replay, history or emitter', async () => {
    await using world = await startRuntime();
    const { events, triggers } = world.runtime;
    const couldChange: Record<string, boolean> = {};
    const note = (who: string, fact: Fact) => (couldChange[who] = changed(fact));
    const streamed = events.stream('order/*')[Symbol.asyncIterator]();
    const next = streamed.next();
    events.intake({ filter: (fact) => note('stage', fact) || true });
    events.subscribe('order/*', (fact) => note('handler', fact), { filter: (fact) => note('filter', fact) || true });
    await events.route({ id: 'r', pattern: 'order/*', deliver: ({ fact }) => note('route', fact) });
    await triggers.register({ id: 't', pattern: 'order/*', workflow, where: (fact) => note('trigger', fact) && false });
    const payload = { deep: { n: 1 } };
    const { fact } = await events.emit({ id: '1', type: 'order/placed', payload });
    payload.deep.n = 2;
    note('emitter', fact as Fact);
    await settlePromises();
    note('stream', ((await next).value as Recorded).fact);
    for (const each of await events.history({ pattern: 'order/*' })) note('history', each);
    await events.replay('order/*', {}, (each) => note('replay', each));
    const who = ['stage', 'filter', 'handler', 'route', 'trigger', 'emitter', 'stream', 'history', 'replay'];
    expect(couldChange).toEqual(Object.fromEntries(who.map((name) => [name, false])));
    expect(await world.journal.read('event/1')).toMatchObject([{ type: 'order/placed', payload: { deep: { n: 1 } } }]);
  });

  it('of an execution is no different, and its result is the caller’s own', async () => {
    await using world = await startRuntime({ tools });
    const handle = world.runtime.run<{ items: number[] }>(workflow);
    const { result } = await handle.result();
    result?.items.sort();
    const facts = await collectAll(handle.facts());
    expect(facts.map(changed)).not.toContain(true);
    expect(facts.at(-1)).toMatchObject({ type: 'tier2/routine/completed', payload: { result: { items: [3, 1, 2] } } });
  });
});
