/** Events, routes and triggers on a journal in a file: what one process has begun, the next one goes on with. */

import { describe, expect, it } from 'vitest';
import { createRuntime, type Delivery, defineTool, sqlite } from '../../../src/index.ts';
import { settlePromises } from '../../../src/testing/testing.ts';
import { temporaryFile } from '../journal/sqlite/temporary-folder.ts';

async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await settlePromises();
}

describe.each(['power', 'process'] as const)('with a journal in a file (%s)', (durability) => {
  it('an id is accepted once, a trigger starts once, a route goes on and has its dead letters, over many lives', async () => {
    const path = temporaryFile();
    const delivered: string[] = [];
    const greeted: string[] = [];
    const greet = defineTool({ name: 'greet', run: ({ name }) => void greeted.push(String(name)) });
    let failing = new Set(['event/e1#1']);
    const deliver = ({ idempotencyKey }: Delivery) => {
      if (failing.has(idempotencyKey)) throw new Error('no');
      delivered.push(idempotencyKey);
    };
    const outcomes: string[] = [];
    for (let life = 0; life < 4; life++) {
      await using runtime = await createRuntime({ journal: sqlite(path, { durability }), tools: [greet] });
      const { events, triggers } = runtime;
      if (life === 3) failing = new Set();
      await events.route({ id: 'r', pattern: 'user/*', deliver, retry: { maxRetries: 0 } });
      await triggers.register({
        id: 't',
        pattern: 'user/*',
        workflow: { id: 'w', input: { name: { type: 'string' } }, steps: [{ id: 's', tool: 'greet', parameters: { name: '{{name}}' } }] },
        input: ({ stream }) => ({ name: stream }),
      });
      const ids = Array.from({ length: 3 * (life + 1) }, (_, n) => `e${n}`);
      const emitted = await Promise.all(ids.map((id) => events.emit({ id, type: 'user/joined' })));
      outcomes.push(emitted.filter(({ outcome }) => outcome === 'recorded').length.toString());
      const isDone = () =>
        greeted.length === ids.length && delivered.length + events.deadLetters().length === ids.length && triggers.list()[0]?.running === 0;
      await until(isDone);
      if (life === 3) expect(await events.redrive('r')).toEqual({ delivered: 1, failed: 0 });
    }
    const ids = Array.from({ length: 12 }, (_, n) => `event/e${n}`);
    expect(outcomes).toEqual(['3', '3', '3', '3']);
    expect(greeted).toEqual(ids);
    expect(delivered).toEqual([...ids.filter((id) => id !== 'event/e1'), 'event/e1'].map((id) => `${id}#1`));
  });
});

describe('with a journal in a file', () => {
  it('a route forgets no dead letter, however often it has written down how far it is', async () => {
    const path = temporaryFile();
    const open = () => createRuntime({ journal: sqlite(path, { durability: 'process' }) });
    for (let life = 0; life < 2; life++) {
      const runtime = await open();
      const { events } = runtime;
      let isFirst = life === 0;
      const deliver = () => {
        if (isFirst) {
          isFirst = false;
          throw new Error('no');
        }
      };
      await events.route({ id: 'r', pattern: 'load/*', deliver, retry: { maxRetries: 0 } });
      await Promise.all(Array.from({ length: 300 }, () => events.emit({ type: 'load/one' })));
      await until(() => events.routes()[0]?.delivered === 300 * (life + 1) - 1);
      await runtime.drain();
    }
    const cut = sqlite(path, { durability: 'process' });
    await cut.open();
    expect(await cut.drop('route/r')).toBe(true);
    await cut.close();
    await using runtime = await open();
    await runtime.events.route({ id: 'r', pattern: 'load/*', deliver: () => undefined });
    expect(runtime.events.routes()).toMatchObject([{ delivered: 599, deadLetters: 1 }]);
  });
});
