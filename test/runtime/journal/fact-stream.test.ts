/** The writer of a stream, on a journal that commits when the test says so. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExecutionContext, Fact, SwarmchartError } from '../../../src/index.ts';
import { FactStream, type FactStreamOptions } from '../../../src/runtime/journal/fact-stream.ts';
import { settlePromises } from '../../../src/testing/testing.ts';
import { HeldJournal } from './held-journal.ts';

const execution: ExecutionContext = { executionId: 'run', swarmId: 's', userId: 'u', timestamp: 0, correlationId: 'c' };

function openStream(more: Partial<FactStreamOptions> = {}) {
  const journal = new HeldJournal();
  const published: string[] = [];
  const failures: SwarmchartError[] = [];
  const stream = new FactStream({
    name: 'run',
    journal,
    onCommitted: (facts) => void published.push(...facts.map(({ id }) => id)),
    onFailed: (error) => void failures.push(error),
    ...more,
  });
  const record = (...types: string[]) =>
    stream.record({ execution, tier: 'tier2', facts: types.map((type) => ({ type, at: 5, payload: {} })) });
  return { stream, journal, published, failures, record };
}

/** What has become of a gate. */
function watch(gate: Promise<void> | undefined) {
  const seen = { state: gate ? 'shut' : 'open' };
  gate?.then(
    () => (seen.state = 'open'),
    (error: SwarmchartError) => (seen.state = error.code),
  );
  return seen;
}

describe('a stream of facts', () => {
  it('numbers facts from 1 without a gap and puts them in envelopes', () => {
    const { journal, record } = openStream();
    record('a', 'b');
    record('c');
    const [a, b, c] = journal.appends.flat();
    expect(a).toEqual({
      id: 'run#1',
      seq: 1,
      stream: 'run',
      type: 'a',
      at: 5,
      executionId: 'run',
      swarmId: 's',
      correlationId: 'c',
      tier: 'tier2',
      payload: {},
      v: 1,
    });
    expect([b?.seq, c?.seq]).toEqual([2, 3]);
    expect(journal.appends.map((facts) => facts.length)).toEqual([2, 1]);
  });

  it('goes on from the number at which an earlier life ended, and its gate is open', () => {
    const appended: number[] = [];
    const append = (_: string, expectedSeq: number) => void appended.push(expectedSeq);
    const { stream, published, record } = openStream({ seq: 7, journal: { append: (...args) => append(args[0], args[1]) } });
    expect(stream.committed()).toBeUndefined();
    record('a');
    expect(appended).toEqual([7]);
    expect(published).toEqual(['run#8']);
  });

  it('appends nothing for no facts', () => {
    const { stream, journal, record } = openStream();
    record();
    expect(journal.appends).toEqual([]);
    expect(stream.committed()).toBeUndefined();
  });

  it('opens its gate and publishes at the commit, not before', async () => {
    const { stream, journal, published, record } = openStream();
    expect(stream.committed()).toBeUndefined();
    record('a', 'b');
    const gate = watch(stream.committed());
    await settlePromises();
    expect(gate.state).toBe('shut');
    expect(published).toEqual([]);
    journal.commitNext();
    await settlePromises();
    expect(gate.state).toBe('open');
    expect(published).toEqual(['run#1', 'run#2']);
    expect(stream.committed()).toBeUndefined();
  });

  it('lets a gate wait for what was recorded before it, and for no more', async () => {
    const { stream, journal, record } = openStream();
    record('a');
    const first = watch(stream.committed());
    record('b');
    const second = watch(stream.committed());
    journal.commitNext();
    await settlePromises();
    expect([first.state, second.state]).toEqual(['open', 'shut']);
    journal.commitNext();
    await settlePromises();
    expect(second.state).toBe('open');
  });

  it('publishes in the order in which facts were recorded, in whatever order their appends are committed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 6 }),
        fc.infiniteStream(fc.nat()),
        async (sizes, picks) => {
          const commits: (() => void)[] = [];
          const recorded: string[] = [];
          const isDone: boolean[] = [];
          const append = (_stream: string, _seq: number, facts: readonly Fact[]): Promise<void> | undefined => {
            recorded.push(...facts.map(({ id }) => id));
            const index = isDone.push(false) - 1;
            // Some are committed at once although earlier ones are still on their way.
            if ((picks.next().value ?? 0) % 3 === 0) {
              isDone[index] = true;
              return undefined;
            }
            return new Promise((resolve) => {
              commits.push(() => {
                isDone[index] = true;
                resolve();
              });
            });
          };
          const { stream, published, record } = openStream({ journal: { append } });
          const ends = sizes.map((size) => {
            record(...Array.from({ length: size }, () => 'fact'));
            return { count: recorded.length, gate: watch(stream.committed()) };
          });
          for (;;) {
            await settlePromises();
            const done = isDone.indexOf(false);
            const expected = done < 0 ? recorded.length : (ends[done - 1]?.count ?? 0);
            expect(published).toEqual(recorded.slice(0, expected));
            for (const { count, gate } of ends) expect(gate.state).toBe(count <= expected ? 'open' : 'shut');
            const [commit] = commits.splice((picks.next().value ?? 0) % Math.max(1, commits.length), 1);
            if (!commit) break;
            commit();
          }
          expect(stream.committed()).toBeUndefined();
        },
      ),
    );
  });

  it('stops at an append that fails: its gate never opens again and later facts are ignored', async () => {
    const { stream, journal, published, failures, record } = openStream();
    record('a');
    record('b');
    record('c');
    const gates = [watch(stream.committed())];
    const [first, second, third] = journal.held;
    first?.commit();
    await settlePromises();
    second?.fail(new Error('the disk is full'));
    await settlePromises();
    third?.commit();
    record('d');
    gates.push(watch(stream.committed()));
    await settlePromises();
    expect(published).toEqual(['run#1']);
    expect(gates.map(({ state }) => state)).toEqual(['JOURNAL_FAILED', 'JOURNAL_FAILED']);
    expect(journal.appends).toHaveLength(3);
    expect(failures).toHaveLength(1);
    expect(stream.failure).toBe(failures[0]);
    expect(failures[0]?.message).toBe('Stream "run" could not be written: the disk is full');
  });

  it('stops at an append that throws', async () => {
    const append = () => {
      throw 'no' as unknown;
    };
    const { stream, published, failures, record } = openStream({ journal: { append } });
    record('a');
    record('b');
    expect(failures).toHaveLength(1);
    expect(published).toEqual([]);
    await expect(stream.committed()).rejects.toMatchObject({ code: 'JOURNAL_FAILED', cause: 'no' });
  });
});
