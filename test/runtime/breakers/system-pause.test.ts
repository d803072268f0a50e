/** RSL-4 at system scope: while it is open everything is paused, and nothing new begins. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fact, RuntimeOptions } from '../../../src/index.ts';
import { HOUR, startWorld } from '../run/start-world.ts';

/** Steps of ten seconds, one after another. */
const steps = (count: number, from = 1) =>
  Array.from({ length: count }, (_, index) => ({
    id: `s${from + index}`,
    tool: 'work',
    parameters: { ms: 10_000 },
    ...(index > 0 && { dependencies: [`s${from + index - 1}`] }),
  }));

async function pausedWorld(options: RuntimeOptions = {}) {
  const world = await startWorld(options);
  const facts: Fact[] = [];
  world.runtime.events.subscribe('breaker/**', (fact) => void facts.push(fact));
  const { breakers } = world.runtime;
  const finish = async (...runs: readonly { readonly executionId: string }[]) => {
    await world.clock.advanceAsync(HOUR);
    for (const { executionId } of runs) await world.checkInvariants(executionId);
  };
  return { ...world, breakers, facts, finishAll: finish, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}
const boom = () => {
  throw new Error('boom');
};

describe('the open breaker of the system', () => {
  it('pauses what lives, and closing it lets that go on; every step is executed once', async () => {
    await using world = await pausedWorld();
    const runs = [1, 2, 3].map(() => world.run(steps(3)));
    await world.clock.advanceAsync(5_000);
    expect(world.breakers.forceOpen('system', { by: 'ops' })).toBe(true);
    expect(world.breakers.forceOpen('system')).toBe(false);
    await world.clock.advanceAsync(HOUR);
    expect(runs.map(({ status }) => status)).toEqual(['paused', 'paused', 'paused']);
    expect(world.calls).toHaveLength(3);
    expect(await runs[0]?.resume()).toBe(false);
    expect(world.breakers.forceClose('system', { by: 'ops' })).toBe(true);
    await world.finishAll(...runs);
    expect(runs.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
    expect(new Set(world.calls.map(({ key }) => key)).size).toBe(9);
    expect(world.calls).toHaveLength(9);
  });

  it('refuses what is new at every tier with SYSTEM_PAUSED: it has started and failed, and nothing of it ran', async () => {
    await using world = await pausedWorld({ agents: [{ id: 'ann', capabilities: ['work'] }] });
    world.breakers.forceOpen('system');
    const task = { id: 't', requiredCapabilities: ['work'], tool: 'work' };
    const run = world.run(steps(1));
    const swarm = world.runtime.swarm({ id: 's', goal: 'work', tasks: [task], agents: [{ id: 'own', capabilities: ['work'] }] });
    const step = world.runtime.tier3.execute({ input: { stepId: 's', toolName: 'work' }, context: { executionId: 'step' } });
    await world.clock.advanceAsync(0);
    const results = await Promise.all([run.result(), swarm.result(), step]);
    for (const [index, result] of results.entries()) {
      const error = { code: 'SYSTEM_PAUSED', errorClass: 'resource', retryable: true, tier: `tier${[2, 1, 3][index]}` };
      expect(result).toMatchObject({ success: false, status: 'failed', error, resourcesUsed: { stepsExecuted: 0, creditsUsed: '0' } });
    }
    expect(world.calls).toEqual([]);
    expect(await world.typesOf('step')).toEqual(['tier3/execution/started', 'tier3/execution/failed']);
    expect(await world.typesOf(run.executionId)).toEqual(['tier2/routine/started', 'tier2/routine/failed']);
    for (const id of ['step', run.executionId, swarm.executionId]) await world.checkInvariants(id);
    await world.clock.advanceAsync(0);
    expect(world.runtime.agents.list().map(({ spec }) => spec.id)).toEqual(['ann']);
  });

  it('leaves a workflow that makes no sense its own error', async () => {
    await using world = await pausedWorld();
    world.breakers.forceOpen('system');
    expect(await world.run([{ id: 'a', tool: 'ghost' }]).result()).toMatchObject({ error: { code: 'TOOL_NOT_FOUND' } });
  });

  it('leaves paused what its caller had paused before, and what he pauses meanwhile', async () => {
    await using world = await pausedWorld();
    const [before, meanwhile, never] = [world.run(steps(2)), world.run(steps(3)), world.run(steps(3))];
    await before?.pause();
    await world.clock.advanceAsync(15_000);
    expect(before?.status).toBe('paused');
    world.breakers.forceOpen('system');
    await world.clock.advanceAsync(HOUR);
    expect([await meanwhile?.pause(), await meanwhile?.resume(), await before?.resume()]).toEqual([true, false, false]);
    world.breakers.forceClose('system');
    await world.clock.advanceAsync(HOUR);
    expect([before, meanwhile, never].map((run) => run?.status)).toEqual(['paused', 'paused', 'completed']);
    expect([await before?.resume(), await meanwhile?.resume()]).toEqual([true, true]);
    await world.finishAll(...[before, meanwhile, never].flatMap((run) => run ?? []));
    expect([before, meanwhile].map((run) => run?.status)).toEqual(['completed', 'completed']);
    expect(world.calls).toHaveLength(8);
  });

  it('lets a paused execution be cancelled', async () => {
    await using world = await pausedWorld();
    const run = world.run(steps(3));
    await world.clock.advanceAsync(15_000);
    world.breakers.forceOpen('system');
    await world.clock.advanceAsync(20_000);
    expect(await run.cancel()).toBe(true);
    expect(await run.result()).toMatchObject({ status: 'cancelled' });
    world.breakers.forceClose('system');
    await world.finishAll(run);
  });

  it('pauses swarms with all of their tasks, and single steps', async () => {
    await using world = await pausedWorld();
    const agents = ['a', 'b'].map((id) => ({ id, capabilities: ['work'] }));
    const tasks = ['x', 'y', 'z'].map((id) => ({ id, requiredCapabilities: ['work'], tool: 'work', parameters: { ms: 10_000 } }));
    const swarm = world.runtime.swarm({ id: 's', goal: 'work', agents, tasks }, { context: { executionId: 'swarm' } });
    const input = { stepId: 'one', toolName: 'work', parameters: { ms: 0, failures: 1 } };
    const options = { retryPolicy: { maxRetries: 1, backoff: { strategy: 'fixed' as const, baseMs: 20_000 } } };
    const step = world.runtime.tier3.execute({ input, options, context: { executionId: 'step' } });
    await world.clock.advanceAsync(5_000);
    world.breakers.forceOpen('system');
    await world.clock.advanceAsync(HOUR);
    expect([swarm.status, world.runtime.tier3.getExecutionStatus('step')]).toEqual(['paused', 'paused']);
    expect(await world.runtime.tier3.resume('step')).toBe(false);
    expect(world.calls).toHaveLength(3);
    world.breakers.forceClose('system');
    await world.finishAll({ executionId: 'swarm' }, { executionId: 'step' });
    expect((await swarm.result()).success).toBe(true);
    expect((await step).success).toBe(true);
    expect(world.calls).toHaveLength(5);
  });

  it('pauses again what was only about to go on', async () => {
    await using world = await pausedWorld();
    const run = world.run(steps(4));
    await world.clock.advanceAsync(15_000);
    world.breakers.forceOpen('system');
    await world.clock.advanceAsync(20_000);
    world.breakers.forceClose('system');
    world.breakers.forceOpen('system');
    await world.clock.advanceAsync(HOUR);
    expect(run.status).toBe('paused');
    expect(world.calls).toHaveLength(2);
    world.breakers.forceClose('system');
    await world.finishAll(run);
    expect((await run.result()).success).toBe(true);
  });

  it('pauses what was started in the same moment', async () => {
    await using world = await pausedWorld();
    const run = world.run(steps(2));
    world.breakers.forceOpen('system');
    await world.clock.advanceAsync(HOUR);
    expect(run.status).toBe('paused');
    expect(world.calls.length).toBeLessThanOrEqual(1);
    world.breakers.forceClose('system');
    await world.finishAll(run);
    expect((await run.result()).success).toBe(true);
    expect(world.calls).toHaveLength(2);
  });

  it('lets an execution that is restored begin paused', async () => {
    await using first = await pausedWorld();
    const earlier = first.run(steps(3));
    await first.clock.advanceAsync(15_000);
    const facts = await first.journal.read(earlier.executionId);
    await using world = await pausedWorld();
    world.breakers.forceOpen('system');
    const run = await world.runtime.restore(facts);
    await world.clock.advanceAsync(HOUR);
    expect(run.status).toBe('paused');
    expect(world.calls.map(({ step }) => step)).toEqual(['s2']);
    world.breakers.forceClose('system');
    await world.finishAll(run);
    expect((await run.result()).success).toBe(true);
    expect(world.calls.map(({ step }) => step)).toEqual(['s2', 's3']);
  });

  it('is tripped by five failures in a row, whatever the layer; a success in between starts the count anew', async () => {
    await using world = await pausedWorld();
    const fail = async (key: string) => void (await world.breakers.guard({ scope: 'layer', key }, boom).catch(() => undefined));
    for (const key of ['L0', 'L1', 'L2', 'L3']) await fail(key);
    expect(world.breakers.get('system')).toMatchObject({ state: 'closed', failures: 4 });
    await world.breakers.guard({ scope: 'layer', key: 'L4' }, () => 'well');
    for (const key of ['L0', 'L1', 'L2', 'L3']) await fail(key);
    expect(world.breakers.get('system')?.state).toBe('closed');
    await fail('L0');
    expect(world.breakers.get('system')).toMatchObject({ state: 'held', failures: 5 });
    expect(world.facts.at(-1)).toMatchObject({
      type: 'breaker/opened',
      stream: 'breaker/system',
      payload: { scope: 'system', until: null },
    });
    await world.clock.advanceAsync(HOUR);
    expect(world.breakers.get('system')?.state).toBe('held');
  });

  it('is not there when it is declined', async () => {
    await using world = await pausedWorld({ breakers: { system: false } });
    expect(world.breakers.get('system')).toBeUndefined();
    for (const command of ['forceOpen', 'forceClose', 'reset'] as const) expect(world.breakers[command]('system')).toBe(false);
    for (let n = 0; n < 9; n++) await world.breakers.guard({ scope: 'layer', key: 'L0' }, boom).catch(() => undefined);
    expect((await world.finish(world.run(steps(1)))).result.success).toBe(true);
  });

  it('goes by what is said of it with or without its key, and knows no other', async () => {
    await using world = await pausedWorld();
    expect(world.breakers.forceOpen('system', 'system', { by: 'ops' })).toBe(true);
    expect(world.breakers.get('system', 'system')?.state).toBe('held');
    expect([world.breakers.forceClose('system', 'other'), world.breakers.get('system', 'other')]).toEqual([false, undefined]);
    expect(() => world.breakers.forceOpen('system', 7 as never)).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }));
    expect(world.breakers.forceClose('system', undefined as never, { by: 'ops' })).toBe(true);
  });
});

