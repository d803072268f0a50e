/**
 * A whole swarm under every order of messages, timers, tool outcomes, crashes of agents and controls that a seed makes.
 * Proves I1 to I4, I6 and I7 over all its executions, that it always settles, that nothing works while it is paused, that a task is worked
 * at only under a lease, and that its facts fold to the live state of every actor.
 */

import { describe, expect, it } from 'vitest';
import { MailQueue } from '../../src/actors/post-office.ts';
import { createRuntime, MemoryJournal, type SwarmHandle } from '../../src/index.ts';
import { seeded, settlePromises, simulate, VirtualClock, violations } from '../../src/testing/testing.ts';
import { toldSeeds } from '../support/told-seeds.ts';
import { sharedAgents, wholeSwarm } from './swarm-stories.ts';

const SEEDS = Number(process.env['SWARM_SEEDS'] ?? 500);

const tell = (seed: number) => {
  const pick = seeded(seed);
  return simulate(pick, wholeSwarm(pick));
};

/** To tell it again. */
const howTo = (name: string, seed: number) => `seed ${seed}, npm run simulate -- --swarms --only ${name} --runs 1 --from ${seed}:`;

describe('a simulated swarm', () => {
  it(`settles and keeps every invariant, whatever the order of events (seeds 1 to ${SEEDS})`, async () => {
    const ends = new Set<string>();
    const told = new Set<string>();
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violations: found, result, trace, facts } = await tell(seed);
      expect(found, `${howTo('wholeSwarm', seed)}\n${trace.join('\n')}`).toEqual([]);
      ends.add(result?.status ?? 'none');
      for (const { type } of facts) told.add(type);
    }
    expect([...ends].sort()).toEqual(['cancelled', 'completed', 'failed']);
    const rare = ['lease/lost', 'task/suspended', 'task/continued', 'task/reassigned', 'task/waiting', 'norm/violated', 'obligation/unmet'];
    for (const type of rare) expect(told).toContain(`tier1/${type}`);
    console.log(toldSeeds('wholeSwarm', 1, SEEDS));
  }, 240_000);

  it(`settles beside another one with whom it shares agents, whatever they, its planner, its runs and its journal do (seeds 1 to ${SEEDS})`, async () => {
    const told = new Set<string>();
    for (let seed = 1; seed <= SEEDS; seed++) {
      const pick = seeded(seed);
      const { violations: found, result, trace, facts } = await simulate(pick, sharedAgents(pick));
      expect(found, `${howTo('sharedAgents', seed)}\n${trace.join('\n')}`).toEqual([]);
      told.add(result?.error?.code ?? result?.status ?? 'none');
      for (const { type } of facts) told.add(type);
    }
    const ends = [
      'completed',
      'CANCELLED',
      'JOURNAL_FAILED',
      'DECOMPOSITION_FAILED',
      'SWARM_TIMEOUT',
      'RESOURCE_EXHAUSTED',
      'STEP_TIMEOUT',
    ];
    const rare = ['swarm/plan_refused', 'swarm/waiting', 'lease/lost', 'lease/refused', 'task/continued', 'task/woken', 'task/reassigned'];
    for (const type of [...ends, ...rare.map((type) => `tier1/${type}`), 'tier2/step/compensated']) expect(told).toContain(type);
    console.log(toldSeeds('sharedAgents', 1, SEEDS));
  }, 240_000);

  it('tells the same story again for the same seed', async () => {
    for (const seed of [1, 7, 99, 1234]) {
      const [first, again] = [await tell(seed), await tell(seed)];
      expect(again.trace).toEqual(first.trace);
      expect(again.facts).toEqual(first.facts);
    }
  });

  it('goes on from any commit of any story to an end, with new agents, without doing committed work again', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const pick = seeded(seed);
      const { facts, commits } = await simulate(pick, wholeSwarm(pick));
      const length = commits[pick(commits.length)];
      if (length === undefined) continue;
      const clock = new VirtualClock(facts[length - 1]?.at);
      const journal = new MemoryJournal();
      const done = new Set(
        facts.slice(0, length).flatMap(({ type, executionId }) => (type === 'tier3/execution/completed' ? [executionId] : [])),
      );
      const repeated: string[] = [];
      const run = (_: unknown, { idempotencyKey }: { readonly idempotencyKey: string }) => {
        if (done.has(idempotencyKey)) repeated.push(idempotencyKey);
        return null;
      };
      const tools = ['work', 'suspendable'].map((name) => ({ name, run }));
      const runtime = await createRuntime({ carrier: new MailQueue(Number.POSITIVE_INFINITY), tools, clock, journal });
      const swarm = await runtime.restoreSwarm(facts.slice(0, length));
      for (let turns = 0; turns < 200 && !['completed', 'failed', 'cancelled'].includes(swarm.status); turns++) {
        await settlePromises();
        await swarm.resume();
        await approveAll(swarm);
        await clock.advanceAsync(1_000);
      }
      const all = await journal.read(swarm.executionId);
      const asTold = `seed ${seed}, ${length} of ${facts.length} facts\n${all.map(({ seq, type, executionId }) => `${seq} ${type} ${executionId}`).join('\n')}`;
      expect(violations(all), asTold).toEqual([]);
      expect(repeated, asTold).toEqual([]);
      await clock.advanceAsync(1_000);
      expect(runtime.agents.list(), asTold).toEqual([]);
      await runtime.stop({ graceMs: 0 });
      expect(clock.pending, asTold).toBe(0);
    }
  }, 120_000);
});

async function approveAll(swarm: SwarmHandle): Promise<void> {
  const { tasks, obligations } = await swarm.snapshot();
  for (const { normId } of obligations) await swarm.decide(normId, { decision: 'approve' });
  for (const { id } of tasks) {
    const run = swarm.run(id);
    for (const { stepId } of (await run?.snapshot())?.waiting ?? []) await run?.decide(stepId, { decision: 'approve' });
  }
}
