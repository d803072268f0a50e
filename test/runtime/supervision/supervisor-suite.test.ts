/**
 * The cases of OTP's `supervisor_SUITE` that say something about actors of XState, each by its name there.
 *
 * Left out, because there is nothing here that they could be about: `sup_start_ignore_init`, `sup_start_fail` (there is no callback module:
 * a definition is data), `extra_return`, `simple_one_for_one_extra` (a start returns nothing but its child), `faulty_application_shutdown`
 * (applications), `simple_global_supervisor` (global names), `code_change` and its three variants (code is not replaced in a running process).
 */

import assert from 'node:assert/strict';
import { describe, expect, it } from 'vitest';
import { evolveSupervisor } from '../../../src/machines/machines.ts';
import type { RestartStrategy, RestartType } from '../../../src/machines/protocol/supervisor.ts';
import { UNBORN_SUPERVISOR } from '../../../src/machines/supervisor.state.ts';
import type { SupervisorDefinition } from '../../../src/runtime/supervision/definition.ts';
import { startSupervisor } from '../../../src/runtime/supervision/supervisor.ts';
import { aWorker, countsOf, Stage, statusesOf, tell, workers } from './stage.ts';

const TWICE = { maxRestarts: 2, withinMs: 3_600_000 };

/** Ends the one child in a way, and tells what became of it. */
async function oneChild(restart: RestartType, end: 'finish' | 'crash' | 'shutdown') {
  const stage = new Stage();
  const supervisor = await stage.started({ intensity: TWICE, children: [aWorker('a', { restart })] });
  if (end === 'shutdown') supervisor.child('a')?.send({ type: 'xstate.stop' });
  else tell(supervisor, 'a', end);
  return { children: await statusesOf(supervisor), counts: await countsOf(supervisor) };
}
const RESTARTED = { children: [['a', 'running']], counts: [1, 1, 0, 1] };
const KEPT = { children: [['a', 'absent']], counts: [1, 0, 0, 1] };
const FORGOTTEN = { children: [], counts: [0, 0, 0, 0] };

