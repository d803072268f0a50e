/** Triggers: one workflow for each event that matches, whatever happens to the process. Proves RUN-19. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AnyTool,
  type Clock,
  type ExecutionHandle,
  type Fact,
  type Journal,
  MemoryJournal,
  type RunOptions,
  SwarmchartError,
  type TriggerDefinition,
  type WorkflowSource,
} from '../../../src/index.ts';
import { EventBus } from '../../../src/runtime/events/event-bus.ts';
import { Events } from '../../../src/runtime/events/events.ts';
import { executionIdOf } from '../../../src/runtime/events/trigger.ts';
import { Triggers } from '../../../src/runtime/events/triggers.ts';
import { SILENT } from '../../../src/runtime/logger.ts';
import { settlePromises, VirtualClock } from '../../../src/testing/testing.ts';
import { collectAll } from '../../support/collect-all.ts';
import { startRuntime } from '../../support/start-runtime.ts';
import { DyingJournal, factOf } from './facts-for-test.ts';

const workflow = { id: 'greet', steps: [{ id: 'say', tool: 'echo', parameters: { message: '{{name}}' } }] };
const trigger = {
  id: 'greeter',
  pattern: 'user/joined',
  workflow,
  input: ({ stream }: Fact) => ({ name: stream }),
} satisfies TriggerDefinition<WorkflowSource>;
const joined = (id: string) => ({ id, type: 'user/joined' });
const runOf = (eventId: string) => executionIdOf('greeter', factOf(`event/${eventId}`, 1));

/** Ids of the runs that the journal has, each with how often it was started. */
async function runsIn(journal: Journal): Promise<Record<string, number>> {
  const streams = await collectAll(journal.streams('greeter-'));
  const counts = streams.map(async ({ name }) => {
    const facts = await journal.read(name);
    return [name, facts.filter(({ type }) => type === 'tier2/routine/started').length] as const;
  });
  return Object.fromEntries(await Promise.all(counts));
}

/** A life of a process: it registers the trigger, and is sent all events, once more. */
async function live(stored: MemoryJournal, eventIds: readonly string[], last?: number): Promise<number> {
  const journal = new DyingJournal(stored, last);
  const world = await startRuntime({ journal });
  const whatever = () => undefined;
  // After its death nothing resolves any more.
  const registered = world.runtime.triggers.register(trigger).catch(whatever);
  await settlePromises();
  const sent = eventIds.map((id) => world.runtime.events.emit(joined(id)).catch(whatever));
  await world.clock.advanceAsync(3_000);
  if (last === undefined) {
    await Promise.all([registered, ...sent]);
    await world[Symbol.asyncDispose]();
  }
  return journal.appends;
}

