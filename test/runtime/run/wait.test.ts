/** Steps that wait for a time, a signal or a person. */

import { describe, expect, it } from 'vitest';
import { SwarmchartError, type WorkflowDefinition } from '../../../src/index.ts';
import { HOUR, payloadOf, startWorld, storyOf } from './start-world.ts';

const wait = (id: string, more: object) => ({ id, type: 'wait', ...more });
const work = (id: string, parameters: object = {}, more: object = {}) => ({ id, tool: 'work', parameters, ...more });
const asSteps = (steps: object[]) => steps as unknown as WorkflowDefinition['steps'];
const MINUTE = 60_000;

describe('a wait for a time', () => {
  it('takes as long as it says; meanwhile its run waits, and the clock of the run stands still', async () => {
    await using world = await startWorld();
    const steps = asSteps([wait('nap', { duration: 10 * MINUTE }), work('after', {}, { dependencies: ['nap'] })]);
    const run = world.run(steps, { options: { timeout: 5_000 } });
    await world.clock.advanceAsync(MINUTE);
    expect(run.status).toBe('waiting');
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: true, duration: 10 * MINUTE + 1_000, resourcesUsed: { durationMs: 1_000 } });
    expect(storyOf(facts)).toEqual(['started nap', 'waiting nap', 'completed nap', 'started after', 'completed after']);
  });

  it('freezes in a pause', async () => {
    await using world = await startWorld();
    const run = world.run(asSteps([wait('nap', { duration: 10 * MINUTE })]));
    await world.clock.advanceAsync(4 * MINUTE);
    expect(await run.pause()).toBe(true);
    await world.clock.advanceAsync(HOUR);
    expect(run.status).toBe('paused');
    expect(await run.resume()).toBe(true);
    const { result } = await world.finish(run);
    expect(result.duration).toBe(HOUR + 10 * MINUTE);
  });

  it('does not freeze when it is a moment: what came in a pause is due with the resume', async () => {
    await using world = await startWorld();
    const at = new Date(world.clock.now() + 10 * MINUTE).toISOString();
    const run = world.run(asSteps([wait('moment', { until: '{{at}}' })]), { input: { at } });
    await world.clock.advanceAsync(4 * MINUTE);
    await run.pause();
    await world.clock.advanceAsync(HOUR);
    await run.resume();
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ success: true, duration: HOUR + 4 * MINUTE });
  });

  it('takes a moment without an offset as one in UTC, and refuses what is none', async () => {
    await using world = await startWorld();
    const moment = (at: unknown) => world.run(asSteps([wait('moment', { until: '{{at}}' })]), { input: { at } as never });
    const utc = await world.finish(moment('2026-01-01T00:30'));
    expect(utc.result).toMatchObject({ success: true, duration: 30 * MINUTE });
    for (const at of ['tomorrow', 12, '2026-13-01']) {
      const { result } = await world.finish(moment(at));
      expect(result.error).toMatchObject({ code: 'INVALID_PARAMETER_TYPE', context: { stepId: 'moment' } });
    }
  });

  it('goes on for the rest of its time after a restart', async () => {
    await using world = await startWorld();
    const { facts } = await world.finish(world.run(asSteps([wait('nap', { duration: 10 * MINUTE })])));
    for (let length = 1; length < facts.length; length++) {
      await using again = await startWorld();
      await again.clock.advanceAsync((facts[length - 1]?.at ?? 0) - again.clock.now());
      const { result } = await again.finish(await again.runtime.restore(facts.slice(0, length)));
      expect(result, `${length} facts`).toMatchObject({ success: true, duration: 10 * MINUTE });
    }
  });
});

