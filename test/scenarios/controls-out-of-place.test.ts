/**
 * Every control when there is nothing to control: before the start, in the wrong state, twice, after the end and after the runtime has stopped.
 * It answers `false` (or nothing), or fails with a SwarmchartError; see `every-control.test.ts` for what it makes of its arguments.
 */

import { describe, expect, it } from 'vitest';
import { settlePromises } from '../../src/testing/testing.ts';
import { collectAll } from '../support/collect-all.ts';
import { outcomeOf, type Stage, stage } from './control-stage.ts';

type Call = (stage: Stage) => unknown;
const approve = { decision: 'approve' } as const;
const quick = { id: 'quick', steps: [{ id: 'a', tool: 'quick' }] };

/** Of what runs: what the first call comes to, and what the same call comes to once everything that follows has happened. */
const TWICE: Readonly<Record<string, readonly [first: string, again: string, call: Call]>> = {
  'run.pause': ['true', 'true', ({ run }) => run.pause()],
  'run.resume': ['true', 'true', ({ run }) => run.resume()],
  'run.cancel': ['true', 'false', ({ run }) => run.cancel()],
  'run.setVariable': ['true', 'true', ({ run }) => run.setVariable('a', 1)],
  'run.decide': ['true', 'false', ({ run }) => run.decide('ask', approve)],
  'run.signal': ['true', 'true', ({ run }) => run.signal('go')],
  'nested.pause': ['true', 'true', ({ inner }) => inner.pause()],
  'nested.resume': ['true', 'true', ({ inner }) => inner.resume()],
  'nested.cancel': ['true', 'false', ({ inner }) => inner.cancel()],
  'swarm.pause': ['true', 'true', ({ swarm }) => swarm.pause()],
  'swarm.resume': ['true', 'true', ({ swarm }) => swarm.resume()],
  'swarm.cancel': ['true', 'false', ({ swarm }) => swarm.cancel()],
  'task.pause': ['true', 'true', ({ task }) => task.pause()],
  'task.cancel': ['true', 'false', ({ task }) => task.cancel()],
  'tier1.pause': ['true', 'true', ({ runtime }) => runtime.tier1.pause('swarm')],
  'tier1.cancelExecution': ['true', 'false', ({ runtime }) => runtime.tier1.cancelExecution('swarm')],
  'tier2.pause': ['true', 'true', ({ runtime }) => runtime.tier2.pause('run')],
  'tier2.cancelExecution': ['true', 'false', ({ runtime }) => runtime.tier2.cancelExecution('run')],
  'tier3.pause': ['true', 'true', ({ runtime }) => runtime.tier3.pause('step')],
  'tier3.resume': ['true', 'true', ({ runtime }) => runtime.tier3.resume('step')],
  'tier3.cancelExecution': ['true', 'false', ({ runtime }) => runtime.tier3.cancelExecution('step')],
  'runtime.run with an id': [
    'a value',
    'DUPLICATE_EXECUTION',
    ({ runtime }) => runtime.run(quick, { context: { executionId: 'x' } }).result(),
  ],
  'tier3.execute with an id': [
    'DUPLICATE_EXECUTION',
    'DUPLICATE_EXECUTION',
    ({ runtime }) => runtime.tier3.execute({ context: { executionId: 'step' }, input: { stepId: 's', toolName: 'quick' } }),
  ],
  'approvals.decide': ['true', 'false', ({ runtime }) => runtime.approvals.decide('run/ask', approve)],
  'approvals.decide with retry': ['false', 'false', ({ runtime }) => runtime.approvals.decide('run/ask', { decision: 'retry' })],
  'swarm.decideTask of a task that nobody asks about': ['false', 'false', ({ swarm }) => swarm.decideTask('task', approve)],
  'breakers.forceOpen': ['true', 'false', ({ runtime }) => runtime.breakers.forceOpen('tool', 'deaf')],
  'breakers.forceClose of a closed one': ['false', 'false', ({ runtime }) => runtime.breakers.forceClose('tool', 'deaf')],
  'breakers.reset of a closed one': ['false', 'false', ({ runtime }) => runtime.breakers.reset('tool', 'deaf')],
  'breakers.forceOpen of a tool without one': ['false', 'false', ({ runtime }) => runtime.breakers.forceOpen('tool', 'hostile')],
  'breakers.forceOpen of the unknown': ['false', 'false', ({ runtime }) => runtime.breakers.forceOpen('agent', 'nobody')],
  'breakers.guard': ['a value', 'a value', ({ runtime }) => runtime.breakers.guard({ scope: 'layer', key: 'L1' }, () => ({}))],
  'errors.list': ['a value', 'a value', ({ runtime }) => runtime.errors.list()],
  'runtime.supervisor.whichChildren': ['a value', 'a value', ({ runtime }) => runtime.supervisor.whichChildren()],
  'runtime.supervisor.countChildren': ['a value', 'a value', ({ runtime }) => runtime.supervisor.countChildren()],
  'runtime.createWorkflow': ['a value', 'a value', ({ runtime }) => runtime.createWorkflow(quick)],
  'agents.register': ['a value', 'DUPLICATE_AGENT', ({ runtime }) => runtime.agents.register({ id: 'bob', capabilities: ['b'] })],
  'agents.unregister': ['true', 'false', ({ runtime }) => runtime.agents.unregister('ann', { graceMs: 0 })],
  'agents.crash': ['true', 'true', ({ runtime }) => runtime.agents.crash('ann')],
  'lease.release': ['undefined', 'undefined', ({ lease }) => lease.release()],
  'templates.createTemplate': ['a value', 'a value', ({ runtime }) => runtime.templates.createTemplate({ id: 't', workflow: quick })],
  'templates.instantiateFromTemplate': ['a value', 'a value', ({ runtime }) => runtime.templates.instantiateFromTemplate('known')],
  'blackboard.set a new key': ['a value', 'BLACKBOARD_CONFLICT', ({ runtime }) => runtime.blackboard('b').set('key', 1, { ifVersion: 0 })],
  'blackboard.delete': ['a value', 'a value', ({ runtime }) => runtime.blackboard('b').delete('key')],
  'tools.register': ['undefined', 'DUPLICATE_ID', ({ runtime }) => runtime.tools.register({ name: 'new', run: () => null })],
  'supervisor.startChild': ['a value', 'failed: ALREADY_STARTED', ({ supervisor }) => supervisor.startChild({ id: 'new', src: 'worker' })],
  'supervisor.terminateChild': ['a value', 'a value', ({ supervisor }) => supervisor.terminateChild('child')],
  'supervisor.restartChild': ['failed: RUNNING', 'failed: RUNNING', ({ supervisor }) => supervisor.restartChild('child')],
  'supervisor.deleteChild': ['failed: RUNNING', 'failed: RUNNING', ({ supervisor }) => supervisor.deleteChild('child')],
  'supervisor.stop': ['a value', 'a value', ({ supervisor }) => supervisor.stop()],
  'executions.resume': ['a value', 'a value', ({ runtime }) => runtime.executions.resume('run')],
  'runtime.drain': ['undefined', 'undefined', (world) => world.runtime.drain({ graceMs: 0 }).then(() => world.stop())],
  'runtime.stop': ['undefined', 'undefined', (world) => world.stop()],
};

