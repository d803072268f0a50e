/**
 * Failures that climb the ladder, under every order of messages, timers, answers and controls that a seed makes: whatever comes, they settle, keep
 * every invariant, ask nobody any more after the end, and fold to the live state.
 */

import { describe, expect, it } from 'vitest';
import { seeded, simulate, type Pick, type Story } from '../../src/testing/testing.ts';
import { askingRun, climbingSwarm } from './ladder-stories.ts';

const SEEDS = Number(process.env['LADDER_SEEDS'] ?? 250);

async function tellAll(story: (pick: Pick) => Story) {
  const told = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const pick = seeded(seed);
    const { violations, result, trace, facts } = await simulate(pick, story(pick));
    expect(violations, `seed ${seed}:\n${trace.join('\n')}\n${facts.map(({ type }) => type).join('\n')}`).toEqual([]);
    told.add(result?.error?.code ?? result?.status ?? 'none');
    for (const { type } of facts) told.add(type);
  }
  return told;
}

describe('a simulated ladder', () => {
  it(`of a run settles, whoever answers what and when (seeds 1 to ${SEEDS})`, async () => {
    const told = await tellAll(askingRun);
    const expected = ['step/escalated', 'step/voted', 'step/decided', 'step/expired', 'step/fell_back'].map((type) => `tier2/${type}`);
    for (const type of [...expected, 'completed', 'APPROVAL_EXPIRED']) expect(told).toContain(type);
  }, 240_000);

  it(`of a swarm settles, whatever its planner and its people say (seeds 1 to ${SEEDS})`, async () => {
    const told = await tellAll(climbingSwarm);
    const swarm = ['replanning', 'plan_requested', 'replanning_failed', 'waiting'].map((type) => `tier1/swarm/${type}`);
    const task = ['given_up', 'escalated', 'voted', 'decided', 'expired', 'reassigned'].map((type) => `tier1/task/${type}`);
    for (const type of [...swarm, ...task, 'completed', 'APPROVAL_EXPIRED', 'tier1/lease/withdrawn']) expect(told).toContain(type);
  }, 240_000);

  it('tells the same story again for the same seed', async () => {
    for (const seed of [3, 17]) {
      const [first, again] = await Promise.all([simulate(seeded(seed), climbingSwarm(seeded(seed))), simulate(seeded(seed), climbingSwarm(seeded(seed)))]);
      expect(again.facts).toEqual(first.facts);
    }
  });
});
