/** RSL-4: one breaker for each tool, module, provider and layer; seen, opened, closed and reset by hand. */

import { describe, expect, it } from 'vitest';
import { type BreakerScope, createRuntime, type Fact, type RuntimeOptions, SwarmchartError } from '../../../src/index.ts';
import { startWorld } from '../run/start-world.ts';

async function breakerWorld(options: RuntimeOptions = {}, more: object = {}) {
  const world = await startWorld(options, more);
  const facts: Fact[] = [];
  world.runtime.events.subscribe('breaker/**', (fact) => void facts.push(fact));
  /** Runs one step to its end and says how it went. */
  async function once(step: object = { tool: 'work' }, parameters: object = {}): Promise<string> {
    const run = world.run([{ id: 'a', parameters: { ms: 0, ...parameters }, ...step } as never]);
    await world.clock.advanceAsync(0);
    const { error } = await run.result();
    await world.checkInvariants(run.executionId);
    return error?.code ?? 'ok';
  }
  const times = async (count: number, ...args: Parameters<typeof once>) => {
    for (let n = 0; n < count; n++) await once(...args);
  };
  return { ...world, facts, once, times, breakers: world.runtime.breakers, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

const FAILS = { failures: 9 };
const boom = () => {
  throw new Error('boom');
};
const layer = { scope: 'layer', key: 'L2' } as const;

describe('the registry of breakers', () => {
  it('shows a breaker through its life', async () => {
    await using world = await breakerWorld();
    expect(world.breakers.list()).toEqual([]);
    const closed = { scope: 'tool', key: 'work', state: 'closed', failures: 0, successes: 0, isProbing: false };
    expect(world.breakers.get('tool', 'work')).toEqual(closed);
    await world.times(5, { tool: 'work' }, FAILS);
    const changedAt = world.clock.now();
    const opened = { ...closed, state: 'open', failures: 5, openUntil: changedAt + 30_000, changedAt };
    expect(world.breakers.get('tool', 'work')).toEqual(opened);
    expect(world.breakers.list()).toEqual([opened]);
    await world.clock.advanceAsync(30_000);
    expect(world.breakers.get('tool', 'work')).toMatchObject({ state: 'halfOpen', isProbing: false, successes: 0 });
    const probe = world.run([{ id: 'a', tool: 'work' }]);
    await world.clock.advanceAsync(500);
    expect(world.breakers.get('tool', 'work')).toMatchObject({ state: 'halfOpen', isProbing: true });
    await world.clock.advanceAsync(500);
    await probe.result();
    expect(world.breakers.get('tool', 'work')).toMatchObject({ state: 'halfOpen', isProbing: false, successes: 1 });
    await world.once();
    expect(world.breakers.get('tool', 'work')).toMatchObject({ state: 'closed', failures: 0 });
  });

  it('opens by hand before anything was called, for as long as nobody closes it, and says who did it', async () => {
    await using world = await breakerWorld();
    expect(world.breakers.forceOpen('tool', 'work', { by: 'ann' })).toBe(true);
    expect(world.breakers.forceOpen('tool', 'work', { by: 'bob' })).toBe(false);
    await world.clock.advanceAsync(3_600_000);
    expect(await world.once()).toBe('CIRCUIT_OPEN');
    expect(world.calls).toEqual([]);
    expect(world.breakers.get('tool', 'work')).toMatchObject({ state: 'held', failures: 0 });
    expect(world.breakers.forceClose('tool', 'work', { by: 'bob' })).toBe(true);
    expect(world.breakers.forceClose('tool', 'work', { by: 'bob' })).toBe(false);
    expect(await world.once()).toBe('ok');
    expect(world.facts.map(({ type, payload }) => [type, (payload as { by?: string }).by])).toEqual([
      ['breaker/opened', 'ann'],
      ['breaker/closed', 'bob'],
    ]);
  });

  it('resets an open one before its time: two probes close it', async () => {
    await using world = await breakerWorld();
    await world.times(5, { tool: 'work' }, FAILS);
    expect(world.breakers.reset('tool', 'work')).toBe(true);
    expect(world.breakers.reset('tool', 'work')).toBe(false);
    expect(await world.once()).toBe('ok');
    expect(world.breakers.get('tool', 'work')?.state).toBe('halfOpen');
    expect(await world.once()).toBe('ok');
    expect(world.breakers.get('tool', 'work')?.state).toBe('closed');
    expect(world.breakers.reset('tool', 'work')).toBe(false);
  });

  it('opens by hand under a probe, whose end changes nothing any more', async () => {
    await using world = await breakerWorld();
    world.breakers.forceOpen('tool', 'work');
    world.breakers.reset('tool', 'work');
    const probe = world.run([{ id: 'a', tool: 'work' }]);
    await world.clock.advanceAsync(500);
    expect(world.breakers.forceOpen('tool', 'work')).toBe(true);
    await world.clock.advanceAsync(500);
    expect((await probe.result()).success).toBe(true);
    expect(world.breakers.get('tool', 'work')?.state).toBe('held');
  });

  it.each(['tool', 'agent', 'module', 'layer', 'provider'] as const)('knows no %s that there is not', async (scope) => {
    await using world = await breakerWorld();
    for (const command of ['forceOpen', 'forceClose', 'reset'] as const) expect(world.breakers[command](scope, 'ghost')).toBe(false);
    expect(world.breakers.get(scope, 'ghost')).toBeUndefined();
    expect(world.breakers.list()).toEqual([]);
  });

  it('refuses what makes no sense with INVALID_VALUE', async () => {
    await using world = await breakerWorld();
    const { breakers } = world.runtime;
    for (const command of ['forceOpen', 'forceClose', 'reset'] as const) {
      const call = breakers[command].bind(breakers) as (...args: unknown[]) => boolean;
      for (const args of [['tol', 'work'], [undefined, 'x'], ['tool'], ['tool', 7], ['tool', 'work', 'ann'], ['tool', 'work', { by: 7 }]]) {
        expect(() => call(...args), JSON.stringify(args)).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }));
      }
    }
    expect(() => breakers.get('tol' as BreakerScope, 'work')).toThrow('Did you mean "tool"?');
    expect(breakers.list()).toEqual([]);
  });

  it('is over with its runtime', async () => {
    const runtime = await createRuntime();
    await runtime.stop();
    expect(runtime.breakers.forceOpen('tool', 'echo')).toBe(false);
    expect(runtime.breakers.list()).toEqual([]);
    await expect(runtime.breakers.guard(layer, () => 1)).rejects.toMatchObject({ code: 'RUNTIME_STOPPED' });
  });
});

