/**
 * Reruns of simulated stories: whatever a run went through, and wherever its facts break off, a rerun from any step that was reached settles and
 * keeps every invariant, does no step that it took over, takes over none that was undone, and goes on from any commit of its own.
 */

import { describe, expect, it } from 'vitest';
import { MailQueue } from '../../src/actors/post-office.ts';
import { createRuntime, type ExecutionHandle, type Fact, type Rerun, replay, rerun } from '../../src/index.ts';
import { answerAll, seeded, settlePromises, signalAll, simulate, VirtualClock, violations } from '../../src/testing/testing.ts';
import { CountingJournal } from '../support/counting-journal.ts';
import { everyKind, runsWithinRuns, tightBudgets } from './stories.ts';

const SEEDS = Number(process.env['RERUN_SEEDS'] ?? 20);

async function startRuntime(at: number) {
  const clock = new VirtualClock(at);
  const journal = new CountingJournal();
  const done: string[] = [];
  const run = (_: unknown, { idempotencyKey }: { readonly idempotencyKey: string }) => done.push(idempotencyKey);
  const tools = ['work', 'suspendable', 'undo', 'model'].map((name) => ({ name, run }));
  const runtime = await createRuntime({ carrier: new MailQueue(Number.POSITIVE_INFINITY), tools, clock, journal, createId: () => 'again' });
  const finish = async (execution: ExecutionHandle): Promise<readonly Fact[]> => {
    for (let turns = 0; turns < 200 && !['completed', 'failed', 'cancelled'].includes(execution.status); turns++) {
      await settlePromises();
      await answerAll(execution, 'approve');
      await signalAll(execution);
      await clock.advanceAsync(1_000);
    }
    return journal.read(execution.executionId);
  };
  return { runtime, journal, done, finish, [Symbol.asyncDispose]: () => runtime.stop({ graceMs: 0 }) };
}

const stepsOf = (facts: readonly Fact[]): readonly string[] =>
  (
    facts[0]?.payload as { readonly job: { readonly plan: { readonly steps: readonly { readonly id: string }[] } } } | undefined
  )?.job.plan.steps.map(({ id }) => id) ?? [];

const undoneIn = (facts: readonly Fact[]): readonly unknown[] =>
  facts.flatMap(({ type, executionId, stream, payload }) =>
    executionId === stream && type.startsWith('tier2/step/compensat') ? [(payload as { readonly stepId: string }).stepId] : [],
  );

describe.each([
  ['everyKind', everyKind],
  ['runsWithinRuns', runsWithinRuns],
  ['tightBudgets', tightBudgets],
] as const)('a rerun of a simulated story, %s', (_, storyOf) => {
  it(`settles, and keeps every invariant (seeds 1 to ${SEEDS})`, async () => {
    const seen = { reruns: 0, reused: 0, undone: 0, refused: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) {
      const pick = seeded(seed);
      const { facts: told, commits } = await simulate(pick, storyOf(pick));
      const facts = pick(2) === 0 ? told : told.slice(0, commits[pick(commits.length)]);
      const copy = JSON.stringify(facts);
      for (const from of stepsOf(facts)) {
        const asTold = `seed ${seed}, ${facts.length} of ${told.length} facts, from "${from}"`;
        let plan: Rerun;
        try {
          plan = rerun(facts, { from });
        } catch (error) {
          expect((error as Error).message, asTold).toMatch(/ was never reached: /);
          seen.refused++;
          continue;
        }
        await using world = await startRuntime(facts.at(-1)?.at ?? 0);
        const own = await world.finish(await world.runtime.rerun(facts, { from }));
        const story = `${asTold}\n${own.map(({ seq, type, executionId }) => `${seq} ${type} ${executionId}`).join('\n')}`;
        expect(violations(own), story).toEqual([]);
        const taken = plan.reused.filter(({ status }) => status !== 'entered').map(({ stepId }) => stepId);
        expect(
          world.done.filter((key) => taken.some((id) => key.startsWith(`again/${id}/`))),
          story,
        ).toEqual([]);
        expect(
          taken.filter((id) => undoneIn(facts).includes(id)),
          story,
        ).toEqual([]);
        expect(plan.again, story).toContain(from);
        expect(JSON.stringify(facts)).toBe(copy);
        expect(replay(own).executions[0], story).toMatchObject({ snapshot: { usage: { stepsExecuted: stepsIn(own) } } });

        const cuts = world.journal.commits.get('again') ?? [];
        const length = cuts[pick(cuts.length)] ?? 1;
        await using other = await startRuntime(own[length - 1]?.at ?? 0);
        const restored = await other.finish(await other.runtime.restore(own.slice(0, length)));
        expect(violations(restored), `${story}\nrestored from ${length}`).toEqual([]);
        expect(
          other.done.filter((key) => taken.some((id) => key.startsWith(`again/${id}/`))),
          story,
        ).toEqual([]);
        seen.reruns++;
        if (taken.length > 0) seen.reused++;
        if (plan.again.some((id) => undoneIn(facts).includes(id))) seen.undone++;
      }
    }
    expect(seen.reruns).toBeGreaterThan(SEEDS);
    expect(seen.reused).toBeGreaterThan(SEEDS / 2);
    console.log(seen);
  }, 240_000);
});

/** As the children of the run have booked them. */
const stepsIn = (facts: readonly Fact[]): number =>
  facts.reduce((sum, { type, parentExecutionId, stream, executionId, payload }) => {
    const isChild = parentExecutionId === stream && !executionId.endsWith('/undo');
    const isEnd = /^tier(2\/routine|3\/execution)\/(completed|failed|cancelled)$/.test(type);
    return isChild && isEnd ? sum + (payload as { readonly usage: { readonly stepsExecuted: number } }).usage.stepsExecuted : sum;
  }, 0);
