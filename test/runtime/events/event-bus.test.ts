/** S26: facts reach subscribers in order, and no subscriber can harm the bus or another one. Proves EVT-1 and EVT-3. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fact, Logger, SubscribeOptions } from '../../../src/index.ts';
import { EventBus, type EventBusOptions } from '../../../src/runtime/events/event-bus.ts';
import { compilePattern } from '../../../src/runtime/events/pattern.ts';
import { settlePromises, VirtualClock } from '../../../src/testing/testing.ts';
import { factOf } from './facts-for-test.ts';

const fact = (seq: number, type = 'tier2/routine/started'): Fact => factOf('run', seq, type, { at: 0, tier: 'tier2' });
const facts = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => fact(from + n));

function openBus(more: Partial<EventBusOptions> = {}) {
  const clock = new VirtualClock();
  const errors: { readonly err: Error; readonly pattern: string; readonly fact: string }[] = [];
  const ignore = () => undefined;
  const log: Logger = { debug: ignore, info: ignore, warn: ignore, error: (fields) => void errors.push(fields as (typeof errors)[number]) };
  const bus = new EventBus({ clock, log, ...more });
  /** Subscribes a handler that remembers what it hears, then does something. */
  const listen = (pattern = '**', then: (fact: Fact) => unknown = () => undefined, options: Omit<SubscribeOptions, 'transform'> = {}) => {
    const heard: number[] = [];
    const handler = (given: Fact) => {
      heard.push(given.seq);
      return then(given);
    };
    const subscription = bus.subscribe(pattern, handler, options);
    return { heard, subscription };
  };
  return { bus, clock, errors, listen };
}

const hangs = () => new Promise<never>(() => undefined);

