/**
 * S23, failure escalation: one failure climbs the whole ladder, retry → fallback → another agent → another plan → people → failed.
 *
 * Each rung is a fact, and a state that can be seen; what is done stays done; those beside it are not touched.
 */

import { describe, expect, it } from 'vitest';
import { defineTool, type Fact, type PlannerRequest, type RuntimeOptions, type SwarmHandle } from '../../src/index.ts';
import { startRuntime } from '../support/start-runtime.ts';

const RUNGS: readonly [string, string][] = [
  ['retry', 'tier3/attempt/failed'],
  ['fallback', 'tier2/step/fell_back'],
  ['another agent', 'tier1/task/reassigned'],
  ['given up', 'tier1/task/given_up'],
  ['another plan', 'tier1/swarm/replanning'],
  ['planner asked', 'tier1/swarm/plan_requested'],
  ['new plan', 'tier1/swarm/decomposed'],
  ['people', 'tier1/task/escalated'],
  ['vote', 'tier1/task/voted'],
  ['decision', 'tier1/task/decided'],
  ['expiry', 'tier1/task/expired'],
  ['task done', 'tier1/task/completed'],
  ['task failed', 'tier1/task/failed'],
];

const rungsOf = (facts: readonly Fact[], taskId: string): readonly string[] =>
  facts.flatMap(({ type, payload, executionId }) => {
    const rung = RUNGS.find(([, name]) => name === type)?.[0];
    const of = (payload as { readonly taskId?: string }).taskId;
    const isOfTask = of === undefined ? type.startsWith('tier1/swarm') || executionId.includes(`/${taskId}/`) : of === taskId;
    return rung && isOfTask ? [rung] : [];
  });

const swarm = {
  id: 'ladder',
  goal: 'Ship it',
  agents: ['ann', 'bob'].map((id) => ({ id, capabilities: ['ship'] })),
  routines: {
    ship: {
      retry: { maxRetries: 1, backoff: { strategy: 'fixed' as const, baseMs: 100 } },
      steps: [{ id: 'push', tool: 'push', fallbacks: [{ action: 'use-tool' as const, tool: 'mail' }] }],
    },
  },
  escalation: { replans: 1, human: { role: 'lead', quorum: 2, timeout: 60_000 } },
};