describe('starting and stopping', () => {
  it('sup_start_normal: starts without children, and stops', async () => {
    const supervisor = await new Stage().started({});
    expect(await supervisor.stop()).toEqual({ end: 'stopped', reason: 'asked' });
    expect(await supervisor.ended).toEqual({ end: 'stopped', reason: 'asked' });
  });

  it('sup_start_ignore_child: a child that has nothing to do is kept, and does not run', async () => {
    const supervisor = await new Stage().started({});
    expect(await supervisor.startChild(aWorker('a', { input: { id: 'a', kind: 'ignores' } }))).toEqual({ ok: { id: undefined } });
    expect(await supervisor.startChild(aWorker('b'))).toEqual({ ok: { id: 'b' } });
    expect(await statusesOf(supervisor)).toEqual([
      ['a', 'absent'],
      ['b', 'running'],
    ]);
    expect(await countsOf(supervisor)).toEqual([2, 1, 0, 2]);
  });

  it('sup_start_ignore_temporary_child, …_start_child: a temporary one that has nothing to do is not kept', async () => {
    const idle = { restart: 'temporary', input: { id: 'idle', kind: 'ignores' } } as const;
    const supervisor = await new Stage().started({ children: [aWorker('idle', idle), aWorker('b', { restart: 'temporary' })] });
    expect(await supervisor.startChild(aWorker('later', idle))).toEqual({ ok: { id: undefined } });
    expect(await statusesOf(supervisor)).toEqual([['b', 'running']]);
  });

  it.each(['temporary', 'permanent'] as const)(
    'sup_start_ignore_%s_child_start_child_simple: of a dynamic supervisor nothing is kept that does not run',
    async (restart) => {
      const supervisor = await new Stage().started({ template: aWorker('w', { restart }) });
      expect(await supervisor.startChild({ input: { id: 'a', kind: 'ignores' } })).toEqual({ ok: { id: undefined } });
      await supervisor.startChild({ id: 'b' });
      expect(await statusesOf(supervisor)).toEqual([['b', 'running']]);
      expect(await supervisor.stop()).toMatchObject({ end: 'stopped' });
    },
  );

  it('sup_start_error_return: what is no definition is refused', async () => {
    for (const rubbish of [undefined, null, 7, 'invalid', [], { kinds: 7 }, { kinds: { worker: 7 } }]) {
      const { error } = await startSupervisor(rubbish as never);
      expect(error?.code).toBe('INVALID_SPEC');
      expect(error?.issues?.length).toBeGreaterThan(0);
    }
  });

  it('sup_start_map: what a specification leaves out is permanent, and is asked for 5 s', async () => {
    const stage = new Stage();
    await stage.started({
      kinds: { below: { supervisor: { kinds: {} } } },
      children: [aWorker('a'), aWorker('b', { shutdown: 'brutal' }), { id: 'c', src: 'below' }],
    });
    const [starting] = stage.facts;
    assert(starting?.type === 'supervisor/starting');
    expect(starting.payload.spec).toMatchObject({
      strategy: 'one-for-one',
      intensity: { maxRestarts: 3, withinMs: 60_000 },
      children: [
        { id: 'a', restart: 'permanent', shutdown: 5_000, type: 'worker', significant: false },
        { id: 'b', restart: 'permanent', shutdown: 'brutal', type: 'worker' },
        { id: 'c', restart: 'permanent', shutdown: 'infinity', type: 'supervisor' },
      ],
    });
  });

  it('sup_start_map_faulty_specs, child_specs, sup_flags: every problem is told at once, with its path', async () => {
    const { error } = await new Stage().start({
      strategy: 'none-for-one',
      intensity: { maxRestarts: Number.POSITIVE_INFINITY, withinMs: 0 },
      children: [
        { src: 'worker' },
        { id: 'b', src: 'worker', restart: 'prmanent' },
        { id: 'c', src: 'worker', shutdown: -10 },
        { id: 'd', src: 'worker', silly: true },
        'hej',
      ],
    } as unknown as SupervisorDefinition);
    expect(error?.issues?.map(({ path }) => path.join('.'))).toEqual([
      'strategy',
      'intensity.maxRestarts',
      'intensity.withinMs',
      'children.0.id',
      'children.1.restart',
      'children.2.shutdown',
      'children.3',
      'children.4',
    ]);
  });

  it('child_specs: duplicate ids, unknown kinds, and what does not belong to a dynamic supervisor are refused', async () => {
    const twice = await new Stage().start({ children: [...workers('a', 'b', 'a'), { id: 'c', src: 'ghost' }] });
    expect(twice.error?.issues?.map(({ code, path }) => [code, path.join('.')])).toEqual([
      ['DUPLICATE_ID', 'children.2.id'],
      ['INVALID_VALUE', 'children.3.src'],
    ]);
    const dynamic = await new Stage().start({ template: aWorker('w'), children: workers('a'), strategy: 'one-for-all' });
    expect(dynamic.error?.issues?.map(({ path }) => path.join('.'))).toEqual(['children', 'strategy']);
    const supervisor = await new Stage().started({ autoShutdown: 'any-significant' });
    const refused = await supervisor.startChild({ id: 'a', src: 'ghost', significant: true, input: null });
    expect(refused.error?.code).toBe('INVALID_SPEC');
    expect(refused.error?.issues?.map(({ path }) => path[0])).toEqual(['src', 'significant']);
  });

  it('sup_stop_infinity: waits for a child as long as it takes', async () => {
    const stage = new Stage();
    const slow = { src: 'polite', shutdown: 'infinity', input: { id: 'a', stopMs: 86_400_000 } } as const;
    const supervisor = await stage.started({ children: [{ id: 'a', ...slow }] });
    const stopped = supervisor.stop();
    stage.clock.advance(86_399_999);
    expect(await statusesOf(supervisor)).toBe(null);
    expect(stage.events()).toEqual(['started a']);
    stage.clock.advance(1);
    expect(await stopped).toMatchObject({ end: 'stopped' });
    expect(stage.events()).toEqual(['done a']);
  });

  it('sup_stop_timeout: forces a child that does not stop in time, and none sooner', async () => {
    const stage = new Stage();
    const supervisor = await stage.started({
      children: [
        { id: 'a', src: 'polite', shutdown: 1_000, input: { id: 'a', stopMs: 999 } },
        { id: 'b', src: 'deaf', shutdown: 1_000, input: { id: 'b' } },
      ],
    });
    stage.events();
    const stopped = supervisor.stop();
    stage.clock.advance(999);
    expect(stage.events()).toEqual([]);
    stage.clock.advance(1);
    expect(stage.events()).toEqual(['killed b', 'stopped b']);
    stage.clock.advance(999);
    expect(await stopped).toMatchObject({ end: 'stopped' });
    expect(stage.events()).toEqual(['done a']);
    expect(stage.clock.pending).toBe(0);
  });

  it('sup_stop_brutal_kill: does not ask', async () => {
    const stage = new Stage();
    const supervisor = await stage.started({ children: [{ id: 'a', src: 'deaf', shutdown: 'brutal', input: { id: 'a' } }] });
    await supervisor.stop();
    expect(stage.events()).toEqual(['started a', 'stopped a']);
  });
});

