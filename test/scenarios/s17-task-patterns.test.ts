/** S17: sequences, parallel lists, pipelines and batches of tasks. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MailQueue } from '../../src/actors/post-office.ts';
import { createRuntime, type Runtime, SwarmchartError } from '../../src/index.ts';
import { violations } from '../../src/testing/invariants.ts';
import { settlePromises, VirtualClock } from '../../src/testing/virtual-clock.ts';
import { collectAll } from '../support/collect-all.ts';

let runtime: Runtime;
let clock: VirtualClock;
let started: string[];
let running = 0;
let peak = 0;

beforeEach(async () => {
  clock = new VirtualClock();
  started = [];
  running = 0;
  peak = 0;
  runtime = await createRuntime({
    carrier: new MailQueue(Number.POSITIVE_INFINITY),
    clock,
    tools: [
      {
        name: 'ok',
        breaker: false,
        run: () => {
          started.push('ok');
          return { done: true };
        },
      },
      {
        name: 'fail',
        breaker: false,
        run: () => {
          started.push('fail');
          throw new Error('as told');
        },
      },
      {
        name: 'work',
        breaker: false,
        run: async ({ n, fails }: { readonly n: number; readonly fails?: boolean }, { signal }) => {
          peak = Math.max(peak, ++running);
          await new Promise<void>((resolve) => {
            const timer = clock.setTimeout(resolve, 100 * (11 - n));
            signal.addEventListener('abort', () => {
              clock.clearTimeout(timer);
              resolve();
            });
          });
          running--;
          if (fails) throw new Error('task failed');
          return n;
        },
      },
      { name: 'says', breaker: false, run: (input: { readonly returns?: unknown }) => input.returns },
    ],
  });
});

afterEach(async () => {
  const { executions, actorsWithTimers, abandoned } = runtime.vitals;
  expect({ executions, actorsWithTimers, abandoned }).toEqual({ executions: 0, actorsWithTimers: 0, abandoned: 0 });
  await runtime.stop();
  expect(clock.pending).toBe(0);
});

const ok = { tool: 'ok' } as const;

describe('a sequence', () => {
  it.each([
    ['stop', 2, 'failed'],
    ['continue', 3, 'completed'],
  ] as const)('whose second task fails with the strategy %s has %i results', async (failureStrategy, count, status) => {
    const sequence = runtime.tasks.sequence([ok, { tool: 'fail', failureStrategy }, ok]);
    const results = await sequence.outcome();
    expect(results.map((result) => result.status)).toEqual(['completed', 'failed', 'completed'].slice(0, count));
    expect(results[1]?.error).toMatchObject({ code: 'EXECUTION_FAILED', message: 'as told', tier: 'tier3' });
    expect(started).toEqual(['ok', 'fail', 'ok'].slice(0, count));
    expect((await sequence.run.result()).status).toBe(status);
    expect(violations(await collectAll(sequence.run.facts()))).toEqual([]);
  });

  it('goes on after a failure when nothing else is said', async () => {
    expect(await runtime.tasks.sequence([{ tool: 'fail' }, ok]).outcome()).toHaveLength(2);
  });

  it('of no tasks has no results', async () => {
    expect(await runtime.tasks.sequence([]).outcome()).toEqual([]);
  });

  it('retries a task, and counts the attempts', async () => {
    const sequence = runtime.tasks.sequence([{ id: 'stubborn', tool: 'fail', retries: 2 }]);
    await clock.advanceAsync(3_000);
    expect(await sequence.outcome()).toMatchObject([{ id: 'stubborn', status: 'failed', attempts: 3 }]);
  });

  it('is refused as a whole when it names an unknown tool: no task starts, each has failed', async () => {
    const results = await runtime.tasks.sequence([ok, { tool: 'nope' }]).outcome();
    expect(results.map(({ status, error }) => [status, error?.code])).toEqual([
      ['failed', 'TOOL_NOT_FOUND'],
      ['failed', 'TOOL_NOT_FOUND'],
    ]);
    expect(started).toEqual([]);
  });

  it('takes parameters for data: what looks like a reference stays as it is', async () => {
    const text = '${secret.result} costs {{price}} and ${';
    const results = await runtime.tasks.sequence([{ tool: 'echo', parameters: { message: text } }]).outcome();
    expect(results).toMatchObject([{ output: text }]);
  });

  it('can be paused between tasks, resumed and cancelled through its run', async () => {
    const sequence = runtime.tasks.sequence([1, 2, 3].map((n) => ({ tool: 'work', parameters: { n } })));
    await settlePromises();
    expect(await sequence.run.pause()).toBe(true);
    await clock.advanceAsync(60_000);
    expect(sequence.run.status).toBe('paused');
    expect(running).toBe(0);
    expect(await sequence.run.resume()).toBe(true);
    await settlePromises();
    expect(running).toBe(1);
    expect(await sequence.run.cancel('enough')).toBe(true);
    expect((await sequence.outcome()).map(({ id, status }) => [id, status])).toEqual([
      ['task-1', 'completed'],
      ['task-2', 'cancelled'],
    ]);
  });
});

describe('a parallel list', () => {
  const ten = Array.from({ length: 10 }, (_, index) => ({
    tool: 'work',
    parameters: { n: index + 1, ...(index === 3 && { fails: true }) },
  }));

  it('of ten tasks under a cap of three, the fourth failing: never above three, ten results in order, nine successes', async () => {
    const parallel = runtime.tasks.parallel(ten, { maxConcurrency: 3 });
    await clock.advanceAsync(10_000);
    const results = await parallel.outcome();
    expect(peak).toBe(3);
    expect(running).toBe(0);
    expect(results.map(({ id }) => id)).toEqual(ten.map((_, index) => `task-${index + 1}`));
    expect(results.map(({ status }) => status)).toEqual(ten.map((_, index) => (index === 3 ? 'failed' : 'completed')));
    expect(results.flatMap(({ output }) => (output === undefined ? [] : [output]))).toEqual([1, 2, 3, 5, 6, 7, 8, 9, 10]);
    expect(violations(await collectAll(parallel.run.facts()))).toEqual([]);
  });

  it('stays below the smaller of its cap and its allocation', async () => {
    const parallel = runtime.tasks.parallel(ten, { maxConcurrency: 5, allocation: { maxConcurrentSteps: 2 } });
    await clock.advanceAsync(10_000);
    await parallel.outcome();
    expect(peak).toBe(2);
  });

  it('that is cancelled has a result for every task', async () => {
    const parallel = runtime.tasks.parallel(ten, { maxConcurrency: 2 });
    await settlePromises();
    await parallel.run.cancel('enough');
    const results = await parallel.outcome();
    expect(results.map(({ status }) => status)).toEqual(ten.map(() => 'cancelled'));
    expect(results[9]?.error?.code).toBe('CANCELLED');
  });

  it('refuses a cap below one', () => {
    expect(() => runtime.tasks.parallel(ten, { maxConcurrency: 0 })).toThrow(SwarmchartError);
  });
});

describe('a pipeline', () => {
  it('hands the merged data from stage to stage', async () => {
    const pipeline = runtime.tasks.pipeline(
      [
        { name: 'double', tool: 'says', parameters: { returns: { x: 2, y: 1 } } },
        { name: 'quiet', tool: 'says' },
        { name: 'collect', tool: 'ok' },
      ],
      { x: 1, z: 0 },
    );
    expect(await pipeline.outcome()).toEqual({ status: 'completed', data: { x: 2, y: 1, z: 0, done: true } });
    expect(violations(await collectAll(pipeline.run.facts()))).toEqual([]);
  });

  it('names the stage that failed and leaves its output out of the data', async () => {
    const broken = {
      name: 'broken',
      run: () => {
        throw Object.assign(new Error('no'), { output: { x: 9 } });
      },
    };
    const given = { name: 'given', run: (data: unknown) => data };
    await using other = await createRuntime({ carrier: new MailQueue(Number.POSITIVE_INFINITY), clock, tools: [broken, given] });
    const stages = [
      { name: 'one', tool: 'given', parameters: { b: 2 } },
      { name: 'two', tool: 'broken' },
      { name: 'three', tool: 'given' },
    ];
    const outcome = await other.tasks.pipeline(stages, { a: 1 }).outcome();
    expect(outcome).toMatchObject({ status: 'failed', stage: 'two', data: { a: 1, b: 2 }, error: { message: 'no' } });
    expect(outcome.data).not.toHaveProperty('x');
  });

  it('fails at a stage whose result cannot be merged', async () => {
    const stages = [
      { name: 'first', tool: 'says', parameters: { returns: { a: 1 } } },
      { name: 'text', tool: 'says', parameters: { returns: 'text' } },
      { name: 'never', tool: 'ok' },
    ];
    expect(await runtime.tasks.pipeline(stages).outcome()).toMatchObject({
      status: 'failed',
      stage: 'text',
      data: { a: 1 },
      error: { code: 'INVALID_OUTPUT' },
    });
    expect(started).toEqual([]);
  });

  it('without stages returns the data as it is', async () => {
    expect(await runtime.tasks.pipeline([], { a: 1 }).outcome()).toEqual({ status: 'completed', data: { a: 1 } });
  });
});

describe('a single task and a batch', () => {
  it('a task has one result', async () => {
    const { run, outcome } = runtime.tasks.executeTask({ id: 'greet', tool: 'echo', parameters: { message: 'hi' } });
    expect(await outcome()).toMatchObject({ id: 'greet', status: 'completed', output: 'hi', attempts: 1 });
    expect((await run.result()).result).toBe('hi');
  });

  it('a task that outlives its timeout has failed', async () => {
    const task = runtime.tasks.executeTask({ tool: 'work', parameters: { n: 1 }, timeoutMs: 50 });
    await clock.advanceAsync(60);
    expect(await task.outcome()).toMatchObject({ status: 'failed', error: { code: 'STEP_TIMEOUT' } });
    await clock.advanceAsync(2_000);
  });

  it('a batch has results and their summary', async () => {
    const batch = await runtime.tasks.executeBatch([ok, { tool: 'fail' }, ok]).outcome();
    expect(batch.results.map(({ status }) => status)).toEqual(['completed', 'failed', 'completed']);
    expect(batch.summary).toMatchObject({ total: 3, completed: 2, failed: 1, cancelled: 0, usage: { stepsExecuted: 3 } });
  });
});