/** What each control comes to once what it controls has ended, and once the runtime has stopped. */
const OVER: Readonly<Record<string, readonly [ended: string, stopped: string, call: Call]>> = {
  'run.pause': ['false', 'false', ({ run }) => run.pause()],
  'run.resume': ['false', 'false', ({ run }) => run.resume()],
  'run.cancel': ['false', 'false', ({ run }) => run.cancel()],
  'run.setVariable': ['false', 'false', ({ run }) => run.setVariable('a', 1)],
  'run.decide': ['false', 'false', ({ run }) => run.decide('ask', approve)],
  'run.signal': ['false', 'false', ({ run }) => run.signal('go')],
  'run.run': ['undefined', 'undefined', ({ run }) => run.run('inner')],
  'run.snapshot': ['a value', 'a value', ({ run }) => run.snapshot()],
  'run.result': ['a value', 'a value', ({ run }) => run.result().then(({ status }) => ({ status }))],
  'run.facts': ['a value', 'a value', ({ run }) => collectAll(run.facts())],
  'nested.pause': ['false', 'false', ({ inner }) => inner.pause()],
  'nested.resume': ['false', 'false', ({ inner }) => inner.resume()],
  'nested.cancel': ['false', 'false', ({ inner }) => inner.cancel()],
  'nested.decide': ['false', 'false', ({ inner }) => inner.decide('deep', approve)],
  'nested.signal': ['false', 'false', ({ inner }) => inner.signal('go')],
  'nested.setVariable': ['false', 'false', ({ inner }) => inner.setVariable('a', 1)],
  'nested.snapshot': ['a value', 'a value', ({ inner }) => inner.snapshot()],
  'swarm.pause': ['false', 'false', ({ swarm }) => swarm.pause()],
  'swarm.resume': ['false', 'false', ({ swarm }) => swarm.resume()],
  'swarm.cancel': ['false', 'false', ({ swarm }) => swarm.cancel()],
  'swarm.decide': ['false', 'false', ({ swarm }) => swarm.decide('norm', approve)],
  'swarm.decideTask': ['false', 'false', ({ swarm }) => swarm.decideTask('task', approve)],
  'approvals.list': ['a value', 'a value', ({ runtime }) => runtime.approvals.list()],
  'approvals.get': ['undefined', 'undefined', ({ runtime }) => runtime.approvals.get('run/ask')],
  'approvals.decide': ['false', 'false', ({ runtime }) => runtime.approvals.decide('run/ask', approve)],
  'breakers.forceOpen': ['true', 'false', ({ runtime }) => runtime.breakers.forceOpen('tool', 'deaf')],
  'breakers.forceClose': ['false', 'false', ({ runtime }) => runtime.breakers.forceClose('tool', 'deaf')],
  'breakers.reset': ['false', 'false', ({ runtime }) => runtime.breakers.reset('tool', 'deaf')],
  'breakers.guard': ['a value', 'RUNTIME_STOPPED', ({ runtime }) => runtime.breakers.guard({ scope: 'layer', key: 'L1' }, () => ({}))],
  'errors.list': ['a value', 'a value', ({ runtime }) => runtime.errors.list({ class: 'permanent' })],
  'errors.counts': ['a value', 'a value', ({ runtime }) => runtime.errors.counts()],
  'runtime.supervisor.whichChildren': ['a value', 'failed: STOPPED', ({ runtime }) => runtime.supervisor.whichChildren()],
  'runtime.supervisor.countChildren': ['a value', 'failed: STOPPED', ({ runtime }) => runtime.supervisor.countChildren()],
  'swarm.run': ['undefined', 'undefined', ({ swarm }) => swarm.run('task')],
  'swarm.snapshot': ['a value', 'a value', ({ swarm }) => swarm.snapshot()],
  'swarm.facts': ['a value', 'a value', ({ swarm }) => collectAll(swarm.facts())],
  'task.pause': ['false', 'false', ({ task }) => task.pause()],
  'tier1.pause': ['false', 'false', ({ runtime }) => runtime.tier1.pause('swarm')],
  'tier1.resume': ['false', 'false', ({ runtime }) => runtime.tier1.resume('swarm')],
  'tier1.cancelExecution': ['false', 'false', ({ runtime }) => runtime.tier1.cancelExecution('swarm')],
  'tier2.pause': ['false', 'false', ({ runtime }) => runtime.tier2.pause('run')],
  'tier2.resume': ['false', 'false', ({ runtime }) => runtime.tier2.resume('run')],
  'tier2.cancelExecution': ['false', 'false', ({ runtime }) => runtime.tier2.cancelExecution('run')],
  'tier3.pause': ['false', 'false', ({ runtime }) => runtime.tier3.pause('step')],
  'tier3.resume': ['false', 'false', ({ runtime }) => runtime.tier3.resume('step')],
  'tier3.cancelExecution': ['false', 'false', ({ runtime }) => runtime.tier3.cancelExecution('step')],
  'runtime.run': ['a value', 'RUNTIME_STOPPED', ({ runtime }) => runtime.run(quick).result()],
  'runtime.run of an ended id': [
    'DUPLICATE_EXECUTION',
    'RUNTIME_STOPPED',
    ({ runtime }) => runtime.run(quick, { context: { executionId: 'run' } }),
  ],
  'runtime.swarm': ['failed: DECOMPOSITION_FAILED', 'RUNTIME_STOPPED', ({ runtime }) => runtime.swarm('a goal').result()],
  'tier1.execute': [
    'failed: DECOMPOSITION_FAILED',
    'RUNTIME_STOPPED',
    ({ runtime }) => runtime.tier1.execute({ input: { goal: 'a goal' } }),
  ],
  'tier2.execute': ['a value', 'RUNTIME_STOPPED', ({ runtime }) => runtime.tier2.execute({ input: { workflow: quick } })],
  'tier3.execute': ['a value', 'RUNTIME_STOPPED', ({ runtime }) => runtime.tier3.execute({ input: { stepId: 's', toolName: 'quick' } })],
  'runtime.restore': ['DUPLICATE_EXECUTION', 'RUNTIME_STOPPED', async ({ runtime, run }) => runtime.restore(await collectAll(run.facts()))],
  'runtime.restoreSwarm': [
    'DUPLICATE_EXECUTION',
    'RUNTIME_STOPPED',
    async ({ runtime, swarm }) => runtime.restoreSwarm(await collectAll(swarm.facts())),
  ],
  'executions.get': ['undefined', 'undefined', ({ runtime }) => runtime.executions.get('run')],
  'executions.resume': ['INVALID_INPUT', 'RUNTIME_STOPPED', ({ runtime }) => runtime.executions.resume('run')],
  'executions.resume of nobody': ['EXECUTION_NOT_FOUND', 'RUNTIME_STOPPED', ({ runtime }) => runtime.executions.resume('nobody')],
  'executions.result': ['a value', 'a value', ({ runtime }) => runtime.executions.result('run').then((result) => ({ result }))],
  'executions.giveUp': ['false', 'RUNTIME_STOPPED', ({ runtime }) => runtime.executions.giveUp('run')],
  'executions.list': ['a value', 'a value', ({ runtime }) => collectAll(runtime.executions.list())],
  'runtime.createWorkflow': ['a value', 'a value', ({ runtime }) => runtime.createWorkflow(quick)],
  'agents.register': ['a value', 'RUNTIME_STOPPED', ({ runtime }) => runtime.agents.register({ id: 'bob', capabilities: ['b'] })],
  'agents.unregister': ['true', 'false', ({ runtime }) => runtime.agents.unregister('ann', { graceMs: 0 })],
  'agents.get of a swarm that is over': ['undefined', 'undefined', ({ runtime }) => runtime.agents.get('own')],
  'agents.discover': ['a value', 'a value', ({ runtime }) => runtime.agents.discover()],
  'agents.lease': ['a value', 'RUNTIME_STOPPED', ({ runtime }) => runtime.agents.lease({ capabilities: ['work'] })],
  'agents.crash': ['true', 'false', ({ runtime }) => runtime.agents.crash('ann')],
  'lease.release': ['undefined', 'undefined', ({ lease }) => lease.release()],
  'tasks.executeTask': ['a value', 'RUNTIME_STOPPED', ({ runtime }) => runtime.tasks.executeTask({ tool: 'quick' }).outcome()],
  'templates.instantiateFromTemplate': ['a value', 'a value', ({ runtime }) => runtime.templates.instantiateFromTemplate('known')],
  'blackboard.get': ['undefined', 'undefined', ({ runtime }) => runtime.blackboard('run').get('a')],
  'blackboard.set': ['a value', 'RUNTIME_STOPPED', ({ runtime }) => runtime.blackboard('swarm').set('a', 1)],
  'tools.register': ['undefined', 'undefined', ({ runtime }) => runtime.tools.register({ name: 'new', run: () => null })],
  'events.subscribe': ['a value', 'a value', ({ runtime }) => runtime.events.subscribe('**', () => {})],
  'events.emit': ['a value', 'RUNTIME_STOPPED', ({ runtime }) => runtime.events.emit({ type: 'a/b' })],
  'events.stream': ['a value', 'a value', ({ runtime }) => collectAll(runtime.events.stream('**', { signal: AbortSignal.abort() }))],
  'events.history': ['a value', 'a value', ({ runtime }) => runtime.events.history()],
  'events.route': ['undefined', 'RUNTIME_STOPPED', ({ runtime }) => runtime.events.route({ id: 'r', pattern: 'a/*', deliver: () => {} })],
  'events.unroute': ['false', 'false', ({ runtime }) => runtime.events.unroute('r')],
  'triggers.register': [
    'undefined',
    'RUNTIME_STOPPED',
    ({ runtime }) => runtime.triggers.register({ id: 't', pattern: 'a/*', workflow: 'quick' }),
  ],
  'triggers.unregister': ['false', 'false', ({ runtime }) => runtime.triggers.unregister('t')],
  'execution.progress': ['a value', 'a value', async ({ run }) => (await collectAll(run.progress())).length],
};

