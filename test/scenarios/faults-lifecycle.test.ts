/** Faults 33 to 46 of the reliability catalogue: definitions that make no sense, controls at the worst moment, budgets, people and clocks. */

import { afterEach, describe, expect, it, vi } from 'vitest';
import { MailQueue } from '../../src/actors/post-office.ts';
import {
  type Amounts,
  createRuntime,
  type Fact,
  MemoryJournal,
  SwarmchartError,
  type ToolContext,
  type WorkflowDefinition,
} from '../../src/index.ts';
import { settlePromises, violations } from '../../src/testing/testing.ts';
import { payloadOf, startWorld, storyOf } from '../runtime/run/start-world.ts';
import { startRuntime } from '../support/start-runtime.ts';

type Steps = WorkflowDefinition['steps'];
const asSteps = (steps: readonly object[]) => steps as unknown as Steps;
const nothing = { name: 'nothing', run: () => null };

/** Runs a definition that makes no sense: its only facts are that it began and that it failed. */
async function refusal(
  definition: object,
): Promise<{ readonly code: string; readonly message: string; readonly paths: readonly string[] }> {
  let calls = 0;
  await using world = await startRuntime({ tools: [{ name: 'nothing', run: () => calls++ }] });
  const run = world.runtime.run(definition as WorkflowDefinition);
  const { error, status } = await run.result();
  expect(status).toBe('failed');
  expect(calls).toBe(0);
  expect((await world.checkInvariants(run.executionId)).map(({ type }) => type)).toEqual(['tier2/routine/started', 'tier2/routine/failed']);
  expect(() => world.runtime.createWorkflow(definition as WorkflowDefinition)).toThrow(SwarmchartError);
  const issues = (error?.context?.['issues'] ?? []) as readonly { readonly path: readonly (string | number)[] }[];
  return { code: error?.code ?? '', message: error?.message ?? '', paths: issues.map(({ path }) => path.join('.')) };
}
const step = (id: string, dependencies: readonly string[] = []) => ({ id, tool: 'nothing', dependencies });

describe('definitions that make no sense', () => {
  it('33 · a cycle, a step that waits for itself, a dependency that is missing: rejected, with the path named', async () => {
    const cycle = await refusal({ id: 'w', steps: [step('a', ['c']), step('b', ['a']), step('c', ['b'])] });
    expect(cycle).toMatchObject({ code: 'DEPENDENCY_CYCLE', message: expect.stringMatching(/a.*b.*c|a.*c.*b/) });
    expect(cycle.paths[0]).toMatch(/^steps\.\d\.dependencies/);
    expect(await refusal({ id: 'w', steps: [step('a', ['a'])] })).toMatchObject({
      code: 'DEPENDENCY_CYCLE',
      message: expect.stringContaining('a'),
      paths: [expect.stringMatching(/^steps\.0\.dependencies/)],
    });
    expect(await refusal({ id: 'w', steps: [step('a', ['nobody'])] })).toMatchObject({
      code: 'UNKNOWN_DEPENDENCY',
      message: expect.stringContaining('nobody'),
      paths: [expect.stringMatching(/^steps\.0\.dependencies/)],
    });
  });

  it('34 · two steps of one id: rejected', async () => {
    const { code, message, paths } = await refusal({ id: 'w', steps: [step('a'), step('b'), step('a')] });
    expect({ code, paths }).toEqual({ code: 'DUPLICATE_ID', paths: ['steps.2.id'] });
    expect(message).toContain('"a"');
  });

  it('35 · a hundred thousand steps, or ten thousand levels: limits, and no time lost over it', async () => {
    const before = performance.now();
    const wide = { id: 'w', steps: Array.from({ length: 100_000 }, (_, index) => step(`s${index}`)) };
    expect(await refusal(wide)).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    let deep: object = step('leaf');
    for (let level = 0; level < 10_000; level++) deep = { id: `g${level}`, type: 'parallel', steps: [deep] };
    expect(await refusal({ id: 'w', steps: [deep] })).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(performance.now() - before, 'milliseconds').toBeLessThan(15_000);
  });

  it('36 · a bomb of an expression: refused when it is loaded', async () => {
    const bombs = [
      'input.name.matches("(a+)+$")',
      '[1,2,3].all(a, [1,2,3].all(b, [1,2,3].all(c, a + b + c > 0)))',
      `${'('.repeat(500)}true${')'.repeat(500)}`,
      Array.from({ length: 5_000 }, () => 'true').join(' && '),
    ];
    for (const condition of bombs) {
      const { code } = await refusal({ id: 'w', steps: [{ id: 'c', type: 'conditional', condition, then: [step('a')] }] });
      expect(code, condition.slice(0, 60)).toMatch(/^(CONDITION_FAILED|INVALID_VALUE|LIMIT_EXCEEDED|SYNTAX_ERROR|WORKFLOW_INVALID)$/);
    }
  });
});