describe('a run whose places are all taken by steps that wait', () => {
  const ask = wait('ask', { approval: true, timeout: HOUR });
  const onePlace = { allocation: { maxConcurrentSteps: 1 }, options: { timeout: 5_000 } };

  it('waits with them, and its clock stands still, although another step could start', async () => {
    await using world = await startWorld();
    const run = world.run(asSteps([ask, work('after')]), onePlace);
    await world.clock.advanceAsync(30 * MINUTE);
    expect(run.status).toBe('waiting');
    expect(await run.decide('ask', { decision: 'approve' })).toBe(true);
    const { result, facts } = await world.finish(run);
    expect(result).toMatchObject({ success: true, duration: 30 * MINUTE + 1_000, resourcesUsed: { durationMs: 1_000 } });
    expect(storyOf(facts)).toEqual(['started ask', 'waiting ask', 'decided ask', 'completed ask', 'started after', 'completed after']);
  });

  it('still starts what needs no place, when it was about to', async () => {
    await using world = await startWorld();
    const asks = Array.from({ length: 31 }, (_, n) => wait(`ask-${n}`, { approval: true }));
    const group = { id: 'group', type: 'parallel', steps: [work('inside')] };
    const run = world.run(asSteps([...asks, group]), { allocation: { maxConcurrentSteps: asks.length } });
    await world.clock.advanceAsync(MINUTE);
    expect(run.status).toBe('waiting');
    const { steps } = await run.snapshot();
    expect(steps.find(({ id }) => id === 'group')).toMatchObject({ status: 'running' });
    for (const { id } of asks) await run.decide(id, { decision: 'approve' });
    expect((await world.finish(run)).result).toMatchObject({ success: true });
  });
});

describe('a wait for a signal', () => {
  const go = wait('go', { signal: 'go' });

  it('ends with the payload of the signal', async () => {
    await using world = await startWorld();
    const run = world.run(asSteps([go, work('after', { value: '${go.result.by}' })]));
    await world.clock.advanceAsync(5 * MINUTE);
    expect(run.status).toBe('waiting');
    expect(await run.signal('other')).toBe(true);
    expect(await run.signal('go', { by: 'Ann' })).toBe(true);
    const { result, facts } = await world.finish(run);
    expect(result.result).toBe('Ann');
    expect(payloadOf(facts, 'tier2/step/signal_taken')).toMatchObject({ stepId: 'go', payload: { by: 'Ann' } });
  });

  it('takes signals that came before it, the oldest first and each once', async () => {
    await using world = await startWorld();
    const second = wait('second', { signal: 'go', dependencies: ['first'] });
    const run = world.run(asSteps([work('early'), wait('first', { signal: 'go', dependencies: ['early'] }), second]));
    await world.clock.advanceAsync(100);
    expect([await run.signal('go', 1), await run.signal('go', 2), await run.signal('go', 3)]).toEqual([true, true, true]);
    const { facts } = await world.finish(run);
    expect(payloadOf(facts, 'tier2/step/completed', 'first')).toMatchObject({ output: 1 });
    expect(payloadOf(facts, 'tier2/step/completed', 'second')).toMatchObject({ output: 2 });
  });

  it('expires after its timeout, which a pause does not move', async () => {
    await using world = await startWorld();
    const run = world.run(asSteps([wait('go', { signal: 'go', timeout: 10 * MINUTE })]));
    await world.clock.advanceAsync(4 * MINUTE);
    await run.pause();
    await world.clock.advanceAsync(HOUR);
    await run.resume();
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ duration: HOUR + 4 * MINUTE, error: { code: 'STEP_TIMEOUT', tier: 'tier3' } });
  });

  it('of a nested run hears only what is sent to that run', async () => {
    await using world = await startWorld();
    const inner = { id: 'inner', type: 'workflow', workflow: { id: 'flow', steps: [go] } };
    const run = world.run(asSteps([inner]));
    await world.clock.advanceAsync(MINUTE);
    expect(run.status).toBe('waiting');
    expect(await run.signal('go', 'outer')).toBe(true);
    await world.clock.advanceAsync(MINUTE);
    expect(run.status).toBe('waiting');
    expect(await run.run('inner')?.signal('go', 'inner')).toBe(true);
    const { result } = await world.finish(run);
    expect(result.result).toBe('inner');
  });

  it('keeps a thousand signals at most, and refuses names and payloads that make no sense', async () => {
    await using world = await startWorld();
    const run = world.run(asSteps([wait('nap', { duration: MINUTE })]));
    await world.clock.advanceAsync(1);
    for (let n = 0; n < 1_000; n++) expect(await run.signal('go', n)).toBe(true);
    expect(await run.signal('go')).toBe(false);
    await expect(run.signal('')).rejects.toBeInstanceOf(SwarmchartError);
    await expect(run.signal('go', (() => {}) as never)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await world.finish(run);
    expect(await run.signal('go')).toBe(false);
  });

  it('is not taken twice, wherever a restart falls', async () => {
    await using world = await startWorld();
    const steps = asSteps([go, wait('second', { signal: 'go', dependencies: ['go'], timeout: 10 * MINUTE, onFailure: 'continue' })]);
    const run = world.run(steps);
    await world.clock.advanceAsync(MINUTE);
    await run.signal('go', 1);
    const { facts } = await world.finish(run);
    const from = facts.findIndex(({ type }) => type === 'tier2/step/signal_taken') + 1;
    for (let length = from; length < facts.length; length++) {
      await using again = await startWorld();
      await again.clock.advanceAsync((facts[length - 1]?.at ?? 0) - again.clock.now());
      const { facts: told } = await again.finish(await again.runtime.restore(facts.slice(0, length)));
      expect(payloadOf(told, 'tier2/step/completed', 'go'), `${length} facts`).toMatchObject({ output: 1 });
      expect(payloadOf(told, 'tier2/step/failed', 'second')).toMatchObject({ error: { code: 'STEP_TIMEOUT' } });
    }
  });
});

