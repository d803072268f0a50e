import { describe, expect, it } from 'vitest';
import type { SwarmchartError } from '../../../src/machines/protocol/errors.ts';
import { aSpec } from '../../machines/paths/agents.ts';
import { startAgents } from './start-agents.ts';

const problemsOf = async (promise: Promise<unknown>): Promise<readonly string[]> => {
  const error = (await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )) as SwarmchartError;
  return error.issues.map(({ code, path }) => `${code} ${path.join('.')}`);
};

describe('the registry of agents', () => {
  it('knows what an agent is, with what was left out', async () => {
    await using world = startAgents();
    const { agentId } = await world.agents.register({
      id: 'ann',
      capabilities: ['test', 'code', 'test'],
      languages: ['en'],
      metadata: { team: 7 },
    });
    expect(agentId).toBe('ann');
    expect(world.agents.get('ann')).toEqual({
      spec: aSpec('ann', { type: 'agent', capabilities: ['code', 'test'], languages: ['en'], metadata: { team: 7 } }),
      status: 'ready',
      currentLoad: 0,
      lastHeartbeat: world.clock.now(),
      incarnation: 1,
      restarts: 0,
      health: 'healthy',
      circuit: 'closed',
    });
  });

  it('refuses bad definitions with every problem at once, and registers none of them', async () => {
    await using world = startAgents();
    await world.agents.register({ id: 'taken', capabilities: ['code'] });
    const given = [
      { id: 'ok', capabilities: ['code'] },
      { id: '', capabilities: [], maxConcurrentTasks: 0, colour: 'red' },
      { id: 'taken', capabilities: ['code'] },
      {
        id: 'ok',
        capabilities: ['code'],
        initialize: 'yes',
        heartbeat: { intervalMs: 0, check: () => {} },
        restart: { maxRestarts: -1, withinMs: 5 },
      },
      null,
      { id: 'meta', capabilities: ['code'], metadata: { when: () => {} } },
    ];
    expect(await problemsOf(world.agents.register(given as never))).toEqual([
      'INVALID_VALUE agents.1.id',
      'INVALID_VALUE agents.1.capabilities',
      'INVALID_VALUE agents.1.maxConcurrentTasks',
      'UNKNOWN_KEY agents.1.colour',
      'DUPLICATE_AGENT agents.2.id',
      'DUPLICATE_AGENT agents.3.id',
      'INVALID_VALUE agents.3.initialize',
      'INVALID_VALUE agents.3.heartbeat.intervalMs',
      'INVALID_VALUE agents.3.restart.maxRestarts',
      'INVALID_VALUE agents.4',
      'INVALID_VALUE agents.5.metadata',
    ]);
    await expect(world.agents.register({ id: 'taken', capabilities: ['code'] })).rejects.toMatchObject({ code: 'DUPLICATE_AGENT' });
    expect(world.agents.list().map(({ spec }) => spec.id)).toEqual(['taken']);
  });

  it('begins with the agents that a runtime was given, refuses bad ones at once, and logs one that cannot be started', async () => {
    await using world = startAgents();
    expect(() => world.agents.bring([{ id: '', capabilities: ['code'] }])).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }));
    const broken = { id: 'broken', capabilities: ['code'], initialize: () => Promise.reject(new Error('no disk')) };
    world.agents.bring([{ id: 'ann', capabilities: ['code'] }, broken]);
    await world.settle();
    expect(world.agents.discover().map(({ spec }) => spec.id)).toEqual(['ann']);
    expect(world.warnings).toMatchObject([{ err: { code: 'AGENT_NOT_READY' } }]);
  });

  it('refuses an id from the moment at which it is asked for', async () => {
    await using world = startAgents();
    const first = world.agents.register({ id: 'ann', capabilities: ['code'] });
    await expect(world.agents.register({ id: 'ann', capabilities: ['code'] })).rejects.toMatchObject({ code: 'DUPLICATE_AGENT' });
    await first;
  });

  it('discovers ready agents by what they can, are and speak, and by whether they have room', async () => {
    await using world = startAgents();
    await world.agents.register([
      { id: 'ann', type: 'coder', capabilities: ['code', 'test'], languages: ['en', 'ar'] },
      { id: 'bob', type: 'tester', capabilities: ['test'], frameworks: ['vitest'], maxConcurrentTasks: 2 },
    ]);
    world.agents.lend([aSpec('own', { swarmId: 'swarm' })]);
    await world.agents.lease({ capabilities: ['code'] });
    const found = (criteria: Parameters<typeof world.agents.discover>[0]) => world.agents.discover(criteria).map(({ spec }) => spec.id);
    expect(found({})).toEqual(['ann', 'bob']);
    expect(found({ capabilities: ['test'] })).toEqual(['ann', 'bob']);
    expect(found({ capabilities: ['test', 'code'] })).toEqual(['ann']);
    expect(found({ type: 'tester' })).toEqual(['bob']);
    expect(found({ language: 'ar' })).toEqual(['ann']);
    expect(found({ framework: 'vitest' })).toEqual(['bob']);
    expect(found({ available: true })).toEqual(['bob']);
    expect(found({ available: false })).toEqual(['ann']);
    expect(world.agents.capabilities()).toEqual([
      { capability: 'code', agents: 1, available: 0 },
      { capability: 'test', agents: 2, available: 1 },
    ]);
  });

  it('lends the agents of a swarm to it alone, and takes them back with what it still holds', async () => {
    await using world = startAgents();
    world.agents.lend([aSpec('own', { swarmId: 'mine' }), aSpec('own')]);
    world.agents.ask({
      type: 'lease.request',
      request: { leaseId: 'l', holder: 'run', capabilities: ['code'], exclude: [], swarmId: 'mine', priority: 5 },
      at: 0,
    });
    await expect(world.agents.lease({ capabilities: ['code'] })).rejects.toMatchObject({ code: 'NO_CAPABLE_AGENT' });
    world.agents.takeBack(['own']);
    await world.clock.advanceAsync(0);
    expect(world.answers).toMatchObject([
      { holder: 'run', type: 'lease.granted', agentId: 'own' },
      { holder: 'run', type: 'lease.lost', error: { code: 'AGENT_UNREGISTERED' } },
    ]);
    expect(world.agents.list()).toEqual([]);
  });

  it('has no agent yet that is only being checked: it cannot be unregistered', async () => {
    await using world = startAgents();
    const many = world.agents.register(Array.from({ length: 1_000 }, (_, index) => ({ id: `a${index}`, capabilities: ['code'] })));
    expect(await world.agents.unregister('a999')).toBe(false);
    await many;
    expect(await world.agents.unregister('a999')).toBe(true);
  });

  it('refuses what is no definition and no options', async () => {
    await using world = startAgents();
    const unreadable = new Proxy({}, { get: () => expect.unreachable() });
    for (const given of [null, 5, unreadable]) {
      await expect(world.agents.register(given as never)).rejects.toMatchObject({ code: 'INVALID_VALUE' });
    }
    for (const given of [null, 5]) {
      await expect(world.agents.lease(given as never)).rejects.toMatchObject({ code: 'INVALID_VALUE' });
      await expect(world.agents.lease({ signal: given as never })).rejects.toMatchObject({ code: 'INVALID_VALUE' });
      await expect(world.agents.unregister('ann', given as never)).rejects.toMatchObject({ code: 'INVALID_VALUE' });
    }
  });

  it('takes the ids of thousands from the start, and frees them when one of them is refused', async () => {
    await using world = startAgents();
    const many = (last: object) => [...Array.from({ length: 1_000 }, (_, index) => ({ id: `a${index}`, capabilities: ['code'] })), last];
    const refused = problemsOf(world.agents.register(many({ id: 'last', capabilities: [] }) as never));
    await expect(world.agents.register({ id: 'a999', capabilities: ['code'] })).rejects.toMatchObject({ code: 'DUPLICATE_AGENT' });
    expect(await refused).toEqual(['INVALID_VALUE agents.1000.capabilities']);
    expect(world.agents.list()).toEqual([]);
    await world.agents.register({ id: 'a999', capabilities: ['code'] });
    expect(await problemsOf(world.agents.register(many({ id: 'last', capabilities: ['code'] }) as never))).toEqual([
      'DUPLICATE_AGENT agents.999.id',
    ]);
  });

  it('starts thousands and stops them all', async () => {
    await using world = startAgents();
    const many = Array.from({ length: 3_000 }, (_, index) => ({ id: `a${index}`, capabilities: ['code'] }));
    expect(await world.agents.register(many)).toHaveLength(3_000);
    expect(world.agents.discover()).toHaveLength(3_000);
    expect(world.agents.capabilities()).toEqual([{ capability: 'code', agents: 3_000, available: 3_000 }]);
  });
});
