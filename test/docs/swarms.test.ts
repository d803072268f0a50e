/** docs/swarms.md and docs/organization.md: everything that they show loads, and does what they say. */

import { describe, expect, it } from 'vitest';
import { createRuntime, type JsonObject, loadSwarm } from '../../src/index.ts';
import { startRuntime } from '../support/start-runtime.ts';
import { blocksOf } from './pages.ts';
import { readYaml, world } from './world.ts';

const blocks = ['docs/swarms.md', 'docs/organization.md'].flatMap(blocksOf).filter(({ language }) => language === 'yaml');

describe('docs/swarms.md and docs/organization.md', () => {
  it.each(blocks)('shows a swarm that loads without a problem (%#)', async ({ text }) => {
    await using runtime = await createRuntime(world);
    expect(loadSwarm(text, { registry: runtime.registry }).issues).toEqual([]);
  });

  it.each(blocks)('shows a swarm that ends as it says (%#)', async ({ text, outcome }) => {
    await using started = await startRuntime(world);
    const execution = started.runtime.swarm(readYaml(text) as JsonObject);
    await started.clock.advanceAsync(60_000);
    const { status, result, error } = await execution.result();
    await started.checkInvariants(execution.executionId);
    expect(`${status} ${JSON.stringify(error ?? result)}`).toBe(outcome);
  });
});
