/**
 * One run, and runs within runs, under every order of messages, timers, tool outcomes and controls that a seed makes.
 * Proves I1 to I4, I6 and I7, that a run always settles, and that its facts fold to the live state of every actor.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MailQueue } from '../../src/actors/post-office.ts';
import { createRuntime, MemoryJournal } from '../../src/index.ts';
import {
  answerAll,
  type Pick,
  scripted,
  seeded,
  settlePromises,
  signalAll,
  simulate,
  VirtualClock,
  violations,
} from '../../src/testing/testing.ts';
import { toldSeeds } from '../support/told-seeds.ts';
import { everyKind, runsWithinRuns, tightBudgets } from './stories.ts';

const SEEDS = Number(process.env['SIMULATION_SEEDS'] ?? 1_000);

const STORIES = [
  ['of one run', 'everyKind', everyKind],
  ['of runs within runs', 'runsWithinRuns', runsWithinRuns],
  ['of tight budgets', 'tightBudgets', tightBudgets],
] as const;

describe.each(STORIES)('a simulated story %s', (_, name, storyOf) => {
  const tell = (pick: Pick) => simulate(pick, storyOf(pick));

  it(`settles and keeps every invariant, whatever the order of events (seeds 1 to ${SEEDS})`, async () => {
    const ends = new Map<string, number>();
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violations: found, result, trace } = await tell(seeded(seed));
      expect(found, `seed ${seed}, npm run simulate -- --only ${name} --runs 1 --from ${seed}:\n${trace.join('\n')}`).toEqual([]);
      const end = result?.status ?? 'none';
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
    expect([...ends.keys()].sort()).toEqual(['cancelled', 'completed', 'failed']);
    console.log(toldSeeds(name, 1, SEEDS));
  }, 120_000);

  it('keeps them under choices that can be shrunk to a minimal story', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(11), { maxLength: 80 }), async (choices) => {
        const { violations: found, trace } = await tell(scripted(choices));
        expect(found, trace.join('\n')).toEqual([]);
      }),
      { numRuns: 150 },
    );
  }, 120_000);

  it('tells the same story again for the same seed', async () => {
    for (const seed of [1, 7, 99, 1234]) {
      const [first, again] = [await tell(seeded(seed)), await tell(seeded(seed))];
      expect(again.trace).toEqual(first.trace);
      expect(again.facts).toEqual(first.facts);
    }
  });

  it('goes on from any commit of any story to an end, without doing committed work again', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const pick = seeded(seed);
      const story = storyOf(pick);
      const { facts, commits } = await simulate(pick, story);
      for (const length of new Set([commits[pick(commits.length)], commits[pick(commits.length)]])) {
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
        const tools = ['work', 'suspendable', 'undo', 'model'].map((name) => ({ name, run }));
        const runtime = await createRuntime({ carrier: new MailQueue(Number.POSITIVE_INFINITY), tools, clock, journal });
        const execution = await runtime.restore(facts.slice(0, length));
        for (let turns = 0; turns < 200 && !['completed', 'failed', 'cancelled'].includes(execution.status); turns++) {
          await settlePromises();
          await execution.resume();
          await answerAll(execution, 'approve');
          await signalAll(execution);
          await clock.advanceAsync(1_000);
        }
        const told = await journal.read(execution.executionId);
        const asTold = `seed ${seed}, ${length} of ${facts.length} facts\n${told.map(({ seq, type, executionId }) => `${seq} ${type} ${executionId}`).join('\n')}`;
        expect(violations(told), asTold).toEqual([]);
        expect(repeated, asTold).toEqual([]);
        await runtime.stop({ graceMs: 0 });
      }
    }
  }, 120_000);
});
