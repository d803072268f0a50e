/**
 * S26: the event bus, without correlation. Proves EVT-1 to EVT-6 and RUN-19: patterns, isolation, order, bounded history, a dead letter and its
 * redrive, and a trigger that starts one workflow per event id.
 */

import { describe, expect, it } from 'vitest';
import { type Fact, MemoryJournal } from '../../src/index.ts';
import { EventBus } from '../../src/runtime/events/event-bus.ts';
import { SILENT } from '../../src/runtime/logger.ts';
import { settlePromises, VirtualClock } from '../../src/testing/testing.ts';
import { startRuntime } from '../support/start-runtime.ts';

describe('S26: patterns', () => {
  it.each([
    ['tier1/*', 'tier1/swarm/coordination_started', false],
    ['tier1/**', 'tier1/swarm/coordination_started', true],
    ['*/swarm/*', 'tier1/swarm/coordination_started', true],
    ['**', 'tier1/swarm/coordination_started', true],
    ['tier1.swarm', 'tier1/swarm', false],
  ])('%s for %s: %s', async (pattern, type, isHeard) => {
    const bus = new EventBus({ clock: new VirtualClock(), log: SILENT });
    const heard: string[] = [];
    bus.subscribe(pattern, (fact) => void heard.push(fact.type));
    bus.publish([{ type } as Fact]);
    await settlePromises();
    expect(heard).toEqual(isHeard ? [type] : []);
  });
});

describe('S26: handlers', () => {
  it('one that hangs is timed out at 5 s, long after emit returned and the others ran; one that throws is isolated', async () => {
    const errors: object[] = [];
    await using world = await startRuntime({ logger: { ...SILENT, error: (fields) => void errors.push(fields) } });
    const { events } = world.runtime;
    const heard: string[] = [];
    const hanging = events.subscribe('order/*', () => new Promise(() => undefined));
    const throwing = events.subscribe('order/*', () => {
      throw new Error('no');
    });
    events.subscribe('order/*', ({ id }) => void heard.push(id));
    const { outcome } = await events.emit({ id: '1', type: 'order/placed', payload: { total: 3 } });
    expect(outcome).toBe('recorded');
    await settlePromises();
    expect(heard).toEqual(['event/1#1']);
    expect([hanging.failed, throwing.failed]).toEqual([0, 1]);
    await world.clock.advanceAsync(4_999);
    expect(hanging.failed).toBe(0);
    await world.clock.advanceAsync(1);
    expect(hanging.failed).toBe(1);
    expect(errors).toHaveLength(2);
  });

  it('10 000 events × 20 subscriptions: each hears all in order, and the history is bounded', async () => {
    await using world = await startRuntime({ journal: new MemoryJournal({ maxEvents: 1_000 }) });
    const { events } = world.runtime;
    const heard = Array.from({ length: 20 }, (): number[] => []);
    for (const list of heard) events.subscribe('load/**', ({ payload }) => void list.push((payload as { n: number }).n));
    for (let n = 0; n < 10_000; n++) await events.emit({ type: 'load/one', payload: { n } });
    await settlePromises();
    const inOrder = Array.from({ length: 10_000 }, (_, n) => n);
    for (const list of heard) expect(list).toEqual(inOrder);
    const kept = await events.history({ pattern: 'load/*', limit: 100_000 });
    expect(kept.length, 'what a journal in memory keeps').toBe(1_000);
    expect((await events.history({ pattern: 'load/*', limit: 3 })).map(({ payload }) => payload)).toEqual(
      [9_997, 9_998, 9_999].map((n) => ({ n })),
    );
  });
});

describe('S26: a route', () => {
  it('that fails 4 times with retry 3 has one dead letter, and its redrive succeeds', async () => {
    await using world = await startRuntime();
    const { events } = world.runtime;
    let isDown = true;
    const attempts: string[] = [];
    await events.route({
      id: 'billing',
      pattern: 'order/**',
      retry: { maxRetries: 3 },
      deliver: ({ idempotencyKey, attempt }) => {
        attempts.push(`${idempotencyKey} ${attempt}`);
        if (isDown) throw new Error('503');
      },
    });
    await events.emit({ id: '1', type: 'order/placed' });
    await world.clock.advanceAsync(1_000 + 2_000 + 4_000);
    expect(attempts).toEqual(['event/1#1 1', 'event/1#1 2', 'event/1#1 3', 'event/1#1 4']);
    expect(events.deadLetters()).toMatchObject([{ routeId: 'billing', id: 'event/1#1', attempts: 4, error: { message: '503' } }]);
    isDown = false;
    expect(await events.redrive('billing')).toEqual({ delivered: 1, failed: 0 });
    expect(events.deadLetters('billing')).toEqual([]);
    expect(events.routes()).toMatchObject([{ id: 'billing', state: 'idle', delivered: 1, deadLetters: 0, failures: 4 }]);
    const facts = await events.history({ pattern: 'route/*' });
    expect(facts.map(({ type }) => type)).toEqual(['route/registered', 'route/dead_lettered', 'route/redriven']);
  });
});

describe('S26: a trigger', () => {
  it('starts one workflow per event id, even when the event is sent again', async () => {
    await using world = await startRuntime();
    const { events, triggers } = world.runtime;
    const ended: unknown[] = [];
    events.subscribe('tier2/routine/completed', ({ payload }) => void ended.push((payload as { result: unknown }).result));
    await triggers.register({
      id: 'greeter',
      pattern: 'user/joined',
      workflow: { id: 'greet', steps: [{ id: 'say', tool: 'echo', parameters: { message: 'Hello {{name}}' } }] },
      input: ({ payload }) => ({ name: (payload as { name: string }).name }),
    });
    const joined = { id: 'ada', type: 'user/joined', payload: { name: 'Ada' } };
    const outcomes = [
      await events.emit(joined),
      await events.emit(joined),
      await events.emit({ ...joined, id: 'bob', payload: { name: 'Bob' } }),
    ];
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['recorded', 'duplicate', 'recorded']);
    await settlePromises();
    expect(ended).toEqual(['Hello Ada', 'Hello Bob']);
    expect(triggers.list()).toMatchObject([{ id: 'greeter', started: 2, running: 0 }]);
  });
});
