/** What a runtime shows of itself, what it shares with another one in the process (nothing), and what it leaves (nothing). */

import { describe, expect, it } from 'vitest';
import type { AnyActorRef, InspectionEvent } from 'xstate';
import { MailQueue } from '../../../src/actors/post-office.ts';
import { type AnyTool, createRuntime, MemoryJournal, type RuntimeOptions, type WorkflowDefinition } from '../../../src/index.ts';
import { settlePromises, VirtualClock } from '../../../src/testing/testing.ts';
import { slowTool } from '../../support/tools.ts';

const workflow: WorkflowDefinition = {
  id: 'pair',
  steps: [
    { id: 'one', tool: 'work' },
    { id: 'two', tool: 'work', dependencies: ['one'] },
  ],
};

async function start(answer: string, more: RuntimeOptions = {}) {
  const clock = new VirtualClock();
  const journal = new MemoryJournal();
  const tool: AnyTool = { name: 'work', run: () => answer };
  const runtime = await createRuntime({ carrier: new MailQueue(Number.POSITIVE_INFINITY), clock, journal, tools: [tool], ...more });
  return { runtime, clock, journal };
}

describe('two runtimes in one process', () => {
  it('share nothing: ids, tools, workflows, facts, breakers, blackboards, counters and ends are their own', async () => {
    const broken: AnyTool = {
      name: 'work',
      breaker: { failureThreshold: 1 },
      run: () => {
        throw new Error('broken');
      },
    };
    const a = await start('a', { tools: [broken] });
    const b = await start('b');
    const heard: string[] = [];
    b.runtime.events.subscribe('**', ({ executionId, type }) => void heard.push(`${executionId} ${type}`));
    a.runtime.createWorkflow(workflow);
    const context = { executionId: 'same', swarmId: 'swarm' };
    const [ofA, ofB] = [a.runtime.run('pair', { context }), b.runtime.run(workflow, { context })];
    expect(await ofA.result()).toMatchObject({ success: false });
    expect(await ofB.result()).toMatchObject({ success: true, result: 'b' });
    expect(await b.runtime.run('pair').result()).toMatchObject({ error: { code: 'WORKFLOW_NOT_FOUND' } });
    expect(await a.runtime.run('pair', { context: { executionId: 'again' } }).result()).toMatchObject({ error: { code: 'CIRCUIT_OPEN' } });
    expect(await b.runtime.run(workflow, { context: { executionId: 'again' } }).result()).toMatchObject({ success: true });
    await settlePromises();
    expect(a.runtime.blackboard('swarm').entries().size).toBe(0);
    expect(b.runtime.blackboard('swarm').get('pair')).toMatchObject({ value: 'b', version: 1 });
    expect((await a.journal.read('same')).some(({ type }) => type === 'tier2/routine/completed')).toBe(false);
    expect(heard.some((line) => line.includes('breaker'))).toBe(false);

    await a.runtime.stop();
    expect(await b.runtime.run(workflow).result()).toMatchObject({ success: true });
    expect(() => a.runtime.run(workflow)).toThrow(expect.objectContaining({ code: 'RUNTIME_STOPPED' }));
    await b.runtime.stop();
  });
});

/** An event as data: actors become their session ids. */
const asData = (event: unknown): unknown =>
  JSON.parse(
    JSON.stringify(event, (_, value: unknown) =>
      typeof value === 'object' && value !== null && 'sessionId' in value && 'getSnapshot' in value
        ? (value as AnyActorRef).sessionId
        : value,
    ),
  );

