/** What a swarm does, told to a nursery and a pool that only remember. */

import { describe, expect, it, vi } from 'vitest';
import { executionError } from '../../src/machines/protocol/errors.ts';
import { DEFAULT_ALLOCATION } from '../../src/machines/protocol/execution.ts';
import type { SwarmEvent } from '../../src/machines/swarm.decisions.ts';
import { DOWN, NOBODY, outcome, SwarmStage, type Timeless } from './swarm-stage.ts';

const two = { tasks: [{}, { after: [0], parameters: { from: '${t0.result}' } }] };
const REJECTED = executionError('REJECTED_BY_HUMAN', 'Ann rejected it', 'tier2');
const INVALID = executionError('INVALID_PARAMETERS', 'The name is missing', 'tier3');

describe('a swarm with its tasks', () => {
  it('does one after the other, hands results on, and makes one of them', () => {
    const stage = new SwarmStage(two, { input: { lang: 'ts' } }).begin();
    expect(stage.requests('t1')).toEqual([]);
    stage.grant('t0', 'ann');
    expect(stage.children.get('t0')).toMatchObject({ incarnation: 1, executionId: 'swarm/t0/1', told: [] });
    expect(stage.children.get('t0')?.job?.input).toEqual({ goal: 'Build it', lang: 'ts', task: 't0', description: 'Do it', results: {} });
    stage.complete('t0');
    stage.grant('t1', 'bob');
    expect(stage.children.get('t1')?.job?.input).toMatchObject({ from: 't0 is done', results: { t0: 't0 is done' } });
    stage.complete('t1');
    stage.end('$synthesizer', { ok: true, result: 'built' });
    expect(stage.outcome).toMatchObject({ status: 'completed', result: 'built' });
    expect([...stage.leases.values()]).toEqual(['returned', 'returned']);
    expect(stage.asked.at(-1)).toMatchObject({ type: 'lease.returnAll', holder: 'swarm' });
  });

  it('asks for no more agents than it may use at once, and for the next when one is free', () => {
    const stage = new SwarmStage({ tasks: [{}, {}, {}] }, { maxConcurrentTasks: 2 }).begin();
    expect([...stage.leases.keys()]).toEqual(['swarm/t0#1', 'swarm/t1#1']);
    stage.grant('t1', 'ann');
    expect(stage.leases.size).toBe(2);
    stage.complete('t1');
    expect(stage.leaseOf('t2', 'waiting')).toBe('swarm/t2#1');
  });

  it('gives the place of a task that cannot start to the next one', () => {
    const tasks = [{ parameters: { from: '{{missing}}' }, onFailure: 'continue' as const }, {}];
    const stage = new SwarmStage({ tasks }, { maxConcurrentTasks: 1 }).begin();
    stage.grant('t0', 'ann');
    expect(stage.record('t0').error?.code).toBe('UNRESOLVED_REFERENCE');
    expect(stage.leases.get('swarm/t0#1')).toBe('returned');
    expect(stage.leaseOf('t1', 'waiting')).toBe('swarm/t1#1');
  });

  it('asks for its own agents by the names that the pool knows, and calls them by its own', () => {
    const tasks = [{ team: { agents: ['ann', 'bob'] } }];
    const stage = new SwarmStage({ tasks }, { poolIds: { ann: 'swarm/ann' } }).begin();
    expect(stage.requests('t0')[0]).toMatchObject({ holder: 'swarm', agents: ['swarm/ann', 'bob'], exclude: [] });
    stage.grant('t0', 'swarm/ann');
    expect(stage.record('t0').agentId).toBe('ann');
    stage.fail('t0');
    expect(stage.requests('t0')[1]).toMatchObject({ exclude: ['swarm/ann'] });
  });

  it('starts no run for a task that a norm forbids', () => {
    const violation = { normId: 'n', message: 'Coders must not delete' };
    const stage = new SwarmStage({ tasks: [{ team: { violation } }] }).begin();
    expect(stage.outcome).toMatchObject({ status: 'failed', error: { code: 'NORM_VIOLATED' } });
    expect(stage.told.filter(({ type }) => type === 'child.start')).toHaveLength(2);
  });
});

