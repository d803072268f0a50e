import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../src/index.ts';
import { startRuntime } from '../../support/start-runtime.ts';

const asking = {
  id: 'asking',
  steps: [{ id: 'a', tool: 'fail', fallbacks: [{ on: 'any' as const, action: 'escalate-to-human' as const }] }],
};
const fail = {
  name: 'fail',
  run: () => {
    throw new Error('as told');
  },
};

describe("a person's answer", () => {
  it.each([
    ['an unknown decision', { decision: 'yes' }],
    ['a value that is no JSON', { decision: 'approve', value: 10n }],
    ['nothing', undefined],
    ['more than it may', { decision: 'approve', more: true }],
  ])('of %s is refused with a code, and the run waits on', async (_what, given) => {
    await using world = await startRuntime({ tools: [fail] });
    const run = world.runtime.run(asking);
    await world.clock.advanceAsync(0);
    expect(run.status).toBe('waiting');
    await expect(run.decide('a', given as Decision)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(run.status).toBe('waiting');
    expect(await run.decide('a', { decision: 'approve', value: { fine: true } })).toBe(true);
    expect(await run.result()).toMatchObject({ success: true, result: { fine: true } });
  });

  it('and a reason to cancel must be text', async () => {
    await using world = await startRuntime({ tools: [fail] });
    const run = world.runtime.run(asking);
    await expect(run.cancel({} as string)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(await run.cancel('enough')).toBe(true);
  });
});
