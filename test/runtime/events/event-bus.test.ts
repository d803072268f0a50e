/** S26: facts reach subscribers in order, and no subscriber can harm the bus or another one. Proves EVT-1 and EVT-3. */

import { describe, expect, it } from 'vitest';
import type { Fact, Logger } from '../../../src/index.ts';
import { EventBus, type EventBusOptions } from '../../../src/runtime/events/event-bus.ts';
import { settlePromises, VirtualClock } from '../../../src/testing/testing.ts';

const fact = (seq: number, type = 'tier2/routine/started'): Fact => ({
  id: `run#${seq}`,
  seq,
  stream: 'run',
  type,
  at: 0,
  executionId: 'run',
  swarmId: 'run',
  correlationId: 'run',
  tier: 'tier2',
  payload: {},
  v: 1,
});
const facts = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => fact(from + n));

function openBus(more: Partial<EventBusOptions> = {}) {
  const clock = new VirtualClock();
  const errors: { readonly err: Error; readonly pattern: string; readonly fact: string }[] = [];
  const ignore = () => undefined;
  const log: Logger = { debug: ignore, info: ignore, warn: ignore, error: (fields) => void errors.push(fields as (typeof errors)[number]) };
  const bus = new EventBus({ clock, log, ...more });
  /** Subscribes a handler that remembers what it hears, then does something. */
  const listen = (pattern = '**', then: (fact: Fact) => unknown = () => undefined) => {
    const heard: number[] = [];
    const subscription = bus.subscribe(pattern, (given) => {
      heard.push(given.seq);
      return then(given);
    });
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
});
