/** Routes: each fact at least once, in order, with retries; what cannot be delivered is kept. Proves EVT-6. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Delivery, MemoryJournal, type RouteDefinition, SwarmchartError } from '../../../src/index.ts';
import { SILENT } from '../../../src/runtime/logger.ts';
import { settlePromises } from '../../../src/testing/testing.ts';
import { startRuntime } from '../../support/start-runtime.ts';
import { DyingJournal } from './facts-for-test.ts';

const placed = (id: string) => ({ id, type: 'order/placed' });
const nameOf = ({ fact }: Delivery) => fact.stream.slice('event/'.length);

/** A route that remembers what it was given, and fails on these. */
function routeTo(delivered: string[], failing: ReadonlySet<string> = new Set(), more: Partial<RouteDefinition> = {}): RouteDefinition {
  const deliver = (delivery: Delivery) => {
    if (failing.has(nameOf(delivery))) throw new Error(`not ${nameOf(delivery)}`);
    delivered.push(nameOf(delivery));
  };
  return { id: 'billing', pattern: 'order/*', retry: { maxRetries: 1 }, deliver, ...more };
}

describe('a route', () => {
  it('delivers in order, one at a time, and holds up nobody while it tries again', async () => {
    await using world = await startRuntime();
    const { events } = world.runtime;
    const delivered: string[] = [];
    let failures = 2;
    const deliver = (delivery: Delivery) => {
      if (nameOf(delivery) === 'b' && failures-- > 0) throw new Error('not yet');
      delivered.push(`${nameOf(delivery)} at ${world.clock.now() - start}, attempt ${delivery.attempt}`);
    };
    const start = world.clock.now();
    const retry = { maxRetries: 5, backoff: { strategy: 'linear', baseMs: 100 } } as const;
    await events.route(routeTo([], new Set(), { deliver, retry }));
    for (const id of ['a', 'b', 'c']) await events.emit(placed(id));
    await settlePromises();
    expect(delivered).toEqual(['a at 0, attempt 1']);
    expect(events.routes()).toMatchObject([{ state: 'backingOff', delivered: 1, failures: 1, lastError: { message: 'not yet' } }]);
    await world.clock.advanceAsync(300);
    expect(delivered).toEqual(['a at 0, attempt 1', 'b at 300, attempt 3', 'c at 300, attempt 1']);
    expect(events.routes()).toMatchObject([{ state: 'idle', delivered: 3, failures: 2, deadLetters: 0 }]);
  });

  it('delivers each fact at least once, first in order, wherever its process died; what never works is a dead letter, once', async () => {
    const live = async (stored: MemoryJournal, delivered: string[], ids: readonly string[], last?: number) => {
      const journal = new DyingJournal(stored, last);
      const world = await startRuntime({ journal });
      const { events } = world.runtime;
      const whatever = () => undefined;
      const registered = events.route(routeTo(delivered, new Set(['e2']))).catch(whatever);
      await settlePromises();
      const sent = ids.map((id) => events.emit(placed(id)).catch(whatever));
      await world.clock.advanceAsync(5_000);
      if (last !== undefined) return [];
      await Promise.all([registered, ...sent]);
      const letters = events.deadLetters('billing').map(({ fact }) => fact.stream);
      await world[Symbol.asyncDispose]();
      return letters;
    };
    const deaths = fc.array(fc.integer({ min: 0, max: 16 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(deaths, fc.integer({ min: 1, max: 8 }), async (lives, count) => {
        const stored = new MemoryJournal();
        const delivered: string[] = [];
        const ids = Array.from({ length: count }, (_, n) => `e${n}`);
        for (const last of lives) await live(stored, delivered, ids, last);
        const letters = await live(stored, delivered, ids);
        expect([...new Set(delivered)]).toEqual(ids.filter((id) => id !== 'e2'));
        expect(letters).toEqual(count > 2 ? ['event/e2'] : []);
        const before = delivered.length;
        await live(stored, delivered, ids);
        expect(delivered.length, 'after an orderly stop nothing comes again').toBe(before);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it('writes down how far it is now and then, not for each fact, and keeps its stream short', async () => {
    await using world = await startRuntime();
    const { events } = world.runtime;
    const delivered: string[] = [];
    await events.route(routeTo(delivered));
    for (let n = 0; n < 50; n++) await events.emit(placed(`${n}`));
    await settlePromises();
    const written = async () => (await world.journal.read('route/billing')).filter(({ type }) => type === 'route/advanced').length;
    expect([delivered.length, await written()]).toEqual([50, 0]);
    await world.clock.advanceAsync(1_000);
    expect(await written()).toBe(1);
    for (let n = 50; n < 300; n++) await events.emit(placed(`${n}`));
    await settlePromises();
    expect([delivered.length, await written()]).toEqual([300, 3]);
    for (let n = 0; n < 1_100; n++) {
      await events.emit(placed(`x${n}`));
      await world.clock.advanceAsync(1_000);
    }
    expect(delivered).toHaveLength(1_400);
    expect(await written()).toBeLessThan(200);
    expect((await world.journal.find('route/billing'))?.seq).toBeGreaterThan(1_000);
  }, 60_000);

  it('loses nothing of what comes all at once, however many there are', async () => {
    await using world = await startRuntime();
    const { events, triggers } = world.runtime;
    const delivered: string[] = [];
    const streamed: string[] = [];
    await events.route(routeTo(delivered));
    await triggers.register({ id: 't', pattern: 'order/*', workflow: 'none', where: () => false });
    const stream = events.stream('order/*', { bufferLimit: 10 });
    const reading = (async () => {
      for await (const { fact } of stream) if (streamed.push(fact.stream) === 5_000) break;
    })();
    const ids = Array.from({ length: 5_000 }, (_, n) => `${n}`);
    await Promise.all(ids.map((id) => events.emit(placed(id))));
    await reading;
    await settlePromises();
    expect(delivered).toEqual(ids);
    expect(streamed).toEqual(ids.map((id) => `event/${id}`));
    expect(triggers.list()).toMatchObject([{ passedOver: 5_000, missed: 0 }]);
  });

  it('gives up an attempt that takes too long, and tells it so', async () => {
    await using world = await startRuntime();
    const signals: AbortSignal[] = [];
    const deliver = ({ signal }: Delivery) => {
      signals.push(signal);
      return new Promise(() => undefined);
    };
    await world.runtime.events.route(routeTo([], new Set(), { deliver, timeoutMs: 500 }));
    await world.runtime.events.emit(placed('a'));
    await world.clock.advanceAsync(499);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    await world.clock.advanceAsync(1 + 1_000 + 500);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(world.runtime.events.deadLetters()).toMatchObject([{ attempts: 2, error: { errorClass: 'timeout' } }]);
  });

  it('delivers what its transform makes of what its filter lets through', async () => {
    await using world = await startRuntime();
    const delivered: unknown[] = [];
    await world.runtime.events.route({
      ...routeTo([]),
      filter: ({ payload }) => (payload as { total: number }).total > 10,
      transform: ({ payload }) => (payload as { total: number }).total * 2,
      deliver: ({ value }) => void delivered.push(value),
    });
    for (const total of [5, 20, 30]) await world.runtime.events.emit({ type: 'order/placed', payload: { total } });
    await settlePromises();
    expect(delivered).toEqual([40, 60]);
    expect(world.runtime.events.routes()).toMatchObject([{ delivered: 2, filtered: 1 }]);
  });

  it('tries nothing again that cannot help: an error of class permanent is a dead letter at once', async () => {
    await using world = await startRuntime();
    const deliver = () => Promise.reject(new SwarmchartError('NOT_PERMITTED', 'go away'));
    await world.runtime.events.route(routeTo([], new Set(), { deliver, retry: { maxRetries: 9 } }));
    await world.runtime.events.emit(placed('a'));
    await settlePromises();
    expect(world.runtime.events.deadLetters()).toMatchObject([{ attempts: 1, error: { code: 'NOT_PERMITTED' } }]);
    expect(world.runtime.errors.list({ code: 'NOT_PERMITTED' })).toMatchObject([{ message: 'go away', outcome: 'open' }]);
  });

  it('stops at the fact after its last dead letter when it may have no more, and goes on when there are fewer', async () => {
    await using world = await startRuntime();
    const { events } = world.runtime;
    const delivered: string[] = [];
    const failing = new Set(['a', 'b']);
    await events.route(routeTo(delivered, failing, { retry: { maxRetries: 0 }, deadLetterLimit: 2 }));
    for (const id of ['a', 'b', 'c']) await events.emit(placed(id));
    await settlePromises();
    expect(events.routes()).toMatchObject([{ state: 'full', deadLetters: 2 }]);
    expect(delivered).toEqual([]);
    expect(await events.redrive('billing', 'event/a#1'), 'still fails').toEqual({ delivered: 0, failed: 1 });
    expect(events.deadLetters('billing')).toMatchObject([
      { id: 'event/a#1', attempts: 2 },
      { id: 'event/b#1', attempts: 1 },
    ]);
    expect(await events.discard('billing', 'event/b#1')).toBe(true);
    expect(await events.discard('billing', 'event/b#1')).toBe(false);
    await settlePromises();
    expect(delivered).toEqual(['c']);
    failing.clear();
    expect(await events.redrive('billing')).toEqual({ delivered: 1, failed: 0 });
    expect(delivered).toEqual(['c', 'a']);
    expect(await events.redrive('billing', 'event/a#1'), 'there is none any more').toEqual({ delivered: 0, failed: 1 });
  });

  it('has its dead letters after a restart', async () => {
    const stored = new MemoryJournal();
    {
      await using world = await startRuntime({ journal: stored });
      await world.runtime.events.route(routeTo([], new Set(['a']), { retry: { maxRetries: 0 } }));
      await world.runtime.events.emit(placed('a'));
      await settlePromises();
    }
    await using world = await startRuntime({ journal: stored });
    const delivered: string[] = [];
    await world.runtime.events.route(routeTo(delivered));
    expect(world.runtime.events.deadLetters()).toMatchObject([{ routeId: 'billing', fact: { stream: 'event/a', type: 'order/placed' } }]);
    expect(await world.runtime.events.redrive('billing')).toEqual({ delivered: 1, failed: 0 });
    expect(delivered).toEqual(['a']);
  });

  it('hears nothing of what routes and triggers record, so that no route feeds another for ever', async () => {
    await using world = await startRuntime();
    const { events } = world.runtime;
    const types: string[] = [];
    const deliver = ({ fact }: Delivery) => void types.push(fact.type);
    for (const id of ['one', 'two']) await events.route({ id, pattern: '**', deliver });
    await events.emit(placed('a'));
    await world.clock.advanceAsync(10_000);
    expect(types).toEqual(['order/placed', 'order/placed']);
    expect(world.clock.pending).toBe(0);
  });

  it('writes and shows no value of a secret: not in an event, nor in what a delivery or a trigger fails with', async () => {
    const logged: unknown[] = [];
    const logger = { ...SILENT, error: (fields: object) => void logged.push(fields) };
    await using world = await startRuntime({ secrets: { KEY: 'hush-hush-4711' }, logger });
    const { events, triggers } = world.runtime;
    const heard: unknown[] = [];
    events.subscribe('**', (fact) => void heard.push(fact));
    const tell = () => {
      throw new Error('refused with hush-hush-4711');
    };
    await events.route(routeTo([], new Set(), { deliver: tell, retry: { maxRetries: 0 } }));
    await triggers.register({ id: 't', pattern: 'order/*', workflow: 'none', input: tell });
    await events.emit({ ...placed('a'), payload: { key: 'hush-hush-4711' } });
    await settlePromises();
    const facts = await events.history();
    expect(facts.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['order/placed', 'route/dead_lettered', 'trigger/failed']) as string[],
    );
    const shown = JSON.stringify([facts, heard, logged, events.deadLetters(), events.routes(), world.runtime.errors.list()]);
    expect(shown).toContain('[secret:KEY]');
    expect(shown).not.toContain('hush-hush');
  });

  it('delivers nothing any more once the runtime has stopped, not even when that is asked for', async () => {
    const world = await startRuntime();
    const failing = new Set(['a']);
    const delivered: string[] = [];
    await world.runtime.events.route(routeTo(delivered, failing, { retry: { maxRetries: 0 } }));
    await world.runtime.events.emit(placed('a'));
    await settlePromises();
    await world[Symbol.asyncDispose]();
    failing.clear();
    expect(await world.runtime.events.redrive('billing')).toEqual({ delivered: 0, failed: 1 });
    expect(delivered).toEqual([]);
    await expect(world.runtime.events.route(routeTo([], new Set(), { id: 'other' }))).rejects.toMatchObject({ code: 'RUNTIME_STOPPED' });
  });

  it('delivers nothing any more once it is taken away, and begins anew, without its dead letters', async () => {
    await using world = await startRuntime();
    const { events } = world.runtime;
    await events.route(routeTo([], new Set(['a']), { retry: { maxRetries: 0 } }));
    await events.emit(placed('a'));
    await settlePromises();
    expect(await events.unroute('billing')).toBe(true);
    expect(await events.unroute('billing')).toBe(false);
    await events.emit(placed('b'));
    const delivered: string[] = [];
    await events.route(routeTo(delivered));
    await events.emit(placed('c'));
    await settlePromises();
    expect(delivered).toEqual(['c']);
    expect(events.deadLetters()).toEqual([]);
  });

  it('may be registered again only when it is recorded that it was taken away', async () => {
    await using world = await startRuntime();
    const { events } = world.runtime;
    await events.route(routeTo([]));
    const gone = events.unroute('billing');
    await expect(events.route(routeTo([]))).rejects.toMatchObject({ code: 'DUPLICATE_ID' });
    expect(await gone).toBe(true);
    const delivered: string[] = [];
    await events.route(routeTo(delivered));
    await events.emit(placed('a'));
    await settlePromises();
    expect(delivered).toEqual(['a']);
  });

  it('does not bring back a dead letter that was thrown away while it was tried again', async () => {
    await using world = await startRuntime();
    const { events } = world.runtime;
    let held: PromiseWithResolvers<void> | undefined;
    const deliver = async () => {
      await held?.promise;
      throw new Error('never');
    };
    await events.route(routeTo([], new Set(), { deliver, retry: { maxRetries: 0 } }));
    await events.emit(placed('a'));
    await settlePromises();
    held = Promise.withResolvers();
    const redriven = events.redrive('billing');
    await settlePromises();
    expect(await events.discard('billing', 'event/a#1')).toBe(true);
    held.resolve();
    expect(await redriven).toEqual({ delivered: 0, failed: 1 });
    expect(events.deadLetters()).toEqual([]);
  });

  it('writes down how far it is when the runtime stops', async () => {
    const stored = new MemoryJournal();
    const delivered: string[] = [];
    for (const ids of [['a', 'b'], ['c']]) {
      await using world = await startRuntime({ journal: stored });
      await world.runtime.events.route(routeTo(delivered));
      for (const id of ids) await world.runtime.events.emit(placed(id));
      await settlePromises();
    }
    expect(delivered).toEqual(['a', 'b', 'c']);
  });

  it('leaves what it is delivering when the runtime stops, for the next one', async () => {
    const stored = new MemoryJournal();
    const signals: AbortSignal[] = [];
    {
      await using world = await startRuntime({ journal: stored });
      const deliver = ({ signal }: Delivery) => {
        signals.push(signal);
        return new Promise(() => undefined);
      };
      await world.runtime.events.route(routeTo([], new Set(), { deliver }));
      await world.runtime.events.emit(placed('a'));
      await settlePromises();
    }
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    await using world = await startRuntime({ journal: stored });
    const delivered: string[] = [];
    await world.runtime.events.route(routeTo(delivered));
    await settlePromises();
    expect(delivered).toEqual(['a']);
  });

  it('stops, and says so, when how far it is cannot be recorded', async () => {
    const errors: { readonly route?: string }[] = [];
    const stored = new MemoryJournal();
    const append = stored.append.bind(stored);
    let isBroken = false;
    stored.append = (stream, seq, facts) => {
      if (isBroken && stream.startsWith('route/')) throw new Error('the disk is gone');
      return append(stream, seq, facts);
    };
    const logger = { ...SILENT, error: (fields: object) => void errors.push(fields) };
    await using world = await startRuntime({ journal: stored, logger });
    await world.runtime.events.route(routeTo([], new Set(['a']), { retry: { maxRetries: 0 } }));
    isBroken = true;
    await world.runtime.events.emit(placed('a'));
    await world.clock.advanceAsync(5_000);
    expect(world.runtime.events.routes()).toMatchObject([{ state: 'stopped', deadLetters: 0 }]);
    expect(errors.filter(({ route }) => route === 'billing').length).toBeGreaterThan(0);
  });

  it.each([
    [{ ...routeTo([]), id: '' }, ['id']],
    [
      { ...routeTo([]), deliver: 'x', retry: { maxRetries: -1, backoff: { jitter: 2 } } },
      ['retry.maxRetries', 'retry.backoff.jitter', 'deliver'],
    ],
    [{ ...routeTo([]), pattrn: '**' }, ['pattrn']],
  ])('refuses %j with every problem', async (given, paths) => {
    await using world = await startRuntime();
    const error = (await world.runtime.events.route(given as never).catch((thrown: unknown) => thrown)) as SwarmchartError;
    expect(error).toMatchObject({ code: 'INVALID_VALUE' });
    expect(error.issues.map(({ path }) => path.join('.'))).toEqual(paths);
  });

  it('must be there to be asked', async () => {
    await using world = await startRuntime();
    const { events } = world.runtime;
    await events.route(routeTo([]));
    await expect(events.route(routeTo([]))).rejects.toMatchObject({ code: 'DUPLICATE_ID' });
    expect(() => events.deadLetters('biling')).toThrow('Did you mean "billing"?');
    await expect(events.redrive('nobody')).rejects.toMatchObject({ code: 'INVALID_VALUE' });
    await expect(events.discard(5 as never, 'x')).rejects.toMatchObject({ code: 'INVALID_VALUE' });
  });
});
