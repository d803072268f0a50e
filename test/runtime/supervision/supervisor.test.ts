import assert from 'node:assert/strict';
import { Map as PersistentMap } from 'immutable';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type AnyActorRef, createMachine, fromCallback, fromPromise } from 'xstate';
import type { SupervisorDefinition } from '../../../src/runtime/supervision/definition.ts';
import { startSupervisor } from '../../../src/runtime/supervision/supervisor.ts';
import { settlePromises } from '../../../src/testing/virtual-clock.ts';
import { aWorker, countsOf, Stage, statusesOf, tell, workers } from './stage.ts';

/** Actors that hold something, which they give back when they end. */
function holders() {
  const held = new Set<string>();
  const holding = fromCallback<{ type: string }, string>(({ input }) => {
    held.add(input);
    return () => void held.delete(input);
  });
  return { held, holding };
}

afterEach(() => vi.restoreAllMocks());

describe('S23: supervision and failure escalation', () => {
  it('what crashes while it starts releases what it held, and is a failed start', async () => {
    const { held, holding } = holders();
    const half = createMachine({
      invoke: { src: holding, input: 'socket' },
      entry: () => {
        throw new Error('half way');
      },
    });
    const stage = new Stage();
    const { error } = await stage.start({ kinds: { half }, children: [...workers('a'), { id: 'b', src: 'half' }] });
    expect(error).toMatchObject({ code: 'START_FAILED', cause: { message: 'half way' } });
    expect(stage.events()).toEqual(['started a', 'failed b', 'stopped a']);
    expect(held).toEqual(new Set());
  });

  it('what crashes in its stop handler releases what it held, and its supervisor goes on', async () => {
    const { held, holding } = holders();
    const sore = createMachine({
      invoke: { src: holding, input: 'socket' },
      exit: () => {
        throw new Error('ouch');
      },
    });
    const supervisor = await new Stage().started({ kinds: { sore }, children: [{ id: 'a', src: 'sore' }, ...workers('b')] });
    expect(held).toEqual(new Set(['socket']));
    expect(await supervisor.terminateChild('a')).toEqual({ ok: undefined });
    expect(held).toEqual(new Set());
    expect(await statusesOf(supervisor)).toEqual([
      ['a', 'absent'],
      ['b', 'running'],
    ]);
    expect(await supervisor.stop()).toMatchObject({ end: 'stopped' });
  });

  it('orphans of a crashed child are stopped, and those of its own child whose crash brought it down', async () => {
    const { held, holding } = holders();
    const inner = createMachine({
      invoke: { src: holding, input: 'deep' },
      on: {
        crash: {
          actions: () => {
            throw new Error('boom');
          },
        },
      },
    });
    const outer = createMachine({
      invoke: [
        { src: holding, input: 'shallow' },
        { id: 'inner', src: inner },
      ],
      on: {
        crash: { actions: ({ self }) => (self.getSnapshot().children as Record<string, AnyActorRef>)['inner']?.send({ type: 'crash' }) },
      },
    });
    const supervisor = await new Stage().started({ kinds: { outer }, children: [{ id: 'a', src: 'outer', restart: 'temporary' }] });
    expect(held).toEqual(new Set(['shallow', 'deep']));
    tell(supervisor, 'a', 'crash');
    expect(await statusesOf(supervisor)).toEqual([]);
    expect(held).toEqual(new Set());
  });

  it('an escalation goes one rung at a time, and names the innermost cause; siblings of the branch are unaffected', async () => {
    const stage = new Stage();
    const once = { maxRestarts: 0, withinMs: 1_000 };
    const below: SupervisorDefinition = { kinds: stage.kinds, intensity: once, children: workers('x') };
    const middle: SupervisorDefinition = {
      kinds: { below: { supervisor: below } },
      intensity: once,
      children: [{ id: 'low', src: 'below' }],
    };
    const root = await stage.started({
      kinds: { middle: { supervisor: middle } },
      children: [{ id: 'mid', src: 'middle' }, ...workers('b')],
    });
    const sibling = root.child('b');
    const x = root.supervisor('mid')?.supervisor('low')?.child('x');
    assert(x);
    x.send({ type: 'crash' });
    const escalations = stage.facts.filter(({ type }) => type === 'supervisor/escalated').map(({ supervisor }) => supervisor);
    expect(escalations).toEqual(['supervisor/mid/low', 'supervisor/mid']);
    const crash = stage.facts.find((fact) => fact.type === 'supervisor/child_ended' && fact.payload.id === 'mid');
    expect(crash?.payload).toMatchObject({
      how: 'crashed',
      cause: { message: 'The child "low" ended too often: The child "x" ended too often: boom' },
    });
    expect(root.child('b')).toBe(sibling);
    expect(root.supervisor('mid')?.supervisor('low')?.child('x')).not.toBe(x);
    expect(await countsOf(root)).toEqual([2, 2, 1, 1]);
  });
});

