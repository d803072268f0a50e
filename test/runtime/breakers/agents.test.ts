/** RSL-4 at agent scope: an agent that keeps failing is left alone for a while, then tried with one piece of work at a time. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AgentDefinition, Fact, Lease, LeaseOutcome, RuntimeOptions } from '../../../src/index.ts';
import { SwarmchartError, type ToolContext } from '../../../src/index.ts';
import { VirtualClock } from '../../../src/testing/testing.ts';
import { startRuntime } from '../../support/start-runtime.ts';
import { wait } from '../../support/tools.ts';

async function agentWorld(agents: readonly Partial<AgentDefinition>[] = [{}], options: RuntimeOptions = {}) {
  const world = await startRuntime(options);
  const { runtime } = world;
  const clock = (options.clock as VirtualClock | undefined) ?? world.clock;
  const facts: Fact[] = [];
  runtime.events.subscribe('breaker/**', (fact) => void facts.push(fact));
  await runtime.agents.register(agents.map((agent, index) => ({ id: ['ann', 'bob'][index] ?? '', capabilities: ['work'], ...agent })));
  const settle = () => clock.advanceAsync(0);
  /** One piece of work for ann, from its lease to its end. */
  async function work(outcome?: LeaseOutcome, agent = 'ann'): Promise<void> {
    const lease = await runtime.agents.lease({ agents: [agent] });
    lease.release(outcome);
    await settle();
  }
  const times = async (count: number, outcome?: LeaseOutcome) => {
    for (let n = 0; n < count; n++) await work(outcome);
  };
  const ann = () => runtime.agents.get('ann');
  const told = () => facts.map(({ type }) => type.replace('breaker/', ''));
  return { ...world, clock, facts, told, work, times, ann, settle, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}
type World = Awaited<ReturnType<typeof agentWorld>>;

/** Asks for an agent, and says whether somebody is there yet. */
function ask(world: World, options = {}) {
  const asked = { agentId: undefined as string | undefined, lease: world.runtime.agents.lease(options) };
  void asked.lease.then(
    ({ agentId }) => {
      asked.agentId = agentId;
    },
    () => undefined,
  );
  return asked;
}

