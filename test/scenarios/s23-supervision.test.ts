/**
 * S23: whoever crashes, its parent lives and acts. Nothing runs on below a crash, everything below it gets its last fact, resources come back,
 * and what was committed is not done again.
 */

import { describe, expect, it } from 'vitest';
import { type Fact, type FaultHooks, SwarmchartError, type ToolContext } from '../../src/index.ts';
import { settlePromises } from '../../src/testing/testing.ts';
import { startRuntime } from '../support/start-runtime.ts';

type FactFault = Parameters<NonNullable<FaultHooks['fact']>>[0];

/** Throws where facts of this type are recorded, the first `times` times. */
function crashing(type: string, times = 1, of: (fault: FactFault) => boolean = () => true): FaultHooks {
  let left = times;
  return {
    fact: (fault) => {
      if (fault.type !== type || !of(fault) || left-- <= 0) return;
      throw new Error(`broken at ${type}`);
    },
  };
}

async function startWorld(faults: FaultHooks) {
  const calls: string[] = [];
  const supervision: Fact[] = [];
  const work = {
    name: 'work',
    credits: '2',
    run: (_: unknown, { idempotencyKey, agent }: ToolContext) =>
      void calls.push(agent ? `${idempotencyKey} by ${agent.id}` : idempotencyKey),
  };
  const refuse = {
    name: 'refuse',
    run: () => {
      throw new SwarmchartError('PROCESS_FAILED', 'it does not compile');
    },
  };
  const world = await startRuntime({ tools: [work, refuse], faults });
  world.runtime.events.subscribe('supervisor/**', (fact) => void supervision.push(fact));
  const chain = (more: object = {}) => ({
    id: 'chain',
    ...more,
    steps: [
      { id: 'one', tool: 'work' },
      { id: 'two', tool: 'work', dependencies: ['one'] },
    ],
  });
  return { ...world, calls, supervision, chain, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

const swarmOf = (agents: readonly string[]) => ({
  id: 'team',
  goal: 'work',
  agents: agents.map((id) => ({ id, capabilities: ['work'] })),
  routines: {
    work: {
      id: 'routine',
      steps: [
        { id: 'one', tool: 'work' },
        { id: 'two', tool: 'work', dependencies: ['one'] },
      ],
    },
  },
  tasks: [{ id: 'task', requiredCapabilities: ['work'] }],
});

describe('an executor that crashes', () => {
  it('is started again by its run as its retry policy allows, under the same idempotency key; the run lives', async () => {
    await using world = await startWorld(crashing('tier3/execution/completed'));
    const run = world.runtime.run(world.chain({ retry: { maxRetries: 1 } }), { allocation: { maxCredits: '20' } });
    await world.clock.advanceAsync(1_000);
    expect(await run.result()).toMatchObject({ success: true });
    expect(world.calls).toEqual(['run-1/one/1', 'run-1/one/1', 'run-1/two/1']);
    const facts = await world.checkInvariants(run.executionId);
    const restarts = facts.filter(({ type }) => type === 'tier2/step/restarted');
    expect(restarts).toMatchObject([
      { payload: { stepId: 'one', incarnation: 2, cause: { message: 'broken at tier3/execution/completed' } } },
    ]);
    expect(facts.filter(({ type, executionId }) => type === 'tier3/execution/started' && executionId === 'run-1/one/1')).toHaveLength(1);
  });

  it('fails its step when it crashes once too often', async () => {
    await using world = await startWorld(crashing('tier3/execution/completed', 9));
    const run = world.runtime.run(world.chain({ retry: { maxRetries: 2 } }));
    await world.clock.advanceAsync(1_000);
    expect(await run.result()).toMatchObject({ status: 'failed', error: { code: 'ACTOR_CRASHED', tier: 'tier3' } });
    expect(world.calls).toEqual(['run-1/one/1', 'run-1/one/1', 'run-1/one/1']);
    const facts = await world.checkInvariants(run.executionId);
    expect(facts.filter(({ type }) => type === 'tier2/step/restarted')).toHaveLength(2);
    expect(facts.filter(({ executionId }) => executionId === 'run-1/one/1').map(({ type }) => type)).toEqual([
      'tier3/execution/started',
      'tier3/attempt/interrupted',
      'tier3/attempt/interrupted',
      'tier3/execution/failed',
    ]);
  });

  it('fails its step at once where nothing says that it may be tried again, and its siblings finish', async () => {
    await using world = await startWorld(crashing('tier3/execution/completed', 1, ({ executionId }) => executionId.includes('/a/')));
    const branches = ['a', 'b'].map((id) => ({ id, tool: 'work', onFailure: 'continue' as const }));
    const run = world.runtime.run({ id: 'wf', steps: [{ id: 'both', type: 'parallel', steps: branches }] });
    await world.clock.advanceAsync(1_000);
    expect((await run.result()).result).toMatchObject([
      { stepId: 'a', status: 'failed', error: { code: 'ACTOR_CRASHED' } },
      { stepId: 'b', status: 'completed' },
    ]);
    await world.checkInvariants(run.executionId);
  });

  it('as it starts, is one that crashed: nothing was done, and then everything once', async () => {
    await using world = await startWorld(crashing('tier3/execution/started'));
    const run = world.runtime.run(world.chain({ retry: { maxRetries: 1 } }));
    await world.clock.advanceAsync(1_000);
    expect(await run.result()).toMatchObject({ success: true });
    expect(world.calls).toEqual(['run-1/one/1', 'run-1/two/1']);
    await world.checkInvariants(run.executionId);
  });

  it('in a backoff goes on with it: the attempts that failed still count', async () => {
    await using world = await startWorld(crashing('tier3/attempt/started', 1));
    let attempts = 0;
    world.runtime.tools.register({
      name: 'flaky',
      run: () => {
        if (++attempts < 3) throw new Error('busy');
        return attempts;
      },
    });
    const retry = { maxRetries: 2, backoff: { strategy: 'fixed' as const, baseMs: 1_000 } };
    const run = world.runtime.run({ id: 'wf', steps: [{ id: 'only', tool: 'flaky', retry }] });
    await world.clock.advanceAsync(10_000);
    expect(await run.result()).toMatchObject({ success: true, result: 3 });
    const facts = await world.checkInvariants(run.executionId);
    expect(
      facts.filter(({ type }) => type === 'tier3/attempt/failed').map(({ payload }) => (payload as { attempt: number }).attempt),
    ).toEqual([1, 2]);
  });
});

describe('a run that crashes', () => {
  it('fails its task for that agent only: another capable one does it, and all below the crash has its last fact', async () => {
    await using world = await startWorld(crashing('tier2/step/started', 1, ({ executionId }) => executionId === 'run-1/task/1'));
    const swarm = world.runtime.swarm(swarmOf(['ann', 'bob']));
    await world.clock.advanceAsync(1_000);
    expect(await swarm.result()).toMatchObject({ success: true });
    const facts = await world.checkInvariants(swarm.executionId);
    expect(facts.find(({ type }) => type === 'tier1/task/reassigned')).toMatchObject({
      payload: { agentId: 'ann', error: { code: 'ACTOR_CRASHED' } },
    });
    expect(world.calls).toEqual(['run-1/task/2/one/1 by bob', 'run-1/task/2/two/1 by bob']);
  });

  it('between two steps books what its steps had used, and ends what was under way', async () => {
    await using world = await startWorld(crashing('tier2/step/completed', 1, ({ executionId }) => executionId === 'run-1/task/1'));
    const swarm = world.runtime.swarm(swarmOf(['ann', 'bob']), { allocation: { maxCredits: '100' } });
    await world.clock.advanceAsync(1_000);
    const result = await swarm.result();
    expect(result).toMatchObject({ success: true, resourcesUsed: { creditsUsed: '6' } });
    await world.checkInvariants(swarm.executionId);
    expect(world.calls).toEqual(['run-1/task/1/one/1 by ann', 'run-1/task/2/one/1 by bob', 'run-1/task/2/two/1 by bob']);
  });

  it('with steps under way: they are aborted, have a last fact, and nothing of them runs on', async () => {
    await using world = await startWorld(crashing('tier2/routine/pausing', 1));
    const signals: AbortSignal[] = [];
    world.runtime.tools.register({
      name: 'hang',
      run: (_: unknown, { signal }: ToolContext) => {
        signals.push(signal);
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        });
      },
    });
    const run = world.runtime.run({ id: 'wf', steps: ['a', 'b'].map((id) => ({ id, tool: 'hang' })) });
    await settlePromises();
    expect(await run.pause()).toBe(true);
    await world.clock.advanceAsync(1_000);
    expect(await run.result()).toMatchObject({ status: 'failed', error: { code: 'ACTOR_CRASHED', tier: 'tier2' } });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    const facts = await world.checkInvariants(run.executionId);
    expect(facts.slice(-3).map(({ type, executionId }) => `${type} ${executionId}`)).toEqual([
      'tier3/execution/failed run-1/b/1',
      'tier3/execution/failed run-1/a/1',
      'tier2/routine/failed run-1',
    ]);
  });

  it('within another run is started again there, where its facts end', async () => {
    await using world = await startWorld(
      crashing(
        'tier2/step/started',
        1,
        ({ executionId, type }) => type.endsWith('started') && executionId === 'run-1/inner/1' && world.calls.length === 1,
      ),
    );
    const run = world.runtime.run(
      { id: 'outer', steps: [{ id: 'inner', type: 'workflow', workflow: world.chain() }] },
      { options: { retryPolicy: { maxRetries: 1 } } },
    );
    await world.clock.advanceAsync(1_000);
    expect(await run.result()).toMatchObject({ success: true });
    expect(world.calls).toEqual(['run-1/inner/1/one/1', 'run-1/inner/1/two/1']);
    await world.checkInvariants(run.executionId);
  });
});

