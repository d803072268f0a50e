/** Clients that do things at the wrong time, twice, too often, or with the wrong values. Faults 37, 39 and 42 of the reliability notes. */

import { describe, expect, it } from 'vitest';
import { SwarmchartError, type ToolContext, type ToolParameter } from '../../src/index.ts';
import { settlePromises } from '../../src/testing/testing.ts';
import { collectAll } from '../support/collect-all.ts';
import { hostileWorld } from './hostile-world.ts';

const countOf = async (facts: AsyncIterable<{ readonly type: string }>, type: string): Promise<number> =>
  (await collectAll(facts)).filter((fact) => fact.type === type).length;

describe('a cancel', () => {
  it('during the start: no tool is called', async () => {
    let calls = 0;
    await using world = await hostileWorld(() => calls++);
    const handle = world.start();
    expect(await handle.cancel('at once')).toBe(true);
    expect(await handle.result()).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED', context: { reason: 'at once' } } });
    expect(calls).toBe(0);
  });

  it('at every moment of the start: settles, and no tool is called after the cancel', async () => {
    for (let turns = 0; turns < 20; turns++) {
      let isCancelled = false;
      const late: boolean[] = [];
      await using world = await hostileWorld((_: unknown, { signal }: ToolContext) => {
        late.push(isCancelled);
        return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
      });
      const handle = world.start();
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      const accepted = handle.cancel('now').then((isAccepted) => {
        isCancelled = isAccepted;
      });
      await world.clock.advanceAsync(10_000);
      expect((await handle.result()).status).toBe('cancelled');
      await accepted;
      expect(isCancelled).toBe(true);
      expect(late).not.toContain(true);
    }
  });

  it('during a backoff: the timer is gone and nothing is tried again', async () => {
    let calls = 0;
    await using world = await hostileWorld(() => {
      calls++;
      throw new Error('again');
    });
    const handle = world.start({}, { retry: 3 });
    await settlePromises();
    expect(await handle.cancel('enough')).toBe(true);
    expect(await handle.result()).toMatchObject({ status: 'cancelled' });
    expect(world.clock.pending).toBe(0);
    await world.clock.advanceAsync(60_000);
    expect(calls).toBe(1);
  });

  it('twice at once: one of them is the cause, there is one terminal fact', async () => {
    await using world = await hostileWorld(
      (_: unknown, { signal }: ToolContext) =>
        new Promise((_r, reject) => signal.addEventListener('abort', () => reject(new Error('gone')))),
    );
    const handle = world.start();
    await settlePromises();
    const answers = await Promise.all([handle.cancel('first'), handle.cancel('second')]);
    expect(answers[0]).toBe(true);
    expect(await handle.result()).toMatchObject({ error: { context: { reason: 'first' } } });
    expect(await countOf(handle.facts(), 'tier2/routine/cancelled')).toBe(1);
  });
});

describe('a control of something that does not run', () => {
  it('is refused when nobody has heard of it', async () => {
    await using world = await hostileWorld();
    for (const tier of [world.runtime.tier2, world.runtime.tier3]) {
      expect(await tier.pause('nobody')).toBe(false);
      expect(await tier.resume('nobody')).toBe(false);
      expect(await tier.cancelExecution('nobody')).toBe(false);
      expect(tier.getExecutionStatus('nobody')).toBeUndefined();
    }
  });

  it('is refused when it has settled', async () => {
    await using world = await hostileWorld();
    const handle = world.start();
    await handle.result();
    expect(await Promise.all([handle.pause(), handle.resume(), handle.cancel(), handle.decide('victim', { decision: 'approve' })])).toEqual(
      Array(4).fill(false),
    );
    expect(world.runtime.tier2.getExecutionStatus('victim')).toBe('completed');
    expect(await countOf(handle.facts(), 'tier2/routine/completed')).toBe(1);
  });
});

describe('a resume', () => {
  it('twice at once resumes once, and every step runs once', async () => {
    const calls: string[] = [];
    await using world = await hostileWorld(async (_: unknown, { stepId, checkpoint }: ToolContext) => {
      calls.push(stepId);
      await new Promise<void>((resolve) => void world.clock.setTimeout(resolve, 1_000));
      await checkpoint();
    });
    const steps = [
      { id: 'a', tool: 'hostile' },
      { id: 'b', tool: 'hostile', dependencies: ['a'] },
    ];
    const handle = world.runtime.run({ id: 'w', steps });
    await settlePromises();
    expect(await Promise.all([handle.pause(), handle.pause()])).toEqual([true, true]);
    await world.clock.advanceAsync(2_000);
    expect(handle.status).toBe('paused');
    await Promise.all([handle.resume(), handle.resume()]);
    await world.clock.advanceAsync(10_000);
    expect(await handle.result()).toMatchObject({ success: true });
    expect(calls).toEqual(['a', 'b']);
    expect(await countOf(handle.facts(), 'tier2/routine/resumed')).toBe(1);
  });

  it('of what is not paused is accepted and changes nothing', async () => {
    const gate = Promise.withResolvers<void>();
    await using world = await hostileWorld(() => gate.promise);
    const handle = world.start();
    await settlePromises();
    expect(await handle.resume()).toBe(true);
    gate.resolve();
    expect(await handle.result()).toMatchObject({ success: true });
    expect(await countOf(handle.facts(), 'tier2/routine/resumed')).toBe(0);
  });
});