describe('inspection', () => {
  it('shows every actor with its parent', async () => {
    const parents = new Map<string, string | undefined>();
    const inspect = (event: InspectionEvent) => {
      if (event.type === '@xstate.actor') {
        const ref = event.actorRef as AnyActorRef;
        parents.set(ref.id, ref._parent?.id);
      }
    };
    const { runtime } = await start('x', { inspect, createId: () => 'run' });
    await runtime.run(workflow).result();
    expect(Object.fromEntries(parents)).toEqual({
      runtime: undefined,
      children: 'runtime',
      breakers: 'children',
      pool: 'children',
      executions: 'children',
      run: 'executions',
      nursery: 'run',
      one: 'nursery',
      two: 'nursery',
      attempt: 'two',
      'breaker/tool/work': 'breakers',
    });
    await runtime.stop();
  });

  it('shows only messages that are JSON, in the life of a run with retries, a pause and a cancel', async () => {
    const messages: unknown[] = [];
    const inspect = (event: InspectionEvent) => {
      if (event.type === '@xstate.event') messages.push(event.event);
    };
    const clock = new VirtualClock();
    const slow = slowTool(clock, 'work', 5_000, { onPause: 'suspend' });
    let calls = 0;
    const shaky: AnyTool = {
      name: 'shaky',
      run: () => {
        if (++calls < 3) throw new Error('shaky');
        return { calls };
      },
    };
    const { runtime } = await start('', { clock, inspect, tools: [slow.tool, shaky] });
    const run = runtime.run({
      id: 'mixed',
      retry: { maxRetries: 2, backoff: { baseMs: 10 } },
      steps: [
        { id: 'shaky', tool: 'shaky' },
        { id: 'slow', tool: 'work', dependencies: ['shaky'] },
        { id: 'never', tool: 'work', dependencies: ['slow'] },
      ],
    });
    await clock.advanceAsync(2_000);
    await run.pause();
    await clock.advanceAsync(2_000);
    await run.resume();
    await clock.advanceAsync(5_000);
    const cancelled = run.cancel('enough');
    await clock.advanceAsync(10_000);
    expect(await cancelled).toBe(true);
    expect(await run.result()).toMatchObject({ status: 'cancelled' });
    expect(messages.length).toBeGreaterThan(20);
    for (const message of messages) expect(asData(message)).toEqual(message);
    await runtime.stop();
  });

  it('changes nothing when its observer throws', async () => {
    let seen = 0;
    const inspect = () => {
      seen++;
      throw new Error('the observer is broken');
    };
    const plain = await start('x', { createId: () => 'run' });
    const watched = await start('x', { inspect, createId: () => 'run' });
    for (const { runtime } of [plain, watched]) expect(await runtime.run(workflow).result()).toMatchObject({ success: true, result: 'x' });
    expect(await watched.journal.read('run')).toEqual(await plain.journal.read('run'));
    expect(seen).toBeGreaterThan(10);
    for (const { runtime } of [plain, watched]) await runtime.stop();
  });
});

describe('a runtime that has stopped', () => {
  it('has left no execution, no actor with a timer and no timer, whatever was going on', async () => {
    const clock = new VirtualClock();
    const living = new Set<AnyActorRef>();
    const inspect = (event: InspectionEvent) => {
      if (event.type === '@xstate.actor') living.add(event.actorRef as AnyActorRef);
    };
    const tools: AnyTool[] = [
      slowTool(clock, 'slow', 60_000).tool,
      slowTool(clock, 'suspendable', 60_000, { onPause: 'suspend' }).tool,
      { name: 'deaf', run: () => new Promise(() => undefined) },
      {
        name: 'failing',
        breaker: { failureThreshold: 1 },
        run: () => {
          throw new Error('no');
        },
      },
    ];
    const { runtime } = await start('', { clock, inspect, tools });
    runtime.events.subscribe('**', () => new Promise(() => undefined));
    const retry = { maxRetries: 5, backoff: { baseMs: 60_000 } };
    const runs = tools.map(({ name }) => runtime.run({ id: name, retry, steps: [{ id: 'only', tool: name, timeout: 600_000 }] }));
    const paused = runtime.run({ id: 'paused', steps: [{ id: 'only', tool: 'suspendable' }] });
    await clock.advanceAsync(500);
    await paused.pause();
    await clock.advanceAsync(1_000);
    expect(runtime.vitals.executions).toBeGreaterThan(5);
    const stopped = runtime.stop({ graceMs: 100 });
    await clock.advanceAsync(100);
    await stopped;
    expect(runtime.vitals).toMatchObject({ executions: 0, actorsWithTimers: 0 });
    expect(clock.pending).toBe(0);
    expect([...living].filter((ref) => ref.getSnapshot().status === 'active').map(({ id }) => id)).toEqual([]);
    for (const run of [...runs, paused]) expect((await run.result()).success).toBe(false);
  });

  it('has told subscribers everything that was committed before', async () => {
    const { runtime, journal } = await start('x', { createId: () => 'run' });
    const heard: number[] = [];
    runtime.events.subscribe('**', async ({ seq }) => {
      await Promise.resolve();
      heard.push(seq);
    });
    await runtime.run(workflow).result();
    await runtime.stop();
    await settlePromises();
    expect(heard).toEqual((await journal.read('run')).map(({ seq }) => seq));
  });

  it('may be stopped again', async () => {
    const { runtime } = await start('x');
    await Promise.all([runtime.stop(), runtime.stop()]);
    await expect(runtime.stop()).resolves.toBeUndefined();
  });
});