/** A runtime whose tool ends when it is told to, and how far into a turn something is done. */
async function gated(steps: Steps) {
  const calls: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const gate = (id: string) => {
    const known = gates.get(id) ?? Promise.withResolvers<void>();
    gates.set(id, known);
    return known;
  };
  const tool = {
    name: 'gate',
    run: async (_: unknown, { stepId, signal }: ToolContext) => {
      calls.push(stepId);
      await Promise.race([
        gate(stepId).promise,
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
      ]);
      return stepId;
    },
  };
  const world = await startRuntime({ tools: [tool, nothing], carrier: { carry: (letter) => queueMicrotask(() => letter.open()) } });
  const run = world.runtime.run({ id: 'w', steps }, { context: { executionId: 'run' } });
  await settlePromises();
  return { ...world, run, calls, open: (id: string) => gate(id).resolve() };
}
const microtasks = async (turns: number) => {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
};
const count = (facts: readonly Fact[], type: string) => facts.filter((fact) => fact.type === type).length;
const CHAIN = asSteps([
  { id: 'a', tool: 'gate' },
  { id: 'b', tool: 'gate', dependencies: ['a'] },
]);
/** Every moment between the end of a tool and the start of what follows it. */
const MOMENTS = Array.from({ length: 40 }, (_, moment) => moment);

describe('controls at the worst moment', () => {
  it('37 · a cancel during the start: no tool is called afterwards, whatever the moment', async () => {
    for (const moment of MOMENTS) {
      let cancelledAt = Number.POSITIVE_INFINITY;
      const late: string[] = [];
      const tool = {
        name: 'gate',
        run: (_: unknown, { stepId, signal }: ToolContext) => {
          if (cancelledAt <= moment) late.push(stepId);
          return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
        },
      };
      await using world = await startRuntime({ tools: [tool] });
      const run = world.runtime.run({ id: 'w', steps: [{ id: 'a', tool: 'gate' }] });
      await microtasks(moment);
      const accepted = run.cancel('now').then((isAccepted) => {
        cancelledAt = moment;
        return isAccepted;
      });
      await world.clock.advanceAsync(10_000);
      expect(await accepted).toBe(true);
      expect(late, `at moment ${moment}`).toEqual([]);
      expect(await run.result()).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED' } });
      await world.checkInvariants(run.executionId);
    }
  });

  it('38 · a pause during a completion: the step commits, its run parks, whatever the moment', async () => {
    for (const moment of MOMENTS) {
      await using world = await gated(CHAIN);
      const { run, calls, open } = world;
      open('a');
      await microtasks(moment);
      const paused = run.pause();
      await settlePromises();
      expect(await paused).toBe(true);
      const before = await world.journal.read('run');
      expect(count(before, 'tier2/step/completed'), `moment ${moment}`).toBe(1);
      if (calls.includes('b')) {
        // The pause came after the next step had begun: that one ends, and the run parks then.
        expect(run.status).toBe('pausing');
        open('b');
        await settlePromises();
      } else expect(run.status).toBe('paused');
      await run.resume();
      open('b');
      await settlePromises();
      expect(await run.result()).toMatchObject({ success: true, result: 'b' });
      expect(calls).toEqual(['a', 'b']);
      await world.checkInvariants('run');
    }
  });

  it('39 · a resume twice: the run goes on once, and every step runs once', async () => {
    await using world = await gated(CHAIN);
    const { run, calls, open } = world;
    expect(await run.pause()).toBe(true);
    open('a');
    await settlePromises();
    expect(run.status).toBe('paused');
    expect(await Promise.all([run.resume(), run.resume(), run.resume()])).toEqual([true, true, true]);
    open('b');
    await settlePromises();
    expect(await run.result()).toMatchObject({ success: true });
    expect(await run.resume()).toBe(false);
    expect(calls).toEqual(['a', 'b']);
    expect(count(await world.checkInvariants('run'), 'tier2/routine/resumed')).toBe(1);
  });

  it('40 · a cancel against a completion: exactly one final state, and the answer says which, whatever the moment', async () => {
    const ends = new Set<string>();
    for (const moment of MOMENTS) {
      await using world = await gated(asSteps([{ id: 'a', tool: 'gate' }]));
      const { run, open } = world;
      open('a');
      await microtasks(moment);
      const isAccepted = await run.cancel('now');
      await world.clock.advanceAsync(10_000);
      const { status } = await run.result();
      ends.add(status);
      expect(status, `moment ${moment}`).toBe(isAccepted ? 'cancelled' : 'completed');
      const facts = await world.checkInvariants('run');
      const finals = facts.filter(({ type }) => /^tier2\/routine\/(completed|failed|cancelled)$/.test(type));
      expect(finals.map(({ type }) => type)).toEqual([`tier2/routine/${status}`]);
    }
    expect([...ends].sort()).toEqual(['cancelled', 'completed']);
  });

  it('41 · a child that dies while its parent cancels: the parent is cancelled', async () => {
    const dying = {
      name: 'dying',
      run: (_: unknown, { signal }: ToolContext) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new SwarmchartError('PROCESS_FAILED', 'died')))),
    };
    await using world = await startRuntime({ tools: [dying], faults: {} });
    const { runtime, clock } = world;
    const inner = { id: 'inner', type: 'workflow', workflow: { id: 'within', steps: [{ id: 'deep', tool: 'dying' }] } };
    const run = runtime.run({ id: 'w', steps: asSteps([{ id: 'a', tool: 'dying', retry: 3 }, inner]) });
    const swarm = runtime.swarm({
      id: 's',
      goal: 'g',
      agents: [{ id: 'ann', capabilities: ['work'] }],
      routines: { work: { id: 'working', steps: [{ id: 'a', tool: 'dying' }] } },
      tasks: [{ id: 't', requiredCapabilities: ['work'], maxAgents: 3 }],
    });
    await settlePromises();
    const answers = [run.cancel('enough'), swarm.cancel('enough')];
    for (const { spec } of runtime.agents.list()) expect(runtime.agents.crash(spec.id)).toBe(true);
    expect(await Promise.all(answers)).toEqual([true, true]);
    await clock.advanceAsync(10_000);
    for (const handle of [run, swarm]) {
      expect(await handle.result()).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED', context: { reason: 'enough' } } });
      await world.checkInvariants(handle.executionId);
    }
  });

  it('42 · a cancel during a backoff: its timer is gone, and nothing is tried again', async () => {
    await using world = await startWorld();
    const run = world.run([
      { id: 'a', tool: 'work', parameters: { ms: 0, failures: 5 }, retry: { maxRetries: 5, backoff: { baseMs: 10_000 } } },
    ]);
    await world.clock.advanceAsync(1_000);
    expect(world.calls).toHaveLength(1);
    expect(await run.cancel('enough')).toBe(true);
    await settlePromises();
    expect(world.clock.pending).toBe(0);
    const { result } = await world.finish(run);
    expect(result.status).toBe('cancelled');
    expect(world.calls).toHaveLength(1);
  });
});

