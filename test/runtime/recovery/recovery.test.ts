/** A runtime that finds executions in its journal that have not ended: each goes on where it was. */

import { describe, expect, it } from 'vitest';
import type { AnyTool, ExecutionError, ExecutionHandle, Fact, ResourceUsage, WorkflowDefinition } from '../../../src/index.ts';
import type { FactBody } from '../../../src/machines/protocol/facts.ts';
import { collectAll } from '../../support/collect-all.ts';
import { leftBehind } from '../../support/second-life.ts';
import { wait } from '../../support/tools.ts';
import { HOUR, startWorld } from '../run/start-world.ts';

type World = Awaited<ReturnType<typeof startWorld>>;

type Steps = WorkflowDefinition['steps'];
const work = (id: string, parameters: object = {}, more: object = {}) =>
  ({ id, type: 'tool', tool: 'work', parameters, ...more }) as Steps[number];
const chain = (...ids: string[]) => ids.map((id, index) => work(id, {}, index > 0 ? { dependencies: [ids[index - 1]] } : {}));
const ofRoot = (facts: readonly Fact[], type: string) => facts.filter((fact) => fact.type === type);

/** The next process, after `downMs` in which nothing ran. */
async function nextLife(world: World, downMs = 0, options: object = {}) {
  return startWorld({ journal: await leftBehind(world.journal), ...options }, {}, world.clock.now() + downMs);
}

/** How it ended, when it had all the time that it needs. */
async function outcomeOf(world: World, executionId: string) {
  await world.clock.advanceAsync(HOUR);
  const facts = await world.checkInvariants(executionId);
  const last = facts.at(-1) as Fact<
    FactBody<string, { readonly result?: unknown; readonly error?: ExecutionError; readonly usage: ResourceUsage }>
  >;
  return { facts, status: last.type.split('/').at(-1), ...last.payload };
}