async function startLadder(answer: (request: PlannerRequest) => unknown, more: RuntimeOptions = {}) {
  const asked: PlannerRequest[] = [];
  const calls: string[] = [];
  const failing = (name: string) =>
    defineTool({
      name,
      breaker: false,
      run: (_: unknown, { execution }) => {
        calls.push(`${name} ${execution.executionId.split('/')[1]}`);
        throw new Error(`${name} is down`);
      },
    });
  const fine = defineTool({
    name: 'fine',
    run: (_: unknown, { execution }) => {
      calls.push(`fine ${execution.executionId.split('/')[1]}`);
      return 'fine';
    },
  });
  const world = await startRuntime({
    tools: [failing('push'), failing('mail'), fine],
    planner: (request) => {
      asked.push(request);
      return answer(request);
    },
    ...more,
  });
  return { ...world, asked, calls, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

const ship = { id: 'ship', requiredCapabilities: ['ship'], maxAgents: 2 };
const side = { id: 'side', requiredCapabilities: ['ship'], tool: 'fine' };
const late = { id: 'late', requiredCapabilities: ['ship'], tool: 'fine', dependencies: ['side', 'ship'] };
const factsOf = async (execution: SwarmHandle) => {
  const facts: Fact[] = [];
  for await (const fact of execution.facts()) facts.push(fact);
  return facts;
};

describe('S23: a failure that nobody can mend', () => {
  it('climbs from a retry to its fallback, another agent, another plan, two people, and then fails', async () => {
    await using world = await startLadder(() => ({ subTasks: [ship, side, late] }));
    const execution = world.runtime.swarm(swarm);
    const stages: string[] = [];
    world.runtime.events.subscribe('tier1/swarm/*', async () => {
      const { stage, status } = await execution.snapshot();
      if (stages.at(-1) !== `${stage} ${status}`) stages.push(`${stage} ${status}`);
    });
    await world.clock.advanceAsync(10_000);
    const snapshot = await execution.snapshot();
    expect(snapshot).toMatchObject({ status: 'waiting', stage: 'coordinating' });
    expect(snapshot.tasks.map(({ id, status }) => [id, status])).toEqual([
      ['side', 'completed'],
      ['ship', 'escalated'],
      ['late', 'pending'],
    ]);
    const [pending, ...others] = world.runtime.approvals.list();
    expect(others).toEqual([]);
    expect(pending).toMatchObject({
      id: `${execution.executionId}/ship`,
      kind: 'task',
      prompt: 'mail is down',
      role: 'lead',
      quorum: 2,
      options: ['approve', 'reject', 'retry', 'abort'],
    });
    expect(await world.runtime.approvals.decide(pending?.id ?? '', { decision: 'reject', by: 'eve', role: 'lead' })).toBe(true);
    await world.clock.advanceAsync(1_000);
    expect(await execution.result()).toMatchObject({
      status: 'failed',
      error: { code: 'REJECTED_BY_HUMAN', tier: 'tier1', cause: { name: 'EXECUTION_FAILED', message: 'mail is down' } },
    });
    const facts = await world.checkInvariants(execution.executionId);
    const once = ['retry', 'fallback', 'retry', 'another agent', 'retry', 'fallback', 'retry'];
    expect(rungsOf(facts, 'ship')).toEqual([
      'new plan',
      ...once,
      'given up',
      'another plan',
      'planner asked',
      'new plan',
      ...once,
      'people',
      'decision',
      'task failed',
    ]);
    expect(stages).toContain('replanning running');
    expect(world.asked.map(({ round }) => round)).toEqual([0, 1]);
    expect(world.asked[1]).toMatchObject({
      failure: { taskId: 'ship', error: { code: 'EXECUTION_FAILED', message: 'mail is down' } },
      completed: { side: 'fine' },
    });
    expect(world.calls.filter((call) => call === 'fine side')).toHaveLength(1);
    expect(world.calls.filter((call) => call === 'push ship')).toHaveLength(8);
  });

  it('is mended by another plan, which keeps what is done and may read it', async () => {
    const instead = { id: 'instead', requiredCapabilities: ['ship'], tool: 'echo', parameters: { message: 'after ${side.result}' } };
    await using world = await startLadder(({ round }) => ({ subTasks: round === 0 ? [ship, side, late] : [instead] }));
    const execution = world.runtime.swarm(swarm);
    await world.clock.advanceAsync(10_000);
    expect(await execution.result()).toMatchObject({ status: 'completed', result: { tasks: { side: 'fine', instead: 'after fine' } } });
    const facts = await world.checkInvariants(execution.executionId);
    expect(facts.map(({ type }) => type)).not.toContain('tier1/task/escalated');
    expect(world.calls.filter((call) => call === 'fine side')).toHaveLength(1);
  });

  it('is settled by two people of the role who say the same; what they approve is its result', async () => {
    await using world = await startLadder(() => ({ subTasks: [ship, side, late] }));
    const execution = world.runtime.swarm({ ...swarm, escalation: { human: swarm.escalation.human } });
    await world.clock.advanceAsync(10_000);
    const answer = { decision: 'approve', value: 'shipped by hand', role: 'lead' } as const;
    await expect(execution.decideTask('ship', { ...answer, by: 'eve', role: 'clerk' })).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
    await expect(execution.decideTask('ship', answer)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(await execution.decideTask('ship', { ...answer, by: 'eve' })).toBe(true);
    expect(await execution.decideTask('ship', { ...answer, by: 'eve' })).toBe(false);
    expect(world.runtime.approvals.list()[0]?.votes).toEqual([{ by: 'eve', decision: 'approve', value: 'shipped by hand' }]);
    expect(await execution.decideTask('ship', { ...answer, by: 'fay' })).toBe(true);
    expect(world.runtime.approvals.list()).toEqual([]);
    await world.clock.advanceAsync(1_000);
    expect(await execution.result()).toMatchObject({ status: 'completed', result: { tasks: { ship: 'shipped by hand', late: 'fine' } } });
    expect(await execution.decideTask('ship', { ...answer, by: 'gil' })).toBe(false);
    const facts = await world.checkInvariants(execution.executionId);
    expect(rungsOf(facts, 'ship').slice(-4)).toEqual(['people', 'vote', 'decision', 'task done']);
  });

  it('has failed when nobody decides in time, whether the swarm is paused or not', async () => {
    await using world = await startLadder(() => ({ subTasks: [ship] }));
    const execution = world.runtime.swarm({ ...swarm, escalation: { human: { timeout: 60_000 } } });
    await world.clock.advanceAsync(10_000);
    expect(await execution.pause()).toBe(true);
    await world.clock.advanceAsync(60_000);
    expect(await execution.result()).toMatchObject({
      status: 'failed',
      error: { code: 'APPROVAL_EXPIRED', cause: { name: 'EXECUTION_FAILED' } },
    });
    expect(world.runtime.approvals.list()).toEqual([]);
    const facts = await world.checkInvariants(execution.executionId);
    expect(rungsOf(facts, 'ship').slice(-3)).toEqual(['people', 'expiry', 'task failed']);
  });

  it('goes to people at once when the planner has no other plan that makes sense', async () => {
    await using world = await startLadder(({ round }) => (round === 0 ? { subTasks: [ship, side] } : 'no idea'));
    const execution = world.runtime.swarm(swarm);
    await world.clock.advanceAsync(10_000);
    expect(world.asked.map(({ round, attempt }) => [round, attempt])).toEqual([
      [0, 1],
      [1, 1],
      [1, 2],
    ]);
    expect((await execution.snapshot()).tasks).toMatchObject([
      { id: 'ship', status: 'escalated' },
      { id: 'side', status: 'completed' },
    ]);
    for (const by of ['eve', 'fay']) expect(await execution.decideTask('ship', { decision: 'abort', by, role: 'lead' })).toBe(true);
    await world.clock.advanceAsync(1_000);
    expect(await execution.result()).toMatchObject({ status: 'cancelled', error: { message: expect.stringContaining('aborted by fay') } });
    await world.checkInvariants(execution.executionId);
  });

  it('is tried again by any agent when a person says so', async () => {
    await using world = await startLadder(() => ({ subTasks: [ship] }));
    const execution = world.runtime.swarm({ ...swarm, escalation: { human: true } });
    await world.clock.advanceAsync(10_000);
    expect(world.calls.filter((call) => call === 'push ship')).toHaveLength(4);
    expect(await execution.decideTask('ship', { decision: 'retry' })).toBe(true);
    await world.clock.advanceAsync(10_000);
    expect(world.calls.filter((call) => call === 'push ship')).toHaveLength(8);
    expect((await execution.snapshot()).tasks[0]).toMatchObject({ status: 'escalated', runs: 4 });
    await execution.cancel();
    await world.clock.advanceAsync(1_000);
    await world.checkInvariants(execution.executionId);
  });

  it('climbs only the rungs that the class of its error takes', async () => {
    await using world = await startLadder(() => ({ subTasks: [ship] }), { recovery: { transient: { escalation: ['human'] } } });
    const execution = world.runtime.swarm(swarm);
    await world.clock.advanceAsync(10_000);
    expect((await execution.snapshot()).tasks[0]).toMatchObject({ status: 'escalated', runs: 1 });
    expect(world.asked).toHaveLength(1);
    await execution.cancel();
    await world.clock.advanceAsync(1_000);
    const facts = await factsOf(execution);
    expect(facts.map(({ type }) => type)).not.toContain('tier1/task/reassigned');
  });

  it('takes no rung when its task may fail, and none is configured by default', async () => {
    await using world = await startLadder(({ goal }) =>
      goal === 'alone' ? undefined : { subTasks: [{ ...ship, onFailure: 'continue' }, late, side] },
    );
    const execution = world.runtime.swarm(swarm);
    await world.clock.advanceAsync(10_000);
    expect(await execution.result()).toMatchObject({ status: 'completed', result: { tasks: { ship: null, late: 'fine' } } });
    const { escalation: _, ...plain } = swarm;
    const second = world.runtime.swarm({ ...plain, goal: 'alone', tasks: [ship] });
    await world.clock.advanceAsync(10_000);
    expect(world.runtime.approvals.list()).toEqual([]);
    expect(await second.result()).toMatchObject({ status: 'failed', error: { code: 'EXECUTION_FAILED' } });
  });
});

describe('S23: a restart on any rung', () => {
  it('asks the same people again, with the answers so far and the time that is left', async () => {
    await using world = await startLadder(() => ({ subTasks: [ship] }));
    const execution = world.runtime.swarm(
      { ...swarm, escalation: { human: swarm.escalation.human } },
      { context: { executionId: 'job-1' } },
    );
    await world.clock.advanceAsync(10_000);
    await execution.decideTask('ship', { decision: 'approve', by: 'eve', role: 'lead' });
    const told = [...(await world.journal.read('job-1'))];
    const expiresAt = world.runtime.approvals.get('job-1/ship')?.expiresAt ?? 0;
    await using after = await startLadder(() => undefined);
    after.clock.advance(Math.max(0, world.clock.now() - after.clock.now()));
    const restored = await after.runtime.restoreSwarm(told);
    await after.clock.advanceAsync(1_000);
    expect(after.runtime.approvals.get('job-1/ship')).toMatchObject({ expiresAt, votes: [{ by: 'eve' }], quorum: 2 });
    expect(await restored.decideTask('ship', { decision: 'approve', by: 'eve', role: 'lead' })).toBe(false);
    expect(await restored.decideTask('ship', { decision: 'approve', by: 'fay', role: 'lead' })).toBe(true);
    await after.clock.advanceAsync(1_000);
    expect(await restored.result()).toMatchObject({ status: 'completed' });
  });
});
