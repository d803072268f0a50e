/** Streams: every committed fact once, in the order of the commits, however slow the reader is. Proves EVT-4 and EVT-10. */

import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Fact, MemoryJournal, type Recorded } from '../../../src/index.ts';
import { EventBus } from '../../../src/runtime/events/event-bus.ts';
import { Feed } from '../../../src/runtime/events/feed.ts';
import { type Passed, Reader } from '../../../src/runtime/events/reader.ts';
import { SILENT } from '../../../src/runtime/logger.ts';
import { settlePromises, VirtualClock } from '../../../src/testing/testing.ts';
import { collectAll } from '../../support/collect-all.ts';
import { startRuntime } from '../../support/start-runtime.ts';
import { factOf } from './facts-for-test.ts';

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** What a journal holds, in batches that take turns of the event loop. */
async function* slowly(batches: AsyncIterable<readonly Recorded[]>, size: number): AsyncGenerator<readonly Recorded[]> {
  for await (const batch of batches) {
    for (let from = 0; from < batch.length; from += size) {
      await turn();
      yield batch.slice(from, from + size);
    }
  }
}

function openFeed({ batch = 2, keep = 1_000 } = {}) {
  const stored = new MemoryJournal({ maxEvents: keep });
  const clock = new VirtualClock();
  const bus = new EventBus({ clock, log: SILENT });
  let failures = 0;
  const journal = {
    end: () => stored.end(),
    scan: (after?: number) => {
      if (failures-- > 0) throw new Error('cannot be read');
      return slowly(stored.scan(after), batch);
    },
  };
  const feed = new Feed({ journal, clock, log: SILENT, watch: (watcher) => bus.watch(watcher) });
  let count = 0;
  const commit = (types: readonly string[]) => {
    const facts: Fact[] = types.map((type) => factOf(`event/${++count}`, 1, type));
    for (const fact of facts) {
      stored.append(fact.stream, 0, [fact]);
      bus.publish([fact]);
    }
  };
  const read = (pattern: string, bufferLimit: number, from: number | Promise<number> = stored.end(), more = {}) =>
    new Reader({ feed, journal, log: SILENT, pattern, bufferLimit, from, ...more });
  return { stored, feed, clock, commit, read, fail: (times: number) => (failures = times) };
}

const idsOf = (taken: readonly Passed[]) => taken.map(({ fact }) => fact?.stream.slice('event/'.length));