describe('a wait for a person', () => {
  const role = 'release-manager';
  const ask = wait('ask', { approval: { prompt: 'Deploy {{what}}?', role }, timeout: 10 * MINUTE });
  const start = async (more: object = {}) => {
    const world = await startWorld();
    const run = world.run(asSteps([{ ...ask, ...more }, work('after', { value: '${ask.result}' })]), { input: { what: 'v2' } });
    await world.clock.advanceAsync(MINUTE);
    expect(run.status).toBe('waiting');
    return { world, run };
  };

  it('says what it asks, and ends with what was approved', async () => {
    const { world, run } = await start();
    await using _ = world;
    expect((await run.snapshot()).waiting).toEqual([
      { stepId: 'ask', for: { type: 'approval', prompt: 'Deploy v2?', role, timeoutMs: 10 * MINUTE } },
    ]);
    expect(await run.decide('ask', { decision: 'retry', role })).toBe(false);
    expect(await run.decide('ask', { decision: 'approve', value: 'yes', by: 'Ann', role })).toBe(true);
    expect(await run.decide('ask', { decision: 'reject' })).toBe(false);
    const { result, facts } = await world.finish(run);
    expect(result.result).toBe('yes');
    expect(payloadOf(facts, 'tier2/step/decided', 'ask')).toMatchObject({ decision: 'approve', by: 'Ann' });
  });

  it('is true when no value was given', async () => {
    const { world, run } = await start();
    await using _ = world;
    await run.decide('ask', { decision: 'approve', role });
    expect((await world.finish(run)).result.result).toBe(true);
  });

  it('fails with REJECTED_BY_HUMAN when it is rejected, and its fallbacks apply', async () => {
    const { world, run } = await start({ fallbacks: [{ on: 'REJECTED_BY_HUMAN', action: 'use-value', value: 'no' }] });
    await using _ = world;
    await run.decide('ask', { decision: 'reject', by: 'Ann', role });
    const { result, facts } = await world.finish(run);
    expect(result.result).toBe('no');
    expect(payloadOf(facts, 'tier2/step/fell_back', 'ask')).toMatchObject({
      error: { code: 'REJECTED_BY_HUMAN', message: 'Step "ask" was rejected by Ann' },
    });
  });

  it('cancels the run when it is aborted', async () => {
    const { world, run } = await start();
    await using _ = world;
    await run.decide('ask', { decision: 'abort', by: 'Ann', role });
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ status: 'cancelled', error: { context: { reason: 'aborted by Ann' } } });
  });

  it('expires with STEP_TIMEOUT', async () => {
    const { world, run } = await start();
    await using _ = world;
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ duration: 10 * MINUTE, error: { code: 'STEP_TIMEOUT' } });
  });

  it('makes no run wait in which something else goes on', async () => {
    await using world = await startWorld();
    const run = world.run(asSteps([ask, work('beside', { ms: 20_000 })]), { input: { what: 'v2' } });
    await world.clock.advanceAsync(10_000);
    expect(run.status).toBe('running');
    await world.clock.advanceAsync(MINUTE);
    expect(run.status).toBe('waiting');
    expect(await run.decide('ask', { decision: 'approve', role })).toBe(true);
    expect((await world.finish(run)).result.success).toBe(true);
  });
});