describe('a lease that is lost', () => {
  it('stops the run, and the next agent goes on with the same one', () => {
    const stage = new SwarmStage({ tasks: [{}] }).begin();
    stage.grant('t0', 'ann');
    stage.lose('t0');
    expect(stage.stopped.at(-1)).toEqual({ id: 't0', incarnation: 1 });
    stage.grant('t0', 'bob');
    expect(stage.children.get('t0')).toMatchObject({ incarnation: 2, executionId: 'swarm/t0/1', told: ['execution.resume'] });
    expect(stage.factsOf('tier1/task/continued')).toEqual([{ taskId: 't0', ordinal: 0, agentId: 'bob', incarnation: 2 }]);
  });

  it('is asked for again only when the run has stopped', () => {
    const stage = new SwarmStage({ tasks: [{}] }).begin();
    stage.grant('t0', 'ann');
    stage.lose('t0', 'ends');
    expect([...stage.leases.values()]).toEqual(['lost']);
    stage.send({ type: 'child.stopped', id: 't0', incarnation: 1 });
    expect(stage.leaseOf('t0', 'waiting')).toBe('swarm/t0#2');
  });

  it('lets the run end in order, when the swarm ends while it stops', () => {
    const stage = new SwarmStage({ tasks: [{}] }).begin();
    stage.grant('t0', 'ann');
    stage.lose('t0', 'ends');
    stage.send({ type: 'execution.cancel', reason: 'enough' });
    stage.send({ type: 'child.stopped', id: 't0', incarnation: 1 });
    expect(stage.children.get('t0')).toMatchObject({ incarnation: 2, executionId: 'swarm/t0/1', told: ['execution.cancel'] });
    stage.end('t0', outcome('cancelled', { reason: 'enough' }));
    expect(stage.outcome).toMatchObject({ status: 'cancelled', reason: 'enough' });
  });

  it('does not undo the end of a run that came first', () => {
    const stage = new SwarmStage({ tasks: [{ maxAgents: 2 }, {}] }).begin();
    for (const id of ['t0', 't1']) {
      stage.grant(id, 'ann');
      stage.lose(id, 'ends');
    }
    stage.send({ type: 'child.done', id: 't1', incarnation: 1, output: outcome('completed', { result: 'done' }) });
    expect(stage.record('t1')).toMatchObject({ status: 'completed', result: 'done' });
    stage.send({ type: 'child.done', id: 't0', incarnation: 1, output: outcome('failed', { error: DOWN }) });
    expect(stage.requests('t0').at(-1)).toMatchObject({ leaseId: 'swarm/t0#2', exclude: [] });
    expect(stage.idleReturns).toEqual([]);
  });

  it('lets an earlier life have no say', () => {
    const stage = new SwarmStage({ tasks: [{}] }).begin();
    stage.grant('t0', 'ann');
    stage.lose('t0');
    stage.send({ type: 'child.done', id: 't0', incarnation: 1, output: outcome('completed', {}) });
    stage.grant('t0', 'bob');
    stage.send({ type: 'child.done', id: 't0', incarnation: 1, output: outcome('completed', {}) });
    expect(stage.record('t0').status).toBe('running');
  });

  it('revives the run only to end, when nobody else can do it', () => {
    const stage = new SwarmStage({ tasks: [{}] }).begin();
    stage.grant('t0', 'ann');
    stage.lose('t0');
    stage.refuse('t0');
    expect(stage.children.get('t0')).toMatchObject({ incarnation: 2, executionId: 'swarm/t0/1', told: ['execution.cancel'] });
    stage.end('t0', outcome('cancelled', { reason: 'Nobody can do it' }));
    expect(stage.outcome).toMatchObject({ status: 'failed', error: NOBODY });
  });

  it('asks nobody else after a refusal, whatever its kind and however the revived run ends', () => {
    const full = executionError('RESOURCE_EXHAUSTED', 'Too many wait', 'tier1');
    for (const end of [outcome('cancelled', {}), outcome('failed', { error: DOWN })]) {
      const stage = new SwarmStage({ tasks: [{ maxAgents: 3 }] }).begin();
      stage.grant('t0', 'ann');
      stage.lose('t0');
      stage.refuse('t0', full);
      stage.end('t0', end);
      expect(stage.types).not.toContain('task/reassigned');
      expect(stage.outcome).toMatchObject({ status: 'failed', error: end.error ?? full });
    }
  });

  it('lets a run whose lease is refused in a pause end after it', () => {
    const stage = new SwarmStage({ tasks: [{}] }).begin();
    stage.grant('t0', 'ann');
    stage.lose('t0');
    stage.send({ type: 'execution.pause', epoch: 0 });
    stage.refuse('t0');
    expect([stage.state.phase, stage.children.size]).toEqual(['paused', 0]);
    stage.send({ type: 'execution.resume' });
    expect(stage.children.get('t0')?.told).toEqual(['execution.cancel']);
  });
});