describe('a swarm that crashes', () => {
  it('is a failed result of tier 1; its runs have ended, and its agents are free and gone', async () => {
    await using world = await startWorld(crashing('tier1/task/completed'));
    const swarm = world.runtime.swarm(swarmOf(['ann']), { allocation: { maxCredits: '100' } });
    await world.clock.advanceAsync(1_000);
    const result = await swarm.result();
    expect(result).toMatchObject({
      status: 'failed',
      error: { code: 'ACTOR_CRASHED', tier: 'tier1', cause: { message: 'broken at tier1/task/completed' } },
    });
    expect(result.resourcesUsed.creditsUsed).toBe('4');
    await world.checkInvariants(swarm.executionId);
    await world.clock.advanceAsync(10_000);
    expect(world.runtime.agents.list()).toEqual([]);
  });
});

describe('an error that crosses three tiers', () => {
  it('keeps its tier, its code and its message', async () => {
    await using world = await startWorld({});
    const swarm = world.runtime.swarm({ ...swarmOf(['ann']), tasks: [{ id: 'task', requiredCapabilities: ['work'], tool: 'refuse' }] });
    await world.clock.advanceAsync(1_000);
    expect((await swarm.result()).error).toMatchObject({ tier: 'tier3', code: 'PROCESS_FAILED', message: 'it does not compile' });
    await world.checkInvariants(swarm.executionId);
  });
});