describe('a reader of the journal', () => {
  const step = fc.oneof(
    fc.record({ commit: fc.array(fc.constantFrom('a/x', 'a/y', 'b/x'), { minLength: 1, maxLength: 12 }) }),
    fc.record({ read: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ turns: fc.integer({ min: 1, max: 4 }) }),
  );

  it('gets every fact that matches once, in order, in any interleaving of commits and slow reading, with any buffer', async () => {
    const run = async (steps: readonly object[], batch: number, buffer: number, pattern: string, isFromStart: boolean) => {
      const { stored, feed, commit, read } = openFeed({ batch });
      commit(['a/x', 'b/x', 'a/y']);
      const reader = read(pattern, buffer, isFromStart ? 0 : stored.end());
      const iterator = reader[Symbol.asyncIterator]();
      const taken: Promise<IteratorResult<Passed, undefined>>[] = [];
      for (const each of steps as readonly { commit?: string[]; read?: number; turns?: number }[]) {
        if (each.commit) commit(each.commit);
        for (let n = 0; n < (each.read ?? 0); n++) taken.push(iterator.next());
        for (let n = 0; n < (each.turns ?? 0); n++) await turn();
      }
      const all = (await collectAll(stored.scan(isFromStart ? 0 : 3)))
        .flat()
        .filter(({ fact }) => pattern === '**' || fact.type.startsWith('a/'));
      while (taken.length < all.length) taken.push(iterator.next());
      const answered = await Promise.all(taken.slice(0, all.length));
      expect(idsOf(answered.map(({ value }) => value as Passed))).toEqual(idsOf(all));
      expect(reader.missed).toBe(0);
      feed.close();
      for (const { done } of await Promise.all(taken.slice(all.length))) expect(done).toBe(true);
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 25 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom('**', 'a/*'),
        fc.boolean(),
        run,
      ),
      { numRuns: 150 },
    );
  }, 60_000);

  it('holds no more in memory than its buffer and a batch, and goes back to the journal for the rest', async () => {
    const { commit, read } = openFeed();
    const reader = read('**', 3);
    const iterator = reader[Symbol.asyncIterator]();
    const first = iterator.next();
    await settlePromises();
    for (let n = 0; n < 100; n++) {
      commit(['a/x']);
      await turn();
    }
    await first;
    const rest: Passed[] = [];
    for (let n = 1; n < 100; n++) rest.push((await iterator.next()).value as Passed);
    expect(idsOf(rest)).toEqual(Array.from({ length: 99 }, (_, n) => String(n + 2)));
  });

  it('counts what the journal had forgotten before it got to it', async () => {
    const warnings: object[] = [];
    const log = { ...SILENT, warn: (fields: object) => void warnings.push(fields) };
    const { commit, read, stored } = openFeed({ keep: 5 });
    const reader = read('a/*', 2, stored.end(), { log });
    const iterator = reader[Symbol.asyncIterator]();
    const first = iterator.next();
    await settlePromises();
    for (let n = 0; n < 20; n++) {
      commit(['a/x']);
      for (let each = 0; each < 4; each++) await turn();
    }
    await first;
    const got = [1];
    const next = async () => Number(((await iterator.next()).value as Passed).fact?.stream.slice('event/'.length));
    for (let n = 0; n < 7; n++) got.push(await next());
    expect(got).toEqual([1, 2, 3, 16, 17, 18, 19, 20]);
    const live = next();
    await settlePromises();
    expect(reader.missed).toBe(12);
    expect(warnings).toEqual([{ pattern: 'a/*', facts: 12 }]);
    commit(['a/x']);
    expect(await live).toBe(21);
  });

  it('hears also of what is committed just when everything has been read', async () => {
    const stored = new MemoryJournal();
    const clock = new VirtualClock();
    const bus = new EventBus({ clock, log: SILENT });
    let left = 3;
    const commit = () => {
      const fact = factOf(`event/${3 - --left}`, 1);
      stored.append(fact.stream, 0, [fact]);
      bus.publish([fact]);
    };
    const onRead = () => {
      if (left > 0) queueMicrotask(commit);
    };
    const feed = new Feed({ journal: stored, clock, log: SILENT, watch: (watcher) => bus.watch(watcher), onRead });
    const heard: string[] = [];
    await feed.add({ offer: ({ fact }) => void heard.push(fact.stream), end: () => undefined });
    commit();
    await settlePromises();
    expect(heard).toEqual(['event/1', 'event/2', 'event/3']);
  });

  it('tells now and then how far it is where nothing is for it, and not because of what routes and triggers record', async () => {
    const { stored, commit, read, feed } = openFeed();
    commit(['b/x', 'b/x', 'b/x']);
    stored.append('route/r', 0, [factOf('route/r', 1, 'route/advanced'), factOf('route/r', 2, 'route/advanced')]);
    const iterator = read('a/*', 10, 0, { markEvery: 2 })[Symbol.asyncIterator]();
    expect(await iterator.next()).toMatchObject({ value: { position: 2 } });
    const next = iterator.next();
    await settlePromises();
    commit(['b/x']);
    expect(await next).toEqual({ done: false, value: { position: 6 } });
    feed.close();
  });

  it('does not hear again, from the others, what it has found in the journal before them', async () => {
    const { commit, read, fail, clock, feed } = openFeed();
    const other = read('**', 10)[Symbol.asyncIterator]().next();
    await settlePromises();
    fail(1);
    commit(['a/x']);
    await settlePromises();
    const iterator = read('**', 10, 0)[Symbol.asyncIterator]();
    const first = await iterator.next();
    const second = iterator.next();
    await settlePromises();
    await clock.advanceAsync(1_000);
    await other;
    commit(['a/x']);
    expect(idsOf([first.value as Passed, (await second).value as Passed])).toEqual(['1', '2']);
    feed.close();
  });

  it('goes on when the journal could not be read for a while', async () => {
    const { commit, read, fail, clock, feed } = openFeed();
    const iterator = read('**', 10)[Symbol.asyncIterator]();
    const first = iterator.next();
    await settlePromises();
    fail(2);
    commit(['a/x']);
    await settlePromises();
    expect(clock.pending).toBe(1);
    await clock.advanceAsync(2_000);
    expect(idsOf([(await first).value as Passed])).toEqual(['1']);
    feed.close();
    expect(clock.pending).toBe(0);
  });
});

