/** EVT-1 to EVT-3 as far as runs publish: committed facts, by pattern, in order, to handlers that harm nobody. */

import { describe, expect, it } from 'vitest';
import type { Fact } from '../../../src/index.ts';
import { startWorld } from './start-world.ts';

const STEPS = [
  { id: 'a', tool: 'work' },
  { id: 'b', tool: 'work', dependencies: ['a'] },
];

describe('subscribers', () => {
  it.each([
    ['**', 10],
    ['tier2/**', 6],
    ['tier2/*', 0],
    ['tier2/routine/*', 2],
    ['*/execution/*', 4],
    ['**/completed', 5],
    ['tier3/execution/completed', 2],
    ['tier3', 0],
    ['tier3.execution.completed', 0],
    ['tier2/routine/start', 0],
  ])('of %s hear the facts of that pattern and no others: %i', async (pattern, count) => {
    await using world = await startWorld();
    const heard: Fact[] = [];
    world.runtime.events.subscribe(pattern, (fact) => void heard.push(fact));
    const { facts } = await world.finish(world.run(STEPS));
    expect(heard).toHaveLength(count);
    expect(facts).toEqual(expect.arrayContaining(heard));
  });

  it('hear each stream in order, once, also a slow one', async () => {
    await using world = await startWorld();
    const heard: Fact[] = [];
    world.runtime.events.subscribe('**', async (fact) => {
      await Promise.resolve();
      heard.push(fact);
    });
    const runs = [world.run(STEPS), world.run(STEPS), world.run(STEPS)];
    for (const run of runs) {
      const { facts } = await world.finish(run);
      expect(heard.filter(({ stream }) => stream === run.executionId)).toEqual(facts);
    }
  });

  it('hear a fact only when it is committed', async () => {
    await using world = await startWorld();
    const missing: string[] = [];
    world.runtime.events.subscribe('**', async (fact) => {
      const stored = await world.journal.read(fact.stream, fact.seq);
      if (stored[0]?.id !== fact.id) missing.push(fact.id);
    });
    await world.finish(world.run(STEPS));
    expect(missing).toEqual([]);
  });

  it('that throw or reject harm neither the run nor each other, and are logged', async () => {
    const logged: object[] = [];
    const ignore = () => undefined;
    const logger = { debug: ignore, info: ignore, warn: ignore, error: (fields: object) => void logged.push(fields) };
    await using world = await startWorld({ logger });
    const heard: string[] = [];
    world.runtime.events.subscribe('**', () => {
      throw new Error('thrown');
    });
    world.runtime.events.subscribe('**', () => Promise.reject(new Error('rejected')));
    world.runtime.events.subscribe('**', ({ type }) => void heard.push(type));
    const { result, facts } = await world.finish(world.run(STEPS));
    expect(result.success).toBe(true);
    expect(heard).toEqual(facts.map(({ type }) => type));
    expect(logged).toHaveLength(2 * facts.length);
  });

  it('that hang are given up after 5 s for each fact, while everybody else has heard it', async () => {
    await using world = await startWorld();
    const heard: string[] = [];
    const stuck: string[] = [];
    world.runtime.events.subscribe('tier2/routine/*', ({ type }) => {
      stuck.push(type);
      return new Promise(() => {});
    });
    world.runtime.events.subscribe('tier2/routine/*', ({ type }) => void heard.push(type));
    const run = world.run(STEPS);
    await world.clock.advanceAsync(2_000);
    expect((await run.result()).success).toBe(true);
    expect(heard).toEqual(['tier2/routine/started', 'tier2/routine/completed']);
    expect(stuck).toEqual(['tier2/routine/started']);
    await world.clock.advanceAsync(3_000);
    expect(stuck).toEqual(['tier2/routine/started', 'tier2/routine/completed']);
    await world.clock.advanceAsync(5_000);
    await world.checkInvariants(run.executionId);
  });

  it('hear nothing more once they have unsubscribed', async () => {
    await using world = await startWorld();
    const heard: string[] = [];
    const subscription = world.runtime.events.subscribe('tier2/step/*', ({ type }) => {
      heard.push(type);
      subscription.unsubscribe();
    });
    await world.finish(world.run(STEPS));
    expect(heard).toEqual(['tier2/step/started']);
  });
});

describe('the facts of a handle', () => {
  it('are all of them, from the first, however late and however often they are read', async () => {
    await using world = await startWorld();
    const run = world.run(STEPS);
    const live: Fact[] = [];
    const reading = (async () => {
      for await (const fact of run.facts()) live.push(fact);
    })();
    const { facts } = await world.finish(run);
    await reading;
    expect(live).toEqual(facts);
    const late: Fact[] = [];
    for await (const fact of run.facts()) late.push(fact);
    expect(late).toEqual(facts);
  });
});
