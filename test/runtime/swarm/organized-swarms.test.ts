/** Swarms with an organization, from end to end: SWM-5. And what their tools write on the blackboard: SWM-10. */

import { describe, expect, it } from 'vitest';
import type { SwarmDefinition, ToolContext } from '../../../src/index.ts';
import { VirtualClock } from '../../../src/testing/testing.ts';
import { startRuntime } from '../../support/start-runtime.ts';
import { wait } from '../../support/tools.ts';

const definition: SwarmDefinition = {
  id: 'house',
  goal: 'build a house',
  agents: [
    { id: 'mason', capabilities: ['build'] },
    { id: 'mate', capabilities: ['build'] },
    { id: 'judge', capabilities: ['inspect'] },
  ],
  tasks: [
    { id: 'walls', requiredCapabilities: ['build'], tool: 'lay' },
    { id: 'roof', requiredCapabilities: ['build'], tool: 'roof', dependencies: ['walls'] },
    { id: 'check', requiredCapabilities: ['inspect'], tool: 'look', dependencies: ['roof'] },
  ],
  organization: {
    roles: [
      { id: 'builder', capabilities: ['build'], min: 2 },
      { id: 'inspector', capabilities: ['inspect'], min: 1, max: 1 },
    ],
    missions: [
      { id: 'building', tasks: ['walls', 'roof'] },
      { id: 'checking', tasks: ['check'] },
    ],
    norms: [
      { id: 'builders-build', type: 'obligation', role: 'builder', mission: 'building', deadlineMs: 15_000 },
      { id: 'inspectors-check', type: 'permission', role: 'inspector', mission: 'checking' },
    ],
  },
};
const organizationOf = (more: object): SwarmDefinition => ({ ...definition, organization: { ...definition.organization, ...more } });

async function startWorld(takesMs = 5_000) {
  const clock = new VirtualClock();
  const calls: string[] = [];
  const tool = (name: string) => ({
    name,
    run: async (_: unknown, { signal, blackboard, agent }: ToolContext) => {
      calls.push(name);
      await blackboard.append('diary', `${agent?.id ?? '?'} did ${name}`);
      await wait(clock, takesMs, signal);
      return name;
    },
  });
  const world = await startRuntime({ clock, tools: ['lay', 'roof', 'look'].map(tool) });
  return { ...world, clock, calls, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

describe('an organized swarm', () => {
  it('gives each task to the players of its role, and says who plays what', async () => {
    await using world = await startWorld();
    const swarm = world.runtime.swarm(definition);
    await world.clock.advanceAsync(30_000);
    expect(await swarm.result()).toMatchObject({ success: true });
    expect((await swarm.snapshot()).roles).toEqual({ builder: ['mason', 'mate'], inspector: ['judge'] });
    expect((await swarm.snapshot()).obligations).toMatchObject([{ normId: 'builders-build', status: 'met' }]);
    await world.checkInvariants(swarm.executionId);
  });

  it('refuses a team that cannot be, before any run', async () => {
    await using world = await startWorld();
    const roles = [{ id: 'builder', capabilities: ['build'], min: 3 }, ...(definition.organization?.roles ?? []).slice(1)];
    const swarm = world.runtime.swarm(organizationOf({ roles }));
    await world.clock.advanceAsync(1_000);
    const { error } = await swarm.result();
    expect(error).toMatchObject({ code: 'ORGANIZATION_INFEASIBLE', tier: 'tier1' });
    expect(error?.message).toContain('builder');
    expect(world.calls).toEqual([]);
    expect(await world.typesOf(swarm.executionId)).not.toContain('tier1/task/started');
    await world.checkInvariants(swarm.executionId);
  });

  it('blocks a task that a norm forbids before its tool is called, and says so in a fact', async () => {
    await using world = await startWorld();
    const norms = [
      ...(definition.organization?.norms ?? []),
      { id: 'no-roofs', type: 'prohibition' as const, role: 'builder', tools: ['roof'] },
    ];
    const swarm = world.runtime.swarm(organizationOf({ norms }));
    await world.clock.advanceAsync(30_000);
    expect(await swarm.result()).toMatchObject({ success: false, error: { code: 'NORM_VIOLATED', context: { normId: 'no-roofs' } } });
    expect(world.calls).toEqual(['lay']);
    const facts = await world.checkInvariants(swarm.executionId);
    expect(facts.filter(({ type }) => type === 'tier1/norm/violated')).toMatchObject([{ payload: { taskId: 'roof', normId: 'no-roofs' } }]);
  });

  it('escalates an obligation that is not met in time, and goes on with the work meanwhile', async () => {
    await using world = await startWorld(10_000);
    const swarm = world.runtime.swarm(definition);
    await world.clock.advanceAsync(15_000);
    expect((await swarm.snapshot()).obligations).toMatchObject([{ normId: 'builders-build', status: 'escalated' }]);
    expect(swarm.status).toBe('running');
    expect(await swarm.decide('builders-build', { decision: 'reject', by: 'the client' })).toBe(true);
    expect(await swarm.result()).toMatchObject({ success: false, error: { code: 'OBLIGATION_UNMET' } });
    expect(await swarm.decide('builders-build', { decision: 'approve' })).toBe(false);
    await world.checkInvariants(swarm.executionId);
  });

  it('writes its diary into its own stream, and a restored swarm knows it', async () => {
    await using world = await startWorld();
    const swarm = world.runtime.swarm(definition, { context: { executionId: 'house' } });
    await world.clock.advanceAsync(7_000);
    const facts = await world.journal.read('house');
    expect(facts.filter(({ type }) => type === 'tier1/blackboard/written')).toHaveLength(2);
    await swarm.cancel();

    await using again = await startWorld();
    const restored = await again.runtime.restoreSwarm(facts);
    expect(again.runtime.blackboard('house').get('diary')?.value).toHaveLength(2);
    await again.clock.advanceAsync(30_000);
    expect(await restored.result()).toMatchObject({ success: true });
    await again.checkInvariants('house');
  });
});