describe('the circuit breaker of an agent', () => {
  it('opens at the fifth failure in a row: nobody is given it, whoever wants it waits, others are preferred', async () => {
    await using world = await agentWorld([{}, {}]);
    await world.times(4, 'failed');
    await world.work('succeeded');
    await world.times(5, 'failed');
    expect(world.ann()).toMatchObject({ circuit: 'open', health: 'unhealthy', status: 'ready', errorRate: 0.9 });
    expect(world.runtime.breakers.get('agent', 'ann')).toMatchObject({ state: 'open', failures: 5 });
    const [own, any] = [ask(world, { agents: ['ann'] }), ask(world)];
    await world.clock.advanceAsync(29_999);
    expect([own.agentId, any.agentId]).toEqual([undefined, 'bob']);
    expect(world.runtime.agents.discover({ available: true })).toEqual([]);
    await world.clock.advanceAsync(1);
    expect(own.agentId).toBe('ann');
    expect(world.ann()).toMatchObject({ circuit: 'halfOpen', health: 'degraded' });
  });

  it('hears of the failure before the agent is given to the next who waits', async () => {
    await using world = await agentWorld();
    await world.times(4, 'failed');
    const last = await world.runtime.agents.lease();
    const next = ask(world);
    last.release('failed');
    await world.clock.advanceAsync(29_999);
    expect(next.agentId).toBeUndefined();
    await world.clock.advanceAsync(1);
    expect(next.agentId).toBe('ann');
  });

  it('tries it with one piece of work at a time, and closes after two that succeed', async () => {
    await using world = await agentWorld([{ maxConcurrentTasks: 3 }]);
    await world.times(5, 'failed');
    const asked = [ask(world), ask(world), ask(world), ask(world)];
    await world.clock.advanceAsync(30_000);
    const given = () => asked.map(({ agentId }) => agentId).filter(Boolean).length;
    expect(given()).toBe(1);
    (await asked[0]?.lease)?.release('succeeded');
    await world.settle();
    expect(given()).toBe(2);
    (await asked[1]?.lease)?.release('succeeded');
    await world.settle();
    expect(given()).toBe(4);
    expect(world.ann()).toMatchObject({ circuit: 'closed', health: 'healthy' });
    expect(world.told().slice(-5)).toEqual(['half_opened', 'probe/started', 'probe/succeeded', 'probe/started', 'closed']);
  });

  it('opens again when its probe fails, and when it crashes under it', async () => {
    await using world = await agentWorld([{ initialize: () => undefined }]);
    await world.times(5, 'failed');
    await world.clock.advanceAsync(30_000);
    await world.work('failed');
    expect(world.told().slice(-2)).toEqual(['probe/started', 'opened']);
    await world.clock.advanceAsync(30_000);
    await world.runtime.agents.lease();
    world.runtime.agents.crash('ann');
    await world.settle();
    expect(world.told().slice(-2)).toEqual(['probe/started', 'opened']);
    expect(world.ann()).toMatchObject({ circuit: 'open', status: 'ready', incarnation: 2 });
    await world.clock.advanceAsync(30_000);
    await world.times(2, 'succeeded');
    expect(world.ann()).toMatchObject({ circuit: 'closed' });
  });

  it('takes work that says nothing for neither, and admits the next', async () => {
    await using world = await agentWorld();
    await world.times(9);
    expect(world.runtime.breakers.list()).toEqual([]);
    await world.times(5, 'failed');
    await world.clock.advanceAsync(30_000);
    await world.work();
    const expiring = ask(world, { ttlMs: 100 });
    await world.clock.advanceAsync(100);
    expect((await expiring.lease).signal.aborted).toBe(true);
    expect(world.told().slice(-4)).toEqual(['probe/started', 'probe/released', 'probe/started', 'probe/released']);
    await world.times(2, 'succeeded');
    expect(world.ann()?.circuit).toBe('closed');
  });

  it('opens again when a probe hangs for an hour; what that says later says nothing', async () => {
    await using world = await agentWorld([{ maxConcurrentTasks: 2 }]);
    await world.times(5, 'failed');
    await world.clock.advanceAsync(30_000);
    const hanging = await world.runtime.agents.lease({ ttlMs: 7_200_000 });
    await world.clock.advanceAsync(3_600_000);
    expect(world.told().at(-1)).toBe('opened');
    await world.clock.advanceAsync(30_000);
    const probe = await world.runtime.agents.lease();
    hanging.release('failed');
    await world.settle();
    expect(world.ann()?.circuit).toBe('halfOpen');
    probe.release('succeeded');
    await world.work('succeeded');
    expect(world.ann()?.circuit).toBe('closed');
  });

  it('is not closed by work that began before it opened', async () => {
    await using world = await agentWorld([{ maxConcurrentTasks: 2 }]);
    const early = await world.runtime.agents.lease();
    await world.times(5, 'failed');
    early.release('succeeded');
    await world.settle();
    expect(world.ann()?.circuit).toBe('open');
  });

  it('is opened, reset and closed by hand', async () => {
    await using world = await agentWorld([{ maxConcurrentTasks: 5 }]);
    const { breakers } = world.runtime;
    expect(breakers.forceOpen('agent', 'ann', { by: 'ops' })).toBe(true);
    const [one, two] = [ask(world), ask(world)];
    await world.clock.advanceAsync(3_600_000);
    expect([one.agentId, two.agentId]).toEqual([undefined, undefined]);
    expect(breakers.reset('agent', 'ann')).toBe(true);
    await world.settle();
    expect([one.agentId, two.agentId]).toEqual(['ann', undefined]);
    expect(breakers.forceClose('agent', 'ann')).toBe(true);
    await world.settle();
    expect(two.agentId).toBe('ann');
  });

  it('is gone with its agent, timer and all; one that is registered again begins with a closed one', async () => {
    await using world = await agentWorld();
    await world.times(5, 'failed');
    expect(await world.runtime.agents.unregister('ann')).toBe(true);
    expect(world.runtime.breakers.list()).toEqual([]);
    expect(world.clock.pending).toBe(0);
    expect(world.runtime.breakers.forceOpen('agent', 'ann')).toBe(false);
    await world.runtime.agents.register({ id: 'ann', capabilities: ['work'] });
    expect(world.ann()).toMatchObject({ circuit: 'closed', health: 'healthy' });
    await world.work('succeeded');
  });

  it('is not there when it is declined', async () => {
    await using world = await agentWorld([{}], { breakers: { agent: false } });
    await world.times(9, 'failed');
    expect(world.ann()).toMatchObject({ circuit: 'closed', health: 'degraded', errorRate: 1 });
    expect(world.runtime.breakers.forceOpen('agent', 'ann')).toBe(false);
  });

  it('refuses an outcome that there is not', async () => {
    await using world = await agentWorld();
    const lease = await world.runtime.agents.lease();
    expect(() => lease.release('perhaps' as LeaseOutcome)).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }));
    lease.release('succeeded');
    lease.release('failed');
    await world.settle();
    expect(world.runtime.breakers.list()).toEqual([]);
  });
});

const stride = fc.record({
  does: fc.oneof(
    { weight: 6, arbitrary: fc.constant('ask' as const) },
    { weight: 8, arbitrary: fc.constantFrom('fail', 'succeed') },
    { weight: 3, arbitrary: fc.constantFrom('forget', 'wait') },
    { weight: 1, arbitrary: fc.constantFrom('forceOpen', 'forceClose', 'reset', 'crash') },
  ),
  pick: fc.nat(100),
});