describe('the breaker of the system that was reset', () => {
  async function resetWorld() {
    const world = await pausedWorld();
    const held = world.run(steps(3));
    await world.clock.advanceAsync(5_000);
    world.breakers.forceOpen('system');
    await world.clock.advanceAsync(20_000);
    expect(world.breakers.reset('system', { by: 'ops' })).toBe(true);
    expect(world.breakers.reset('system')).toBe(false);
    return { ...world, held, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
  }
  const code = async (run: { result(): Promise<{ error?: { code: string } }> }) => (await run.result()).error?.code ?? 'ok';

  it('admits one new run as its probe, and refuses the next ones; its success lets everything go on', async () => {
    await using world = await resetWorld();
    const probe = world.run(steps(2, 10));
    const other = world.run(steps(1, 20));
    expect(await code(other)).toBe('SYSTEM_PAUSED');
    await world.clock.advanceAsync(15_000);
    expect([probe.status, world.held.status]).toEqual(['running', 'paused']);
    expect([await probe.pause(), await probe.resume()]).toEqual([true, true]);
    await world.finishAll(probe, other, world.held);
    expect([await code(probe), await code(world.held)]).toEqual(['ok', 'ok']);
    expect(world.breakers.get('system')?.state).toBe('closed');
    expect((await world.finish(world.run(steps(1, 30)))).result.success).toBe(true);
  });

  it('opens again when its probe fails, and pauses on', async () => {
    await using world = await resetWorld();
    const probe = world.run([{ id: 'bad', tool: 'work', parameters: { ms: 1_000, failures: 9 } }]);
    await world.clock.advanceAsync(HOUR);
    expect(await code(probe)).toBe('EXECUTION_FAILED');
    expect(world.breakers.get('system')?.state).toBe('held');
    expect(world.held.status).toBe('paused');
    expect(await code(world.run(steps(1)))).toBe('SYSTEM_PAUSED');
    world.breakers.reset('system');
    await world.finishAll(world.run(steps(1, 20)), world.held);
    expect(await code(world.held)).toBe('ok');
  });

  it('takes a cancelled probe and one that makes no sense for neither, and admits the next one', async () => {
    await using world = await resetWorld();
    const cancelled = world.run(steps(2, 10));
    await world.clock.advanceAsync(1_000);
    await cancelled.cancel();
    expect(await code(cancelled)).toBe('CANCELLED');
    const invalid = world.run([{ id: 'a', tool: 'work', parameters: { x: '${ghost.result}' } }]);
    expect(await code(invalid)).toBe('UNRESOLVED_REFERENCE');
    await world.clock.advanceAsync(0);
    expect(world.breakers.get('system')).toMatchObject({ state: 'halfOpen', isProbing: false });
    await world.finishAll(world.run(steps(1, 20)), world.held);
    expect(await code(world.held)).toBe('ok');
  });

  it('pauses a probe that hangs for a day together with everything else', async () => {
    await using world = await resetWorld();
    const probe = world.runtime.run({ id: 'wf', steps: [{ id: 'ask', type: 'wait', signal: 'go' }, ...steps(1, 10)] } as never, {
      allocation: { maxDurationMs: 48 * HOUR },
    });
    await world.clock.advanceAsync(24 * HOUR);
    expect(world.breakers.get('system')?.state).toBe('held');
    expect(probe.status).toBe('paused');
    world.breakers.forceClose('system');
    await world.clock.advanceAsync(0);
    expect(await probe.signal('go')).toBe(true);
    await world.finishAll(probe, world.held);
    expect([await code(probe), await code(world.held)]).toEqual(['ok', 'ok']);
  });

  it('stops with its runtime, paused executions and all', async () => {
    const world = await resetWorld();
    world.breakers.forceOpen('system');
    await world[Symbol.asyncDispose]();
    expect(await code(world.held)).not.toBe('ok');
  });
});

type Deed = 'start' | 'pause' | 'resume' | 'cancel' | 'forceOpen' | 'forceClose' | 'reset' | 'wait';
const deed = fc.record({
  does: fc.oneof(
    { weight: 4, arbitrary: fc.constant<Deed>('start') },
    { weight: 5, arbitrary: fc.constant<Deed>('wait') },
    { weight: 4, arbitrary: fc.constantFrom<Deed>('forceOpen', 'forceClose', 'reset') },
    { weight: 3, arbitrary: fc.constantFrom<Deed>('pause', 'resume', 'cancel') },
  ),
  pick: fc.nat(100),
});

describe('the breaker of the system and its executions', () => {
  it('keep their promises in any order: nothing begins while it is open, steps run once, callers’ pauses stay, all else ends', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { maxLength: 30, size: 'max' }), async (deeds) => {
        await using world = await pausedWorld();
        const runs: ReturnType<typeof world.run>[] = [];
        const callers = new Set<string>();
        for (const { does, pick } of deeds) {
          const run = runs[pick % Math.max(1, runs.length)];
          const state = world.breakers.get('system')?.state;
          if (does === 'start') runs.push(world.run(steps(3)));
          if (does === 'wait') await world.clock.advanceAsync(pick * 200);
          if (does === 'forceOpen' || does === 'forceClose' || does === 'reset') world.breakers[does]('system');
          if (does === 'pause' && run && (await run.pause())) callers.add(run.executionId);
          if (does === 'resume' && run && (await run.resume())) callers.delete(run.executionId);
          if (does === 'cancel' && run) await run.cancel();
          if (does === 'start' && state === 'held') expect((await runs.at(-1)?.result())?.error?.code).toBe('SYSTEM_PAUSED');
          if (does !== 'wait' || state !== 'held') continue;
          await world.clock.advanceAsync(0);
          const begun = world.calls.length;
          await world.clock.advanceAsync(20_000);
          expect(world.calls, 'nothing begins while it is open').toHaveLength(begun);
        }
        // What was on its way when its pause was asked for is still to be called.
        await world.clock.advanceAsync(0);
        const begunBy = (id: string) => world.calls.filter(({ key }) => key.startsWith(`${id}/`)).length;
        const begun = new Map(runs.map(({ executionId }) => [executionId, begunBy(executionId)]));
        world.breakers.forceClose('system');
        await world.clock.advanceAsync(HOUR);
        for (const run of runs) {
          if (callers.has(run.executionId)) expect(begunBy(run.executionId), 'a caller’s pause stays').toBe(begun.get(run.executionId));
          const isSettled = ['completed', 'failed', 'cancelled'].includes(run.status);
          expect(isSettled || (run.status === 'paused' && callers.has(run.executionId)), `${run.executionId} is ${run.status}`).toBe(true);
          if (!isSettled) await run.resume();
        }
        await world.finishAll(...runs);
        expect(new Set(world.calls.map(({ key }) => key)).size).toBe(world.calls.length);
      }),
      { numRuns: 40 },
    );
  });
});