describe('a flood of commands', () => {
  it('is refused with MAILBOX_FULL beyond the limit, and what was taken is answered', async () => {
    const gate = Promise.withResolvers<void>();
    await using world = await hostileWorld(() => gate.promise, { options: { mailboxLimit: 3 } });
    const handle = world.start();
    await settlePromises();
    const answers = await Promise.allSettled(Array.from({ length: 10 }, () => handle.resume()));
    const refused = answers.filter((answer) => answer.status === 'rejected');
    expect(answers.filter((answer) => answer.status === 'fulfilled')).toHaveLength(3);
    expect(refused.map(({ reason }) => (reason as SwarmchartError).code)).toEqual(Array(7).fill('MAILBOX_FULL'));
    expect(await handle.pause()).toBe(true);
    expect(await handle.resume()).toBe(true);
    gate.resolve();
    expect(await handle.result()).toMatchObject({ success: true });
  });
});

describe('parameters', () => {
  const types = ['string', 'number', 'boolean', 'object', 'array'] as const;
  const declared = [
    ...types.map((type): ToolParameter => ({ name: `a-${type}`, type, required: true })),
    { name: 'toString', type: 'string', required: true },
  ] as const satisfies readonly ToolParameter[];

  it('that are all wrong are refused with every problem at once, before the tool is called', async () => {
    let calls = 0;
    await using world = await hostileWorld(() => calls++, { tool: { input: declared } });
    const { error } = await world.suffer({
      'a-string': 1,
      'a-number': '1',
      'a-boolean': null,
      'a-object': [],
      'a-array': {},
      extra: 1,
    });
    expect(error).toMatchObject({ code: 'INVALID_PARAMETERS', errorClass: 'validation', retryable: false });
    for (const name of ['a-string', 'a-number', 'a-boolean', 'a-object', 'a-array', 'extra', 'toString'])
      expect(error?.message).toContain(`"${name}"`);
    expect(calls).toBe(0);
  });

  it.each([
    ['a number that is NaN', 'a-number', Number.NaN],
    ['a function', 'a-object', () => 1],
    ['a BigInt', 'a-number', 1n],
  ])('of a single step: %s is refused, and never reaches the tool', async (_, name, value) => {
    let calls = 0;
    await using world = await hostileWorld(() => calls++, { tool: { input: [{ name, type: name.slice(2) as 'number' }] } });
    const execute = () =>
      world.runtime.tier3.execute({ input: { stepId: 's', toolName: 'hostile', parameters: { [name]: value as never } } });
    const result = await execute().catch((thrown: unknown) => {
      expect(thrown).toBeInstanceOf(SwarmchartError);
      return { success: false };
    });
    expect(result.success).toBe(false);
    expect(calls).toBe(0);
  });

  it('of a single step that are cyclic never reach the journal', async () => {
    const parameters: Record<string, unknown> = {};
    parameters['self'] = parameters;
    let calls = 0;
    await using world = await hostileWorld(() => calls++);
    const request = { input: { stepId: 's', toolName: 'hostile', parameters: parameters as never }, context: { executionId: 'cyclic' } };
    const result = await world.runtime.tier3.execute(request).catch((thrown: unknown) => {
      expect(thrown).toBeInstanceOf(SwarmchartError);
      return { success: false };
    });
    expect(result.success).toBe(false);
    expect(calls).toBe(0);
  });

  it.each([
    ['nothing', undefined],
    ['a step without a tool', { stepId: 's' }],
    ['a workflow that is null', { workflow: null }],
  ])('that make no sense: %s, refused with a code', async (_, input) => {
    await using world = await hostileWorld();
    for (const tier of [world.runtime.tier2, world.runtime.tier3]) {
      const outcome = await tier.execute({ input: input as never }).catch((thrown: unknown) => thrown);
      const code = outcome instanceof SwarmchartError ? outcome.code : (outcome as { error?: { code?: string } }).error?.code;
      expect(code).toEqual(expect.any(String));
    }
  });
});