describe('the breaker of a provider', () => {
  const shared = { provider: 'maps' };

  it('is shared by the tools that depend on it: when it is open no call of any of them is made', async () => {
    await using world = await breakerWorld({}, shared);
    await world.times(3, { tool: 'work' }, FAILS);
    await world.times(2, { tool: 'other' }, FAILS);
    expect(world.calls).toHaveLength(5);
    expect([await world.once({ tool: 'work' }), await world.once({ tool: 'other' })]).toEqual(['CIRCUIT_OPEN', 'CIRCUIT_OPEN']);
    expect(world.calls).toHaveLength(5);
    expect(world.breakers.get('provider', 'maps')).toMatchObject({ state: 'open', failures: 5 });
    expect(world.breakers.get('tool', 'work')).toMatchObject({ state: 'closed', failures: 3 });
  });

  it('is not tried by a call that the tool’s own breaker refuses, nor the other way round', async () => {
    await using world = await breakerWorld({}, shared);
    world.breakers.forceOpen('tool', 'work');
    world.breakers.forceOpen('provider', 'maps');
    world.breakers.reset('provider', 'maps');
    expect(await world.once()).toBe('CIRCUIT_OPEN');
    expect(world.breakers.get('provider', 'maps')).toMatchObject({ state: 'halfOpen', isProbing: false });
    world.breakers.reset('tool', 'work');
    world.breakers.forceOpen('provider', 'maps');
    expect(await world.once()).toBe('CIRCUIT_OPEN');
    expect(world.breakers.get('tool', 'work')).toMatchObject({ state: 'halfOpen', isProbing: false });
    expect(world.facts.filter(({ type }) => type.startsWith('breaker/probe'))).toEqual([]);
  });

  it('guards a tool that declines a breaker of its own, too', async () => {
    await using world = await breakerWorld({}, { ...shared, breaker: false });
    await world.times(5, { tool: 'work' }, FAILS);
    expect(await world.once()).toBe('CIRCUIT_OPEN');
    expect(world.breakers.get('tool', 'work')).toBeUndefined();
    expect(world.breakers.forceOpen('tool', 'work')).toBe(false);
  });
});