describe('a task that failed', () => {
  it('is given to another agent, as a new run', () => {
    const stage = new SwarmStage({ tasks: [{}] }).begin();
    stage.grant('t0', 'ann');
    stage.fail('t0');
    expect(stage.requests('t0').map(({ exclude }) => exclude)).toEqual([[], ['ann']]);
    expect(stage.leases.get('swarm/t0#1')).toBe('returned');
    stage.grant('t0', 'bob');
    expect(stage.children.get('t0')?.executionId).toBe('swarm/t0/2');
  });

  it('fails with what its agent failed with, when there is no other', () => {
    const stage = new SwarmStage({ tasks: [{}] }).begin();
    stage.grant('t0', 'ann');
    stage.fail('t0');
    stage.refuse('t0');
    expect(stage.outcome).toMatchObject({ status: 'failed', error: DOWN });
  });

  it('fails when so many agents as may have tried', () => {
    const stage = new SwarmStage({ tasks: [{ maxAgents: 2 }] }).begin();
    for (const agentId of ['ann', 'bob']) {
      stage.grant('t0', agentId);
      stage.crash('t0');
    }
    expect(stage.outcome).toMatchObject({ status: 'failed', error: { code: 'ACTOR_CRASHED' } });
    expect(stage.requests('t0')).toHaveLength(2);
  });

  it.for([INVALID, REJECTED])('is not given to another agent after $code', (error) => {
    const stage = new SwarmStage({ tasks: [{ maxAgents: 5 }] }).begin();
    stage.grant('t0', 'ann');
    stage.fail('t0', error);
    expect(stage.outcome).toMatchObject({ status: 'failed', error });
    expect(stage.requests('t0')).toHaveLength(1);
  });

  it('lets its dependents go on where it may', () => {
    const stage = new SwarmStage({ tasks: [{ onFailure: 'continue' }, { after: [0] }] }).begin();
    stage.refuse('t0');
    stage.grant('t1', 'bob');
    expect(stage.children.get('t1')?.job?.input).toMatchObject({ results: { t0: null } });
  });
});

describe('a lease that comes too late', () => {
  it('goes back to the pool, also when it was asked for in an earlier life', () => {
    const goal = { tasks: [{}] };
    const { state, job } = new SwarmStage(goal).begin();
    const stage = new SwarmStage(goal, job, state);
    stage.send({ type: 'lease.granted', leaseId: 'swarm/t0#1', agentId: 'ann' });
    expect(stage.asked.at(-1)).toMatchObject({ type: 'lease.return', leaseId: 'swarm/t0#1' });
    expect(stage.children.size).toBe(0);
    expect(stage.leaseOf('t0', 'waiting')).toBe('swarm/t0#2');
  });

  it('was withdrawn before, when the swarm ended meanwhile', () => {
    const stage = new SwarmStage({ tasks: [{}, {}] }).begin();
    stage.grant('t1', 'bob');
    stage.send({ type: 'execution.cancel', reason: 'enough' });
    expect(stage.leases.get('swarm/t0#1')).toBe('withdrawn');
    stage.send({ type: 'lease.granted', leaseId: 'swarm/t0#1', agentId: 'ann' });
    expect(stage.children.has('t0')).toBe(false);
  });

  it('is held while the swarm is paused, and used when it goes on', () => {
    const stage = new SwarmStage({ tasks: [{}] }).begin();
    stage.send({ type: 'execution.pause', epoch: 0 });
    stage.grant('t0', 'ann');
    expect([stage.state.phase, stage.children.size]).toEqual(['paused', 0]);
    stage.send({ type: 'execution.resume' });
    expect(stage.children.get('t0')?.executionId).toBe('swarm/t0/1');
  });
});

