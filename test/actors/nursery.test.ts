/**
 * The supervisor: starts, tells and stops children, and reports each end exactly once.
 * Pins the `parent` option of XState 5's `createActor`, which is typed but not documented.
 */

import { describe, expect, it } from 'vitest';
import { type AnyActorLogic, type AnyActorRef, createActor, type EventObject, fromCallback, setup } from 'xstate';
import { Nursery, type NurseryServices, nurseryActor } from '../../src/actors/nursery.ts';
import { type ExecutionContext, NO_USAGE } from '../../src/machines/protocol/execution.ts';
import type { ChildSpec, NurseryCommand } from '../../src/machines/protocol/run.ts';
import { VirtualClock } from '../../src/testing/testing.ts';

const execution = (executionId: string): ExecutionContext => ({
  executionId,
  swarmId: 'swarm',
  userId: 'user',
  timestamp: 0,
  correlationId: 'correlation',
});
const child = (id: string, src = 'worker', incarnation = 1): ChildSpec => ({ id, src, incarnation, input: { execution: execution(id) } });
const pause = { type: 'execution.pause', at: 0, epoch: 1 } as const;

function services() {
  const heard: string[] = [];
  const stopped: string[] = [];
  const departed: string[] = [];
  const inputs = new Map<string, unknown>();
  const refs = new Map<string, AnyActorRef>();
  const helper = fromCallback(
    ({ self }) =>
      () =>
        void stopped.push(`helper of ${self._parent?.id}`),
  );
  const worker = setup({
    types: { events: {} as EventObject, output: {} as string },
    actors: { helper },
    actions: {
      hear: ({ event, self }) => void heard.push(`${self.id} ${event.type}`),
      crash: () => {
        throw new TypeError('broken');
      },
    },
  }).createMachine({
    initial: 'working',
    output: 'the output',
    invoke: { src: 'helper', id: 'helper' },
    states: { working: { on: { finish: 'finished' } }, finished: { type: 'final' } },
    on: { crash: { actions: 'crash' }, 'execution.pause': { actions: 'hear' } },
  });
  const thrower = fromCallback(() => {
    throw 'not an error' as unknown;
  });
  const clock = new VirtualClock(1_000);
  const counters = { stale: 0, deadLetters: 0, abandoned: 0, lateResults: 0 };
  const logics: Record<string, AnyActorLogic> = { worker, thrower };
  const given: NurseryServices = {
    clock,
    counters,
    logics: () => logics,
    admitted: ({ executionId }) => (executionId === 'restored' ? { restored: 'an earlier life' } : {}),
    born: ({ executionId }, ref) => {
      refs.set(executionId, ref);
      inputs.set(executionId, (ref as unknown as { options: { input: unknown } }).options.input);
    },
    fell: () => Promise.resolve(NO_USAGE),
    falling: () => undefined,
    departed: ({ executionId }) => void departed.push(executionId),
  };
  return { given, heard, stopped, departed, refs, inputs, counters, clock };
}

function startNursery() {
  const world = services();
  const reports: EventObject[] = [];
  const logic = fromCallback<NurseryCommand>(({ self, receive }) => {
    const nursery = new Nursery(self, world.given, (report) => void reports.push(report));
    receive((message) => nursery.hear(message));
    return () => nursery.close();
  });
  const root = createActor(logic, { id: 'nursery', clock: world.clock }).start();
  const start = (...children: ChildSpec[]) => root.send({ type: 'child.start', children, ack: false });
  return { ...world, root, reports, start };
}

