/** docs/workflows.md and docs/dialects.md: everything that they show loads, and does what they say. */

import { describe, expect, it } from 'vitest';
import { createRuntime, loadWorkflows } from '../../src/index.ts';
import { STEP_SHAPES } from '../../src/runtime/workflow/shapes.ts';
import { readProjectFile } from '../house/project.ts';
import { startRuntime } from '../support/start-runtime.ts';
import { blocksOf } from './pages.ts';
import { world } from './world.ts';

const blocks = ['docs/workflows.md', 'docs/dialects.md']
  .flatMap(blocksOf)
  .filter(({ language }) => language === 'yaml' || language === 'json');

async function outcomeOf(text: string): Promise<string> {
  await using started = await startRuntime(world);
  const { runtime, clock } = started;
  const workflow = loadWorkflows(text, { registry: runtime.registry }).workflows.at(-1);
  const execution = runtime.run(workflow ?? '');
  await clock.advanceAsync(60_000);
  const { status, result, error } = await execution.result();
  await started.checkInvariants(execution.executionId);
  const { steps } = await execution.snapshot();
  const undone = steps.filter((step) => step.undone === 'compensated').map(({ id }) => id);
  const end = error ? error.code : JSON.stringify(result);
  return `${status} ${end}${undone.length > 0 ? `; undone: ${undone.join(', ')}` : ''}`;
}

describe('docs/workflows.md and docs/dialects.md', () => {
  it.each(blocks)('shows a workflow that loads without a problem (%#)', async ({ text }) => {
    await using runtime = await createRuntime(world);
    expect(loadWorkflows(text, { registry: runtime.registry }).issues).toEqual([]);
  });

  it.each(blocks.filter(({ outcome }) => outcome !== undefined))(
    'shows a workflow that ends as it says (%#)',
    async ({ text, outcome }) => {
      expect(await outcomeOf(text)).toBe(outcome);
    },
  );

  it.each(Object.keys(STEP_SHAPES).filter((kind) => kind !== 'tool'))('shows a step of kind %s', (kind) => {
    expect(readProjectFile('docs/workflows.md')).toMatch(new RegExp(`type: '?${kind}\\b`));
  });
});
