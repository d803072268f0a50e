/** What happened, found again and replayed. Proves EVT-4. */

import { describe, expect, it } from 'vitest';
import { settlePromises } from '../../../src/testing/testing.ts';
import { startRuntime } from '../../support/start-runtime.ts';

async function withPast() {
  const world = await startRuntime();
  const { events } = world.runtime;
  const start = world.clock.now();
  const echo = { id: 'w', steps: [{ id: 's', tool: 'echo', parameters: { message: '' } }] };
  for (const id of ['a', 'b', 'c']) {
    await events.emit({ id, type: 'order/placed' });
    world.clock.advance(1_000);
  }
  await world.runtime.run(echo, { context: { executionId: 'run' } }).result();
  await events.emit({ id: 'd', type: 'order/paid', executionId: 'run' });
  await settlePromises();
  const idsOf = async (options: Parameters<typeof events.history>[0]) => (await events.history(options)).map(({ stream }) => stream);
  return { ...world, events, start, idsOf };
}

describe('the history', () => {
  it('has what matches: by pattern, time and execution, the newest last', async () => {
    await using world = await withPast();
    const { idsOf, start } = world;
    expect(await idsOf({ pattern: 'order/*' })).toEqual(['event/a', 'event/b', 'event/c', 'event/d']);
    expect(await idsOf({ pattern: 'order/placed', since: start + 1_000 })).toEqual(['event/b', 'event/c']);
    expect(await idsOf({ pattern: 'order/*', until: start + 1_000 })).toEqual(['event/a', 'event/b']);
    expect(await idsOf({ pattern: 'order/*', executionId: 'run' })).toEqual(['event/d']);
    const ofRun = await world.events.history({ executionId: 'run' });
    expect(ofRun.map(({ executionId }) => executionId)).toContain('run/s/1');
    expect(ofRun).toHaveLength((await world.journal.read('run')).length + 1);
  });

  it('is bounded: it has the latest', async () => {
    await using world = await withPast();
    for (const limit of [1, 2, 3]) {
      expect(await world.idsOf({ pattern: 'order/*', limit })).toEqual(['event/a', 'event/b', 'event/c', 'event/d'].slice(-limit));
    }
  });

  it.each([{ limit: 0 }, { limit: 1e9 }, { since: 'today' }, { patern: '**' }, null])('refuses %j', async (options) => {
    await using world = await startRuntime();
    const asked = world.runtime.events.history(options as never);
    await expect(asked).rejects.toMatchObject({ code: 'INVALID_VALUE' });
  });
});

describe('a replay', () => {
  it('gives the handler one after the other and waits for it', async () => {
    await using world = await withPast();
    const heard: string[] = [];
    let atWork = 0;
    const count = await world.events.replay('order/*', { since: world.start }, async ({ stream }) => {
      expect(++atWork).toBe(1);
      await settlePromises();
      heard.push(stream);
      atWork--;
    });
    expect(count).toBe(4);
    expect(heard).toEqual(['event/a', 'event/b', 'event/c', 'event/d']);
  });

  it('ends with what there was when it began', async () => {
    await using world = await withPast();
    let more = 0;
    const count = await world.events.replay('order/*', {}, async () => {
      await world.events.emit({ id: `more ${++more}`, type: 'order/placed' });
    });
    expect(count).toBe(4);
  });

  it('ends with what its handler throws', async () => {
    await using world = await withPast();
    const heard: string[] = [];
    const replayed = world.events.replay('order/*', {}, ({ stream }) => {
      heard.push(stream);
      if (stream === 'event/b') throw new Error('enough');
    });
    await expect(replayed).rejects.toThrow('enough');
    expect(heard).toEqual(['event/a', 'event/b']);
  });

  it('refuses what is no pattern, no filter and no handler', async () => {
    await using world = await startRuntime();
    const { events } = world.runtime;
    const nothing = () => undefined;
    await expect(events.replay(5 as never, {}, nothing)).rejects.toMatchObject({ code: 'INVALID_VALUE' });
    await expect(events.replay('**', { sinc: 5 } as never, nothing)).rejects.toThrow('Did you mean "since"?');
    await expect(events.replay('**', {}, 'x' as never)).rejects.toMatchObject({ code: 'INVALID_VALUE' });
  });
});
