/** RSL-1, RSL-2, RSL-6, UP-1: who decides about steps, how many must agree, until when; what waits is in one inbox; recovery by class of error. */

import { describe, expect, it } from 'vitest';
import { createRuntime, type Decision } from '../../../src/index.ts';
import { HOUR, payloadOf, startWorld, storyOf } from './start-world.ts';

const MINUTE = 60_000;
const escalate = (more: object = {}) => ({ action: 'escalate-to-human' as const, ...more });
const broken = (fallbacks: readonly object[], more: object = {}) => ({
  id: 'a',
  tool: 'work',
  parameters: { failures: 99 },
  fallbacks: fallbacks as [],
  ...more,
});
const lead = { role: 'lead', quorum: 2 };

async function waiting(policy: object, more: object = {}, after: readonly object[] = []) {
  const world = await startWorld();
  const run = world.run([broken([escalate(policy), ...after], more)]);
  await world.clock.advanceAsync(MINUTE / 2);
  expect(run.status).toBe('waiting');
  const approve = (by: string, role?: string, value?: string): Decision => ({
    decision: 'approve',
    by,
    ...(role !== undefined && { role }),
    ...(value !== undefined && { value }),
  });
  return { ...world, run, approve, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

describe('fault 45', () => {
  it('an answer that is late, given twice, or in the wrong role is refused; the first valid one wins', async () => {
    await using world = await waiting({ role: 'lead' });
    const { run, approve } = world;
    await expect(run.decide('a', approve('eve', 'clerk', 'stolen'))).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
    await expect(run.decide('a', approve('eve'))).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
    expect(run.status).toBe('waiting');
    const answers = [approve('ann', 'lead', 'first'), approve('bob', 'lead', 'second'), approve('ann', 'lead', 'first')];
    expect(await Promise.all(answers.map((answer) => run.decide('a', answer)))).toEqual([true, false, false]);
    expect(await run.decide('nobody', approve('ann', 'lead'))).toBe(false);
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: true, result: 'first' });
    expect(facts.filter(({ type }) => type === 'tier2/step/decided')).toHaveLength(1);
    expect(await run.decide('a', approve('ann', 'lead'))).toBe(false);
  });

  it('the same holds for an approval, and for each of several people', async () => {
    await using world = await startWorld();
    const run = world.run([{ id: 'ask', type: 'wait', approval: lead } as never]);
    await world.clock.advanceAsync(0);
    const answer = (by: string): Decision => ({ decision: 'approve', value: 1, by, role: 'lead' });
    await expect(run.decide('ask', { ...answer('eve'), role: 'clerk' })).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
    expect(await run.decide('ask', answer('ann'))).toBe(true);
    expect(await run.decide('ask', answer('ann'))).toBe(false);
    expect(await run.decide('ask', { ...answer('cid'), value: 2 })).toBe(true);
    expect((await run.snapshot()).waiting).toMatchObject([
      {
        stepId: 'ask',
        votes: [
          { by: 'ann', value: 1 },
          { by: 'cid', value: 2 },
        ],
      },
    ]);
    expect(await run.decide('ask', answer('bob'))).toBe(true);
    expect(await run.decide('ask', answer('dan'))).toBe(false);
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: 1 });
  });
});

describe('a question to people', () => {
  it('expires while the run is paused, and the next fallback is used', async () => {
    await using world = await waiting({ timeout: MINUTE }, {}, [{ on: 'APPROVAL_EXPIRED', action: 'use-value', value: 'instead' }]);
    await world.run.pause();
    await world.clock.advanceAsync(MINUTE);
    expect(await world.run.decide('a', { decision: 'approve' })).toBe(false);
    const { result, facts } = await world.finish(world.run);
    expect(result).toMatchObject({ success: true, result: 'instead' });
    expect(storyOf(facts)).toEqual(['started a', 'fell_back a', 'escalated a', 'expired a', 'fell_back a', 'completed a']);
  });

  it('that expires as the last rung fails the step with APPROVAL_EXPIRED, and names why it was asked', async () => {
    await using world = await waiting({ timeout: MINUTE });
    const { result } = await world.finish(world.run);
    expect(result).toMatchObject({
      status: 'failed',
      error: { code: 'APPROVAL_EXPIRED', errorClass: 'permanent', cause: { name: 'EXECUTION_FAILED' } },
    });
  });

  it('has a new expiry when the step is escalated again after a retry', async () => {
    await using world = await waiting({ timeout: MINUTE }, {}, [escalate({ timeout: 2 * MINUTE })]);
    await world.run.decide('a', { decision: 'retry' });
    await world.clock.advanceAsync(MINUTE);
    expect(world.run.status).toBe('waiting');
    await world.clock.advanceAsync(MINUTE + 2_000);
    expect(world.run.status).toBe('failed');
  });

  it('survives a restart with its answers, and what came due meanwhile is due at once', async () => {
    await using world = await waiting({ ...lead, timeout: MINUTE });
    await world.run.decide('a', world.approve('ann', 'lead'));
    const facts = await world.journal.read(world.run.executionId);
    for (const [downtime, ending] of [
      [0, 'completed'],
      [HOUR, 'failed'],
    ] as const) {
      await using after = await startWorld();
      after.clock.advance(MINUTE / 2 + downtime);
      const run = await after.runtime.restore(facts);
      await after.clock.advanceAsync(1);
      expect(after.runtime.approvals.list().map(({ votes }) => votes.map(({ by }) => by))).toEqual(downtime === 0 ? [['ann']] : []);
      expect(await run.decide('a', world.approve('bob', 'lead'))).toBe(downtime === 0);
      await after.clock.advanceAsync(1);
      expect(run.status).toBe(ending);
    }
  });

  it('is refused as a workflow when its policy makes no sense', async () => {
    await using world = await startWorld();
    const run = world.run([broken([escalate({ quorum: 0, role: '', timeout: -1 })])]);
    expect((await world.finish(run)).result.error?.message).toMatch(/quorum[\s\S]*timeout/);
  });
});