describe('budgets, models, people and clocks', () => {
  it('43 · credits that are crossed while steps run side by side: each is reserved before its call, so no credit too many is spent', async () => {
    await using world = await startWorld();
    const steps = ['a', 'b', 'c', 'd'].map((id) => ({ id, tool: 'work', credits: '4', parameters: { spend: '0' }, onFailure: 'continue' }));
    const run = world.run(asSteps(steps), { allocation: { maxCredits: '10' } });
    const { facts } = await world.finish(run);
    const { result } = { result: await run.result() };
    expect(BigInt(result.resourcesUsed.creditsUsed)).toBeLessThanOrEqual(10n);
    expect(world.calls.length).toBeLessThanOrEqual(2);
    for (const { type, payload } of facts) {
      if (type === 'tier2/step/started') expect(BigInt((payload as { readonly reserved: Amounts }).reserved.credits)).toBeGreaterThan(0n);
    }
  });

  it('44 · a tool that calls a model which is busy, then stalls: the retry budget, the breaker and the timeout hold (the models have their own tests)', async () => {
    let calls = 0;
    const busy = {
      name: 'model',
      breaker: { failureThreshold: 3, resetMs: 30_000 },
      run: (_: unknown, { signal }: ToolContext) => {
        calls++;
        if (calls > 3) return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stalled'))));
        throw new SwarmchartError('PROCESS_FAILED', '429 Too Many Requests', { errorClass: 'transient' });
      },
    };
    await using world = await startWorld({ tools: [busy as never] });
    const once = await world.finish(world.run([{ id: 'a', tool: 'model', retry: { maxRetries: 5, backoff: { baseMs: 100 } } }]));
    expect(once.result.error).toMatchObject({ code: 'CIRCUIT_OPEN' });
    expect(calls).toBe(3);
    await world.clock.advanceAsync(30_000);
    const stalled = await world.finish(world.run([{ id: 'a', tool: 'model', timeout: 5_000 }]));
    expect(stalled.result.error).toMatchObject({ code: 'STEP_TIMEOUT' });
  });

  it('45 · an approval that comes twice, or late: the first valid answer wins, the others are refused', async () => {
    await using world = await startWorld();
    const run = world.run(
      asSteps([
        { id: 'ask', type: 'wait', approval: true },
        { id: 'late', type: 'wait', approval: true, timeout: 60_000, onFailure: 'continue' },
      ]),
    );
    await settlePromises();
    const answers = [
      run.decide('ask', { decision: 'approve', value: 'first', by: 'Ann' }),
      run.decide('ask', { decision: 'reject', by: 'Bob' }),
      run.decide('ask', { decision: 'approve', value: 'third', by: 'Ann' }),
    ];
    expect(await Promise.all(answers)).toEqual([true, false, false]);
    await world.clock.advanceAsync(60_000);
    expect(await run.decide('late', { decision: 'approve' })).toBe(false);
    const { facts } = await world.finish(run);
    expect(payloadOf(facts, 'tier2/step/completed', 'ask')['output']).toBe('first');
    expect(payloadOf(facts, 'tier2/step/failed', 'late')['error']).toMatchObject({ code: 'STEP_TIMEOUT' });
    expect(storyOf(facts).filter((line) => line.endsWith(' ask') && /decided|completed|failed/.test(line))).toHaveLength(2);
  });
});