describe('a service of the runtime that crashes', () => {
  it('is started again: the pool has its agents and their leases as before, and nobody notices', async () => {
    await using world = await startWorld(crashing('agent/registered', 1, () => world.runtime.agents.list().length > 0));
    await world.runtime.agents.register({ id: 'ann', capabilities: ['work'] });
    const lease = await world.runtime.agents.lease({ capabilities: ['work'] });
    const registered = world.runtime.agents.register({ id: 'bob', capabilities: ['work'] });
    await world.clock.advanceAsync(1_000);
    expect(await registered).toMatchObject({ agentId: 'bob' });
    expect(world.runtime.agents.get('ann')).toMatchObject({ status: 'ready', currentLoad: 1 });
    expect(lease.signal.aborted).toBe(false);
    lease.release();
    const again = await world.runtime.agents.lease({ agents: ['ann'] });
    expect(again.agentId).toBe('ann');
    again.release();
    expect(world.supervision.map(({ type, payload }) => `${type} ${(payload as { id?: string }).id ?? ''}`)).toEqual([
      'supervisor/child_ended pool',
      'supervisor/restart_counted pool',
      'supervisor/restarting pool',
      'supervisor/child_starting pool',
      'supervisor/child_started pool',
      'supervisor/supervising ',
    ]);
    expect(await world.runtime.supervisor.whichChildren()).toMatchObject({
      ok: [
        { id: 'breakers', status: 'running' },
        { id: 'pool', status: 'running' },
        { id: 'executions', status: 'running' },
      ],
    });
  });

  it('whenever it is told the same thing refuses that, and serves everybody else', async () => {
    await using world = await startWorld(crashing('agent/registered', 2, () => world.runtime.agents.list().length > 0));
    await world.runtime.agents.register({ id: 'ann', capabilities: ['work'] });
    await expect(world.runtime.agents.register({ id: 'bob', capabilities: ['work'] })).rejects.toMatchObject({ code: 'ACTOR_CRASHED' });
    expect(await world.runtime.agents.lease({})).toMatchObject({ agentId: 'ann' });
    expect(await world.runtime.agents.register({ id: 'bob', capabilities: ['work'] })).toMatchObject({ agentId: 'bob' });
  });

  it('more than three times in a minute brings the runtime down in order: every execution ends with a failed result', async () => {
    await using world = await startWorld(crashing('agent/lease_awaited', 9));
    await world.runtime.agents.register({ id: 'ann', capabilities: ['work'] });
    const gate = Promise.withResolvers<void>();
    world.runtime.tools.register({ name: 'gate', run: () => gate.promise });
    const run = world.runtime.run({ id: 'wf', steps: [{ id: 'only', tool: 'gate' }] });
    await settlePromises();
    const lease = await world.runtime.agents.lease({});
    const waiting = Array.from({ length: 4 }, () => world.runtime.agents.lease({}).catch((error: SwarmchartError) => error.code));
    // Each request brings the pool down twice, and is refused the second time: the fourth crash is one too many.
    await world.clock.advanceAsync(1_000);
    expect(await run.result()).toMatchObject({ status: 'failed', error: { code: 'ACTOR_CRASHED' } });
    expect(lease.signal.aborted).toBe(true);
    expect(await Promise.all(waiting)).toEqual(Array(4).fill('ACTOR_CRASHED'));
    expect(() => world.runtime.run({ id: 'wf', steps: [] })).toThrow(expect.objectContaining({ code: 'RUNTIME_STOPPED' }));
    gate.resolve();
  });
});
