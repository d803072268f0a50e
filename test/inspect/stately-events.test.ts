/** XState's inspection events as the inspector's messages: who is announced when, how actors end, and what leaves the process. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { type AnyActorRef, assign, createActor, createMachine, fromCallback, fromTransition, setup } from 'xstate';
import { settlePromises } from '../../src/testing/testing.ts';
import { checkWire, collectMessages } from './wire.ts';

const quiet = { error: () => {} };

describe('the messages about an actor', () => {
  it('begin with its chart, its state and its parent, the parent first', () => {
    const { inspect, messages, tree } = collectMessages({ now: () => 5 });
    const child = createMachine({ id: 'child', initial: 'on', states: { on: {} } });
    const parent = setup({ actors: { child } }).createMachine({ id: 'parent', invoke: { id: 'kid', src: 'child' } });
    createActor(parent, { id: 'top', inspect }).start();
    expect(tree()).toEqual(['top', 'top > kid']);
    checkWire(messages);
    const [first, , second] = messages;
    expect(first).toMatchObject({ type: '@xstate.actor', name: 'top', createdAt: '5', snapshot: { status: 'active' } });
    expect(first && JSON.parse((first as { readonly definition: string }).definition)).toEqual(parent.config);
    expect(second).toMatchObject({ name: 'kid', snapshot: { value: 'on' } });
  });

  it('name the sender of an event, and the state after it', () => {
    const { inspect, messages } = collectMessages();
    const actor = createActor(createMachine({ initial: 'off', states: { off: { on: { GO: 'on' } }, on: {} } }), { inspect }).start();
    actor.send({ type: 'GO', amount: 3n } as never);
    checkWire(messages);
    const [event, snapshot] = messages.slice(-2);
    expect(event).toMatchObject({ type: '@xstate.event', event: { type: 'GO', amount: '3n' } });
    expect(event).not.toHaveProperty('sourceId');
    expect(snapshot).toMatchObject({ type: '@xstate.snapshot', event: { type: 'GO' }, snapshot: { value: 'on' } });
  });

  it.each<[string, (parent: AnyActorRef) => AnyActorRef, string]>([
    ['is done', (parent) => createActor(createMachine({ initial: 'a', states: { a: { type: 'final' } } }), { parent } as object), 'done'],
    [
      'was stopped',
      (parent) =>
        createActor(
          fromCallback(() => {}),
          { parent } as object,
        ),
      'stopped',
    ],
    [
      'has crashed',
      (parent) => createActor(createMachine({ on: { GO: { actions: assign(() => crash()) } } }), { parent } as object),
      'error',
    ],
    [
      'crashed before it began',
      (parent) =>
        createActor(
          fromTransition(
            () => 0,
            () => crash(),
          ),
          { parent } as object,
        ),
      'error',
    ],
  ])('end with its last state once it %s', (_, create, status) => {
    const { inspect, messages } = collectMessages();
    const root = createActor(
      fromCallback(() => {}),
      { inspect },
    ).start();
    const child = create(root as AnyActorRef);
    child.subscribe(quiet);
    child.start();
    if (status === 'error' && child.getSnapshot().status === 'active') child.send({ type: 'GO' });
    if (child.getSnapshot().status === 'active') child.send({ type: 'xstate.stop' });
    checkWire(messages);
    const states = messages.flatMap((message) =>
      message.type === '@xstate.snapshot' && message.sessionId === child.sessionId ? [message.snapshot] : [],
    );
    expect(states.map((state) => (state as { readonly status: string }).status).filter((each) => each !== 'active')).toEqual([status]);
  });

  it('hold nothing of it once it has ended', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    let heard = 0;
    const { inspect } = collectMessages({ sanitize: () => void heard++ });
    const root = createActor(
      fromCallback(() => {}),
      { inspect },
    ).start();
    const create = (): WeakRef<object> => {
      const child = createActor(
        fromCallback(() => {}),
        { parent: root } as object,
      ).start();
      child.send({ type: 'xstate.stop' } as never);
      return new WeakRef(child);
    };
    const ended = Array.from({ length: 100 }, create);
    await settlePromises();
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(heard).toBeGreaterThan(300);
    // The engine may still have its hands on a few.
    expect(ended.filter((each) => each.deref() !== undefined).length).toBeLessThan(10);
  });
});

function crash(): never {
  throw new Error('crashed');
}

describe('a sanitizer', () => {
  const secret = 'hunter2';
  const machine = createMachine({ id: 'm', context: { key: secret }, on: { GO: {} } });

  it('sees every whole message, and what it returns is what leaves', () => {
    const { inspect, messages } = collectMessages({
      sanitize: (message) => JSON.parse(JSON.stringify(message).replaceAll(secret, '***')) as typeof message,
    });
    createActor(machine, { input: secret, inspect })
      .start()
      .send({ type: 'GO', token: secret } as never);
    expect(messages).toHaveLength(5);
    checkWire(messages);
    expect(JSON.stringify(messages)).not.toContain(secret);
    expect(JSON.stringify(messages)).toContain('***');
  });

  it('that returns nothing lets nothing leave', () => {
    const { inspect, messages } = collectMessages({ sanitize: () => undefined });
    createActor(machine, { inspect }).start();
    expect(messages).toEqual([]);
  });

  it('that throws lets nothing leave, harms no actor, and is warned of once', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    const { inspect, messages } = collectMessages({ sanitize: crash });
    const actor = createActor(machine, { inspect }).start();
    expect(actor.getSnapshot().status).toBe('active');
    expect(messages).toEqual([]);
    expect(await warned).toMatchObject({ name: 'SwarmchartWarning', message: expect.stringContaining('sanitizer') });
  });

  it('may return what is no JSON', () => {
    const { inspect, messages } = collectMessages({ sanitize: (message) => Object.assign(message, { secret: 1n }) });
    createActor(machine, { inspect }).start();
    expect(messages[0]).toMatchObject({ secret: '1n' });
  });
});
