/** RUN-15, RUN-12: what a run yields. */

import { describe, expect, it } from 'vitest';
import { payloadOf, startWorld } from './start-world.ts';

const work = (id: string, ...dependencies: string[]) => ({ id, tool: 'work', dependencies });

describe('the result of a run', () => {
  it('is that of its only sink', async () => {
    await using world = await startWorld();
    const { result, facts } = await world.finish(world.run([work('a'), work('b', 'a'), work('c', 'a'), work('d', 'b', 'c')]));
    expect(result).toMatchObject({
      success: true,
      status: 'completed',
      result: 'd',
      duration: 3_000,
      resourcesUsed: { stepsExecuted: 4, durationMs: 3_000 },
    });
    expect(payloadOf(facts, 'tier2/routine/completed')).toMatchObject({ result: 'd', routineId: 'wf' });
  });

  it('is a map by id when it has several', async () => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run([work('a'), work('b', 'a'), work('c', 'a'), work('alone')]));
    expect(result.result).toEqual({ b: 'b', c: 'c', alone: 'alone' });
  });

  it('is null where the sink was skipped, and holds null for one of several', async () => {
    await using world = await startWorld();
    const off = { ...work('off'), when: 'false' };
    expect((await world.finish(world.run([off]))).result).toMatchObject({ success: true, result: null });
    expect((await world.finish(world.run([work('on'), off]))).result.result).toEqual({ on: 'on', off: null });
  });

  it('of a workflow without steps does not exist: it is refused', async () => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run([]));
    expect(result).toMatchObject({ success: false, status: 'failed', error: { errorClass: 'validation' } });
  });

  it('counts the branches of a group as no sinks', async () => {
    await using world = await startWorld();
    const { result } = await world.finish(world.run([{ id: 'group', type: 'parallel', steps: [work('x'), work('y')] }]));
    expect(result.result).toMatchObject([{ value: 'x' }, { value: 'y' }]);
  });

  it('is left on the blackboard of the swarm, and not when the run failed', async () => {
    await using world = await startWorld();
    await world.finish(world.run([work('a')], { context: { swarmId: 'swarm' } }));
    const bad = { id: 'a', tool: 'work', parameters: { failures: 9 } };
    await world.finish(world.run([bad], { context: { swarmId: 'swarm' } }, { id: 'bad' }));
    expect(world.runtime.blackboard('swarm').get('wf')).toMatchObject({ value: 'a', version: 1 });
    expect(world.runtime.blackboard('swarm').get('bad')).toBeUndefined();
  });

  it('keeps many runs of one workflow apart', async () => {
    await using world = await startWorld();
    world.runtime.createWorkflow({
      id: 'kept',
      input: { n: { type: 'number' } },
      steps: [{ id: 'a', tool: 'work', parameters: { value: '{{n}}' } }],
    });
    const runs = Array.from({ length: 50 }, (_, n) => world.runtime.run('kept', { input: { n } }));
    await world.clock.advanceAsync(1_000);
    const results = await Promise.all(runs.map((run) => run.result()));
    expect(results.map(({ result }) => result)).toEqual(runs.map((_, n) => n));
    for (const run of runs) await world.checkInvariants(run.executionId);
  });
});