/** Everything that lives is cancelled, and has ended. */
async function end({ clock, run, swarm, step, runtime }: Stage): Promise<void> {
  await Promise.all([run.cancel(), swarm.cancel(), runtime.tier3.cancelExecution('step')]);
  await clock.advanceAsync(10_000);
  await Promise.all([run.result(), swarm.result(), step]);
}

describe('a control', () => {
  it.each(Object.entries(TWICE))('twice, %s', async (_, [first, again, call]) => {
    await using world = await stage();
    expect([await outcomeOf(world, () => call(world)), await outcomeOf(world, () => call(world))]).toEqual([first, again]);
  });

  it.each(Object.entries(OVER))('after the end, %s', async (_, [ended, __, call]) => {
    await using world = await stage();
    await end(world);
    expect(await outcomeOf(world, () => call(world))).toBe(ended);
  });

  it.each(Object.entries(OVER))('after the runtime has stopped, %s', async (_, [__, stopped, call]) => {
    await using world = await stage();
    await world.stop();
    expect(await outcomeOf(world, () => call(world))).toBe(stopped);
  });

  it.each([
    ['a pause', 'paused', (handle: Stage['run'] | Stage['swarm']) => handle.pause()],
    ['a cancel', 'cancelled', (handle: Stage['run'] | Stage['swarm']) => handle.cancel()],
    ['a resume', 'running', (handle: Stage['run'] | Stage['swarm']) => handle.resume()],
  ])('before the start, %s', async (_, status, control) => {
    await using world = await stage();
    const { runtime, clock } = world;
    const hanging = runtime.run({ id: 'w', steps: [{ id: 'a', tool: 'hostile' }] });
    expect(await outcomeOf(world, () => control(hanging))).toBe('true');
    await clock.advanceAsync(0);
    expect([status, 'pausing']).toContain(hanging.status);
    await hanging.cancel();
    await clock.advanceAsync(10_000);
  });

  it('while it is cancelled: no pause, no resume, no decision, no signal, no variable; another cancel is accepted', async () => {
    await using world = await stage();
    const { clock, runtime } = world;
    const run = runtime.run({
      id: 'w',
      steps: [
        { id: 'a', tool: 'deaf' },
        { id: 'ask', type: 'wait', approval: true },
      ],
    });
    await settlePromises();
    expect(await run.cancel('first')).toBe(true);
    expect(run.status).toBe('cancelling');
    const answers = [
      run.pause(),
      run.resume(),
      run.decide('ask', approve),
      run.signal('go'),
      run.setVariable('a', 1),
      run.cancel('second'),
    ];
    expect(await Promise.all(answers)).toEqual([false, false, false, false, false, true]);
    await clock.advanceAsync(10_000);
    expect(await run.result()).toMatchObject({ status: 'cancelled', error: { context: { reason: 'first' } } });
  });

  it('while it is paused: what belongs to it is not resumed on its own, and a decision is taken', async () => {
    await using world = await stage();
    const { swarm, task, run, clock } = world;
    expect(await swarm.pause()).toBe(true);
    expect(await task.resume()).toBe(false);
    expect(await run.pause()).toBe(true);
    expect(await run.decide('ask', approve)).toBe(true);
    expect(await run.decide('ask', approve)).toBe(false);
    await clock.advanceAsync(1_000);
    await settlePromises();
  });
});
