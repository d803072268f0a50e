/** RSL-4 at tool scope: a tool that keeps failing is left alone for a while. Source: Execution Layer Architecture, "Circuit Breaker Pattern". */

import { describe, expect, it } from 'vitest';
import type { Fact } from '../../../src/index.ts';
import { startWorld } from './start-world.ts';

type World = Awaited<ReturnType<typeof startWorld>>;

async function breakerWorld(more: object = {}) {
  const world = await startWorld({}, more);
  const facts: Fact[] = [];
  world.runtime.events.subscribe('breaker/**', (fact) => void facts.push(fact));
  return { ...world, breaker: facts, told: () => facts.map(({ type }) => type), [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

const start = (world: World, parameters: object = {}, more: object = {}) =>
  world.run([{ id: 'a', tool: 'work', parameters: { ms: 0, ...parameters }, ...more }]);

/** Runs one step to its end and says how it went. */
async function once(world: World, parameters: object = {}, more: object = {}) {
  const run = start(world, parameters, more);
  await world.clock.advanceAsync(0);
  const { error } = await run.result();
  await world.checkInvariants(run.executionId);
  return error?.code ?? 'ok';
}

async function open(world: World): Promise<void> {
  for (let n = 0; n < 5; n++) expect(await once(world, { failures: 9 })).toBe('EXECUTION_FAILED');
}

describe('the circuit breaker of a tool', () => {
  it('opens at the fifth failure in a row; then calls fail without reaching the tool', async () => {
    await using world = await breakerWorld();
    await open(world);
    expect(world.calls).toHaveLength(5);
    expect(await once(world)).toBe('CIRCUIT_OPEN');
    expect(world.calls).toHaveLength(5);
    expect(world.told()).toEqual([...Array(4).fill('breaker/failure/counted'), 'breaker/opened']);
    const openedAt = world.breaker.at(-1)?.at ?? 0;
    expect(world.breaker.at(-1)).toMatchObject({ payload: { scope: 'tool', key: 'work', failures: 5, until: openedAt + 30_000 } });
    expect(world.breaker.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
  });

  it('counts only failures in a row', async () => {
    await using world = await breakerWorld();
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 4; n++) await once(world, { failures: 9 });
      expect(await once(world)).toBe('ok');
    }
    expect(world.told()).not.toContain('breaker/opened');
    expect(world.told().filter((type) => type === 'breaker/failures/reset')).toHaveLength(3);
  });

  it('counts the attempts of one step, too, and ends its retries: an open circuit is not retried', async () => {
    await using world = await breakerWorld();
    const run = start(world, { failures: 99 }, { retry: { maxRetries: 20, backoff: { baseMs: 10, strategy: 'fixed' } } });
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ error: { code: 'CIRCUIT_OPEN', errorClass: 'dependency', retryable: false } });
    expect(world.calls).toHaveLength(5);
  });

  it('counts a timeout as a failure', async () => {
    await using world = await breakerWorld();
    for (let n = 0; n < 5; n++) {
      const run = start(world, { ms: 9_000 }, { timeout: 1_000 });
      await world.clock.advanceAsync(1_000);
      expect((await run.result()).error?.code).toBe('STEP_TIMEOUT');
    }
    expect(await once(world)).toBe('CIRCUIT_OPEN');
  });

  it('counts neither invalid parameters nor cancelled calls', async () => {
    await using world = await breakerWorld({
      input: [
        { name: 'ms', type: 'number' },
        { name: 'failures', type: 'number' },
      ],
    });
    for (let n = 0; n < 8; n++) expect(await once(world, { ms: 'soon' })).toBe('INVALID_PARAMETER_TYPE');
    for (let n = 0; n < 8; n++) {
      const run = start(world, { ms: 9_000 });
      await world.clock.advanceAsync(10);
      await run.cancel();
      expect((await run.result()).status).toBe('cancelled');
    }
    expect(await once(world)).toBe('ok');
    expect(world.told()).toEqual([]);
  });

  it('belongs to one tool: others go on', async () => {
    await using world = await breakerWorld();
    await open(world);
    expect(await once(world, {}, { tool: 'other' })).toBe('ok');
  });

  it('lets a fallback run at once', async () => {
    await using world = await breakerWorld();
    await open(world);
    const fallbacks = [{ on: 'CIRCUIT_OPEN', action: 'use-tool', tool: 'other', parameters: { ms: 0 } }];
    expect(await once(world, {}, { fallbacks })).toBe('ok');
  });

  it('is not there for a tool that declines it', async () => {
    await using world = await breakerWorld({ breaker: false });
    for (let n = 0; n < 12; n++) expect(await once(world, { failures: 9 })).toBe('EXECUTION_FAILED');
    expect(world.told()).toEqual([]);
  });

  it('obeys the figures of its tool', async () => {
    await using world = await breakerWorld({ breaker: { failureThreshold: 2, resetMs: 1_000, successThreshold: 1 } });
    for (let n = 0; n < 2; n++) await once(world, { failures: 9 });
    expect(await once(world)).toBe('CIRCUIT_OPEN');
    await world.clock.advanceAsync(1_000);
    expect(await once(world)).toBe('ok');
    expect(world.told().at(-1)).toBe('breaker/closed');
  });
});