describe('runtime.events.stream', () => {
  const place = { type: 'order/placed' };

  it('gives what is committed from now on, with positions from where another one goes on', async () => {
    await using world = await startRuntime();
    const { events } = world.runtime;
    await events.emit({ ...place, id: 'before' });
    const stream = events.stream('order/*');
    await events.emit({ ...place, id: 'a' });
    await events.emit({ type: 'other/thing' });
    await events.emit({ ...place, id: 'b' });
    const seen: Recorded[] = [];
    for await (const recorded of stream) if (seen.push(recorded) === 2) break;
    expect(seen.map(({ fact }) => fact.stream)).toEqual(['event/a', 'event/b']);
    for await (const { fact } of events.stream('order/*', { from: seen[0]?.position as number })) {
      expect(fact.stream).toBe('event/b');
      break;
    }
    for await (const { fact } of events.stream('order/*', { from: 'start' })) {
      expect(fact.stream).toBe('event/before');
      break;
    }
  });

  it('misses nothing of what is emitted all at once, though the journal keeps only a part of it', async () => {
    await using world = await startRuntime({ journal: new MemoryJournal({ maxEvents: 600 }) });
    const stream = world.runtime.events.stream('order/*', { bufferLimit: 5_000 });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { fact } of stream) if (seen.push(fact.stream) === 3_000) break;
    })();
    await settlePromises();
    const ids = Array.from({ length: 3_000 }, (_, n) => `${n}`);
    await Promise.all(ids.map((id) => world.runtime.events.emit({ ...place, id })));
    await reading;
    expect(seen).toEqual(ids.map((id) => `event/${id}`));
  });

  it('holds up nobody who emits while the journal cannot be read', async () => {
    const journal = new MemoryJournal();
    const scan = journal.scan.bind(journal);
    let isBroken = false;
    journal.scan = (after) => {
      if (isBroken) throw new Error('cannot be read');
      return scan(after);
    };
    await using world = await startRuntime({ journal });
    const stream = world.runtime.events.stream('order/*', { bufferLimit: 5_000 })[Symbol.asyncIterator]();
    const first = stream.next();
    await settlePromises();
    isBroken = true;
    for (let n = 0; n < 2_000; n++) await world.runtime.events.emit(place);
    isBroken = false;
    await world.clock.advanceAsync(1_000);
    expect((await first).value).toMatchObject({ position: 1 });
    await stream.return?.();
  });

  it('ends when its signal is aborted, also while it waits', async () => {
    await using world = await startRuntime();
    const aborting = new AbortController();
    const stream = world.runtime.events.stream('order/*', { signal: aborting.signal });
    const next = stream[Symbol.asyncIterator]().next();
    await settlePromises();
    aborting.abort();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await collectAll(world.runtime.events.stream('**', { signal: aborting.signal, from: 'start' }))).toEqual([]);
  });

  it('leaves nothing at its signal, whether it was read, left or never begun', async () => {
    await using world = await startRuntime();
    const { signal } = new AbortController();
    const left = world.runtime.events.stream('**', { signal })[Symbol.asyncIterator]();
    void left.next();
    await settlePromises();
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await left.return?.();
    world.runtime.events.stream('**', { signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('gives what waits in its memory when the runtime stops while it is behind; the rest waits in the journal', async () => {
    const journal = new MemoryJournal();
    const world = await startRuntime({ journal });
    const stream = world.runtime.events.stream('order/*', { bufferLimit: 3 })[Symbol.asyncIterator]();
    const first = stream.next();
    await settlePromises();
    for (let n = 1; n <= 9; n++) await world.runtime.events.emit({ id: String(n), type: 'order/placed' });
    await settlePromises();
    await world[Symbol.asyncDispose]();
    const got = [(await first).value as Recorded];
    for (let next = await stream.next(); !next.done; next = await stream.next()) got.push(next.value);
    expect(idsOf(got)).toEqual(['1', '2', '3', '4']);
    await using second = await startRuntime({ journal });
    const rest = second.runtime.events.stream('order/*', { from: got.at(-1)?.position ?? 0 })[Symbol.asyncIterator]();
    expect(idsOf([(await rest.next()).value as Recorded])).toEqual(['5']);
    await rest.return?.();
  });

  it('ends when it is left while it waits', async () => {
    await using world = await startRuntime();
    const iterator = world.runtime.events.stream('order/*')[Symbol.asyncIterator]();
    const next = iterator.next();
    await settlePromises();
    await iterator.return?.();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it('ends with the runtime, after everything that is committed by then', async () => {
    const world = await startRuntime();
    const run = world.runtime.run({ id: 'w', steps: [{ id: 'only', tool: 'echo', parameters: { message: 'x' } }] });
    const read = collectAll(world.runtime.events.stream('tier2/routine/*'));
    await run.result();
    await world.runtime.stop();
    expect((await read).map(({ fact }) => fact.type)).toEqual(['tier2/routine/started', 'tier2/routine/completed']);
    expect(await collectAll(world.runtime.events.stream('**'))).toEqual([]);
  });

  it.each([
    [{ from: 'then' }, /from/],
    [{ from: -1 }, /from/],
    [{ bufferLimit: 0 }, /bufferLimit/],
    [{ signal: {} }, /signal/],
    [{ bufferLimt: 5 }, /Did you mean "bufferLimit"/],
  ])('refuses %j', async (options, message) => {
    await using world = await startRuntime();
    const given = options as object;
    expect(() => world.runtime.events.stream('**', given)).toThrow(
      expect.objectContaining({ code: 'INVALID_VALUE', message: expect.stringMatching(message) as string }),
    );
  });
});
