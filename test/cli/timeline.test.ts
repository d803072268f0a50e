import { describe, expect, it } from 'vitest';
import { Timeline } from '../../src/cli/progress/timeline.ts';
import type { Fact } from '../../src/index.ts';

/** A timeline of facts of a swarm: when, of which execution, what. */
function timelineOf(...facts: readonly (readonly [at: number, executionId: string, type: string, payload: object])[]): readonly string[] {
  const timeline = new Timeline();
  for (const [at, executionId, type, payload] of facts) {
    const isPools = type.startsWith('agent/');
    const parentExecutionId = executionId.split('/').slice(0, -2).join('/');
    timeline.hear({ type, at, payload, executionId, parentExecutionId, tier: type.slice(0, 5), stream: isPools ? 'pool' : 's' } as Fact);
  }
  return timeline.lines();
}

const started = (taskId: string, agentId: string) => ({ taskId, agentId, childExecutionId: `s/${taskId}/1` });
const error = (message: string) => ({ code: 'EXECUTION_FAILED', message });

describe('the timeline of a swarm', () => {
  it('draws who did what, and when, on one scale', () => {
    expect(
      timelineOf(
        [100, 's', 'tier1/swarm/coordination_started', {}],
        [100, 's', 'tier1/task/started', started('read', 'ada')],
        [200, 's', 'tier1/task/completed', { taskId: 'read', agentId: 'ada' }],
        [200, 's', 'tier1/task/started', started('write', 'bob')],
        [420, 's', 'tier1/task/completed', { taskId: 'write', agentId: 'bob' }],
      ),
    ).toEqual([`read   ada  ${'█'.repeat(10)}${' '.repeat(22)}  100 ms`, `write  bob  ${' '.repeat(10)}${'█'.repeat(22)}  220 ms`]);
  });

  it('gives every agent that worked at a task a row, and tells what happened in between', () => {
    expect(
      timelineOf(
        [0, 's', 'tier1/swarm/coordination_started', {}],
        [0, 's', 'tier1/task/started', started('read', 'ada')],
        [100, 's/read/1', 'tier2/step/completed', { stepId: 'open', attempts: 1 }],
        [160, 's', 'tier1/lease/lost', { taskId: 'read', agentId: 'ada', error: error('Agent "s/ada" crashed') }],
        [150, 'pool', 'agent/crashed', { agentId: 's/ada', error: error('Agent "s/ada" crashed') }],
        [170, 's', 'tier1/task/continued', { taskId: 'read', agentId: 'bob' }],
        [200, 's/read/1/close/1', 'tier3/attempt/failed', { stepId: 'close', attempt: 1, backoffMs: 10, error: error('stuck') }],
        [300, 's/read/1', 'tier2/step/completed', { stepId: 'close', attempts: 2 }],
        [320, 's', 'tier1/task/completed', { taskId: 'read', agentId: 'bob' }],
      ),
    ).toEqual([
      `read  ada  ${'█'.repeat(15)}✗${' '.repeat(16)}  160 ms, lost`,
      `      bob  ${' '.repeat(17)}${'█'.repeat(15)}  150 ms`,
      '',
      '+150 ms  ada         crashed: Agent "ada" crashed',
      '+160 ms  read        lease on ada lost, with open done',
      '+170 ms  read        new lease: bob goes on; open is not done again',
      '+200 ms  read/close  attempt 1 failed: stuck; again in 10 ms',
      '+320 ms  read        completed by bob, at attempt 2',
    ]);
  });

  it('tells which agent failed at a task, and when nobody was left', () => {
    const lines = timelineOf(
      [0, 's', 'tier1/task/started', started('read', 'ada')],
      [10, 's', 'tier1/task/reassigned', { taskId: 'read', agentId: 'ada', error: error('out of paper') }],
      [10, 's', 'tier1/task/started', { ...started('read', 'bob'), childExecutionId: 's/read/2' }],
      [20, 's', 'tier1/task/failed', { taskId: 'read', error: error('out of ink') }],
    );
    expect(lines.slice(3)).toEqual(['+10 ms  read  ada failed at it: out of paper', '+20 ms  read  failed: out of ink']);
  });

  it('stays on one screen, however many tasks and troubles there are', () => {
    const tasks = Array.from({ length: 500 }, (_, index) => [index, 's', 'tier1/task/started', started(`t${index}`, 'ada')] as const);
    const troubles = tasks.map(([at, , , { taskId }]) => [at + 1, 's', 'tier1/task/failed', { taskId, error: error('no') }] as const);
    const lines = timelineOf(...tasks, ...troubles);
    expect(lines.length).toBeLessThan(45);
    expect(lines.filter((line) => line === 'and 480 more')).toHaveLength(2);
  });

  it('is empty when nothing was begun', () => {
    expect(timelineOf()).toEqual([]);
  });
});
