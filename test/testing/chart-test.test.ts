/** Testing a chart that is not ours: everything that it may live through is generated, lived through, and accounted for. */

import { describe, expect, it } from 'vitest';
import { assign, createMachine, type EventObject, fromCallback, fromPromise, type SnapshotFrom, setup } from 'xstate';
import { breakerMachine } from '../../src/machines/machines.ts';
import { testChart } from '../../src/testing/testing.ts';
import { anExecution } from '../machines/paths/jobs.ts';

const never = fromPromise(() => new Promise<string>(() => undefined));

/** `halfOpen.probing` as the value of a state. */
const phaseOf = (phase: string) => (phase.includes('.') ? { [phase.split('.')[0] ?? '']: phase.split('.')[1] } : phase) as never;

const complete = (report: ReturnType<typeof testChart>) => {
  expect(report.problems).toEqual([]);
  expect(report.isComplete, report.table).toBe(true);
  expect(report.isTruncated).toBe(false);
};

describe('a chart under test', () => {
  it('has its invoked child settle, fail, crash, and be overtaken by a timer', () => {
    const fetching = setup({ actors: { fetch: never } }).createMachine({
      id: 'fetching',
      initial: 'waiting',
      states: {
        waiting: { invoke: { src: 'fetch', onDone: 'done', onError: 'failed' }, after: { 5000: 'late' } },
        done: { type: 'final' },
        failed: { type: 'final' },
        late: { type: 'final' },
      },
    });
    const report = testChart(fetching);
    complete(report);
    expect(report.paths).toBe(4);
    expect(report.deadEnds).toEqual([]);
  });

  it('fires its timers in their order, also those of parallel states and those that are due together', () => {
    const lamps = createMachine({
      id: 'lamps',
      type: 'parallel',
      states: {
        left: { initial: 'on', states: { on: { after: { 100: 'dim' } }, dim: { after: { 200: 'off' } }, off: {} } },
        right: { initial: 'on', states: { on: { after: { 300: 'off' } }, off: { on: { KNOCK: 'on' } } } },
      },
    });
    complete(testChart(lamps));
    const neverFirst = createMachine({
      id: 'race',
      initial: 'a',
      states: { a: { after: { 100: 'soon', 200: 'late' } }, soon: { type: 'final' }, late: { type: 'final' } },
    });
    const report = testChart(neverFirst);
    expect(report.states.unreached).toEqual(['race.late']);
    expect(report.transitions.unreached.map(({ eventType }) => eventType)).toEqual(['xstate.after.200.race.a']);
  });

  it('has the children that it spawns end, with an id and without, and each of them once', () => {
    const family = setup({
      types: { context: {} as { ended: number } },
      actors: { child: never },
      actions: { count: assign({ ended: ({ context }) => context.ended + 1 }) },
    }).createMachine({
      id: 'family',
      context: { ended: 0 },
      entry: [
        assign(({ context, spawn }) => {
          spawn('child', { id: 'first', systemId: 'the first' });
          spawn('child');
          return context;
        }),
      ],
      initial: 'busy',
      states: { busy: { always: { guard: ({ context }) => context.ended === 2, target: 'quiet' } }, quiet: { type: 'final' } },
      on: {
        'xstate.done.actor.*': { actions: 'count' },
        'xstate.error.actor.*': { actions: 'count' },
      },
    });
    const report = testChart(family, { invariants: { 'nobody ends twice': ({ context }) => context.ended <= 2 } });
    complete(report);
  });

  it('has the events that its guards need, none that nobody sends, and one where it listens to all', () => {
    const door = setup({
      types: { events: {} as { type: 'CODE'; digits: string } | { type: 'BREAK' } | { type: `knock.${string}` } },
    }).createMachine({
      id: 'door',
      initial: 'locked',
      states: {
        locked: {
          on: {
            CODE: [{ guard: ({ event }) => event.digits === '1234', target: 'open' }, { target: 'alarm' }],
            BREAK: 'alarm',
            'knock.*': { actions: () => undefined },
          },
        },
        open: { type: 'final' },
        alarm: { type: 'final' },
      },
    });
    const report = testChart(door, { events: { CODE: [{ digits: '1234' }, { digits: '0' }], BREAK: [] } });
    expect(report.problems).toEqual([]);
    expect(report.transitions.unreached.map(({ eventType }) => eventType)).toEqual(['BREAK']);
    expect(report.table).toContain('✗ door.locked · BREAK → door.alarm');
    expect(report.diagram).toContain('door_locked --> door_alarm : ✗ BREAK');
    expect(report.diagram).toContain('class door_locked,door_open,door_alarm taken');
  });

  it('shows which states were missed', () => {
    const island = createMachine({ id: 'map', initial: 'shore', states: { shore: {}, island: {} } });
    const report = testChart(island);
    expect(report.diagram).toContain('class map_shore taken');
    expect(report.diagram).toContain('class map_island missing');
    expect(report.deadEnds).toEqual(['"shore"']);
    expect([report.isComplete, report.paths]).toEqual([false, 1]);
  });

  it('is told of where no one handles an error of its child, unless it may end the chart', () => {
    const careless = setup({ actors: { work: never } }).createMachine({
      id: 'careless',
      initial: 'idle',
      states: { idle: { on: { GO: 'working' } }, working: { invoke: { id: 'work', src: 'work', onDone: 'idle' } } },
    });
    expect(testChart(careless).problems).toEqual([
      {
        message: 'work fails with "work failed": nobody handles it in "working", and it ends the whole chart',
        path: ['GO', 'work fails with "work failed"'],
      },
      {
        message: 'work crashes with "work crashed": nobody handles it in "working", and it ends the whole chart',
        path: ['GO', 'work crashes with "work crashed"'],
      },
    ]);
    complete(testChart(careless, { children: { work: { mayEscalate: true } } }));
  });

  it('is told of a guard or an action that throws, with the path', () => {
    const fragile = setup({ types: { events: {} as { type: 'PAY'; card: { number: string } } | { type: 'SHOUT' } } }).createMachine({
      id: 'fragile',
      initial: 'a',
      states: {
        a: {
          on: {
            PAY: { guard: ({ event }) => event.card.number === '1', target: 'b' },
            SHOUT: {
              actions: () => {
                throw new Error('hoarse');
              },
            },
          },
        },
        b: { type: 'final' },
      },
    });
    const { problems } = testChart(fragile);
    expect(problems.map(({ path }) => path)).toEqual([['PAY'], ['SHOUT']]);
    expect(problems[0]?.message).toMatch(/^PAY: throws: .*reading 'number'/s);
    expect(problems[1]?.message).toBe('SHOUT: throws: hoarse');
  });

  it("is held to its author's invariants", () => {
    const counter = setup({ types: { context: {} as { n: number } } }).createMachine({
      id: 'counter',
      context: { n: 0 },
      on: { UP: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
    });
    const small = testChart(counter, { limit: 20, invariants: { 'stays small': ({ context }) => context.n < 3 } });
    expect(small.isTruncated).toBe(true);
    expect(small.problems).toEqual([{ message: 'stays small: does not hold in {}', path: ['UP', 'UP', 'UP'] }]);
    const fails = () => {
      throw new Error('no idea');
    };
    expect(testChart(counter, { limit: 1, invariants: { 'can be asked': fails } }).problems).toEqual([
      { message: 'can be asked: no idea', path: [] },
    ]);
    expect(testChart(counter, { key: ({ context }) => String(Math.min(3, context.n)) }).isTruncated).toBe(false);
  });

  it('may keep children that are real, and is told of those that nothing can stand in for', () => {
    const echo = fromCallback<EventObject, { speaks: boolean }>(({ sendBack, input }) => {
      if (input.speaks) sendBack({ type: 'ECHO' });
    });
    const caller = (speaks: boolean) =>
      setup({ actors: { echo } }).createMachine({
        id: 'caller',
        initial: 'calling',
        invoke: { id: 'echo', src: 'echo', input: { speaks } },
        states: { calling: { on: { ECHO: 'heard' } }, heard: { type: 'final' } },
      });
    complete(testChart(caller(false), { children: { echo: 'real' } }));
    expect(testChart(caller(true), { children: { echo: 'real' } }).problems[0]?.message).toBe(
      'the live actor is in "heard" (done), by its chart it is in "calling" (active)',
    );
    const nameless = createMachine({
      entry: assign(({ context, spawn }) => {
        spawn(never, { id: 'nameless' });
        return context;
      }),
      on: { 'xstate.error.actor.*': {} },
    });
    expect(testChart(nameless).problems[0]?.message).toBe(
      'nameless settles: cannot happen: name its logic in setup({ actors }), or say that it is real',
    );
  });

  it('may invoke logic without a name, remember where it was, and end its parallel states together', () => {
    const trip = setup({ actors: { train: never } }).createMachine({
      id: 'trip',
      initial: 'booking',
      states: {
        booking: {
          type: 'parallel',
          states: {
            hotel: {
              initial: 'open',
              states: { open: { invoke: { src: never, onDone: 'done', onError: 'done' } }, done: { type: 'final' } },
            },
            train: {
              initial: 'open',
              states: { open: { invoke: { src: 'train', systemId: 'rail', onDone: 'done', onError: 'done' } }, done: { type: 'final' } },
            },
          },
          onDone: 'travelling',
        },
        travelling: {
          initial: 'out',
          on: { STOP: 'resting' },
          states: { out: { on: { TURN: 'back' } }, back: {}, where: { type: 'history' } },
        },
        resting: { on: { GO_ON: { target: '#trip.travelling.where' } }, after: { 1000: 'home' } },
        home: { type: 'final' },
      },
    });
    const report = testChart(trip);
    expect(report.problems).toEqual([]);
    expect(report.transitions.unreached, report.table).toEqual([]);
  });

  it('may be one of ours, whose events depend on where it is', () => {
    const input = {
      scope: 'tool',
      key: 'search',
      options: { failureThreshold: 2, resetMs: 1_000, successThreshold: 2, probeTimeoutMs: 3_000 },
      execution: anExecution('breaker/tool/search'),
    } as const;
    const next = ({ context: { state } }: SnapshotFrom<typeof breakerMachine>, permit = state.permit) => [{ permit, at: state.at + 1 }];
    const report = testChart(breakerMachine.provide({ actions: { commit: () => undefined } }), {
      inputs: [input, { ...input, options: { ...input.options, resetMs: null } }],
      events: {
        'breaker.acquired': (at) => next(at, at.context.state.permit + 1),
        'breaker.succeeded': (at) => next(at),
        'breaker.failed': (at) => next(at),
        'breaker.released': (at) => next(at),
      },
      key: ({ context: { state } }) => `${state.failures} ${state.successes}`,
      invariants: { 'the phase is the state': (at) => at.matches(phaseOf(at.context.state.phase)) },
    });
    expect(report.problems).toEqual([]);
    expect(new Set(report.transitions.unreached.map(({ source }) => source)), report.table).toEqual(new Set(['breaker.restoring']));
  });
});