describe('administering children', () => {
  it('child_adm: starts, terminates, restarts and deletes, with OTP’s answers', async () => {
    const supervisor = await new Stage().started({ intensity: TWICE, children: workers('a') });
    const codes: unknown[] = [];
    const ask = async (answer: Promise<{ readonly error?: { readonly code: string } | undefined }>) => {
      codes.push((await answer).error?.code ?? 'ok');
    };
    await ask(supervisor.startChild(aWorker('a')));
    await ask(supervisor.terminateChild('hej'));
    await ask(supervisor.terminateChild('a'));
    expect(await countsOf(supervisor)).toEqual([1, 0, 0, 1]);
    await ask(supervisor.terminateChild('a'));
    await ask(supervisor.startChild(aWorker('a')));
    await ask(supervisor.restartChild('a'));
    await ask(supervisor.restartChild('a'));
    await ask(supervisor.restartChild('b'));
    await ask(supervisor.deleteChild('a'));
    await ask(supervisor.deleteChild('hej'));
    await ask(supervisor.terminateChild('a'));
    await ask(supervisor.deleteChild('a'));
    await ask(supervisor.restartChild('a'));
    expect(await countsOf(supervisor)).toEqual([0, 0, 0, 0]);
    await ask(supervisor.startChild(aWorker('a')));
    await supervisor.stop();
    await ask(supervisor.startChild(aWorker('b')));
    expect(codes).toEqual([
      'ALREADY_STARTED',
      'NOT_FOUND',
      'ok',
      'ok',
      'ALREADY_PRESENT',
      'ok',
      'RUNNING',
      'NOT_FOUND',
      'RUNNING',
      'NOT_FOUND',
      'ok',
      'ok',
      'NOT_FOUND',
      'ok',
      'STOPPED',
    ]);
  });

  it('child_adm_simple: a dynamic supervisor starts and terminates, and has nothing to restart or delete', async () => {
    const supervisor = await new Stage().started({ template: aWorker('w') });
    expect(await countsOf(supervisor)).toEqual([1, 0, 0, 0]);
    expect(await supervisor.startChild({})).toEqual({ ok: { id: 'w/1' } });
    expect(await supervisor.startChild({})).toEqual({ ok: { id: 'w/2' } });
    expect(await countsOf(supervisor)).toEqual([1, 2, 0, 2]);
    expect(await supervisor.terminateChild('w/1')).toEqual({ ok: undefined });
    expect((await supervisor.terminateChild('w/1')).error?.code).toBe('NOT_FOUND');
    expect((await supervisor.restartChild('w/2')).error?.code).toBe('DYNAMIC');
    expect((await supervisor.deleteChild('w/2')).error?.code).toBe('DYNAMIC');
    expect((await supervisor.startChild({ id: 'w/2' })).error?.code).toBe('ALREADY_STARTED');
    expect(await statusesOf(supervisor)).toEqual([['w/2', 'running']]);
  });

  it('count_children: counts thousands of dynamic children, and those below a tree by their type', async () => {
    const supervisor = await new Stage().started({ template: aWorker('w', { restart: 'temporary' }) });
    for (let started = 0; started < 2_000; started++) await supervisor.startChild({});
    expect(await countsOf(supervisor)).toEqual([1, 2_000, 0, 2_000]);
    for (const [id] of (await statusesOf(supervisor)) ?? []) tell(supervisor, id, 'crash');
    expect(await countsOf(supervisor)).toEqual([1, 0, 0, 0]);
  });

  it('do_not_save_start_parameters_for_temporary_children: what will never be started again keeps no input', async () => {
    const inputs: unknown[] = [];
    for (const restart of ['permanent', 'transient', 'temporary'] as const) {
      for (const definition of [{}, { template: aWorker('w', { restart }) }]) {
        const stage = new Stage();
        const supervisor = await stage.started(definition);
        const child = 'template' in definition ? { id: 'a', input: { id: 'a' } } : aWorker('a', { restart });
        await supervisor.startChild(child);
        const state = stage.facts.reduce(evolveSupervisor, UNBORN_SUPERVISOR);
        inputs.push(state.children.first()?.spec.input);
      }
    }
    expect(inputs).toEqual([{ id: 'a' }, { id: 'a' }, { id: 'a' }, { id: 'a' }, null, null]);
  });

  it.each(['one-for-one', 'one-for-all', 'rest-for-one'] as const)(
    'do_not_save_child_specs_for_temporary_children: the specification of one is gone with it (%s)',
    async (strategy) => {
      const supervisor = await new Stage().started({ strategy, intensity: { maxRestarts: 9, withinMs: 1_000 } });
      for (const end of ['finish', 'crash', 'terminate'] as const) {
        expect(await supervisor.startChild(aWorker('a', { restart: 'temporary' }))).toEqual({ ok: { id: 'a' } });
        if (end === 'terminate') await supervisor.terminateChild('a');
        else tell(supervisor, 'a', end);
        expect(await statusesOf(supervisor)).toEqual([]);
      }
    },
  );
});