describe('46 · a clock that jumps by a day', () => {
  const NOW = Date.UTC(2026, 0, 1);
  const DAY = 86_400_000;
  afterEach(() => void vi.useRealTimers());
  /** The platform's timers advance; its event loop goes on turning. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 1_000) {
      vi.advanceTimersByTime(Math.min(left, 1_000));
      await settlePromises();
    }
  };

  it.each([
    ['forward', DAY],
    ['back', -DAY],
  ])('46 · %s: timeouts and backoffs are monotonic, and the facts never go back', async (_, jump) => {
    vi.useFakeTimers({ now: NOW, toFake: ['Date', 'setTimeout', 'clearTimeout', 'performance'] });
    const attempts: number[] = [];
    const began = performance.now();
    const tool = {
      name: 'tool',
      breaker: false as const,
      run: (_input: unknown, { signal, attempt }: ToolContext) => {
        attempts.push(Math.round(performance.now() - began));
        if (attempt === 1) throw new Error('again');
        return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
      },
    };
    const journal = new MemoryJournal();
    const runtime = await createRuntime({ journal, tools: [tool], carrier: new MailQueue(Number.POSITIVE_INFINITY) });
    const retry = { maxRetries: 1, backoff: { strategy: 'fixed' as const, baseMs: 10_000, maxMs: 10_000, jitter: 0 } };
    const run = runtime.run({ id: 'w', steps: [{ id: 'a', tool: 'tool', timeout: 20_000, retry }] });
    await settlePromises();
    await pass(2_000);
    vi.setSystemTime(Date.now() + jump);
    await pass(7_000);
    expect(attempts, 'still backing off').toHaveLength(1);
    await pass(2_000);
    expect(attempts).toHaveLength(2);
    expect(attempts[1]).toBe(10_000);
    vi.setSystemTime(Date.now() + jump);
    await pass(18_000);
    expect(run.status, 'its timeout is not yet over').toBe('running');
    await pass(3_000);
    expect(await run.result()).toMatchObject({ status: 'failed', error: { code: 'STEP_TIMEOUT' }, duration: 30_000 });
    const facts = await journal.read(run.executionId);
    expect(violations(facts)).toEqual([]);
    for (const { at } of facts) expect(at - NOW).toBeLessThanOrEqual(31_000);
    await runtime.stop();
  });

  it('46 · of a run that slept through it: what was due meanwhile is due at once, and once', async () => {
    for (const jump of [DAY, 5_000]) {
      await using world = await startWorld();
      const run = world.run(
        asSteps([
          { id: 'nap', type: 'wait', duration: 10_000 },
          { id: 'a', tool: 'work', dependencies: ['nap'] },
        ]),
      );
      await world.clock.advanceAsync(1_000);
      world.clock.jump(jump);
      const { result, facts } = await world.finish(run);
      expect(result.success).toBe(true);
      expect(storyOf(facts)).toEqual(['started nap', 'waiting nap', 'completed nap', 'started a', 'completed a']);
    }
  });
});
