/** Events of the embedder: at the door, on their way in, and in the journal. Proves EVT-1, EVT-5 and EVT-11. */

import { describe, expect, it } from 'vitest';
import { type AnyTool, type EmittedEvent, type Fact, SwarmchartError } from '../../../src/index.ts';
import { settlePromises } from '../../../src/testing/testing.ts';
import { startRuntime } from '../../support/start-runtime.ts';
import { HeldJournal } from '../journal/held-journal.ts';

const placed = (more: Partial<EmittedEvent> = {}): EmittedEvent => ({ type: 'order/placed', ...more });

describe('an event', () => {
  it('becomes a fact in a stream of its own, with everything that was said about it', async () => {
    await using world = await startRuntime();
    const said = { executionId: 'e', parentExecutionId: 'p', swarmId: 's', correlationId: 'c', userId: 'u', parentEventId: 'x#1' };
    const { fact } = await world.runtime.events.emit(placed({ id: '7', payload: { total: 3 }, tier: 'tier2', ...said }));
    expect(await world.journal.read('event/7')).toEqual([fact]);
    const enveloped = { id: 'event/7#1', seq: 1, stream: 'event/7', type: 'order/placed', at: world.clock.now(), tier: 'tier2', v: 1 };
    expect(fact).toEqual({ ...enveloped, payload: { total: 3 }, ...said });
  });

  it('is about itself when nothing is said, and gets an id', async () => {
    await using world = await startRuntime();
    const { id, fact } = await world.runtime.events.emit(placed());
    const stream = `event/${id}`;
    expect(fact).toMatchObject({ stream, executionId: stream, swarmId: stream, correlationId: stream, tier: 'tier1', payload: {} });
    expect(fact).not.toHaveProperty('userId');
  });

  it('is a copy: what its sender does with the payload afterwards changes nothing', async () => {
    await using world = await startRuntime();
    const payload = { lines: ['a'] };
    const emitted = world.runtime.events.emit(placed({ payload }));
    payload.lines.push('b');
    expect((await emitted).fact?.payload).toEqual({ lines: ['a'] });
  });

  it('is heard when it is committed and not before, and emit waits for nothing else', async () => {
    const journal = new HeldJournal();
    const world = await startRuntime({ journal });
    const heard: string[] = [];
    world.runtime.events.subscribe('order/*', ({ id }) => {
      heard.push(id);
      return new Promise(() => undefined);
    });
    const emitted = world.runtime.events.emit(placed({ id: '1' }));
    await settlePromises();
    expect(heard).toEqual([]);
    journal.commitNext();
    expect(await emitted).toMatchObject({ outcome: 'recorded' });
    await settlePromises();
    expect(heard).toEqual(['event/1#1']);
  });

  it('is accepted once: of a second one of its id nobody hears', async () => {
    await using world = await startRuntime();
    const heard: Fact[] = [];
    world.runtime.events.subscribe('order/*', (fact) => void heard.push(fact));
    const all = [placed({ id: '1' }), placed({ id: '1', payload: { other: true } }), placed({ id: '2' })];
    const outcomes = await Promise.all(all.map((event) => world.runtime.events.emit(event)));
    expect(outcomes.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual(['1 recorded', '1 duplicate', '2 recorded']);
    await settlePromises();
    expect(heard.map(({ id }) => id)).toEqual(['event/1#1', 'event/2#1']);
  });

  it('is called a duplicate only when the one before it is committed, and refused with that', async () => {
    const journal = new HeldJournal();
    const { events } = (await startRuntime({ journal })).runtime;
    const settled: string[] = [];
    const emit = (id: string) =>
      events.emit(placed({ id })).then(
        ({ outcome }) => settled.push(outcome),
        ({ code }: SwarmchartError) => settled.push(code),
      );
    for (const id of ['1', '1', '2', '2']) void emit(id);
    await settlePromises();
    expect(settled).toEqual([]);
    journal.commitNext();
    await settlePromises();
    expect(settled).toEqual(['recorded', 'duplicate']);
    journal.held[0]?.fail(new Error('the disk is gone'));
    await settlePromises();
    expect(settled.slice(2)).toEqual(['JOURNAL_FAILED', 'JOURNAL_FAILED']);
  });

  it('is refused as JOURNAL_FAILED when it cannot be written, and heard by nobody', async () => {
    const journal = new HeldJournal();
    const world = await startRuntime({ journal });
    const heard: Fact[] = [];
    world.runtime.events.subscribe('**', (fact) => void heard.push(fact));
    const emitted = world.runtime.events.emit(placed());
    journal.held[0]?.fail(new Error('the disk is gone'));
    await expect(emitted).rejects.toMatchObject({ code: 'JOURNAL_FAILED', message: expect.stringMatching('the disk is gone') as string });
    await settlePromises();
    expect(heard).toEqual([]);
  });

  it.each([
    [{}, ['type']],
    [{ type: 'placed' }, ['type']],
    [{ type: 'order/*' }, ['type']],
    [{ type: 'order//placed' }, ['type']],
    [{ type: `order/${'x'.repeat(300)}` }, ['type']],
    [{ type: 'tier2/routine/started' }, ['type']],
    [{ type: 'execution/recovered' }, ['type']],
    [{ type: 'route/advanced' }, ['type']],
    [{ type: 'order/placed', id: '\ud800' }, ['id']],
    [{ type: 'order/placed', payload: ['a list'] }, ['payload']],
    [{ type: 'order/placed', payload: { at: 1n } }, ['payload']],
    [{ type: 'order/placed', payload: { text: 'x'.repeat(1_100_000) } }, ['payload']],
    [
      { type: 5, payload: 5, id: '', tier: 'tier4', userId: 7, correlationID: 'c' },
      ['payload', 'id', 'tier', 'userId', 'type', 'correlationID'],
    ],
    [null, ['']],
    [[placed()], ['']],
  ])('is refused with every problem: %.80j', async (event, paths) => {
    await using world = await startRuntime();
    const error = (await world.runtime.events.emit(event as never).catch((thrown: unknown) => thrown)) as SwarmchartError;
    expect(error).toBeInstanceOf(SwarmchartError);
    expect(error.code).toBe('INVALID_INPUT');
    expect(error.issues.map(({ path }) => path.join('.'))).toEqual(paths);
    expect(await world.runtime.events.history()).toEqual([]);
  });

  it('whose members throw is refused', async () => {
    await using world = await startRuntime();
    const hostile = new Proxy({}, { get: () => JSON.parse('{') as never, ownKeys: () => JSON.parse('{') as never });
    await expect(world.runtime.events.emit(hostile as never)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(world.runtime.events.emitExecutionEvent(hostile as never, placed())).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('is refused by a runtime that has stopped', async () => {
    const world = await startRuntime();
    await world[Symbol.asyncDispose]();
    await expect(world.runtime.events.emit(placed())).rejects.toMatchObject({ code: 'RUNTIME_STOPPED' });
  });

  it('is no failure of the runtime, whatever it carries', async () => {
    await using world = await startRuntime();
    await world.runtime.events.emit({ type: 'order/failed', payload: { error: { code: 'EXECUTION_FAILED', message: 'theirs' } } });
    expect(world.runtime.errors.list()).toEqual([]);
  });
});

describe('an event about an execution', () => {
  it('belongs to it: its context says whose it is', async () => {
    let emitted: Promise<{ readonly fact?: Fact }> | undefined;
    const tell: AnyTool = {
      name: 'tell',
      run: (_, { execution, idempotencyKey }) => {
        emitted = world.runtime.events.emitExecutionEvent(execution, { type: 'order/checked', id: idempotencyKey, tier: 'tier3' });
      },
    };
    await using world = await startRuntime({ tools: [tell] });
    const context = { executionId: 'run', swarmId: 'swarm', userId: 'ada', correlationId: 'order-7' };
    await world.runtime.run({ id: 'w', steps: [{ id: 's', tool: 'tell' }] }, { context }).result();
    expect((await emitted)?.fact).toMatchObject({
      stream: 'event/run/s/1',
      executionId: 'run/s/1',
      parentExecutionId: 'run',
      swarmId: 'swarm',
      userId: 'ada',
      correlationId: 'order-7',
      tier: 'tier3',
    });
    expect(await world.runtime.events.history({ executionId: 'run', pattern: 'order/*' })).toHaveLength(1);
  });
});

describe('the intake', () => {
  it('filters and transforms events before they are recorded, stage after stage', async () => {
    await using world = await startRuntime();
    const { events } = world.runtime;
    const seen: unknown[] = [];
    events.intake({ pattern: 'order/*', filter: ({ payload }) => (payload as { total: number }).total > 1 });
    events.intake({ transform: ({ payload }) => ({ ...(payload as object), stage: 2 }) });
    const remove = events.intake({ filter: ({ payload }) => seen.push(payload) > 0 });
    expect(await events.emit(placed({ payload: { total: 1 }, id: '1' }))).toEqual({ id: '1', outcome: 'dropped' });
    expect((await events.emit(placed({ payload: { total: 2 } }))).fact?.payload).toEqual({ total: 2, stage: 2 });
    expect((await events.emit({ type: 'other/thing' })).fact?.payload).toEqual({ stage: 2 });
    expect(seen).toEqual([{ total: 2, stage: 2 }, { stage: 2 }]);
    remove();
    await events.emit({ type: 'other/thing' });
    expect(seen).toHaveLength(2);
    expect(await events.history()).toHaveLength(3);
  });

  it.each([
    ['throws', () => JSON.parse('{') as never],
    ['makes what is no payload', () => 'x' as never],
    ['makes what is not JSON', () => ({ now: 1n }) as never],
    ['answers later', () => Promise.resolve({}) as never],
  ])('refuses an event on which a transform %s, and records nothing', async (_, transform) => {
    await using world = await startRuntime();
    world.runtime.events.intake({ transform });
    await expect(world.runtime.events.emit(placed({ id: '9' }))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringMatching(/^A stage of the intake failed on the event "event\/9#1"/) as string,
    });
    expect(await world.runtime.events.history()).toEqual([]);
  });

  it('refuses what is no stage', async () => {
    await using world = await startRuntime();
    expect(() => world.runtime.events.intake({ filter: 5, transfrom: () => ({}) } as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_VALUE', message: expect.stringMatching(/filter.*transfrom/) as string }),
    );
  });
});
