import { describe, expect, it } from 'vitest';
import type { AgentContext } from '../../../src/actors/agent-body.ts';
import { startAgents, throwing } from './start-agents.ts';

const never = () => new Promise(() => {});
const refuse = () => {
  throw new Error('look away');
};
const unreadableMember = { get: refuse };
const unreadable = new Proxy({}, { get: refuse, getPrototypeOf: refuse });

describe('an agent of the pool', () => {
  it('is ready when it has initialized itself, and gets leases only then', async () => {
    await using world = startAgents();
    const initialized = Promise.withResolvers<void>();
    const registered = world.agents.register({ id: 'ann', capabilities: ['code'], initialize: () => initialized.promise });
    const lease = world.agents.lease({ capabilities: ['code'] });
    await world.settle();
    expect(world.agents.get('ann')).toMatchObject({ status: 'starting', currentLoad: 0 });
    expect(world.agents.discover()).toEqual([]);
    initialized.resolve();
    await registered;
    expect((await lease).agentId).toBe('ann');
    expect(world.typesOf('ann')).toEqual(['agent/registered', 'agent/ready', 'agent/leased']);
  });

  it('has neither a body nor a timer when it has no hooks', async () => {
    await using world = startAgents();
    await world.agents.register([
      { id: 'ann', capabilities: ['code'] },
      { id: 'bob', capabilities: ['code'], initialize: () => {} },
    ]);
    expect([...world.actors].filter((id) => id === 'body')).toHaveLength(1);
    expect(world.pendingTimers()).toBe(0);
    expect(world.clock.pending).toBe(0);
  });

  it.each(['starting', 'assigned', 'heartbeat'] as const)('crashes where a fault is thrown (%s) and is started again', async (at) => {
    await using world = startAgents({ faults: throwing((fault) => fault.at === at && fault.incarnation === 1) });
    const disposed: number[] = [];
    const dispose = ({ incarnation }: AgentContext) => void disposed.push(incarnation);
    await world.agents.register({ id: 'ann', capabilities: ['code'], dispose, heartbeat: { intervalMs: 1_000, check: () => {} } });
    const lease = await world.agents.lease({ capabilities: ['code'] });
    await world.clock.advanceAsync(1_000);
    expect(world.agents.get('ann')).toMatchObject({ status: 'ready', incarnation: 2, restarts: 1 });
    expect(world.typesOf('ann').filter((type) => type === 'agent/crashed')).toHaveLength(1);
    expect(lease.signal.aborted).toBe(at !== 'starting');
    if (at !== 'starting') expect(lease.signal.reason).toMatchObject({ code: 'AGENT_CRASHED', retryable: true });
    expect(disposed).toEqual([1]);
  });

  it.each([
    ['an object without a prototype', Object.create(null)],
    ['nothing', undefined],
    ['a symbol', Symbol('odd')],
    ['what throws when it is looked at', unreadable],
    ['an error whose message throws', Object.defineProperty(new Error('odd'), 'message', unreadableMember)],
  ])('harms nobody else when a hook throws %s', async (_, thrown) => {
    await using world = startAgents();
    await world.agents.register({ id: 'ann', capabilities: ['code'] });
    const initialize = () => {
      throw thrown;
    };
    const bob = world.agents.register({ id: 'bob', capabilities: ['code'], initialize, restart: { maxRestarts: 0, withinMs: 1_000 } });
    await expect(bob).rejects.toMatchObject({ code: 'AGENT_NOT_READY', context: { agentId: 'bob', code: 'AGENT_CRASHED' } });
    expect((await world.agents.lease()).agentId).toBe('ann');
  });

  it('can be made to crash, if it has a body', async () => {
    await using world = startAgents({ faults: {} });
    await world.agents.register({ id: 'ann', capabilities: ['code'] });
    const lease = await world.agents.lease();
    expect(world.agents.crash('ann', new Error('on purpose'))).toBe(true);
    await world.settle();
    expect(lease.signal.reason).toMatchObject({ code: 'AGENT_CRASHED', message: expect.stringContaining('on purpose') });
    expect(world.agents.get('ann')).toMatchObject({ status: 'ready', incarnation: 2 });
    expect(world.agents.crash('nobody')).toBe(false);
    await using bare = startAgents();
    await bare.agents.register({ id: 'ann', capabilities: ['code'] });
    expect(bare.agents.crash('ann')).toBe(false);
  });

  it.each([
    ['initialize', { initialize: () => Promise.reject(new Error('no disk')) }],
    [
      'initialize, at once',
      {
        initialize: () => {
          throw new Error('no disk');
        },
      },
    ],
  ])('is given up when %s throws four times, and the registration says why', async (_, hooks) => {
    await using world = startAgents();
    const registered = world.agents.register({ id: 'ann', capabilities: ['code'], ...hooks });
    await expect(registered).rejects.toMatchObject({ code: 'AGENT_NOT_READY', message: expect.stringContaining('no disk') });
    expect(world.typesOf('ann').filter((type) => type === 'agent/crashed')).toHaveLength(4);
    expect(world.typesOf('ann').at(-1)).toBe('agent/escalated');
    expect(world.agents.get('ann')).toMatchObject({ status: 'escalated', restarts: 3 });
    expect(world.agents.discover()).toEqual([]);
    await expect(world.agents.lease({ capabilities: ['code'] })).rejects.toMatchObject({ code: 'NO_CAPABLE_AGENT' });
  });

  it('can be registered again after it was given up', async () => {
    await using world = startAgents();
    const broken = {
      id: 'ann',
      capabilities: ['code'],
      restart: { maxRestarts: 0, withinMs: 1_000 },
      initialize: () => Promise.reject(new Error('no')),
    };
    await expect(world.agents.register(broken)).rejects.toMatchObject({ code: 'AGENT_NOT_READY' });
    await world.agents.register({ id: 'ann', capabilities: ['code'] });
    expect(world.agents.get('ann')).toMatchObject({ status: 'ready', incarnation: 1 });
  });

  it('that is never ready fails each start after its time, and is given up', async () => {
    await using world = startAgents();
    const registered = world.agents.register({ id: 'ann', capabilities: ['code'], readyTimeoutMs: 1_000, initialize: never });
    const outcome = expect(registered).rejects.toMatchObject({
      code: 'AGENT_NOT_READY',
      message: expect.stringContaining('not ready in time'),
    });
    await world.clock.advanceAsync(3_999);
    expect(world.agents.get('ann')).toMatchObject({ status: 'restarting', incarnation: 4 });
    await world.clock.advanceAsync(1);
    await outcome;
  });

  it('S18: is no longer discovered after a missed heartbeat, is lost after three, and its task goes to another', async () => {
    await using world = startAgents();
    let isWell = true;
    const heartbeat = { intervalMs: 1_000, timeoutMs: 500, misses: 3, check: () => (isWell ? undefined : never()) };
    await world.agents.register([
      { id: 'ann', capabilities: ['code'], heartbeat },
      { id: 'bob', capabilities: ['code'] },
    ]);
    const lease = await world.agents.lease({ capabilities: ['code'] });
    expect(lease.agentId).toBe('ann');
    const since = world.clock.now();
    await world.clock.advanceAsync(1_000);
    expect(world.agents.get('ann')?.lastHeartbeat).toBe(since + 1_000);
    isWell = false;
    await world.clock.advanceAsync(1_500);
    expect(world.agents.get('ann')).toMatchObject({ status: 'suspect', lastHeartbeat: since + 1_000 });
    expect(world.agents.discover().map(({ spec }) => spec.id)).toEqual(['bob']);
    isWell = true;
    await world.clock.advanceAsync(1_000);
    expect(world.agents.discover().map(({ spec }) => spec.id)).toEqual(['ann', 'bob']);
    expect(lease.signal.aborted).toBe(false);
    isWell = false;
    await world.clock.advanceAsync(4_500);
    expect(lease.signal.reason).toMatchObject({ code: 'AGENT_LOST', retryable: true });
    expect((await world.agents.lease({ capabilities: ['code'], exclude: ['ann'] })).agentId).toBe('bob');
    expect(world.typesOf('ann').slice(2)).toEqual([
      'agent/leased',
      'agent/suspected',
      'agent/recovered',
      'agent/suspected',
      'agent/lost',
      'agent/restarted',
      'agent/ready',
    ]);
  });

  it('disposes of itself when it is unregistered, after its last lease was returned', async () => {
    await using world = startAgents();
    const seen: string[] = [];
    const { unregister } = await world.agents.register({
      id: 'ann',
      capabilities: ['code'],
      dispose: ({ signal, incarnation }) => void seen.push(`disposed of ${incarnation}, aborted: ${signal.aborted}`),
    });
    const lease = await world.agents.lease();
    const gone = unregister();
    await world.settle();
    expect(world.agents.get('ann')).toMatchObject({ status: 'draining', currentLoad: 1 });
    await expect(world.agents.lease()).rejects.toMatchObject({ code: 'NO_CAPABLE_AGENT' });
    expect(seen).toEqual([]);
    lease.release();
    expect(await gone).toBe(true);
    expect(seen).toEqual(['disposed of 1, aborted: true']);
    expect(world.agents.get('ann')).toBeUndefined();
    expect(await unregister()).toBe(false);
  });

  it('loses its leases when its grace is over, and is gone although it never finishes disposing', async () => {
    await using world = startAgents();
    const { unregister } = await world.agents.register({ id: 'ann', capabilities: ['code'], dispose: never });
    const lease = await world.agents.lease();
    const gone = unregister({ graceMs: 1_000 });
    await world.clock.advanceAsync(1_000);
    expect(lease.signal.reason).toMatchObject({ code: 'AGENT_UNREGISTERED' });
    await world.clock.advanceAsync(5_000);
    expect(await gone).toBe(true);
  });

  it('is gone also when it crashes while it disposes of itself', async () => {
    await using world = startAgents();
    const { unregister } = await world.agents.register({
      id: 'ann',
      capabilities: ['code'],
      dispose: () => Promise.reject(new Error('stuck')),
    });
    expect(await unregister()).toBe(true);
    expect(world.typesOf('ann').slice(-2)).toEqual(['agent/crashed', 'agent/unregistered']);
    expect(world.agents.list()).toEqual([]);
  });

  it('that is unregistered before it is ready rejects its registration', async () => {
    await using world = startAgents();
    const registered = world.agents.register({ id: 'ann', capabilities: ['code'], initialize: never });
    const outcome = expect(registered).rejects.toMatchObject({ code: 'AGENT_UNREGISTERED' });
    expect(await world.agents.unregister('ann')).toBe(true);
    await outcome;
  });
});
