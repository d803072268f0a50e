/** One execution that ends its process again and again, and others beside it that have done nothing wrong. */

import { describe, expect, it } from 'vitest';
import { MOST_RECOVERIES, SUSPECT_RECOVERIES } from '../../../src/machines/protocol/recovery.ts';
import { leftBehind } from '../../support/second-life.ts';
import { startWorld } from '../run/start-world.ts';

type World = Awaited<ReturnType<typeof startWorld>>;
const SECOND = 1_000;

/** The poison ends its process as soon as it is called, long before any other step is done. */
class Lives {
  world: World;
  readonly deadLetters: string[] = [];

  private constructor(world: World) {
    this.world = world;
  }

  static async begin(): Promise<Lives> {
    return new Lives(await startWorld());
  }

  get isPoisoned(): boolean {
    return this.world.calls.some(({ step }) => step === 'poison');
  }

  async die(): Promise<void> {
    this.world = await startWorld({ journal: await leftBehind(this.world.journal) }, {}, this.world.clock.now());
    this.deadLetters.push(...this.world.runtime.executions.outcome.deadLetters);
  }

  /** Until the poison is called, or `ms` are over. */
  async live(ms: number): Promise<void> {
    for (let passed = 0; passed < ms && !this.isPoisoned; passed += SECOND / 10) await this.world.clock.advanceAsync(SECOND / 10);
  }
}

describe('executions that were at work each time that their process ended', () => {
  it('go on one at a time, so that the one that ends it is given up and the others are not', async () => {
    const lives = await Lives.begin();
    const { world } = lives;
    const poison = world.run([{ id: 'poison', tool: 'work', parameters: { ms: 3_600_000 }, timeout: 7_200_000 }] as never);
    const others = ['a', 'b', 'c'].map((id) =>
      world.run([
        { id, tool: 'work', parameters: { ms: 5 * SECOND } },
        { id: `${id}2`, tool: 'work', dependencies: [id] },
      ] as never),
    );
    for (let life = 0; life < 40 && lives.deadLetters.length === 0; life++) {
      await lives.live(600 * SECOND);
      await lives.die();
    }
    expect(lives.deadLetters).toEqual([poison.executionId]);
    await lives.live(600 * SECOND);
    const infos = await Promise.all(others.map(({ executionId }) => lives.world.journal.find(executionId)));
    expect(infos.map((info) => info?.status)).toEqual(['settled', 'settled', 'settled']);
  });

  async function suspects(...ids: readonly string[]): Promise<World> {
    const lives = await Lives.begin();
    for (const id of ids) lives.world.run([{ id, tool: 'work', parameters: { ms: 40 * SECOND }, timeout: 3_600_000 }] as never);
    for (let life = 0; life < SUSPECT_RECOVERIES; life++) {
      await lives.world.clock.advanceAsync(SECOND);
      await lives.die();
    }
    await lives.world.clock.advanceAsync(SECOND);
    await lives.die();
    return lives.world;
  }

  it('wait for none that somebody has asked for, and that has ended, before its turn', async () => {
    await using world = await suspects('a', 'b', 'c');
    const second = await world.runtime.executions.resume('run-2');
    await second.cancel();
    await world.clock.advanceAsync(31 * SECOND);
    expect(world.runtime.executions.outcome).toMatchObject({ recovered: ['run-1', 'run-3'], waiting: [] });
  });

  it('have half a minute each before the next one goes on', async () => {
    await using world = await suspects('a', 'b');
    expect(world.runtime.executions.outcome).toMatchObject({ recovered: ['run-1'], waiting: ['run-2'] });
    await world.clock.advanceAsync(29 * SECOND);
    expect(world.calls.map(({ step }) => step)).toEqual(['a']);
    await world.clock.advanceAsync(SECOND);
    expect(world.calls.map(({ step }) => step)).toEqual(['a', 'b']);
    expect(world.runtime.executions.outcome).toMatchObject({ recovered: ['run-1', 'run-2'], waiting: [] });
    await world.clock.advanceAsync(60 * SECOND);
  });

  it('go on at once when they are asked for, and not at all once the runtime stops', async () => {
    await using world = await suspects('a', 'b');
    await world.runtime.executions.resume('run-2');
    await world.clock.advanceAsync(0);
    expect(world.calls.map(({ step }) => step)).toEqual(['a', 'b']);
    await using other = await suspects('a', 'b');
    await other.runtime.drain({ graceMs: 0 });
    expect(other.clock.pending).toBe(0);
    expect(other.calls.map(({ step }) => step)).toEqual(['a']);
  });

  it('are counted only when they go on', async () => {
    await using world = await suspects('a', 'b');
    const counts = await Promise.all(
      ['run-1', 'run-2'].map(async (id) => (await world.journal.read(id)).filter(({ type }) => type === 'execution/recovered').length),
    );
    expect(counts).toEqual([SUSPECT_RECOVERIES + 1, SUSPECT_RECOVERIES]);
    expect(SUSPECT_RECOVERIES).toBeLessThan(MOST_RECOVERIES);
  });
});