describe('a circuit that was open for 30 s', () => {
  async function halfOpen() {
    const world = await breakerWorld();
    await open(world);
    await world.clock.advanceAsync(29_999);
    expect(await once(world)).toBe('CIRCUIT_OPEN');
    await world.clock.advanceAsync(1);
    expect(world.told().at(-1)).toBe('breaker/half_opened');
    return world;
  }

  it('closes after two probes that succeed', async () => {
    await using world = await halfOpen();
    expect(await once(world)).toBe('ok');
    expect(world.told().at(-1)).toBe('breaker/probe/succeeded');
    expect(await once(world)).toBe('ok');
    expect(world.told().at(-1)).toBe('breaker/closed');
    for (let n = 0; n < 4; n++) await once(world, { failures: 9 });
    expect(await once(world)).toBe('ok');
  });

  it('admits one probe at a time', async () => {
    await using world = await halfOpen();
    const before = world.calls.length;
    const runs = Array.from({ length: 5 }, () => start(world, { ms: 1_000 }));
    await world.clock.advanceAsync(500);
    expect(world.calls).toHaveLength(before + 1);
    await world.clock.advanceAsync(500);
    const codes = await Promise.all(runs.map(async (run) => (await run.result()).error?.code ?? 'ok'));
    expect(codes.sort()).toEqual(['CIRCUIT_OPEN', 'CIRCUIT_OPEN', 'CIRCUIT_OPEN', 'CIRCUIT_OPEN', 'ok']);
    expect(await once(world)).toBe('ok');
    expect(world.told().at(-1)).toBe('breaker/closed');
  });

  it('opens again for 30 s when a probe fails, also the second one', async () => {
    await using world = await halfOpen();
    expect(await once(world)).toBe('ok');
    expect(await once(world, { failures: 9 })).toBe('EXECUTION_FAILED');
    expect(world.told().at(-1)).toBe('breaker/opened');
    await world.clock.advanceAsync(29_999);
    expect(await once(world)).toBe('CIRCUIT_OPEN');
    await world.clock.advanceAsync(1);
    expect(await once(world)).toBe('ok');
    expect(world.told().at(-1)).toBe('breaker/probe/succeeded');
    expect(await once(world)).toBe('ok');
    expect(world.told().at(-1)).toBe('breaker/closed');
  });

  it('takes a cancelled probe for neither, and admits the next one', async () => {
    await using world = await halfOpen();
    const run = start(world, { ms: 9_000 });
    await world.clock.advanceAsync(100);
    await run.cancel();
    await run.result();
    expect(world.told().at(-1)).toBe('breaker/probe/released');
    expect(await once(world)).toBe('ok');
    expect(world.told().at(-1)).toBe('breaker/probe/succeeded');
  });

  it('opens again when a probe times out', async () => {
    await using world = await halfOpen();
    const run = start(world, { deaf: true }, { timeout: 1_000 });
    await world.clock.advanceAsync(1_000);
    expect(world.told().at(-1)).toBe('breaker/opened');
    await world.clock.advanceAsync(5_000);
    expect((await run.result()).error?.code).toBe('STEP_TIMEOUT');
    expect(await once(world)).toBe('CIRCUIT_OPEN');
  });

  it('opens again when a probe hangs for a minute, whatever becomes of that later', async () => {
    await using world = await halfOpen();
    const run = start(world, { ms: 70_000 }, { timeout: 600_000 });
    await world.clock.advanceAsync(59_999);
    expect(world.told().at(-1)).toBe('breaker/probe/started');
    await world.clock.advanceAsync(1);
    expect(world.told().at(-1)).toBe('breaker/opened');
    await world.clock.advanceAsync(10_000);
    expect((await run.result()).success).toBe(true);
    expect(world.told().at(-1)).toBe('breaker/opened');
    expect(await once(world)).toBe('CIRCUIT_OPEN');
  });

  it('does not take a late answer of an earlier probe for the present one’s', async () => {
    await using world = await halfOpen();
    const late = start(world, { ms: 100_000 }, { timeout: 600_000 });
    await world.clock.advanceAsync(60_000 + 30_000);
    expect(world.told().at(-1)).toBe('breaker/half_opened');
    const present = start(world, { ms: 50_000 }, { timeout: 600_000 });
    await world.clock.advanceAsync(10_000);
    expect((await late.result()).success).toBe(true);
    expect(world.told().at(-1)).toBe('breaker/probe/started');
    await world.clock.advanceAsync(40_000);
    expect((await present.result()).success).toBe(true);
    expect(world.told().at(-1)).toBe('breaker/probe/succeeded');
  });

  it('is not closed by calls that began before it opened', async () => {
    await using world = await breakerWorld();
    const early = start(world, { ms: 40_000 }, { timeout: 600_000 });
    await world.clock.advanceAsync(10);
    await open(world);
    await world.clock.advanceAsync(41_000);
    expect((await early.result()).success).toBe(true);
    expect(world.told().at(-1)).toBe('breaker/half_opened');
  });
});