describe('after a crash', () => {
  it('a run goes on with the step that was interrupted, under the same key; what was committed is not done again', async () => {
    await using world = await startWorld();
    const { executionId } = world.run(chain('a', 'b', 'c'));
    await world.clock.advanceAsync(1_500);
    await using again = await nextLife(world);
    expect(again.runtime.executions.outcome).toEqual({ recovered: [executionId], deadLetters: [], troubles: [], waiting: [] });
    const { facts, ...outcome } = await outcomeOf(again, executionId);
    expect(outcome).toMatchObject({ status: 'completed', result: 'c', usage: { stepsExecuted: 3 } });
    expect(again.calls.map(({ key }) => key)).toEqual([`${executionId}/b/1`, `${executionId}/c/1`]);
    expect(ofRoot(facts, 'execution/recovered').map(({ payload }) => payload)).toEqual([{ recoveries: 1 }]);
  });

  it('of a fan-out only the branches run again that had not ended', async () => {
    await using world = await startWorld();
    const { executionId } = world.run([work('a'), work('b', { ms: 5_000 }), work('c'), work('d', {}, { dependencies: ['a', 'b', 'c'] })]);
    await world.clock.advanceAsync(2_000);
    await using again = await nextLife(world);
    expect((await outcomeOf(again, executionId)).status).toBe('completed');
    expect(again.calls.map(({ step }) => step)).toEqual(['b', 'd']);
  });

  it('what was paused stays paused, and goes on when it is told to', async () => {
    await using world = await startWorld();
    const run = world.run(chain('a', 'b'));
    await world.clock.advanceAsync(500);
    await run.pause();
    await world.clock.advanceAsync(HOUR);
    await using again = await nextLife(world, HOUR);
    const handle = again.runtime.executions.get(run.executionId) as ExecutionHandle;
    await again.clock.advanceAsync(HOUR);
    expect(handle.status).toBe('paused');
    expect(again.calls).toEqual([]);
    expect(await handle.resume()).toBe(true);
    expect((await again.finish(handle)).result.status).toBe('completed');
    expect(again.calls.map(({ step }) => step)).toEqual(['b']);
  });

  it('what waits for a person stays waiting, and is in the inbox', async () => {
    await using world = await startWorld();
    const ask = { id: 'ask', type: 'wait', approval: { prompt: 'Publish?' } };
    const { executionId } = world.run([ask, work('a', {}, { dependencies: ['ask'] })] as never);
    await world.clock.advanceAsync(1_000);
    await using again = await nextLife(world, HOUR);
    await again.clock.advanceAsync(HOUR);
    expect(again.runtime.approvals.list()).toMatchObject([{ id: `${executionId}/ask`, prompt: 'Publish?' }]);
    expect(await again.runtime.approvals.decide(`${executionId}/ask`, { decision: 'approve' })).toBe(true);
    expect((await outcomeOf(again, executionId)).status).toBe('completed');
  });

  it('a step that backed off keeps the rest of its wait', async () => {
    await using world = await startWorld();
    const retry = { maxRetries: 1, backoff: { strategy: 'fixed' as const, baseMs: 60_000, maxMs: 60_000 } };
    const { executionId } = world.run([work('a', { ms: 0, failures: 1 }, { retry })]);
    await world.clock.advanceAsync(10_000);
    await using again = await nextLife(world, 20_000);
    await again.clock.advanceAsync(29_999);
    expect(again.calls).toEqual([]);
    await again.clock.advanceAsync(1);
    expect(again.calls.map(({ attempt }) => attempt)).toEqual([2]);
    expect((await outcomeOf(again, executionId)).status).toBe('completed');
  });

  it('the deadline of a run that passed meanwhile fires at once', async () => {
    await using world = await startWorld();
    const { executionId } = world.run([work('a', { ms: 50_000 })], { allocation: { maxDurationMs: 60_000 } });
    await world.clock.advanceAsync(10_000);
    await using again = await nextLife(world, HOUR);
    expect(await outcomeOf(again, executionId)).toMatchObject({ status: 'failed', error: { code: 'RUN_TIMEOUT' } });
    expect(again.calls.every(({ to }) => to !== undefined && to <= 5_000)).toBe(true);
  });

  it('a wait until a moment that has passed is over, and one that has not keeps its rest', async () => {
    await using world = await startWorld();
    const wait = (id: string, duration: number) => ({ id, type: 'wait', duration });
    const { executionId } = world.run([wait('short', 30_000), wait('long', 90_000)] as never);
    await world.clock.advanceAsync(10_000);
    await using again = await nextLife(world, 40_000);
    await again.clock.advanceAsync(0);
    const handle = again.runtime.executions.get(executionId) as ExecutionHandle;
    expect((await handle.snapshot()).steps.map(({ id, status }) => [id, status])).toEqual([
      ['short', 'completed'],
      ['long', 'waiting'],
    ]);
    await again.clock.advanceAsync(39_999);
    expect(handle.status).toBe('waiting');
    await again.clock.advanceAsync(1);
    expect((await again.finish(handle)).result.status).toBe('completed');
  });

  it('credits are charged once for what was committed, and for each try of what was interrupted', async () => {
    await using world = await startWorld();
    const { executionId } = world.run([work('a', {}, { credits: '3' }), work('b', {}, { credits: '5', dependencies: ['a'] })]);
    await world.clock.advanceAsync(1_500);
    await using again = await nextLife(world);
    expect((await outcomeOf(again, executionId)).usage.creditsUsed).toBe('13');
  });

  it('its result is left on the blackboard of the swarm that the run was started for', async () => {
    await using world = await startWorld();
    const { executionId } = world.run(chain('a', 'b'), { context: { swarmId: 'crew' } });
    await world.clock.advanceAsync(1_500);
    await using again = await nextLife(world);
    await outcomeOf(again, executionId);
    expect(again.runtime.blackboard('crew').get('wf')).toMatchObject({ value: 'b', by: executionId });
  });

  it('an id that the journal has is not given twice', async () => {
    await using world = await startWorld();
    const asked = { context: { executionId: 'mine' } };
    await world.finish(world.run(chain('a'), asked));
    await using again = await nextLife(world);
    const { error } = await again.run(chain('b'), asked).result();
    expect(error).toMatchObject({ code: 'DUPLICATE_EXECUTION', message: 'The journal has an execution "mine" already' });
    expect(again.calls).toEqual([]);
  });

  it('one whose id was asked for anew meanwhile, in vain, can still go on', async () => {
    await using world = await startWorld();
    const asked = { context: { executionId: 'mine' } };
    world.run(chain('a', 'b'), asked);
    await world.clock.advanceAsync(1_500);
    await using again = await nextLife(world, 0, { recover: false });
    expect(await again.run(chain('z'), asked).result()).toMatchObject({ error: { code: 'DUPLICATE_EXECUTION' } });
    const [handle, same] = await Promise.all([again.runtime.executions.resume('mine'), again.runtime.executions.resume('mine')]);
    expect((await outcomeOf(again, 'mine')).status).toBe('completed');
    expect(await handle.result()).toEqual(await same.result());
    expect(again.calls.map(({ step }) => step)).toEqual(['b']);
  });

  it('nothing goes on by itself when that is declined, and one by one when it is asked for', async () => {
    await using world = await startWorld();
    const first = world.run(chain('a', 'b'));
    const second = world.run(chain('a', 'b'));
    await world.clock.advanceAsync(500);
    await using again = await nextLife(world, 0, { recover: false });
    await again.clock.advanceAsync(HOUR);
    expect(again.calls).toEqual([]);
    expect(again.runtime.executions.get(first.executionId)).toBeUndefined();
    const handle = (await again.runtime.executions.resume(second.executionId)) as ExecutionHandle;
    expect((await again.finish(handle)).result.status).toBe('completed');
    const all = await collectAll(again.runtime.executions.list());
    expect(all.map(({ name, status }) => [name, status])).toEqual([
      [first.executionId, 'unsettled'],
      [second.executionId, 'settled'],
    ]);
    await expect(again.runtime.executions.resume(second.executionId)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(again.runtime.executions.resume('nobody')).rejects.toMatchObject({ code: 'EXECUTION_NOT_FOUND' });
    await expect(again.runtime.executions.resume(7 as never)).rejects.toMatchObject({ code: 'EXECUTION_NOT_FOUND' });
  });

  it('one that cannot be recorded is told of, though nobody holds it', async () => {
    await using world = await startWorld();
    const { executionId } = world.run(chain('a', 'b'));
    await world.clock.advanceAsync(500);
    const journal = await leftBehind(world.journal);
    journal.append = () => Promise.reject(new Error('the disk is gone')) as never;
    const errors: unknown[] = [];
    const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: (about: unknown) => void errors.push(about) };
    await using again = await startWorld({ journal, logger }, {}, world.clock.now());
    await again.clock.advanceAsync(HOUR);
    expect(again.calls).toEqual([]);
    expect(errors).toMatchObject([{ execution: executionId, err: { code: 'JOURNAL_FAILED' } }]);
  });

  it('facts that are no stream are not taken into the journal', async () => {
    await using world = await startWorld();
    const { executionId } = world.run(chain('a', 'b'));
    await world.clock.advanceAsync(500);
    const [first, ...rest] = await world.journal.read(executionId);
    await using again = await startWorld();
    for (const facts of [
      [first, ...rest.slice(1)],
      [first, { ...rest[0], at: undefined }],
    ])
      await expect(again.runtime.restore(facts as Fact[])).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(await again.journal.find(executionId)).toBeUndefined();
  });

  it('one that cannot go on is told of, and does not keep the others from it', async () => {
    await using world = await startWorld();
    const { executionId } = world.run(chain('a', 'b'));
    await world.clock.advanceAsync(500);
    const journal = await leftBehind(world.journal);
    const odd = { ...(await world.journal.read(executionId))[0], stream: 'odd', id: 'odd#1', executionId: 'odd', type: 'order/placed' };
    journal.append('odd', 0, [odd as Fact]);
    await using again = await startWorld({ journal }, {}, world.clock.now());
    expect(again.runtime.executions.outcome).toMatchObject({
      recovered: [executionId],
      troubles: [{ executionId: 'odd', error: { code: 'INVALID_INPUT' } }],
    });
    expect((await outcomeOf(again, executionId)).status).toBe('completed');
  });
});