describe('who is restarted', () => {
  it('permanent_normal', async () => expect(await oneChild('permanent', 'finish')).toEqual(RESTARTED));
  it('permanent_shutdown', async () => expect(await oneChild('permanent', 'shutdown')).toEqual(RESTARTED));
  it('permanent_abnormal', async () => expect(await oneChild('permanent', 'crash')).toEqual(RESTARTED));
  it('transient_normal', async () => expect(await oneChild('transient', 'finish')).toEqual(KEPT));
  it('transient_shutdown', async () => expect(await oneChild('transient', 'shutdown')).toEqual(KEPT));
  it('transient_abnormal', async () => expect(await oneChild('transient', 'crash')).toEqual(RESTARTED));
  it('temporary_normal', async () => expect(await oneChild('temporary', 'finish')).toEqual(FORGOTTEN));
  it('temporary_shutdown', async () => expect(await oneChild('temporary', 'shutdown')).toEqual(FORGOTTEN));
  it('temporary_abnormal', async () => expect(await oneChild('temporary', 'crash')).toEqual(FORGOTTEN));

  it.each(['one-for-all', 'rest-for-one'] as const)(
    'temporary_bystander: one that a restart has stopped stays away (%s)',
    async (strategy) => {
      const stage = new Stage();
      const supervisor = await stage.started({
        strategy,
        intensity: TWICE,
        children: [aWorker('a'), aWorker('b', { restart: 'temporary' })],
      });
      tell(supervisor, 'a', 'finish');
      expect(await statusesOf(supervisor)).toEqual([['a', 'running']]);
    },
  );

  it('multiple_restarts: any number, as long as they are far enough apart', async () => {
    const stage = new Stage();
    const supervisor = await stage.started({ intensity: { maxRestarts: 1, withinMs: 1_000 }, children: workers('a') });
    for (let crash = 0; crash < 10; crash++) {
      stage.clock.advance(1_001);
      tell(supervisor, 'a', 'crash');
    }
    expect(await statusesOf(supervisor)).toEqual([['a', 'running']]);
    stage.clock.advance(1_000);
    tell(supervisor, 'a', 'crash');
    expect(await supervisor.ended).toMatchObject({ end: 'escalated', reason: 'intensity', childId: 'a', cause: { message: 'boom' } });
  });
});

const STRATEGIES: readonly [string, RestartStrategy, readonly string[]][] = [
  ['one_for_one', 'one-for-one', ['crashed b', 'started b']],
  ['one_for_all', 'one-for-all', ['crashed b', 'stopped c', 'stopped a', 'started a', 'started b', 'started c']],
  ['rest_for_one', 'rest-for-one', ['crashed b', 'stopped c', 'started b', 'started c']],
];

