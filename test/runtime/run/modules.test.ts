/** RUN-5: steps that are operations of modules. */

import { describe, expect, it } from 'vitest';
import type { ToolContext } from '../../../src/index.ts';
import { startWorld } from './start-world.ts';

const operation = (module: string, name: string, more: object = {}) => ({
  id: 'a',
  type: 'module-operation' as const,
  module,
  operation: name,
  ...more,
});

describe('a module operation', () => {
  it('gets its parameters resolved, and a context like a tool’s', async () => {
    const seen: unknown[] = [];
    const plan = {
      create: (parameters: object, { stepId, attempt, idempotencyKey, execution }: ToolContext) => {
        seen.push({ parameters, stepId, attempt, idempotencyKey, parent: execution.parentExecutionId });
        return { planId: 'p-1' };
      },
    };
    await using world = await startWorld({ modules: { plan } });
    const run = world.run(
      [
        operation('plan', 'create', { parameters: { name: '{{name}}' } }),
        { id: 'z', tool: 'work', parameters: { value: '${a.result.planId}' } },
      ],
      { input: { name: 'N' } },
    );
    expect((await world.finish(run)).result).toMatchObject({ success: true, result: 'p-1' });
    expect(seen).toEqual([{ parameters: { name: 'N' }, stepId: 'a', attempt: 1, idempotencyKey: 'run-1/a/1', parent: 'run-1' }]);
  });

  it.each([
    ['module', operation('plam', 'create'), 'MODULE_NOT_FOUND'],
    ['operation', operation('plan', 'creat'), 'OPERATION_NOT_FOUND'],
    ['operation, also one that every object has', operation('plan', 'toString'), 'OPERATION_NOT_FOUND'],
  ])('is refused before anything runs when there is no such %s', async (_what, step, code) => {
    await using world = await startWorld({ modules: { plan: { create: () => null } } });
    const { result, facts } = await world.finish(world.run([{ id: 'first', tool: 'work' }, step]));
    expect(result).toMatchObject({ success: false, error: { code, retryable: false } });
    expect(facts.map(({ type }) => type)).toEqual(['tier2/routine/started', 'tier2/routine/failed']);
  });

  it('fails with a typed error when its module is gone at run time', async () => {
    await using loader = await startWorld({ modules: { plan: { create: () => null } } });
    const loaded = loader.runtime.createWorkflow({ id: 'wf', steps: [operation('plan', 'create')] });
    await using world = await startWorld();
    const { result } = await world.finish(world.runtime.run(loaded));
    expect(result).toMatchObject({ success: false, error: { code: 'MODULE_NOT_FOUND', tier: 'tier3' } });
  });

  it('is retried, timed out and aborted like a tool', async () => {
    let calls = 0;
    const signals: AbortSignal[] = [];
    const plan = {
      flaky: () => {
        if (++calls < 3) throw new Error('not yet');
        return calls;
      },
      hang: (_: object, { signal }: ToolContext) => {
        signals.push(signal);
        return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
      },
    };
    await using world = await startWorld({ modules: { plan } });
    const run = world.run([
      operation('plan', 'flaky', { retries: 2 }),
      { ...operation('plan', 'hang', { timeout: 1_000, onFailure: 'continue' }), id: 'b' },
    ]);
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ success: true, result: { a: 3, b: null } });
    expect(signals).toMatchObject([{ aborted: true }]);
  });
});
