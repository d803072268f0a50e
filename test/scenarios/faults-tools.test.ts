/**
 * Faults 13 to 17 of the reliability catalogue: tools that do what no tool should. End to end: the failure is a fact of ours, other work goes
 * on, the invariants hold, nothing is left. (`test/runtime/hostile-tools.test.ts` has many more of each kind.)
 */

import { describe, expect, it } from 'vitest';
import type { ToolContext } from '../../src/index.ts';
import { settlePromises } from '../../src/testing/testing.ts';
import { payloadOf, startWorld, storyOf } from '../runtime/run/start-world.ts';

const HOUR = 3_600_000;

describe('faults of tools', () => {
  it('13 · a tool that throws what is no Error: the failure is normalised, the fallback works, the run completes', async () => {
    const thrownValues: readonly unknown[] = ['text', undefined, null, 7n, Symbol('thrown'), { toString: null }, () => 1];
    for (const thrown of thrownValues) {
      const odd = {
        name: 'odd',
        run: () => {
          throw thrown;
        },
      };
      await using world = await startWorld({ tools: [odd] });
      const run = world.run([{ id: 'a', tool: 'odd', fallbacks: [{ on: 'any', action: 'use-value', value: 'instead' }] }]);
      const { result, facts } = await world.finish(run);
      expect(result).toMatchObject({ success: true, result: 'instead' });
      expect(payloadOf(facts, 'tier3/execution/failed', 'a')['error']).toMatchObject({
        code: 'EXECUTION_FAILED',
        errorClass: 'transient',
        message: expect.stringContaining('which is not an Error'),
      });
    }
  });

  it('14 · a tool that rejects after its attempt has ended: swallowed and counted, and the run completes without it', async () => {
    const late = Promise.withResolvers<string>();
    const deaf = { name: 'deaf', run: () => late.promise };
    await using world = await startWorld({ tools: [deaf] });
    const run = world.run([
      { id: 'a', tool: 'deaf', timeout: 1_000, onFailure: 'continue' },
      { id: 'b', tool: 'work' },
    ]);
    const { result, facts } = await world.finish(run);
    expect(result.success).toBe(true);
    expect(payloadOf(facts, 'tier2/step/failed', 'a')['error']).toMatchObject({ code: 'STEP_TIMEOUT' });
    late.reject(new Error('far too late'));
    await settlePromises();
    expect(world.runtime.vitals).toMatchObject({ abandoned: 1, lateResults: 1 });
    expect(await world.checkInvariants(run.executionId)).toEqual(facts);
  });

  it('15 · a tool that never settles and ignores its abort: a timeout, another attempt, a count of zombies, and no harm to others', async () => {
    await using world = await startWorld();
    const run = world.run([
      { id: 'a', tool: 'work', parameters: { deaf: true }, timeout: 1_000, retry: 1, onFailure: 'continue' },
      { id: 'b', tool: 'other', parameters: { ms: 500 } },
    ]);
    const { result, facts } = await world.finish(run);
    expect(result.success).toBe(true);
    expect(world.calls.map(({ step, aborted }) => [step, aborted])).toEqual([
      ['a', 'STEP_TIMEOUT'],
      ['b', undefined],
      ['a', 'STEP_TIMEOUT'],
    ]);
    expect(storyOf(facts)).toEqual(['started a', 'started b', 'completed b', 'failed a']);
    expect(world.runtime.vitals).toMatchObject({ abandoned: 2, executions: 0 });
  });

  it('16 · a tool that never lets go of the event loop, in-process: it holds the loop while it works, then all goes on (the watchdog, which reports it, has its own test)', async () => {
    let turns = 0;
    let during = 0;
    const count = () => {
      turns++;
      ticking = setImmediate(count);
    };
    let ticking = setImmediate(count);
    const busy = {
      name: 'busy',
      run: () => {
        const before = turns;
        for (const end = performance.now() + 50; performance.now() < end; );
        during = turns - before;
        return 'done';
      },
    };
    try {
      await using world = await startWorld({ tools: [busy] });
      const run = world.run([
        { id: 'a', tool: 'busy' },
        { id: 'b', tool: 'work', dependencies: ['a'] },
      ]);
      const { result } = await world.finish(run);
      expect(result.success).toBe(true);
      expect(during).toBe(0);
      expect(turns).toBeGreaterThan(0);
    } finally {
      clearImmediate(ticking);
    }
  });

  it('17 · a tool that returns undefined, a function, a BigInt or a cyclic value: null, or a typed error that no retry repeats', async () => {
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    const outputs: readonly (readonly [unknown, unknown])[] = [
      [undefined, { success: true, result: null }],
      [() => 1, { success: false, error: { code: 'INVALID_OUTPUT', errorClass: 'permanent' } }],
      [{ n: 1n }, { success: false, error: { code: 'INVALID_OUTPUT', errorClass: 'permanent' } }],
      [cyclic, { success: false, error: { code: 'INVALID_OUTPUT', errorClass: 'permanent' } }],
    ];
    for (const [output, expected] of outputs) {
      const attempts: number[] = [];
      const odd = {
        name: 'odd',
        run: (_: unknown, { attempt }: ToolContext) => {
          attempts.push(attempt);
          return output as never;
        },
      };
      await using world = await startWorld({ tools: [odd] });
      const { result, facts } = await world.finish(world.run([{ id: 'a', tool: 'odd', retry: 2 }]));
      expect(result).toMatchObject(expected as object);
      expect(attempts).toEqual([1]);
      expect(JSON.parse(JSON.stringify(facts))).toEqual(facts);
    }
  });

  it('17 · a condition that gives a whole number, which CEL makes a BigInt of: a typed error, and neither branch is taken', async () => {
    await using world = await startWorld();
    const run = world.run(
      [
        {
          id: 'c',
          type: 'conditional',
          condition: 'size(input.list)',
          then: [{ id: 'yes', tool: 'work' }],
          else: [{ id: 'no', tool: 'work' }],
        },
      ],
      { input: { list: [1] } },
    );
    await world.clock.advanceAsync(HOUR);
    const result = await run.result();
    expect(result).toMatchObject({
      success: false,
      error: { errorClass: 'validation', code: expect.stringMatching(/CONDITION_FAILED|INVALID_VALUE/) },
    });
    expect(world.calls).toEqual([]);
  });
});