describe('restart strategies', () => {
  it.each(STRATEGIES)('%s: concerns whom it says, and escalates at the third crash', async (_, strategy, expected) => {
    const stage = new Stage();
    const supervisor = await stage.started({ strategy, intensity: TWICE, children: workers('a', 'b', 'c') });
    const lives = ['a', 'b', 'c'].map((id) => supervisor.child(id));
    stage.events();
    tell(supervisor, 'b', 'crash');
    expect(stage.events()).toEqual(expected);
    expect(supervisor.child('a') === lives[0]).toBe(!expected.includes('started a'));
    expect(supervisor.child('b')).not.toBe(lives[1]);
    expect(await countsOf(supervisor)).toEqual([3, 3, 0, 3]);
    tell(supervisor, 'c', 'crash');
    tell(supervisor, 'a', 'crash');
    expect(await supervisor.ended).toMatchObject({ end: 'escalated', childId: 'a' });
    expect(stage.events().slice(-3)).toEqual(['crashed a', 'stopped c', 'stopped b']);
  });

  it.each(STRATEGIES)('%s_escalation: a child that fails to start for ever takes the others with it', async (_, strategy) => {
    const stage = new Stage();
    const supervisor = await stage.started({ strategy, intensity: { maxRestarts: 4, withinMs: 3_600_000 }, children: workers('a', 'b') });
    stage.failures.set('b', 1_000);
    tell(supervisor, strategy === 'one-for-one' ? 'b' : 'a', 'crash');
    stage.clock.advance(0);
    expect(await supervisor.ended).toMatchObject({ end: 'escalated', childId: 'b', cause: { message: 'refused' } });
    expect(stage.events().filter((event) => event === 'failed b')).toHaveLength(4);
  });

  it('one_for_all_other_child_fails_restart: stops those that had started again, and begins anew', async () => {
    const stage = new Stage();
    const supervisor = await stage.started({ strategy: 'one-for-all', children: workers('a', 'b') });
    stage.failures.set('b', 1);
    stage.events();
    tell(supervisor, 'a', 'crash');
    expect(stage.events()).toEqual(['crashed a', 'stopped b', 'started a', 'failed b']);
    stage.clock.advance(0);
    expect(stage.events()).toEqual(['stopped a', 'started a', 'started b']);
  });

  it('rest_for_one_other_child_fails_restart: goes on from the child that failed', async () => {
    const stage = new Stage();
    const supervisor = await stage.started({ strategy: 'rest-for-one', children: workers('a', 'b') });
    stage.failures.set('b', 1);
    stage.events();
    tell(supervisor, 'a', 'crash');
    stage.clock.advance(0);
    expect(stage.events()).toEqual(['crashed a', 'stopped b', 'started a', 'failed b', 'started b']);
  });

  it('simple_one_for_one, …_escalation: a dynamic child is started again with its own input', async () => {
    const stage = new Stage();
    const supervisor = await stage.started({ template: aWorker('w'), intensity: TWICE });
    await supervisor.startChild({ id: 'a', input: { id: 'a', stopMs: 7 } });
    await supervisor.startChild({ id: 'b', input: { id: 'b' } });
    tell(supervisor, 'a', 'crash');
    expect(supervisor.child('a')?.getSnapshot().context).toEqual({ id: 'a', stopMs: 7 });
    stage.failures.set('b', 1_000);
    tell(supervisor, 'b', 'crash');
    stage.clock.advance(0);
    expect(await supervisor.ended).toMatchObject({ end: 'escalated', reason: 'intensity', childId: 'b' });
    expect(stage.events().at(-1)).toBe('stopped a');
  });

  it('simple_one_for_one_shutdown: dynamic children stop at the same time, and only the slow ones are forced', async () => {
    const stage = new Stage();
    const supervisor = await stage.started({ template: { id: 'w', src: 'polite', shutdown: 2_000 } });
    for (const [id, stopMs] of Object.entries({ a: 1_000, b: 1_000, c: 5_000 })) await supervisor.startChild({ id, input: { id, stopMs } });
    stage.events();
    const stopped = supervisor.stop();
    stage.clock.advance(1_000);
    expect(stage.events()).toEqual(['done a', 'done b']);
    stage.clock.advance(1_000);
    expect(stage.events()).toEqual(['stopped c']);
    expect(await stopped).toMatchObject({ end: 'stopped' });
  });
});