describe('an execution that ends its process again and again', () => {
  async function lives(count: number) {
    let world = await startWorld();
    const { executionId } = world.run([work('a'), work('poison', { ms: HOUR }, { timeout: 2 * HOUR, dependencies: ['a'] })]);
    for (let life = 0; life < count; life++) {
      await world.clock.advanceAsync(2_000);
      world = await nextLife(world);
    }
    return { world, executionId };
  }

  it('goes on ten times, and is given up at the eleventh', async () => {
    const { world: tenth, executionId } = await lives(10);
    await using _ = tenth;
    expect(tenth.runtime.executions.outcome.recovered).toEqual([executionId]);
    await tenth.clock.advanceAsync(1_000);
    await using after = await nextLife(tenth);
    expect(after.runtime.executions.outcome).toEqual({ recovered: [], deadLetters: [executionId], troubles: [], waiting: [] });
    expect((await after.journal.read(executionId)).at(-1)).toMatchObject({ type: 'execution/dead_lettered', payload: { recoveries: 10 } });
    await using later = await nextLife(after);
    expect(later.runtime.executions.outcome).toEqual({ recovered: [], deadLetters: [], troubles: [], waiting: [] });
    const handle = (await later.runtime.executions.resume(executionId)) as ExecutionHandle;
    await later.clock.advanceAsync(3 * HOUR);
    expect((await handle.result()).status).toBe('completed');
  });

  it('gets nowhere by what it leaves on the blackboard each time', async () => {
    const poison = (world: { readonly clock: World['clock'] }): AnyTool => ({
      name: 'poison',
      run: async (_: unknown, { blackboard, signal }) => {
        await blackboard.set('tries', 1);
        await wait(world.clock, HOUR, signal);
        return null;
      },
    });
    let world = await startWorld();
    world.runtime.tools.register(poison(world));
    const { executionId } = world.run([{ id: 'poison', type: 'tool', tool: 'poison', timeout: 2 * HOUR }]);
    for (let life = 0; life < 11; life++) {
      await world.clock.advanceAsync(2_000);
      const journal = await leftBehind(world.journal);
      world = await startWorld({ journal, recover: false }, {}, world.clock.now());
      world.runtime.tools.register(poison(world));
      if (life < 10) await world.runtime.executions.resume(executionId);
    }
    await using last = await nextLife(world);
    expect(last.runtime.executions.outcome.deadLetters).toEqual([executionId]);
  });

  it('is not given up as long as it gets anywhere in between', async () => {
    let world = await startWorld();
    const steps = Array.from({ length: 13 }, (_, index) => `s${index}`);
    const { executionId } = world.run(chain(...steps));
    for (let life = 0; life < 12; life++) {
      await world.clock.advanceAsync(1_500);
      world = await nextLife(world);
    }
    await using last = world;
    expect((await outcomeOf(last, executionId)).status).toBe('completed');
  });
});
