/** Obligations of a swarm's team: what counts as in time, and what becomes of the others. */

import { describe, expect, it } from 'vitest';
import { executionError } from '../../src/machines/protocol/errors.ts';
import { DEFAULT_ALLOCATION } from '../../src/machines/protocol/execution.ts';
import { obligationOf } from './paths/goals.ts';
import { SwarmStage } from './swarm-stage.ts';

const INVALID = executionError('INVALID_PARAMETERS', 'The name is missing', 'tier3');

describe('an obligation', () => {
  const goal = { tasks: [{ onFailure: 'continue' as const }, {}], obligations: [obligationOf('o', ['t0'], 1_000)] };
  const started = () => {
    const stage = new SwarmStage(goal).begin();
    stage.grant('t0', 'ann');
    stage.grant('t1', 'bob');
    return stage;
  };

  it('counts only the time in which the swarm is active', () => {
    const stage = started();
    stage.clock.advance(900);
    stage.send({ type: 'execution.pause', epoch: 0 });
    for (const id of ['t0', 't1']) stage.send({ type: 'execution.paused', id, epoch: 1 });
    stage.clock.advance(60_000);
    stage.send({ type: 'execution.resume' });
    stage.clock.advance(99);
    expect(stage.types).not.toContain('obligation/unmet');
    stage.clock.advance(1);
    expect(stage.factsOf('tier1/obligation/unmet')).toEqual([{ normId: 'o', role: 'coder', mission: 'mission of o', open: ['t0'] }]);
  });

  it('that is met in time leaves the swarm all the time that it has', () => {
    const stage = started();
    stage.complete('t0');
    stage.clock.advance(DEFAULT_ALLOCATION.maxDurationMs - 1);
    expect(stage.state.phase).toBe('coordinating');
    stage.clock.advance(1);
    expect(stage.state.failure?.code).toBe('SWARM_TIMEOUT');
  });

  it('may be met late, and then nobody needs to decide', () => {
    const stage = started();
    stage.clock.advance(1_000);
    stage.complete('t0');
    stage.complete('t1');
    expect(stage.state.phase).toBe('synthesizing');
  });

  it('whose mission has failed is not met, however far its deadline is', () => {
    const stage = started();
    stage.fail('t0', INVALID);
    stage.complete('t1');
    expect(stage.state.phase).toBe('waiting');
    expect(stage.factsOf('tier1/obligation/unmet')).toEqual([{ normId: 'o', role: 'coder', mission: 'mission of o', open: ['t0'] }]);
    stage.send({ type: 'swarm.decide', normId: 'o', decision: 'retry' });
    expect(stage.state.phase).toBe('waiting');
    stage.send({ type: 'swarm.decide', normId: 'o', decision: 'reject' });
    expect(stage.state.failure?.code).toBe('OBLIGATION_UNMET');
  });

  it('keeps the swarm waiting for somebody who decides', () => {
    const stage = started();
    stage.clock.advance(1_000);
    stage.fail('t0', INVALID);
    stage.complete('t1');
    expect(stage.state.phase).toBe('waiting');
    stage.send({ type: 'swarm.decide', normId: 'o', decision: 'approve', by: 'Ann' });
    expect(stage.state.phase).toBe('synthesizing');
    expect(stage.factsOf('tier1/obligation/decided')).toEqual([{ normId: 'o', decision: 'approve', by: 'Ann' }]);
  });

  it('gets the same time again with a retry', () => {
    const stage = started();
    stage.clock.advance(1_500);
    stage.send({ type: 'swarm.decide', normId: 'o', decision: 'retry' });
    stage.clock.advance(999);
    expect(stage.factsOf('tier1/obligation/unmet')).toHaveLength(1);
    stage.clock.advance(1);
    expect(stage.factsOf('tier1/obligation/unmet')).toHaveLength(2);
  });

  it.for([
    ['reject', 'failing', 'swarm-failed'],
    ['abort', 'cancelling', 'aborted by Ann'],
  ] as const)('ends the swarm with %s', ([decision, phase, reason]) => {
    const stage = started();
    stage.clock.advance(1_000);
    stage.send({ type: 'swarm.decide', normId: 'o', decision, by: 'Ann' });
    expect(stage.state.phase).toBe(phase);
    expect(stage.told.at(-1)).toMatchObject({ type: 'child.tellAll', event: { type: 'execution.cancel', reason } });
    expect(stage.state.failure?.code).toBe(decision === 'reject' ? 'OBLIGATION_UNMET' : undefined);
  });
});