describe('trees and trouble', () => {
  it('tree: a supervisor that escalates is its parent’s to restart, with the children of its definition only', async () => {
    const stage = new Stage();
    const below = { intensity: { maxRestarts: 4, withinMs: 3_600_000 }, kinds: stage.kinds };
    const root = await stage.started({
      strategy: 'one-for-all',
      kinds: { first: { supervisor: { ...below, children: workers('a', 'b') } }, second: { supervisor: below } },
      children: [
        { id: 'one', src: 'first' },
        { id: 'two', src: 'second' },
      ],
    });
    expect(await countsOf(root)).toEqual([2, 2, 2, 0]);
    const two = root.supervisor('two');
    assert(two);
    for (const id of ['c', 'd']) await two.startChild(aWorker(id));
    const untouched = root.supervisor('one')?.child('a');
    tell(two, 'd', 'crash');
    expect(await statusesOf(two)).toEqual([
      ['c', 'running'],
      ['d', 'running'],
    ]);
    expect(root.supervisor('one')?.child('a')).toBe(untouched);
    stage.failures.set('c', 4);
    tell(two, 'c', 'crash');
    stage.clock.advance(0);
    const [one, again] = [root.supervisor('one'), root.supervisor('two')];
    assert(one && again);
    expect(await statusesOf(one)).toEqual([
      ['a', 'running'],
      ['b', 'running'],
    ]);
    expect(one.child('a')).not.toBe(untouched);
    expect(await statusesOf(again)).toEqual([]);
    expect((await two.countChildren()).error?.code).toBe('STOPPED');
  });

  it('hanging_restart_loop: a child that fails to start again can be terminated, and so can the supervisor', async () => {
    const stage = new Stage();
    const supervisor = await stage.started({ intensity: { maxRestarts: 8, withinMs: 10_000 }, children: workers('a') });
    stage.failures.set('a', 1_000);
    tell(supervisor, 'a', 'crash');
    expect((await supervisor.startChild(aWorker('a'))).error?.code).toBe('ALREADY_PRESENT');
    expect((await supervisor.restartChild('a')).error?.code).toBe('RESTARTING');
    expect((await supervisor.deleteChild('a')).error?.code).toBe('RESTARTING');
    expect(await statusesOf(supervisor)).toEqual([['a', 'restarting']]);
    expect(await countsOf(supervisor)).toEqual([1, 0, 0, 1]);
    expect(await supervisor.terminateChild('a')).toEqual({ ok: undefined });
    expect(stage.clock.pending).toBe(0);
    stage.failures.set('a', 0);
    expect(await supervisor.restartChild('a')).toEqual({ ok: { id: 'a' } });
    stage.failures.set('a', 1_000);
    tell(supervisor, 'a', 'crash');
    expect(await supervisor.stop()).toMatchObject({ end: 'stopped' });
    expect(stage.clock.pending).toBe(0);
  });

  it('hanging_restart_loop_simple: the same of a dynamic child, which is then gone', async () => {
    const stage = new Stage();
    const supervisor = await stage.started({ template: aWorker('w'), intensity: { maxRestarts: 8, withinMs: 10_000 } });
    await supervisor.startChild({ id: 'w' });
    stage.failures.set('w', 1_000);
    tell(supervisor, 'w', 'crash');
    expect(await statusesOf(supervisor)).toEqual([['w', 'restarting']]);
    expect(await countsOf(supervisor)).toEqual([1, 0, 0, 1]);
    expect(await supervisor.terminateChild('w')).toEqual({ ok: undefined });
    expect(await statusesOf(supervisor)).toEqual([]);
    stage.clock.advance(60_000);
    expect(await supervisor.stop()).toMatchObject({ end: 'stopped' });
  });

  it('child_unlink: an actor that will not stop does not hold the supervisor up', async () => {
    const stage = new Stage();
    const supervisor = await stage.started({ children: [{ id: 'a', src: 'deaf', shutdown: 1_000, input: { id: 'a' } }] });
    const terminated = supervisor.terminateChild('a');
    const counted = supervisor.countChildren();
    stage.clock.advance(1_000);
    expect(await terminated).toEqual({ ok: undefined });
    expect((await counted).ok).toMatchObject({ active: 0 });
  });
});