describe('the inbox', () => {
  it('holds what waits at any depth, the oldest first, until it is settled or its run ends', async () => {
    await using world = await startWorld();
    const ask = { id: 'ask', type: 'wait', approval: { prompt: 'Ship?', role: 'lead' }, timeout: MINUTE };
    const run = world.run([
      { id: 'in', type: 'workflow', workflow: { id: 'inner', steps: [ask] } } as never,
      broken([escalate()], { parameters: { failures: 9, ms: 1_000 } }),
    ]);
    await world.clock.advanceAsync(2_000);
    const { approvals } = world.runtime;
    const id = run.executionId;
    expect(approvals.list()).toMatchObject([
      {
        id: `${id}/in/1/ask`,
        kind: 'approval',
        prompt: 'Ship?',
        role: 'lead',
        options: ['approve', 'reject', 'abort'],
        expiresAt: expect.any(Number),
      },
      { id: `${id}/a`, kind: 'step', prompt: 'attempt 1 failed as told', quorum: 1, options: ['approve', 'reject', 'retry', 'abort'] },
    ]);
    expect(await approvals.decide('nobody/a', { decision: 'approve' })).toBe(false);
    await expect(approvals.decide(`${id}/a`, { decision: 'maybe' } as never)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(await approvals.decide(`${id}/in/1/ask`, { decision: 'approve', role: 'lead' })).toBe(true);
    expect(approvals.list().map(({ subject }) => subject)).toEqual(['a']);
    await run.cancel();
    expect(approvals.get(`${id}/a`)).toBeUndefined();
    await world.clock.advanceAsync(1_000);
    expect(approvals.list()).toEqual([]);
  });

  it('no longer holds an approval that nobody gave in time, when its step falls back or people are asked about that', async () => {
    await using world = await startWorld();
    const ask = { type: 'wait', approval: { prompt: 'Ship?', role: 'clerk' }, timeout: MINUTE };
    const run = world.run([
      { ...ask, id: 'a', fallbacks: [{ action: 'use-tool', tool: 'work', parameters: { ms: MINUTE / 2 } }] } as never,
      { ...ask, id: 'b', fallbacks: [escalate({ role: 'lead' })] } as never,
    ]);
    await world.clock.advanceAsync(MINUTE + 1_000);
    const { approvals } = world.runtime;
    expect(approvals.list()).toMatchObject([{ kind: 'step', subject: 'b', role: 'lead' }]);
    expect(approvals.get(`${run.executionId}/b`)).toMatchObject({ kind: 'step', options: ['approve', 'reject', 'retry', 'abort'] });
    expect(approvals.get(`${run.executionId}/a`)).toBeUndefined();
  });

  it('is empty after the runtime has stopped', async () => {
    const world = await waiting({});
    await world.runtime.stop({ graceMs: 0 });
    expect(world.runtime.approvals.list()).toEqual([]);
  });
});

describe('recovery by class of error', () => {
  it('falls back after the step’s own fallbacks, once, and not for what a person has rejected', async () => {
    await using world = await startWorld({
      recovery: { transient: { fallback: { action: 'use-tool', tool: 'other', parameters: { failures: 99 } } } },
    });
    const { result, facts } = await world.finish(world.run([broken([{ on: 'timeout', action: 'skip' }])]));
    expect(storyOf(facts)).toEqual(['started a', 'fell_back a', 'started a', 'failed a']);
    expect(payloadOf(facts, 'tier2/step/fell_back')).toMatchObject({ recovery: 'transient', action: 'use-tool', fallback: 1 });
    expect(result).toMatchObject({ status: 'failed', error: { code: 'EXECUTION_FAILED' } });
  });

  it('may ask people, whose rejection is the end', async () => {
    const fallback = { action: 'escalate-to-human' as const, role: 'lead' };
    await using world = await startWorld({ recovery: { transient: { fallback }, permanent: { fallback } } });
    const run = world.run([broken([])]);
    await world.clock.advanceAsync(2_000);
    await run.decide('a', { decision: 'reject', role: 'lead' });
    expect((await world.finish(run)).result.error?.code).toBe('REJECTED_BY_HUMAN');
  });

  it('is refused with every problem at once', async () => {
    const recovery = { transient: { maxRetries: -1, fallback: { action: 'pray' } }, often: {} };
    const escalation = { replans: 'many', human: { quorum: 0 } };
    await expect(createRuntime({ recovery, escalation } as never)).rejects.toMatchObject({ code: 'WORKFLOW_INVALID' });
    await expect(createRuntime({ recovery: { transient: { maxRetries: 1.5 } } })).rejects.toMatchObject({ code: 'INVALID_VALUE' });
  });
});
