/**
 * Timers by actor: stopping one looks at its own timers only, and everything else is as XState has it.
 * Pins `system.scheduler` of XState 5, which is not documented.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnyActorRef, createActor, type EventObject, fromCallback, setup } from 'xstate';
import { indexScheduler } from '../../src/actors/indexed-scheduler.ts';
import { VirtualClock } from '../../src/testing/testing.ts';

interface Scheduler {
  schedule(source: AnyActorRef, target: AnyActorRef, event: EventObject, delay: number, id?: string): void;
  cancel(source: AnyActorRef, id: string): void;
  cancelAll(source: AnyActorRef): void;
}
interface Insides {
  scheduler: Scheduler;
  _snapshot: { _scheduledEvents: Record<string, unknown> };
}

const insidesOf = (root: AnyActorRef) => root.system as unknown as Insides;

const waiting = setup({}).createMachine({
  initial: 'waiting',
  states: { waiting: { after: { 1000: 'over' }, on: { over: 'over' } }, over: {} },
});

function system(isIndexed: boolean) {
  const clock = new VirtualClock(0);
  const heard: string[] = [];
  const root = createActor(
    fromCallback(() => undefined),
    { id: 'root', clock },
  );
  root.start();
  const pending = isIndexed ? indexScheduler(root) : () => Number.NaN;
  /** Counts what is read of the table of all timers. */
  const reads = { keys: 0, entries: 0 };
  insidesOf(root)._snapshot._scheduledEvents = new Proxy(
    {},
    {
      ownKeys: (target) => {
        reads.keys++;
        return Reflect.ownKeys(target);
      },
      get: (target, key) => {
        reads.entries++;
        return Reflect.get(target, key);
      },
    },
  );
  const listener = fromCallback(({ self, receive }) => receive(({ type }) => void heard.push(`${clock.now()} ${self.id} ${type}`)));
  const listeners = ['a', 'b', 'c'].map((id) => createActor(listener, { parent: root, id }).start());
  return { root, clock, heard, pending, reads, listeners, scheduler: insidesOf(root).scheduler };
}

describe('the indexed scheduler', () => {
  it('finds the scheduler of XState where it takes it over', () => {
    const { scheduler } = insidesOf(createActor(waiting));
    const message = 'XState has no system.scheduler with schedule, cancel and cancelAll any more: indexed-scheduler.ts must be rewritten';
    for (const name of ['schedule', 'cancel', 'cancelAll'] as const) expect(scheduler?.[name], message).toBeTypeOf('function');
  });

  it.each([
    { isIndexed: false, keys: 1, entries: 1_000 },
    { isIndexed: true, keys: 0, entries: 0 },
  ])('looks at $entries timers to stop one of 1,000 actors with a timer each (indexed: $isIndexed)', ({ isIndexed, keys, entries }) => {
    const { root, clock, reads, pending } = system(isIndexed);
    const actors = Array.from({ length: 1_000 }, (_, n) => createActor(waiting, { parent: root, id: `w${n}` }).start());
    expect(clock.pending).toBe(1_000);
    Object.assign(reads, { keys: 0, entries: 0 });
    actors[500]?.send({ type: 'xstate.stop' });
    expect(reads, 'XState no longer scans all timers, or stops actors in another way: is the index still needed?').toEqual({
      keys,
      entries,
    });
    expect(clock.pending).toBe(999);
    if (isIndexed) expect(pending()).toBe(999);
  });

  it('forgets a timer that has fired, was left or was stopped', () => {
    const { root, clock, pending } = system(true);
    const [fires, leaves, stops] = ['fires', 'leaves', 'stops'].map((id) => createActor(waiting, { parent: root, id }).start());
    expect(pending()).toBe(3);
    leaves?.send({ type: 'over' });
    expect(pending()).toBe(2);
    stops?.send({ type: 'xstate.stop' });
    expect(pending()).toBe(1);
    clock.advance(1_000);
    expect(fires?.getSnapshot()).toMatchObject({ value: 'over' });
    expect(pending()).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('does what the scheduler of XState does, whatever it is told', () => {
    const actor = fc.nat(2);
    const id = fc.constantFrom('one', 'two', 'three');
    const told = fc.oneof(
      fc.record({ what: fc.constant('schedule' as const), source: actor, target: actor, id: fc.option(id), delay: fc.nat(50) }),
      fc.record({ what: fc.constant('cancel' as const), source: actor, id }),
      fc.record({ what: fc.constant('cancelAll' as const), source: actor }),
      fc.record({ what: fc.constant('advance' as const), ms: fc.nat(30) }),
    );
    type Told = typeof told extends fc.Arbitrary<infer Value> ? Value : never;
    const obey = ({ clock, scheduler, listeners }: ReturnType<typeof system>, command: Told, n: number): void => {
      const at = (index: number) => listeners[index] as AnyActorRef;
      switch (command.what) {
        case 'schedule':
          return scheduler.schedule(at(command.source), at(command.target), { type: `event-${n}` }, command.delay, command.id ?? undefined);
        case 'cancel':
          return scheduler.cancel(at(command.source), command.id);
        case 'cancelAll':
          return scheduler.cancelAll(at(command.source));
        case 'advance':
          return clock.advance(command.ms);
      }
    };
    fc.assert(
      fc.property(fc.array(told, { maxLength: 40 }), (commands) => {
        const stock = system(false);
        const indexed = system(true);
        for (const [n, command] of commands.entries()) {
          obey(stock, command, n);
          obey(indexed, command, n);
          expect(indexed.clock.pending).toBe(stock.clock.pending);
        }
        for (const { clock } of [stock, indexed]) clock.advance(100);
        expect(indexed.heard).toEqual(stock.heard);
        for (const { listeners, scheduler } of [stock, indexed]) for (const ref of listeners) scheduler.cancelAll(ref);
        expect(indexed.pending()).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});