describe('the breaker of an agent and the pool', () => {
  it('agree, whatever happens: open, nobody is given the agent; half-open, one at a time; closed, nobody waits in vain', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stride, { maxLength: 60, size: 'max' }), async (strides) => {
        await using world = await agentWorld([
          { maxConcurrentTasks: 3, initialize: () => undefined, restart: { maxRestarts: 99, withinMs: 1 } },
        ]);
        const { runtime, clock } = world;
        const held: Lease[] = [];
        let waiting = 0;
        let given = 0;
        for (const { does, pick } of strides) {
          const before = { circuit: world.ann()?.circuit, given };
          const lease = held[pick % Math.max(1, held.length)];
          const isEnd = does === 'fail' || does === 'succeed' || does === 'forget';
          if (isEnd && lease) {
            held.splice(held.indexOf(lease), 1);
            lease.release(does === 'forget' ? undefined : does === 'fail' ? 'failed' : 'succeeded');
          }
          if (does === 'ask' && waiting < 5) {
            waiting++;
            void runtime.agents.lease().then(
              (granted) => {
                waiting--;
                given++;
                held.push(granted);
                granted.signal.addEventListener('abort', () => void held.splice(held.indexOf(granted), 1));
              },
              () => undefined,
            );
          }
          if (does === 'wait') await clock.advanceAsync(pick % 2 === 0 ? 30_000 : 1_000);
          if (does === 'crash') runtime.agents.crash('ann');
          if (does === 'forceOpen' || does === 'forceClose' || does === 'reset') runtime.breakers[does]('agent', 'ann');
          await world.settle();
          const { circuit, status, currentLoad = 0 } = world.ann() ?? {};
          const state = runtime.breakers.get('agent', 'ann')?.state;
          expect(circuit).toBe(state === 'held' ? 'open' : state);
          expect(currentLoad).toBe(held.length);
          if (circuit === 'open') expect(given, 'nobody is given an agent whose circuit is open').toBe(before.given);
          if (circuit === 'halfOpen') expect(given - before.given, 'one at a time').toBeLessThanOrEqual(1);
          if (circuit === 'closed' && status === 'ready') expect(waiting === 0 || currentLoad === 3, 'nobody waits in vain').toBe(true);
          if (circuit === 'halfOpen' && status === 'ready' && waiting > 0 && currentLoad < 3) {
            expect(runtime.breakers.get('agent', 'ann')?.isProbing).toBe(true);
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('agent steps', () => {
  const codes = ['EXECUTION_FAILED', 'STEP_TIMEOUT', 'INVALID_PARAMETERS', 'CIRCUIT_OPEN', 'RESOURCE_EXHAUSTED', 'PROCESS_FAILED'] as const;
  const tool = {
    name: 'work',
    breaker: false as const,
    run: ({ code }: { code?: (typeof codes)[number] }) => {
      if (code) throw new SwarmchartError(code, 'as told');
      return 'done';
    },
  };

  it.each([
    ['EXECUTION_FAILED', 5],
    ['PROCESS_FAILED', 5],
    ['INVALID_PARAMETERS', 0],
    ['CIRCUIT_OPEN', 0],
    ['RESOURCE_EXHAUSTED', 0],
  ] as const)('that fail five times with %s count as %d failures of their agent', async (code, failures) => {
    await using world = await agentWorld([{}], { tools: [tool] });
    const run = () =>
      world.runtime.run({
        id: 'wf',
        steps: [{ id: 'a', type: 'agent', capabilities: ['work'], tool: 'work', parameters: { code } }],
      } as never);
    for (let n = 0; n < 5; n++) {
      const { error } = await run().result();
      expect(error?.code).toBe(code);
      await world.settle();
    }
    expect(world.runtime.breakers.get('agent', 'ann')?.failures).toBe(failures);
  });

  it.each([true, false])('that time out count as failures of their agent, whether their tool hears of it (deaf: %s)', async (isDeaf) => {
    const clock = new VirtualClock();
    const run = (_: unknown, { signal }: ToolContext) => (isDeaf ? new Promise(() => {}) : wait(clock, 60_000, signal));
    await using world = await agentWorld([{}], { clock, tools: [{ ...tool, run }] });
    const step = { id: 'a', type: 'agent', capabilities: ['work'], tool: 'work', timeout: 1_000 };
    const execution = world.runtime.run({ id: 'wf', steps: [step] } as never);
    await clock.advanceAsync(10_000);
    expect((await execution.result()).error?.code).toBe('STEP_TIMEOUT');
    expect(world.runtime.breakers.get('agent', 'ann')?.failures).toBe(1);
    expect(world.ann()?.currentLoad).toBe(0);
  });

  it('that are cancelled say nothing', async () => {
    const clock = new VirtualClock();
    const run = (_: unknown, { signal }: ToolContext) => wait(clock, 60_000, signal);
    await using world = await agentWorld([{}], { clock, tools: [{ ...tool, run }] });
    const step = { id: 'a', type: 'agent', capabilities: ['work'], tool: 'work', timeout: 100_000 };
    const execution = world.runtime.run({ id: 'wf', steps: [step] } as never);
    await clock.advanceAsync(1_000);
    await execution.cancel();
    await execution.result();
    await clock.advanceAsync(0);
    expect(world.ann()?.currentLoad).toBe(0);
    expect(world.runtime.breakers.get('agent', 'ann')?.failures).toBe(0);
  });
});