describe('the breaker of a module', () => {
  it('is shared by its operations; a fallback runs at once', async () => {
    let called = 0;
    const fail = () => {
      called++;
      throw new Error('no plan');
    };
    await using world = await breakerWorld({ modules: { plan: { make: fail, check: fail }, act: { go: () => 'gone' } } });
    const step = (operation: string, more: object = {}) => ({ type: 'module-operation', module: 'plan', operation, ...more });
    await world.times(3, step('make'));
    await world.times(2, step('check'));
    expect(await world.once(step('make'))).toBe('CIRCUIT_OPEN');
    expect(called).toBe(5);
    expect(await world.once(step('make', { fallbacks: [{ on: 'dependency', action: 'use-value', value: 'later' }] }))).toBe('ok');
    expect(await world.once({ type: 'module-operation', module: 'act', operation: 'go' })).toBe('ok');
    expect(world.facts.at(-1)).toMatchObject({ type: 'breaker/opened', payload: { scope: 'module', key: 'plan', failures: 5 } });
    expect(world.breakers.forceOpen('module', 'act')).toBe(true);
    expect(await world.once({ type: 'module-operation', module: 'act', operation: 'go' })).toBe('CIRCUIT_OPEN');
  });
});

describe('a call of the embedder’s own', () => {
  it('gives back what its work gives back and throws what that throws; open, it is not made', async () => {
    await using world = await breakerWorld();
    const { breakers } = world;
    expect(await breakers.guard(layer, () => 7)).toBe(7);
    expect(await breakers.guard(layer, () => Promise.resolve('later'))).toBe('later');
    for (let n = 0; n < 5; n++) await expect(breakers.guard(layer, boom)).rejects.toThrow('boom');
    let called = false;
    const refused = breakers.guard(layer, () => {
      called = true;
    });
    await expect(refused).rejects.toMatchObject({ code: 'CIRCUIT_OPEN', context: layer, errorClass: 'dependency' });
    expect(called).toBe(false);
    expect(await breakers.guard({ scope: 'layer', key: 'L3' }, () => 'own')).toBe('own');
    await world.clock.advanceAsync(30_000);
    await breakers.guard(layer, () => 1);
    await breakers.guard(layer, () => 1);
    expect(breakers.get('layer', 'L2')).toMatchObject({ state: 'closed' });
  });

  it('does not count invalid input and cancelled work; it counts a timeout', async () => {
    await using world = await breakerWorld();
    const { breakers } = world;
    const invalid = () => Promise.reject(new SwarmchartError('INVALID_INPUT', 'no'));
    for (let n = 0; n < 9; n++) await expect(breakers.guard(layer, invalid)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    const abandoned = async (reason: unknown) => {
      const abort = new AbortController();
      const call = breakers.guard({ ...layer, signal: abort.signal }, () => new Promise((_, reject) => setImmediate(reject, reason)));
      abort.abort(reason);
      await call.catch(() => undefined);
    };
    for (let n = 0; n < 9; n++) await abandoned(new Error('not needed any more'));
    await expect(breakers.guard({ ...layer, signal: AbortSignal.abort() }, boom)).rejects.toMatchObject({ name: 'AbortError' });
    expect(breakers.get('layer', 'L2')).toMatchObject({ state: 'closed', failures: 0 });
    for (let n = 0; n < 5; n++) await abandoned(new DOMException('too late', 'TimeoutError'));
    expect(breakers.get('layer', 'L2')).toMatchObject({ state: 'open' });
  });

  it('refuses what makes no sense with INVALID_VALUE', async () => {
    await using world = await breakerWorld();
    const guard = world.breakers.guard.bind(world.breakers) as (...args: unknown[]) => Promise<unknown>;
    const calls = [
      [undefined, boom],
      [{ scope: 'tool', key: 'work' }, boom],
      [{ scope: 'layer', key: '' }, boom],
      [{ scope: 'layer' }, boom],
      [layer, 'boom'],
      [{ ...layer, signal: 'no' }, boom],
    ];
    for (const call of calls) await expect(guard(...call), JSON.stringify(call)).rejects.toMatchObject({ code: 'INVALID_VALUE' });
  });

  it('may have as many keys as it likes while nothing is to be remembered of them; then 10,000', async () => {
    await using world = await breakerWorld({ breakers: { system: false } });
    const { breakers } = world;
    for (let n = 0; n < 10_050; n++) await breakers.guard({ scope: 'provider', key: `p${n}` }, () => n);
    expect(breakers.list().length).toBeLessThanOrEqual(10_000);
    const fails = (n: number) => breakers.guard({ scope: 'provider', key: `f${n}` }, boom);
    for (let n = 0; n < 10_000; n++) await fails(n).catch(() => undefined);
    await expect(fails(10_000)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    await expect(fails(1)).rejects.toThrow('boom');
  });
});

describe('the options of breakers', () => {
  it('give a scope other figures, or no breakers at all; a tool’s own figures come first', async () => {
    const breakers = { tool: { failureThreshold: 2, successThreshold: 1 }, layer: false } as const;
    await using world = await breakerWorld({ breakers, tools: [{ name: 'own', breaker: { failureThreshold: 1 }, run: boom }] });
    await world.times(2, { tool: 'work' }, FAILS);
    expect(await world.once()).toBe('CIRCUIT_OPEN');
    await world.once({ tool: 'own' });
    expect(await world.once({ tool: 'own' })).toBe('CIRCUIT_OPEN');
    await world.clock.advanceAsync(30_000);
    expect(await world.once()).toBe('ok');
    expect(world.breakers.get('tool', 'work')?.state).toBe('closed');
    for (let n = 0; n < 9; n++) await expect(world.breakers.guard(layer, boom)).rejects.toThrow('boom');
    expect(world.breakers.get('layer', 'L2')).toBeUndefined();
    expect(world.breakers.get('system')?.state).toBe('closed');
  });

  it('hold a breaker open that has no time to reset itself', async () => {
    await using world = await breakerWorld({ breakers: { tool: { resetMs: null } } });
    await world.times(5, { tool: 'work' }, FAILS);
    await world.clock.advanceAsync(3_600_000);
    expect(world.breakers.get('tool', 'work')?.state).toBe('held');
    world.breakers.reset('tool', 'work');
    expect(await world.once()).toBe('ok');
  });

  it('are refused at the door, with every problem at once', async () => {
    const breakers = { tol: false, agent: 3, module: { failureThreshold: 0, resetMs: 'soon', succesThreshold: 1 } };
    const refused = createRuntime({ breakers } as never);
    await expect(refused).rejects.toMatchObject({ code: 'WORKFLOW_INVALID' });
    const { issues } = (await refused.catch((error: unknown) => error)) as SwarmchartError;
    expect(issues.map(({ code, path }) => [code, path.join('.')])).toEqual([
      ['UNKNOWN_KEY', 'breakers.tol'],
      ['INVALID_VALUE', 'breakers.agent'],
      ['INVALID_VALUE', 'breakers.module.failureThreshold'],
      ['INVALID_VALUE', 'breakers.module.resetMs'],
      ['UNKNOWN_KEY', 'breakers.module.succesThreshold'],
    ]);
    for (const given of [7, [], { tool: [1] }, new Proxy({}, { ownKeys: boom })]) {
      await expect(createRuntime({ breakers: given } as never)).rejects.toBeInstanceOf(SwarmchartError);
    }
    for (const more of [{ provider: '' }, { provider: 7 }, { breaker: true }, { breaker: { failureThreshold: -1 } }]) {
      const tool = { name: 't', run: boom, ...more };
      await expect(createRuntime({ tools: [tool] } as never), JSON.stringify(more)).rejects.toMatchObject({ code: 'INVALID_VALUE' });
    }
  });
});