describe('a supervisor of one’s own actors', () => {
  it('runs whatever XState runs: promises end and reject, callbacks and machines live', async () => {
    const stage = new Stage();
    const supervisor = await stage.started({
      kinds: {
        good: fromPromise(async () => 7),
        bad: fromPromise(async () => {
          throw new Error('no');
        }),
        bell: fromCallback(() => {}),
      },
      intensity: { maxRestarts: 0, withinMs: 1_000 },
      children: [
        { id: 'bell', src: 'bell' },
        { id: 'good', src: 'good', restart: 'transient' },
        { id: 'bad', src: 'bad', restart: 'temporary' },
      ],
    });
    await settlePromises();
    expect(stage.events()).toEqual(['started bell', 'started good', 'started bad', 'done good', 'crashed bad']);
    expect(await statusesOf(supervisor)).toEqual([
      ['bell', 'running'],
      ['good', 'absent'],
    ]);
  });

  it('waits for a child that says when it has started, before it starts the next', async () => {
    const stage = new Stage();
    const slow = createMachine({ initial: 'opening', states: { opening: { after: { 500: 'open' } }, open: {} } });
    const isStarted = (snapshot: unknown) => (snapshot as { readonly value: unknown }).value === 'open';
    const starting = stage.start({ kinds: { slow: { logic: slow, isStarted } }, children: [{ id: 'db', src: 'slow' }, ...workers('a')] });
    stage.clock.advance(499);
    expect(stage.events()).toEqual([]);
    stage.clock.advance(1);
    const { ok } = await starting;
    expect(stage.events()).toEqual(['started db', 'started a']);
    expect(await ok?.stop()).toMatchObject({ end: 'stopped' });
  });

  it('takes an output that its kind calls a failure for a crash', async () => {
    const stage = new Stage();
    const ending = createMachine({
      initial: 'on',
      states: { on: { on: { finish: 'off' } }, off: { type: 'final' } },
      output: { lost: true },
    });
    const kind = { logic: ending, failureOf: (output: unknown) => ((output as { lost: boolean }).lost ? new Error('lost') : undefined) };
    const supervisor = await stage.started({ kinds: { kind }, children: [{ id: 'a', src: 'kind', restart: 'transient' }] });
    tell(supervisor, 'a', 'finish');
    expect(stage.events()).toEqual(['started a', 'crashed a', 'started a']);
  });

  it('rests between restarts as long as its backoff says, and hears of everything meanwhile', async () => {
    const stage = new Stage();
    const supervisor = await stage.started({ backoff: { baseMs: 200, maxMs: 500 }, children: workers('a', 'b') });
    stage.events();
    tell(supervisor, 'a', 'crash');
    stage.clock.advance(199);
    expect(await statusesOf(supervisor)).toEqual([
      ['a', 'restarting'],
      ['b', 'running'],
    ]);
    stage.clock.advance(1);
    expect(stage.events()).toEqual(['crashed a', 'started a']);
    tell(supervisor, 'a', 'crash');
    stage.clock.advance(399);
    expect(stage.events()).toEqual(['crashed a']);
    stage.clock.advance(1);
    expect(stage.events()).toEqual(['started a']);
  });

  it('serves requests one after the other, and answers all of them when it stops', async () => {
    const stage = new Stage();
    const slow = { src: 'polite', shutdown: 1_000, input: { id: 'a', stopMs: 500 } } as const;
    const supervisor = await stage.started({ children: [{ id: 'a', ...slow }] });
    const first = supervisor.terminateChild('a');
    const later = [supervisor.startChild(aWorker('b')), supervisor.startChild(aWorker('b')), supervisor.countChildren()];
    stage.clock.advance(500);
    expect(await first).toEqual({ ok: undefined });
    expect((await Promise.all(later)).map(({ ok, error }) => error?.code ?? ok)).toEqual([
      { id: 'b' },
      'ALREADY_STARTED',
      { specs: 2, active: 1, supervisors: 0, workers: 2 },
    ]);
    await supervisor.restartChild('a');
    const cut = [supervisor.terminateChild('a'), supervisor.countChildren()];
    const stopped = supervisor.stop();
    expect((await Promise.all(cut)).map(({ error }) => error?.code)).toEqual(['STOPPED', 'STOPPED']);
    stage.clock.advance(500);
    expect(await stopped).toMatchObject({ end: 'stopped', reason: 'asked' });
    expect((await supervisor.countChildren()).error?.code).toBe('STOPPED');
  });

  it('is disposed of at the end of its scope', async () => {
    const stage = new Stage();
    {
      await using supervisor = await stage.started({ children: workers('a', 'b') });
      expect(supervisor.name).toBe('supervisor');
    }
    expect(stage.events()).toEqual(['started a', 'started b', 'stopped b', 'stopped a']);
    expect(stage.clock.pending).toBe(0);
  });

  it('survives hooks of a kind and listeners that throw', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const fail = () => {
      throw new Error('hook');
    };
    const { worker } = new Stage().kinds;
    const definition = { kinds: { wanted: { ...worker, isWanted: fail }, started: { ...worker, isStarted: fail } } };
    const { ok: supervisor } = await startSupervisor(definition, { onFact: fail });
    assert(supervisor);
    for (const src of ['wanted', 'started']) {
      const { error } = await supervisor.startChild({ id: src, src, input: { id: src } });
      expect(error).toMatchObject({ code: 'START_FAILED', cause: { message: 'hook' } });
    }
    expect(await statusesOf(supervisor)).toEqual([]);
    expect(warned).toHaveBeenCalledTimes(1);
    await supervisor.stop();
  });

  it('refuses more children than it may have', async () => {
    const supervisor = await new Stage().started({ template: aWorker('w'), maxChildren: 2 });
    const codes = [];
    for (let n = 0; n < 3; n++) codes.push((await supervisor.startChild({})).error?.code ?? 'ok');
    expect(codes).toEqual(['ok', 'ok', 'RESOURCE_EXHAUSTED']);
  });
});

describe('dynamic children', () => {
  it('cost the same to start and to stop, however many there are', async () => {
    const lookups = vi.spyOn(PersistentMap.prototype, 'get');
    const changes = vi.spyOn(PersistentMap.prototype, 'set');
    const walks = vi.spyOn(PersistentMap.prototype, 'forEach');
    const supervisor = await new Stage().started({ template: aWorker('w', { restart: 'temporary' }) });
    const costs: number[][] = [];
    for (const children of [10, 5_000]) {
      for (let started = (await countsOf(supervisor))[1] ?? 0; started < children; started++) await supervisor.startChild({});
      for (const spy of [lookups, changes, walks]) spy.mockClear();
      await supervisor.startChild({ id: `extra ${children}` });
      await supervisor.terminateChild(`extra ${children}`);
      await supervisor.countChildren();
      costs.push([lookups.mock.calls.length, changes.mock.calls.length, walks.mock.calls.length]);
    }
    expect(costs[1]).toEqual(costs[0]);
    await supervisor.stop();
  });
});