describe('the nursery', () => {
  it('is the parent of its children, and no machine has them in its snapshot', () => {
    const world = services();
    const logic = setup({ types: { events: {} as EventObject }, actors: { nursery: nurseryActor(world.given) } }).createMachine({
      invoke: { id: 'nursery', src: 'nursery', input: undefined },
    });
    const root = createActor(logic).start();
    const nursery = root.getSnapshot().children['nursery'];
    nursery?.send({ type: 'child.start', children: [child('a'), child('b')], ack: false });
    expect(Object.keys(root.getSnapshot().children)).toEqual(['nursery']);
    expect(nursery?.getSnapshot()).not.toHaveProperty('children');
    const message = 'XState has no `parent` option any more: nursery.ts must be rewritten';
    expect(world.refs.get('a')?._parent, message).toBe(nursery);
    expect(world.refs.get('a')?.system, message).toBe(root.system);
    root.stop();
    expect(world.stopped.sort(), 'children stop with the parent of their nursery').toEqual(['helper of a', 'helper of b']);
    expect(world.departed.sort()).toEqual(['a', 'b']);
  });

  it('gives a child its input, the time, and what is added for it', () => {
    const { start, inputs } = startNursery();
    start(child('plain'), child('restored'));
    expect(inputs.get('plain')).toEqual({ execution: execution('plain'), at: 1_000 });
    expect(inputs.get('restored')).toEqual({ execution: execution('restored'), at: 1_000, restored: 'an earlier life' });
  });

  it('answers when it has started what it was asked to, if it was asked to answer', () => {
    const { root, reports } = startNursery();
    root.send({ type: 'child.start', children: [child('a')], ack: false });
    expect(reports).toEqual([]);
    root.send({ type: 'child.start', children: [child('b')], ack: true });
    expect(reports).toEqual([{ type: 'children.started', at: 1_000 }]);
  });

  it('tells one child or all of them', () => {
    const { root, heard, start, counters } = startNursery();
    start(...Array.from({ length: 500 }, (_, n) => child(`c${n}`)));
    root.send({ type: 'child.tell', id: 'c250', event: pause });
    expect(heard).toEqual(['c250 execution.pause']);
    root.send({ type: 'child.tellAll', event: pause });
    expect(heard).toHaveLength(501);
    root.send({ type: 'child.tell', id: 'nobody', event: pause });
    expect(counters.deadLetters).toBe(1);
  });

  it('stops one child of many with all that is beneath it, and says that it has stopped', () => {
    const { root, stopped, departed, reports, start, refs } = startNursery();
    start(...Array.from({ length: 500 }, (_, n) => child(`c${n}`)));
    root.send({ type: 'child.stop', id: 'c250' });
    root.send({ type: 'child.stop', id: 'c250' });
    root.send({ type: 'child.stop', id: 'nobody' });
    expect(stopped).toEqual(['helper of c250']);
    expect(departed).toEqual(['c250']);
    expect(reports).toEqual([{ type: 'child.stopped', id: 'c250', incarnation: 1, at: 1_000 }]);
    expect([...refs.values()].filter((ref) => ref.getSnapshot().status === 'active')).toHaveLength(499);
  });

  it('looks at no other child when it starts, tells or stops one', () => {
    const { root, start, refs } = startNursery();
    start(...Array.from({ length: 100 }, (_, n) => child(`c${n}`)));
    let looks = 0;
    for (const [id, ref] of refs) {
      if (id === 'c50') continue;
      const look = ref.getSnapshot.bind(ref);
      ref.getSnapshot = () => {
        looks++;
        return look();
      };
    }
    root.send({ type: 'child.tell', id: 'c50', event: pause });
    root.send({ type: 'child.stop', id: 'c50' });
    start(child('new'));
    expect(looks).toBe(0);
  });

  it('reports the end of a child with its output and its incarnation', () => {
    const { start, refs, reports, departed, clock } = startNursery();
    start(child('a', 'worker', 7));
    clock.advance(50);
    refs.get('a')?.send({ type: 'finish' });
    expect(reports).toEqual([{ type: 'child.done', id: 'a', incarnation: 7, output: 'the output', at: 1_050 }]);
    expect(departed).toEqual(['a']);
  });

  it('reports a crash with what was used, once it may be told, stops the orphans of the crashed child, and goes on', async () => {
    const { start, refs, reports, stopped, departed } = startNursery();
    start(child('a'), child('b'));
    const orphan = refs.get('a')?.getSnapshot().children.helper as AnyActorRef;
    refs.get('a')?.send({ type: 'crash' });
    expect(reports).toEqual([]);
    await Promise.resolve();
    expect(reports).toEqual([
      { type: 'child.crashed', id: 'a', incarnation: 1, cause: { name: 'TypeError', message: 'broken' }, usage: NO_USAGE, at: 1_000 },
    ]);
    expect(orphan.getSnapshot().status).toBe('stopped');
    expect(stopped).toEqual(['helper of a']);
    expect(departed).toEqual(['a']);
    expect(refs.get('b')?.getSnapshot().status).toBe('active');
  });

  it('reports a child that crashes as it starts, with whatever it threw', async () => {
    const { start, reports, departed } = startNursery();
    start(child('a', 'thrower'));
    await Promise.resolve();
    expect(reports).toEqual([
      { type: 'child.crashed', id: 'a', incarnation: 1, cause: { name: 'string', message: 'not an error' }, usage: NO_USAGE, at: 1_000 },
    ]);
    expect(departed).toEqual(['a']);
  });

  it('reports an id that lives already and a kind that does not exist as crashes, and leaves the living child alone', () => {
    const { start, reports, refs, departed } = startNursery();
    start(child('a'), child('a', 'worker', 2), child('b', 'nothing'));
    const cause = (message: string) => ({ name: 'Error', message });
    expect(reports).toEqual([
      { type: 'child.crashed', id: 'a', incarnation: 2, cause: cause('A child "a" lives already'), at: 1_000 },
      { type: 'child.crashed', id: 'b', incarnation: 1, cause: cause('There is no actor "nothing"'), at: 1_000 },
    ]);
    expect(departed).toEqual([]);
    expect(refs.get('a')?.getSnapshot().status).toBe('active');
  });

  it('counts the end of a child that it has stopped as stale', () => {
    const { root, reports, counters } = startNursery();
    root.send({ type: 'xstate.done.actor.a', actorId: 'a', output: 1 } as never);
    expect(reports).toEqual([]);
    expect(counters.stale).toBe(1);
  });

  it('does not take the late end of an earlier incarnation for the end of the child that lives now', () => {
    const { root, start, reports, counters, refs } = startNursery();
    start(child('a', 'worker', 1));
    root.send({ type: 'child.stop', id: 'a' });
    start(child('a', 'worker', 2));
    root.send({ type: 'xstate.done.actor.a', actorId: 'a', output: 'of the first' } as never);
    expect(reports.map(({ type }) => type)).toEqual(['child.stopped']);
    expect(counters.stale).toBe(1);
    refs.get('a')?.send({ type: 'finish' });
    expect(reports.slice(1)).toMatchObject([{ type: 'child.done', id: 'a', incarnation: 2, output: 'the output' }]);
  });

  it('stops all children when it is stopped', () => {
    const { root, start, stopped, departed } = startNursery();
    start(child('a'), child('b'), child('c'));
    root.stop();
    expect(stopped).toEqual(['helper of a', 'helper of b', 'helper of c']);
    expect(departed).toEqual(['a', 'b', 'c']);
  });

  it('stops the orphans of a child whose crash it has not heard of yet', () => {
    const { given, refs, stopped } = services();
    const deaf = createActor(fromCallback(() => {})).start();
    const nursery = new Nursery(deaf, given, () => {});
    nursery.hear({ type: 'child.start', children: [child('a'), child('b')], ack: false });
    for (const id of ['a', 'b']) refs.get(id)?.send({ type: 'crash' });
    expect(stopped).toEqual([]);
    nursery.hear({ type: 'child.stop', id: 'a' });
    expect(stopped).toEqual(['helper of a']);
    nursery.close();
    expect(stopped).toEqual(['helper of a', 'helper of b']);
  });

  it('says that a child has stopped once crashes in its tree were looked after, so that it can be started again', async () => {
    const { given, refs } = services();
    const reports: EventObject[] = [];
    let lookedAfter = () => {};
    const falls = new Promise<void>((resolve) => (lookedAfter = resolve));
    const nursery = new Nursery(createActor(fromCallback(() => {})).start(), { ...given, falling: () => falls }, (report) =>
      reports.push(report),
    );
    nursery.hear({ type: 'child.start', children: [child('a')], ack: false });
    nursery.hear({ type: 'child.stop', id: 'a' });
    await Promise.resolve();
    expect(refs.get('a')?.getSnapshot().status).toBe('stopped');
    expect(reports).toEqual([]);
    lookedAfter();
    await falls;
    expect(reports).toEqual([{ type: 'child.stopped', id: 'a', incarnation: 1, at: 1_000 }]);
  });
});