describe('a trigger', () => {
  const ids = ['a', 'b', 'c'];
  const each = (eventIds: readonly string[]) => Object.fromEntries(eventIds.map((id) => [runOf(id), 1]));

  it('starts its workflow exactly once for each event, wherever the process died between', async () => {
    let last = 0;
    for (let appends = 1; appends > last; last++) {
      const stored = new MemoryJournal();
      appends = await live(stored, ids, last);
      await live(stored, [...ids, 'd']);
      expect(await runsIn(stored), `after the append ${last}`).toEqual(each([...ids, 'd']));
    }
    expect(last).toBeGreaterThan(10);
  }, 60_000);

  it('does so in any number of lives', async () => {
    const lives = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(lives, fc.integer({ min: 1, max: 6 }), async (deaths, count) => {
        const stored = new MemoryJournal();
        const eventIds = Array.from({ length: count }, (_, n) => `e${n}`);
        for (const last of deaths) await live(stored, eventIds, last);
        await live(stored, eventIds);
        expect(await runsIn(stored)).toEqual(each(eventIds));
      }),
      { numRuns: 30 },
    );
  }, 60_000);

  it('begins with what is committed after its first registration, and after a restart with what it missed', async () => {
    const stored = new MemoryJournal();
    {
      await using world = await startRuntime({ journal: stored });
      await world.runtime.events.emit(joined('before'));
      await world.runtime.triggers.register(trigger);
      await world.runtime.events.emit(joined('a'));
      await settlePromises();
    }
    {
      await using world = await startRuntime({ journal: stored });
      await world.runtime.events.emit(joined('while nobody listened'));
    }
    await using world = await startRuntime({ journal: stored });
    await world.runtime.triggers.register(trigger);
    await settlePromises();
    expect(await runsIn(stored)).toEqual(each(['a', 'while nobody listened']));
    expect(world.runtime.triggers.list()).toMatchObject([{ started: 2, failed: 0, passedOver: 0 }]);
  });

  it('hands on whose event it was and what it belongs to', async () => {
    await using world = await startRuntime();
    await world.runtime.triggers.register(trigger);
    await world.runtime.events.emit({ ...joined('a'), userId: 'ada', correlationId: 'order-7' });
    await settlePromises();
    const [started] = await world.journal.read(runOf('a'));
    expect(started).toMatchObject({ correlationId: 'order-7', payload: { job: { execution: { userId: 'ada' } } } });
  });

  it('passes over what `where` does not want', async () => {
    await using world = await startRuntime();
    await world.runtime.triggers.register({ ...trigger, where: ({ stream }) => stream !== 'event/b' });
    for (const id of ids) await world.runtime.events.emit(joined(id));
    await settlePromises();
    expect(await runsIn(world.journal)).toEqual(each(['a', 'c']));
    expect(world.runtime.triggers.list()).toMatchObject([{ started: 2, passedOver: 1 }]);
  });

  it.each([
    ['where', 'throws', { where: () => JSON.parse('{') as boolean }],
    ['input', 'throws', { input: () => JSON.parse('{') as { [key: string]: string } }],
    ['input', 'is no object', { input: () => [] as never }],
    ['input', 'is not JSON', { input: () => ({ now: 1n }) as never }],
  ])('records that it never starts its workflow for a fact on which its `%s` %s, and goes on with the next', async (_, __, broken) => {
    const errors: object[] = [];
    await using world = await startRuntime({ logger: { ...SILENT, error: (fields) => void errors.push(fields) } });
    await world.runtime.triggers.register({ ...trigger, ...broken });
    await world.runtime.events.emit(joined('a'));
    await world.runtime.events.emit(joined('b'));
    await settlePromises();
    expect(await runsIn(world.journal)).toEqual({});
    expect(world.runtime.triggers.list()).toMatchObject([{ started: 0, failed: 2 }]);
    expect(await world.runtime.events.history({ pattern: 'trigger/failed' })).toMatchObject([
      { payload: { factId: 'event/a#1', error: {} } },
      { payload: { factId: 'event/b#1', error: {} } },
    ]);
    expect(errors).toMatchObject([{ fact: 'event/a#1' }, { fact: 'event/b#1' }]);
  });

  it('is not started by what happens in its own runs, nor by what tools say about them', async () => {
    await using world = await startRuntime({ tools: [] });
    const { events, triggers } = world.runtime;
    await triggers.register({
      id: 'greeter',
      pattern: '**',
      workflow: { id: 'q', steps: [{ id: 's', tool: 'echo', parameters: { message: '' } }] },
      where: ({ type }) => type === 'user/joined' || type === 'tier2/routine/completed',
    });
    await events.emit(joined('a'));
    await settlePromises();
    const execution = { executionId: `${runOf('a')}/s/1`, swarmId: 's', userId: 'u', timestamp: 0, correlationId: 'c' };
    await events.emitExecutionEvent(execution, joined('b'));
    await settlePromises();
    expect(Object.keys(await runsIn(world.journal))).toEqual([runOf('a')]);
  });

  it('is, when that is asked for', async () => {
    await using world = await startRuntime();
    let left = 3;
    await world.runtime.triggers.register({
      id: 'greeter',
      pattern: 'tier2/routine/completed',
      workflow: { id: 'q', steps: [{ id: 's', tool: 'echo', parameters: { message: '' } }] },
      where: () => left-- > 0,
      allowCycles: true,
    });
    await world.runtime.run({ id: 'first', steps: [{ id: 's', tool: 'echo', parameters: { message: '' } }] }).result();
    await settlePromises();
    await settlePromises();
    expect(Object.keys(await runsIn(world.journal))).toHaveLength(3);
  });

  it('has so many runs at once and no more; the other facts wait', async () => {
    const gates: (() => void)[] = [];
    const slow: AnyTool = { name: 'slow', run: () => new Promise<void>((resolve) => void gates.push(resolve)) };
    await using world = await startRuntime({ tools: [slow] });
    await world.runtime.triggers.register({
      id: 'greeter',
      pattern: 'user/joined',
      workflow: { id: 'q', steps: [{ id: 's', tool: 'slow' }] },
      maxConcurrent: 2,
    });
    for (let n = 0; n < 5; n++) await world.runtime.events.emit(joined(`${n}`));
    await settlePromises();
    expect(gates).toHaveLength(2);
    expect(world.runtime.triggers.list()).toMatchObject([{ state: 'waiting', running: 2 }]);
    gates[0]?.();
    await settlePromises();
    expect(gates).toHaveLength(3);
    for (let n = 0; n < 5; n++) {
      for (const open of gates) open();
      await settlePromises();
    }
    expect(world.runtime.triggers.list()).toMatchObject([{ state: 'idle', started: 5, running: 0 }]);
  });

  it('starts nothing any more once it is unregistered, and begins anew when it is registered again', async () => {
    await using world = await startRuntime();
    const { triggers, events } = world.runtime;
    await triggers.register(trigger);
    expect(await triggers.unregister('greeter')).toBe(true);
    expect(await triggers.unregister('greeter')).toBe(false);
    await events.emit(joined('a'));
    await triggers.register(trigger);
    await events.emit(joined('b'));
    await settlePromises();
    expect(await runsIn(world.journal)).toEqual(each(['b']));
    expect(triggers.list()).toMatchObject([{ started: 1 }]);
  });

  /** Triggers that ask somebody else to start runs. */
  function openTriggers(clock: Clock, start: (workflow: WorkflowSource, options: RunOptions) => ExecutionHandle) {
    const journal = new MemoryJournal();
    const bus = new EventBus({ clock, log: SILENT });
    const events = new Events({ bus, journal, clock, log: SILENT, createId: () => 'x', scrub: (value) => value });
    return { journal, events, triggers: new Triggers<WorkflowSource>({ ...events.following, start }) };
  }

  it('is not done with a fact for which nothing could begin any more, nor with what is behind it', async () => {
    const { events, triggers, journal } = openTriggers(new VirtualClock(), () => {
      throw new SwarmchartError('RUNTIME_STOPPED', 'it gave up by itself');
    });
    await triggers.register({ ...trigger, where: ({ stream }) => stream === 'event/a' });
    const before = await journal.end();
    for (const id of ['a', 'b']) await events.emit(joined(id));
    await settlePromises();
    await triggers.stop();
    const [{ position = before } = {}] = triggers.list();
    expect(position).toBeLessThan(before);
    expect(triggers.list()).toMatchObject([{ state: 'stopped', started: 0, passedOver: 0 }]);
  });

  it('may be registered again only when it is recorded that it was unregistered', async () => {
    await using world = await startRuntime();
    const { triggers } = world.runtime;
    await triggers.register(trigger);
    const gone = triggers.unregister('greeter');
    await expect(triggers.register(trigger)).rejects.toMatchObject({ code: 'DUPLICATE_ID' });
    expect(await gone).toBe(true);
    await expect(triggers.register(trigger)).resolves.toBeUndefined();
  });

  it('asks for no run that the journal has already', async () => {
    const asked: unknown[] = [];
    const { journal, events, triggers } = openTriggers(new VirtualClock(), (_, { context }) => {
      asked.push(context?.executionId);
      throw new SwarmchartError('WORKFLOW_NOT_FOUND', 'enough');
    });
    await triggers.register(trigger);
    journal.append(runOf('a'), 0, [factOf(runOf('a'), 1, 'tier2/routine/started')]);
    await events.emit(joined('a'));
    await events.emit(joined('b'));
    await settlePromises();
    expect(asked).toEqual([runOf('b')]);
    await triggers.stop();
  });

  it('tries again when nothing can begin for a while', async () => {
    await using world = await startRuntime();
    const refusals = [new SwarmchartError('JOURNAL_FULL', 'no room'), new SwarmchartError('JOURNAL_FULL', 'no room')];
    const asked: object[] = [];
    const start = (workflow: WorkflowSource, options: RunOptions) => {
      asked.push(options);
      const refusal = refusals.pop();
      if (refusal) throw refusal;
      return world.runtime.run(workflow, options);
    };
    const { events, triggers } = openTriggers(world.clock, start);
    await triggers.register(trigger);
    await events.emit(joined('a'));
    await world.clock.advanceAsync(2_999);
    expect(asked).toHaveLength(2);
    await world.clock.advanceAsync(1);
    expect(asked).toHaveLength(3);
    expect(new Set(asked.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(triggers.list()).toMatchObject([{ started: 1, failed: 0 }]);
    await triggers.stop();
    expect(world.clock.pending).toBe(0);
  });

  it('waits while the whole system is paused', async () => {
    await using world = await startRuntime();
    const { breakers, events, triggers } = world.runtime;
    await triggers.register(trigger);
    breakers.forceOpen('system');
    await events.emit(joined('a'));
    await world.clock.advanceAsync(60_000);
    expect(await runsIn(world.journal)).toEqual({});
    expect(triggers.list()).toMatchObject([{ state: 'starting', started: 0 }]);
    breakers.forceClose('system');
    await world.clock.advanceAsync(30_000);
    expect(await runsIn(world.journal)).toEqual(each(['a']));
  });

  it('writes down how far it is when the runtime stops, so that nothing is looked at again', async () => {
    const stored = new MemoryJournal();
    {
      await using world = await startRuntime({ journal: stored });
      await world.runtime.triggers.register(trigger);
      for (const id of ids) await world.runtime.events.emit(joined(id));
      await settlePromises();
    }
    const facts = await stored.read('trigger/greeter');
    expect(facts.map(({ type }) => type)).toEqual(['trigger/registered', 'trigger/advanced']);
    expect(facts[1]).toMatchObject({ payload: { started: 3, passedOver: 0, failed: 0 } });
  });

  it.each([
    [{ ...trigger, id: 'a/b' }, ['id']],
    [{ ...trigger, id: 5, pattern: 7, where: 'x', maxConcurrent: 0 }, ['where', 'maxConcurrent', 'id', 'pattern']],
    [{ ...trigger, workflow: 5 }, ['workflow']],
    [{ ...trigger, wehre: () => true }, ['wehre']],
    ['a text', []],
  ])('refuses %j with every problem', async (given, paths) => {
    await using world = await startRuntime();
    const refused = world.runtime.triggers.register(given as never);
    const error = (await refused.catch((thrown: unknown) => thrown)) as SwarmchartError;
    expect(error).toMatchObject({ code: 'INVALID_VALUE' });
    expect(error.issues.map(({ path }) => path.join('.')).filter((path) => path !== '')).toEqual(paths);
  });

  it('is there once, and no more after the runtime has stopped', async () => {
    const world = await startRuntime();
    const { triggers } = world.runtime;
    const both = await Promise.allSettled([triggers.register(trigger), triggers.register(trigger)]);
    expect(both).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: { code: 'DUPLICATE_ID' } }]);
    await world[Symbol.asyncDispose]();
    await expect(triggers.register({ ...trigger, id: 'other' })).rejects.toMatchObject({ code: 'RUNTIME_STOPPED' });
  });
});
