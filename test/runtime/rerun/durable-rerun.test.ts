/** Reruns of runs in a file: by processes that did not run them. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createRuntime, defineTool, type Fact, SwarmchartError, sqlite } from '../../../src/index.ts';
import { violations } from '../../../src/testing/testing.ts';
import { collectAll } from '../../support/collect-all.ts';

const folder = mkdtempSync(join(tmpdir(), 'swarmchart-rerun-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const steps = ['a', 'b', 'c'].map((id, index, ids) => ({ id, tool: 'work', dependencies: index === 0 ? [] : [ids[index - 1] ?? ''] }));

/** One process: what it does with a runtime, and the steps that it worked at. */
async function life<Result>(does: (runtime: Awaited<ReturnType<typeof createRuntime>>) => Promise<Result>, broken = '') {
  const calls: string[] = [];
  const run = (_: unknown, { stepId, idempotencyKey }: { readonly stepId: string; readonly idempotencyKey: string }) => {
    calls.push(idempotencyKey);
    if (stepId === broken) throw new SwarmchartError('INVALID_PARAMETERS', 'broken');
    return stepId;
  };
  const journal = sqlite(join(folder, 'runs.db'), { durability: 'process' });
  await using runtime = await createRuntime({ tools: [defineTool({ name: 'work', run })], journal });
  return { result: await does(runtime), calls };
}

describe('a rerun of a run in a file', () => {
  it('is there after the process that failed, and is itself a run that others can read and rerun', async () => {
    const first = await life((runtime) => runtime.run({ id: 'wf', steps }, { context: { executionId: 'first' } }).result(), 'b');
    expect(first).toMatchObject({ result: { status: 'failed' }, calls: ['first/a/1', 'first/b/1'] });
    const second = await life(async (runtime) => {
      const again = await runtime.rerun('first', { from: 'b', executionId: 'second' });
      const facts: readonly Fact[] = await collectAll(again.facts());
      return { ...(await again.result()), facts };
    }, 'c');
    expect(second).toMatchObject({ result: { status: 'failed' }, calls: ['second/b/1', 'second/c/1'] });
    expect(violations(second.result.facts)).toEqual([]);
    const third = await life(async (runtime) => (await runtime.rerun('second', { from: 'c', executionId: 'third' })).result());
    expect(third).toMatchObject({ result: { status: 'completed', result: 'c' }, calls: ['third/c/1'] });
  });
});
