/** A journal that is full: nothing new begins, everything is paused, nothing is acknowledged; and it goes on when there is room. */

import { describe, expect, it } from 'vitest';
import { type Fact, type JournalCondition, MemoryJournal, type SwarmchartError, type WorkflowDefinition } from '../../../src/index.ts';
import { HOUR, startWorld } from '../run/start-world.ts';

type Steps = WorkflowDefinition['steps'];
const work = (id: string, more: object = {}) => ({ id, type: 'tool', tool: 'work', parameters: {}, ...more }) as Steps[number];

/** Appends wait while it is full, as those of a journal in a file do. */
class Fillable extends MemoryJournal {
  readonly #waiting: (() => void)[] = [];
  #isFull = false;
  #tell: (condition: JournalCondition) => void = () => {};

  override watch(listener: (condition: JournalCondition) => void): void {
    this.#tell = listener;
  }

  override append(stream: string, expectedSeq: number, facts: readonly Fact[]): undefined {
    if (!this.#isFull) return super.append(stream, expectedSeq, facts);
    return new Promise<void>((resolve) => {
      this.#waiting.push(() => {
        super.append(stream, expectedSeq, facts);
        resolve();
      });
    }) as never;
  }

  fill(): void {
    this.#isFull = true;
    this.#tell({ status: 'full', message: 'no space left on device' });
  }

  makeRoom(): void {
    this.#isFull = false;
    for (const commit of this.#waiting.splice(0)) commit();
    this.#tell({ status: 'ready' });
  }
}

describe('while the journal is full', () => {
  it('runs pause, nothing begins and nothing is acknowledged; then all goes on', async () => {
    const journal = new Fillable();
    await using world = await startWorld({ journal });
    const run = world.run([work('a'), work('b', { dependencies: ['a'] })]);
    await world.clock.advanceAsync(500);
    journal.fill();
    let isTold = false;
    void run.setVariable('late', true).then(() => {
      isTold = true;
    });
    await world.clock.advanceAsync(HOUR);
    expect(run.status).toBe('paused');
    expect(isTold).toBe(false);
    expect(world.calls.map(({ step }) => step)).toEqual(['a']);
    expect(await world.typesOf(run.executionId)).not.toContain('tier2/step/completed');
    expect(() => world.run([work('c')])).toThrow(expect.objectContaining({ code: 'JOURNAL_FULL', retryable: true }));
    journal.makeRoom();
    const { result } = await world.finish(run);
    expect(result).toMatchObject({ status: 'completed', result: 'b' });
    expect(isTold).toBe(true);
    expect((await world.finish(world.run([work('c')]))).result.status).toBe('completed');
  });

  it('only so many commands wait for room', async () => {
    const journal = new Fillable();
    await using world = await startWorld({ journal, mailboxLimit: 3 });
    const run = world.run([work('a', { parameters: { ms: 2 * HOUR }, timeout: 3 * HOUR })]);
    await world.clock.advanceAsync(500);
    journal.fill();
    await world.clock.advanceAsync(HOUR);
    const answers: Promise<unknown>[] = [];
    for (let number = 1; number <= 5; number++) {
      answers.push(run.setVariable('number', number).catch(({ code }: SwarmchartError) => code));
      await world.clock.advanceAsync(1);
    }
    journal.makeRoom();
    expect(await Promise.all(answers)).toEqual([true, true, true, 'MAILBOX_FULL', 'MAILBOX_FULL']);
    expect(await run.setVariable('number', 6)).toBe(true);
    expect((await world.finish(run)).result.status).toBe('completed');
  });

  it("the probe of the system's breaker goes on when there is room again", async () => {
    const journal = new Fillable();
    await using world = await startWorld({ journal });
    world.runtime.breakers.forceOpen('system');
    world.runtime.breakers.reset('system');
    const probe = world.run([work('a'), work('b', { dependencies: ['a'] })]);
    await world.clock.advanceAsync(500);
    journal.fill();
    await world.clock.advanceAsync(HOUR);
    expect(probe.status).toBe('paused');
    journal.makeRoom();
    expect((await world.finish(probe)).result.status).toBe('completed');
    expect(world.runtime.breakers.get('system')?.state).toBe('closed');
  });

  it('what its caller has paused stays paused when there is room again', async () => {
    const journal = new Fillable();
    await using world = await startWorld({ journal });
    const run = world.run([work('a'), work('b', { dependencies: ['a'] })]);
    await world.clock.advanceAsync(500);
    await run.pause();
    journal.fill();
    await world.clock.advanceAsync(HOUR);
    journal.makeRoom();
    await world.clock.advanceAsync(HOUR);
    expect(run.status).toBe('paused');
    await run.resume();
    expect((await world.finish(run)).result.status).toBe('completed');
  });
});
