/** The world of choices: what may be chosen, what may not, and that the same choices tell the same story. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scripted, seeded, settlePromises, World } from '../../src/testing/testing.ts';
import { toolContext } from '../support/tool-context.ts';

const drain = async (world: World) => {
  while (await world.step());
};

describe('a world', () => {
  it('opens letters in any order, but those of one actor to another in theirs', async () => {
    const letters = fc.array(fc.record({ from: fc.constantFrom('a', 'b'), to: fc.constantFrom('x', 'y') }), { maxLength: 12 });
    const orders = new Set<string>();
    await fc.assert(
      fc.asyncProperty(letters, fc.array(fc.nat(11)), async (sent, choices) => {
        const world = new World(scripted(choices));
        const opened: { readonly pair: string; readonly n: number }[] = [];
        for (const [n, { from, to }] of sent.entries()) {
          world.carry({ from, to, type: `message-${n}`, open: () => void opened.push({ pair: `${from} ${to}`, n }) });
        }
        await drain(world);
        expect(opened).toHaveLength(sent.length);
        for (const pair of new Set(opened.map((letter) => letter.pair))) {
          const order = opened.filter((letter) => letter.pair === pair).map(({ n }) => n);
          expect(order).toEqual(order.toSorted((a, b) => a - b));
        }
        if (sent.length > 3) orders.add(opened.map(({ n }) => n).join());
      }),
    );
    expect(orders.size).toBeGreaterThan(10);
  });

  it('fires timers in the order in which they are due, and lets time pass by itself when nothing else can happen', async () => {
    const world = new World(seeded(1));
    const fired: number[] = [];
    for (const ms of [300, 100, 200]) world.clock.setTimeout(() => fired.push(ms), ms);
    await drain(world);
    expect(fired).toEqual([100, 200, 300]);
    expect(world.trace).toEqual(['timer at +100 ms', 'timer at +100 ms', 'timer at +100 ms']);
    expect(await world.step()).toBe(false);
  });

  it('lets the client act in its own order', async () => {
    const world = new World(seeded(5));
    const acts: string[] = [];
    for (const label of ['pause', 'resume', 'cancel']) world.plan(label, () => acts.push(label));
    await drain(world);
    expect(acts).toEqual(['pause', 'resume', 'cancel']);
  });

  it('ends calls of its tools as chosen, and hangs until the abort where it was told to', async () => {
    const world = new World(scripted([]));
    const abort = new AbortController();
    const work = world.tool('work', ['succeed']);
    const stuck = world.tool('stuck', ['hang']);
    const deaf = world.tool('deaf', ['deaf']);
    const calls = [
      work.run({ x: 1 }, toolContext()),
      stuck.run({}, toolContext({ signal: abort.signal })),
      deaf.run({}, toolContext({ signal: abort.signal })),
    ].map((call) =>
      Promise.resolve(call).then(
        (value) => JSON.stringify(value),
        (error: Error) => error.message,
      ),
    );
    await drain(world);
    expect(await calls[0]).toBe('{"x":1}');
    expect(world.calls.map(({ outcome }) => outcome)).toEqual(['succeeded', undefined, undefined]);
    abort.abort();
    await drain(world);
    expect(await calls[1]).toBe('aborted');
    await settlePromises();
    expect(world.calls.map(({ outcome }) => outcome)).toEqual(['succeeded', 'aborted', undefined]);
  });

  it('tells the same story for the same choices, and other stories for others', async () => {
    const tell = async (seed: number) => {
      const world = new World(seeded(seed));
      for (let n = 0; n < 6; n++) world.carry({ from: `a${n}`, to: 'b', type: 'm', open: () => undefined });
      world.clock.setTimeout(() => undefined, 10);
      world.plan('act', () => undefined);
      await drain(world);
      return world.trace;
    };
    const stories = await Promise.all(Array.from({ length: 20 }, (_, seed) => tell(seed)));
    expect(await Promise.all(Array.from({ length: 20 }, (_, seed) => tell(seed)))).toEqual(stories);
    expect(new Set(stories.map((story) => story.join())).size).toBeGreaterThan(10);
  });
});

describe('a source of choices', () => {
  it('picks from 0 to n - 1, and each of them about as often', () => {
    const pick = seeded(42);
    const counts = Array.from({ length: 7 }, () => 0);
    for (let n = 0; n < 7_000; n++) {
      const picked = pick(7);
      counts[picked] = (counts[picked] ?? 0) + 1;
    }
    expect(counts).toHaveLength(7);
    for (const count of counts) expect(count).toBeGreaterThan(800);
  });

  it('follows its script, and takes the first possibility after its end', () => {
    const pick = scripted([5, 2, 1]);
    expect([pick(3), pick(3), pick(3), pick(3)]).toEqual([2, 2, 1, 0]);
  });
});