describe('a budget', () => {
  const huge = { ...DEFAULT_ALLOCATION, maxCredits: `1${'0'.repeat(30)}` };
  const tasks = [{ complexity: 1 }, { complexity: 4 }, { complexity: 5, after: [0] }];

  it('is split by complexity, and what a run leaves over goes to the others', () => {
    const stage = new SwarmStage({ tasks }, { allocation: huge }).begin();
    stage.grant('t0', 'ann');
    stage.grant('t1', 'bob');
    expect(stage.record('t0').reserved.credits).toBe(`1${'0'.repeat(29)}`);
    expect(stage.record('t1').reserved.credits).toBe(`4${'0'.repeat(29)}`);
    stage.complete('t0', '1');
    stage.grant('t2', 'cal');
    expect(stage.record('t2').reserved.credits).toBe(`5${'9'.repeat(29)}`);
    expect(stage.children.get('t2')?.job?.allocation.maxCredits).toBe(stage.record('t2').reserved.credits);
  });

  it('sums what its runs used', () => {
    const stage = new SwarmStage({ tasks: [{}, {}] }, { allocation: huge }).begin();
    stage.grant('t0', 'ann');
    stage.grant('t1', 'bob');
    stage.complete('t0', '12345678901234567890');
    stage.fail('t1', INVALID, '1');
    expect(stage.outcome?.usage.creditsUsed).toBe('12345678901234567891');
  });
});

describe('a swarm that has ended', () => {
  const LATE: readonly Timeless<SwarmEvent>[] = [
    { type: 'execution.pause', epoch: 0 },
    { type: 'execution.resume' },
    { type: 'execution.cancel', reason: 'again' },
    { type: 'swarm.decide', normId: 'o', decision: 'abort' },
    ...['$planner', '$organizer', '$synthesizer', 't0'].flatMap((id): readonly Timeless<SwarmEvent>[] => [
      { type: 'child.done', id, incarnation: 1, output: { ok: true, result: 'late' } },
      { type: 'child.crashed', id, incarnation: 1, cause: { name: 'Error', message: 'late' } },
      { type: 'child.stopped', id, incarnation: 1 },
    ]),
    { type: 'execution.paused', id: 't0', epoch: 1 },
    { type: 'execution.waiting', id: 't0' },
    { type: 'execution.continued', id: 't0' },
    { type: 'lease.granted', leaseId: 'swarm/t0#1', agentId: 'late' },
    { type: 'lease.refused', leaseId: 'swarm/t0#1', error: NOBODY },
    { type: 'lease.lost', leaseId: 'swarm/t0#1', agentId: 'late', error: DOWN },
  ];

  it.for(['completed', 'failed', 'cancelled'] as const)('as %s hears nothing any more', (end) => {
    using _quiet = vi.spyOn(console, 'warn').mockReturnValue();
    const stage = new SwarmStage({ tasks: [{}] }).begin();
    stage.grant('t0', 'ann');
    if (end === 'cancelled') {
      stage.send({ type: 'execution.cancel', reason: 'enough' });
      stage.end('t0', outcome('cancelled', { reason: 'enough' }));
    } else if (end === 'failed') stage.fail('t0', INVALID);
    else {
      stage.complete('t0');
      stage.end('$synthesizer', { ok: true, result: 'built' });
    }
    const { told, asked, facts, state } = stage;
    const before = [told, asked, facts].map(({ length }) => length);
    for (const event of LATE) stage.send(event);
    expect([told, asked, facts].map(({ length }) => length)).toEqual(before);
    expect([stage.state, state.phase, stage.clock.pending]).toEqual([state, end, 0]);
  });
});
