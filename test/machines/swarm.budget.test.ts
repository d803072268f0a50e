/** SWM-8: what a swarm promises to its tasks, of whatever kind; and tasks that wait for memory. */

import { describe, expect, it } from 'vitest';
import { freeOf } from '../../src/machines/ledger.ts';
import { DEFAULT_ALLOCATION } from '../../src/machines/protocol/execution.ts';
import type { TaskSpec } from './paths/goals.ts';
import { planOf } from './paths/plans.ts';
import { outcome, SwarmStage } from './swarm-stage.ts';

const holding = (memoryMB: number, more: TaskSpec = {}): TaskSpec => ({ plan: planOf([{ memoryMB, credits: '0' }]), ...more });
const stageOf = (tasks: readonly TaskSpec[], limits: object) =>
  new SwarmStage({ tasks }, { allocation: { ...DEFAULT_ALLOCATION, ...limits } }).begin();

const isWithin = ({ state, job }: SwarmStage): boolean => {
  const { credits, tokens, steps, memoryMB } = freeOf(job.allocation, state.usage, state.reserved);
  return BigInt(credits) >= 0n && Math.min(tokens, steps, memoryMB) >= 0;
};

describe('the shares of tasks', () => {
  it('are by complexity, in tokens and steps as in credits, and what is not used goes to those that follow', () => {
    const plan = planOf([{ credits: '0' }]);
    const tasks = [2, 3, 5].map((complexity) => ({ complexity, plan }));
    const stage = stageOf(tasks, { maxCredits: '100', maxTokens: 1_000, maxSteps: 20 });
    for (const id of ['t0', 't1']) stage.grant(id, id);
    expect(stage.record('t0').reserved).toEqual({ credits: '20', tokens: 200, steps: 4 });
    expect(stage.record('t1').reserved).toEqual({ credits: '30', tokens: 300, steps: 6 });
    expect(stage.children.get('t1')?.job?.allocation).toMatchObject({ maxCredits: '30', maxTokens: 300, maxSteps: 6, maxMemoryMB: 4096 });
    const { usage } = outcome('completed', { creditsUsed: '1' });
    stage.end('t0', { ...outcome('completed', {}), usage: { ...usage, tokensUsed: 50, stepsExecuted: 1 } });
    stage.grant('t2', 'c');
    expect(stage.record('t2').reserved).toEqual({ credits: '69', tokens: 650, steps: 13 });
    expect(isWithin(stage)).toBe(true);
  });

  it('are at least what the plan of a task is known to need, while there is as much', () => {
    const stage = stageOf([{ plan: planOf([{ tokens: 600 }, {}, {}]) }, { plan: planOf([{ tokens: 50 }]) }], {
      maxCredits: '12',
      maxTokens: 700,
      maxSteps: 4,
    });
    stage.grant('t0', 'a');
    stage.grant('t1', 'b');
    expect(stage.record('t0').reserved).toEqual({ credits: '9', tokens: 600, steps: 3 });
    expect(stage.record('t1').reserved).toEqual({ credits: '3', tokens: 100, steps: 1 });
  });
});

describe('a task whose plan holds memory', () => {
  it('is given to an agent when there is enough, and gives it back whole', () => {
    const stage = stageOf([holding(300), holding(300), { plan: planOf([{ credits: '0' }]) }], { maxMemoryMB: 512 });
    expect(stage.state.reserved).toEqual({ credits: '0', memoryMB: 300 });
    expect(stage.requests('t1')).toEqual([]);
    stage.grant('t0', 'a');
    expect(stage.children.get('t0')?.job?.allocation.maxMemoryMB).toBe(300);
    stage.complete('t0');
    expect(stage.requests('t1')).toHaveLength(1);
    expect(stage.requests('t2')).toHaveLength(1);
    stage.grant('t2', 'b');
    expect(stage.children.get('t2')?.job?.allocation.maxMemoryMB).toBe(212);
  });

  it('holds none while it waits for another agent, if its run has not begun', () => {
    const stage = stageOf([holding(300, { maxAgents: 3 })], { maxMemoryMB: 512 });
    stage.grant('t0', 'a');
    stage.fail('t0');
    expect(stage.state.reserved).toEqual({ credits: '0', memoryMB: 300 });
    stage.refuse('t0');
    expect(stage.state.reserved).toEqual({ credits: '0' });
  });

  it('keeps it when its agent is lost, and goes on before one that waits for it', () => {
    const stage = stageOf([holding(300, { after: [2] }), holding(300), { ...holding(0), onFailure: 'continue' }], { maxMemoryMB: 512 });
    stage.grant('t1', 'a');
    stage.grant('t2', 'b');
    stage.complete('t2');
    expect(stage.requests('t0')).toEqual([]);
    stage.lose('t1');
    expect(stage.requests('t0')).toEqual([]);
    expect(stage.requests('t1')).toHaveLength(2);
    stage.grant('t1', 'c');
    stage.complete('t1');
    stage.grant('t0', 'c');
    stage.complete('t0');
    expect(stage.types.at(-1)).toBe('swarm/synthesizing');
  });

  it('goes on with a run that holds memory, though others that live wait for people', () => {
    const stage = stageOf([holding(300, { after: [2] }), holding(300), holding(0), holding(0)], { maxMemoryMB: 512 });
    stage.grant('t1', 'a');
    stage.grant('t2', 'b');
    stage.complete('t2');
    stage.grant('t3', 'c');
    stage.lose('t1');
    expect(stage.requests('t1')).toHaveLength(1);
    stage.send({ type: 'execution.waiting', id: 't3' });
    expect(stage.requests('t1')).toHaveLength(2);
    expect(stage.state.phase).toBe('coordinating');
    stage.grant('t1', 'b');
    stage.lose('t1');
    expect(stage.requests('t1')).toHaveLength(3);
  });

  it('fails when there is not as much memory at all', () => {
    const stage = stageOf([holding(600)], { maxMemoryMB: 512 });
    expect(stage.factsOf('tier1/task/failed')).toMatchObject([
      { error: { code: 'RESOURCE_EXHAUSTED', context: { taskId: 't0', memoryMB: 600, maxMemoryMB: 512 } } },
    ]);
  });
});

describe('the time of a task', () => {
  it('is no more than what its swarm has left', () => {
    const stage = stageOf([{}], { maxDurationMs: 10_000 });
    stage.clock.advance(4_000);
    stage.grant('t0', 'a');
    expect(stage.children.get('t0')?.job?.allocation.maxDurationMs).toBe(6_000);
  });
});