describe('the event bus', () => {
  it('has published before any handler has run', async () => {
    const { bus, listen } = openBus();
    const { heard } = listen();
    bus.publish([fact(1)]);
    expect(heard).toEqual([]);
    await settlePromises();
    expect(heard).toEqual([1]);
  });

  it('gives each subscriber what its pattern matches, from its subscription on', async () => {
    const { bus, listen } = openBus();
    const all = listen('**');
    bus.publish([fact(1)]);
    const routines = listen('tier2/routine/*');
    const steps = listen('tier2/step/*');
    bus.publish([fact(2), fact(3, 'tier2/step/started')]);
    await settlePromises();
    expect([all.heard, routines.heard, steps.heard]).toEqual([[1, 2, 3], [2], [3]]);
  });

  it('keeps the order of each subscriber, and gives it one fact at a time', async () => {
    const { bus, clock, listen } = openBus();
    let atWork = 0;
    let most = 0;
    const slow = listen('**', async ({ seq }) => {
      most = Math.max(most, ++atWork);
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, 100 - seq));
      atWork--;
    });
    const quick = listen();
    bus.publish(facts(1, 20));
    bus.publish(facts(21, 40));
    await settlePromises();
    expect(quick.heard).toHaveLength(40);
    expect(slow.heard).toEqual([1]);
    await clock.advanceAsync(4_000);
    expect(slow.heard).toEqual(quick.heard);
    expect(most).toBe(1);
  });

  it('waits also for a promise that is not the language’s own, one fact at a time', async () => {
    const { bus, errors, listen } = openBus();
    const begun: (() => void)[] = [];
    const like = () => ({
      then: (resolve: () => void, reject: (reason: unknown) => void) => begun.push(resolve, () => reject(new Error('no'))),
    });
    listen('**', like);
    const { subscription } = listen('**', (given) => given.seq, { filter: like as never });
    bus.publish(facts(1, 2));
    await settlePromises();
    expect(subscription.failed, 'a filter answers at once').toBe(2);
    const [first] = begun;
    first?.();
    await settlePromises();
    begun.at(-1)?.();
    await settlePromises();
    expect(errors.at(-1)).toMatchObject({ err: { message: 'no' }, fact: 'run#2' });
  });

  it('logs a handler that throws or rejects, and goes on with it and with the others', async () => {
    const { bus, errors, listen } = openBus();
    const throwing = listen('**', () => {
      throw new Error('thrown');
    });
    const rejecting = listen('tier2/**', () => Promise.reject(new Error('rejected')));
    const healthy = listen();
    bus.publish(facts(1, 2));
    await settlePromises();
    for (const { heard } of [throwing, rejecting, healthy]) expect(heard).toEqual([1, 2]);
    expect(errors.map(({ err, pattern, fact: id }) => `${pattern} ${id} ${err.message}`).sort()).toEqual([
      '** run#1 thrown',
      '** run#2 thrown',
      'tier2/** run#1 rejected',
      'tier2/** run#2 rejected',
    ]);
  });

  it('gives a handler that hangs five seconds for each fact, while the others have long heard them', async () => {
    const { bus, clock, errors, listen } = openBus();
    const hanging = listen('**', hangs);
    const healthy = listen();
    bus.publish(facts(1, 2));
    await clock.advanceAsync(4_999);
    expect(hanging.heard).toEqual([1]);
    expect(healthy.heard).toEqual([1, 2]);
    expect(errors).toEqual([]);
    await clock.advanceAsync(1);
    expect(hanging.heard).toEqual([1, 2]);
    expect(errors.map(({ err }) => err.message)).toEqual(['did not finish within 5000 ms']);
    await clock.advanceAsync(5_000);
    expect(errors).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  it('takes no notice of what a handler does after its time', async () => {
    const { bus, clock, errors, listen } = openBus({ handlerTimeoutMs: 10 });
    const late = Promise.withResolvers<never>();
    listen('**', () => late.promise);
    bus.publish([fact(1)]);
    await clock.advanceAsync(10);
    late.reject(new Error('late'));
    await settlePromises();
    expect(errors).toHaveLength(1);
  });

  it('drops the oldest fact that waits for a slow subscriber when its queue is full, and counts it', async () => {
    const { bus, clock, listen } = openBus({ queueLimit: 3 });
    const slow = listen('**', () => new Promise<void>((resolve) => void clock.setTimeout(resolve, 1)));
    const other = listen();
    bus.publish([fact(1)]);
    await settlePromises();
    for (const next of facts(2, 10)) {
      bus.publish([next]);
      await settlePromises();
    }
    expect(slow.subscription.dropped).toBe(6);
    await clock.advanceAsync(100);
    expect(slow.heard).toEqual([1, 8, 9, 10]);
    expect(other.heard).toHaveLength(10);
    expect(other.subscription.dropped).toBe(0);
  });

  it('lets no more wait than its limit, also while a slow handler is at work on an earlier batch', async () => {
    const { bus, listen } = openBus({ queueLimit: 3 });
    const { subscription } = listen('**', hangs);
    bus.publish(facts(1, 3));
    await settlePromises();
    bus.publish(facts(4, 6));
    expect(subscription.dropped, 'one is at work, three of five wait').toBe(2);
  });

  it('calls nobody who has unsubscribed, even with what was on its way', async () => {
    const { bus, listen } = openBus();
    const one = listen('**', ({ seq }) => {
      if (seq === 2) one.subscription.unsubscribe();
    });
    const other = listen();
    bus.publish(facts(1, 5));
    await settlePromises();
    bus.publish([fact(6)]);
    await settlePromises();
    expect(one.heard).toEqual([1, 2]);
    expect(other.heard).toEqual([1, 2, 3, 4, 5, 6]);
    one.subscription.unsubscribe();
  });

  it('takes new subscribers and lets old ones go while it publishes', async () => {
    const { bus, listen } = openBus();
    const late: number[][] = [];
    listen('**', ({ seq }) => {
      if (seq === 1) late.push(listen().heard);
    });
    bus.publish([fact(1)]);
    await settlePromises();
    bus.publish([fact(2)]);
    await settlePromises();
    expect(late).toEqual([[2]]);
  });

  it('leaves no timer when it is closed, and gives subscribers what they were offered before', async () => {
    const { bus, clock, listen } = openBus();
    const finish = Promise.withResolvers<void>();
    const slow = listen('**', ({ seq }) => (seq === 1 ? finish.promise : Promise.resolve()));
    const hanging = listen('**', hangs);
    const quick = listen();
    bus.publish(facts(1, 3));
    await settlePromises();
    expect(clock.pending).toBe(2);
    bus.close();
    bus.publish([fact(4)]);
    expect(clock.pending).toBe(0);
    finish.resolve();
    await settlePromises();
    expect([slow.heard, quick.heard, hanging.heard]).toEqual([[1, 2, 3], [1, 2, 3], [1]]);
    expect(clock.pending).toBe(0);
  });

  it('drops the fact that comes when a queue is full, where a subscription says so', async () => {
    const { bus, listen } = openBus();
    const { heard, subscription } = listen('**', undefined, { queueLimit: 3, overflow: 'drop-newest' });
    bus.publish(facts(1, 5));
    await settlePromises();
    bus.publish([fact(6)]);
    await settlePromises();
    expect(heard).toEqual([1, 2, 3, 6]);
    expect(subscription).toMatchObject({ dropped: 2, isClosed: false });
  });

  it('ends a subscription whose queue is full, where it says so, with what it was offered until then and nothing after', async () => {
    const { bus, errors, listen } = openBus();
    const { heard, subscription } = listen('**', undefined, { queueLimit: 3, overflow: 'close' });
    const other = listen();
    bus.publish(facts(1, 5));
    await settlePromises();
    bus.publish([fact(6)]);
    await settlePromises();
    expect(heard).toEqual([1, 2, 3]);
    expect(subscription).toMatchObject({ dropped: 1, isClosed: true });
    expect(errors).toMatchObject([{ pattern: '**', queueLimit: 3 }]);
    expect(other.heard).toHaveLength(6);
  });

  it('lets through what a filter wants, and hands on what a transform makes of it', async () => {
    const { bus } = openBus();
    const heard: string[] = [];
    bus.subscribe('**', (text: string) => void heard.push(text), {
      filter: ({ seq }) => (seq === 1 ? null : seq !== 2),
      transform: ({ seq }) => `number ${seq}`,
    });
    bus.publish(facts(1, 4));
    await settlePromises();
    expect(heard).toEqual(['number 3', 'number 4']);
  });

  it.each(['filter', 'transform'])('logs a %s that throws, with the fact, and drops it for that subscriber alone', async (which) => {
    const { bus, errors, listen } = openBus();
    const heard: unknown[] = [];
    const broken = ({ seq }: Fact) => {
      if (seq === 2) throw new Error('broken');
      if (seq === 3) return Promise.reject(new Error('later')) as never;
      return true;
    };
    const subscription = bus.subscribe('**', (given: unknown) => void heard.push(given), { [which]: broken } as never);
    const other = listen();
    bus.publish(facts(1, 4));
    await settlePromises();
    expect(heard).toHaveLength(2);
    expect(subscription.failed).toBe(2);
    expect(errors.map(({ err, fact: id }) => `${id} ${err.message}`)).toEqual([
      'run#2 broken',
      `run#3 a ${which} must answer at once, not with a promise`,
    ]);
    expect(other.heard).toHaveLength(4);
  });

  it('gives a handler as long as its subscription says', async () => {
    const { bus, clock, errors, listen } = openBus();
    listen('**', hangs, { timeoutMs: 20 });
    bus.publish([fact(1)]);
    await clock.advanceAsync(19);
    expect(errors).toEqual([]);
    await clock.advanceAsync(1);
    expect(errors.map(({ err }) => err.message)).toEqual(['did not finish within 20 ms']);
  });

  it('limits a subscription to what one tier records', async () => {
    const { bus } = openBus();
    const heard: number[] = [];
    bus.ofTier('tier1')('**', ({ seq }) => void heard.push(seq));
    bus.publish([fact(1), { ...fact(2), tier: 'tier1' }, fact(3), { ...fact(4), tier: 'tier1' }]);
    await settlePromises();
    expect(heard).toEqual([2, 4]);
  });

  it('finds its listeners among any number of types, also those that came and went', async () => {
    const { bus, listen } = openBus();
    const even = listen('load/*/even');
    for (let n = 0; n < 2_500; n++) bus.publish([fact(n, `load/${n}/${n % 2 === 0 ? 'even' : 'odd'}`)]);
    const all = listen('load/**');
    bus.publish([fact(-2, 'load/2/even'), fact(-3, 'load/3/odd')]);
    await settlePromises();
    expect(even.heard).toHaveLength(1_251);
    expect(all.heard).toEqual([-2, -3]);
    even.subscription.unsubscribe();
    bus.publish([fact(-4, 'load/2/even')]);
    await settlePromises();
    expect(even.heard).toHaveLength(1_251);
  });

  it.each([
    [{ queueLimit: 0, overflow: 'block', timeoutMs: 1.5, filter: 'x' }, ['filter', 'queueLimit', 'overflow', 'timeoutMs']],
    [{ fliter: () => true }, ['fliter']],
    ['a text', ['']],
    [null, ['']],
  ])('refuses the options %j with every problem', (options, paths) => {
    const { bus } = openBus();
    const refused = () => bus.subscribe('**', () => undefined, options as never);
    expect(refused).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }));
    const issues = (thrown: unknown) => (thrown as { issues: { path: string[] }[] }).issues.map(({ path }) => path.join('.'));
    try {
      refused();
    } catch (thrown) {
      expect(issues(thrown)).toEqual(paths);
    }
  });

  it('keeps the order of every subscriber, and counts exactly what it dropped, whatever they do', async () => {
    const subscriber = fc.record({
      pattern: fc.constantFrom('**', 'a/*', 'b/**', 'a/x'),
      queueLimit: fc.integer({ min: 1, max: 6 }),
      overflow: fc.constantFrom('drop-oldest', 'drop-newest'),
      delays: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 5 }),
    });
    const batch = fc.array(fc.constantFrom('a/x', 'a/y', 'b/x'), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.array(subscriber, { minLength: 1, maxLength: 5 }), fc.array(batch, { maxLength: 8 }), async (many, batches) => {
        const { bus, clock, listen } = openBus();
        const listeners = many.map(({ pattern, delays, ...options }) => {
          const wait = (ms: number) => new Promise<void>((resolve) => void clock.setTimeout(resolve, ms));
          const then = ({ seq }: Fact) => (delays[seq % delays.length] ? wait(delays[seq % delays.length] as number) : undefined);
          return { pattern, ...listen(pattern, then, options as SubscribeOptions & { transform?: never }) };
        });
        let seq = 0;
        const all = batches.flat().map((type, index) => ({ type, seq: index + 1 }));
        for (const types of batches) {
          bus.publish(types.map((type) => fact(++seq, type)));
          await clock.advanceAsync(1);
        }
        await clock.advanceAsync(1_000);
        for (const { pattern, heard, subscription } of listeners) {
          const matching = all.filter(({ type }) => compilePattern(pattern)(type)).length;
          expect(heard).toEqual([...heard].sort((one, other) => one - other));
          expect(new Set(heard).size).toBe(heard.length);
          expect(heard.length + subscription.dropped).toBe(matching);
        }
      }),
      { numRuns: 60 },
    );
  });
});
