/**
 * A runtime on a journal that takes its time: nothing leaves it, no call, no fact, no answer and no result, before the facts that
 * led to it are committed. Proves I5.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MailQueue } from '../../../src/actors/post-office.ts';
import { type AnyTool, createRuntime, type Fact, type RuntimeOptions, type WorkflowDefinition } from '../../../src/index.ts';
import { settlePromises, VirtualClock } from '../../../src/testing/testing.ts';
import { HeldJournal } from './held-journal.ts';

const chain: WorkflowDefinition = {
  id: 'chain',
  steps: [
    { id: 'one', tool: 'work' },
    { id: 'two', tool: 'work', dependencies: ['one'] },
  ],
};

/** Facts of breakers are not kept in the journal. */
const isOfBreaker = ({ stream }: Fact) => stream.startsWith('breaker/');

async function startHeldRuntime(options: RuntimeOptions = {}) {
  const journal = new HeldJournal();
  const clock = new VirtualClock();
  const calls: string[] = [];
  const published: Fact[] = [];
  const early: string[] = [];
  const work: AnyTool = {
    name: 'work',
    run: async (_: unknown, { idempotencyKey, attempt }) => {
      const starts = journal.appends.flat().filter(({ executionId, type }) => executionId === idempotencyKey && type.endsWith('/started'));
      if (starts.length < attempt || !starts.every((fact) => journal.isCommitted(fact))) early.push(`call of ${idempotencyKey}`);
      calls.push(`${idempotencyKey} ${attempt}`);
      await Promise.resolve();
      return idempotencyKey;
    },
  };
  const runtime = await createRuntime({
    carrier: new MailQueue(Number.POSITIVE_INFINITY),
    journal,
    clock,
    tools: [work],
    createId: () => 'run',
    ...options,
  });
  runtime.events.subscribe('**', (fact) => {
    if (isOfBreaker(fact)) return;
    if (!journal.isCommitted(fact)) early.push(fact.id);
    published.push(fact);
  });
  const commitAll = async () => {
    await settlePromises();
    while (journal.commitNext()) await settlePromises();
  };
  const typesHeld = () => journal.held.map(({ facts }) => facts.map(({ type }) => type));
  return { runtime, journal, clock, calls, published, early, commitAll, typesHeld };
}

describe('commit before consequence', () => {
  it('calls no tool before the facts that started it are committed', async () => {
    const { runtime, journal, calls, typesHeld, commitAll } = await startHeldRuntime();
    const run = runtime.run(chain);
    await settlePromises();
    expect(typesHeld()).toEqual([['tier2/routine/started', 'tier2/step/started'], ['tier3/execution/started']]);
    journal.commitNext();
    await settlePromises();
    expect(calls).toEqual([]);
    journal.commitNext();
    await settlePromises();
    expect(calls).toEqual(['run/one/1 1']);
    await commitAll();
    expect(await run.result()).toMatchObject({ success: true });
    await runtime.stop();
  });

  it('records that a step has completed and that its successor has started in one append', async () => {
    const { runtime, journal, commitAll } = await startHeldRuntime();
    const run = runtime.run(chain);
    await commitAll();
    await run.result();
    expect(
      journal.appends.map((facts) => facts.map(({ type, payload }) => `${type} ${(payload as { stepId?: string }).stepId ?? ''}`.trim())),
    ).toEqual([
      ['tier2/routine/started', 'tier2/step/started one'],
      ['tier3/execution/started one'],
      ['tier3/execution/completed one'],
      ['tier2/step/completed one', 'tier2/step/started two'],
      ['tier3/execution/started two'],
      ['tier3/execution/completed two'],
      ['tier2/step/completed two'],
      ['tier2/routine/completed'],
    ]);
    await runtime.stop();
  });

  it('gives out a result only when the terminal fact is committed', async () => {
    const { runtime, journal, typesHeld } = await startHeldRuntime();
    let isOut = false;
    const run = runtime.run({ id: 'one', steps: [{ id: 'one', tool: 'work' }] });
    void run.result().then(() => {
      isOut = true;
    });
    await settlePromises();
    while (!typesHeld().flat().includes('tier2/routine/completed')) {
      journal.commitNext();
      await settlePromises();
    }
    while (journal.held.length > 0) {
      expect(isOut).toBe(false);
      expect(run.status).not.toBe('failed');
      journal.commitNext();
      await settlePromises();
    }
    expect(isOut).toBe(true);
    await runtime.stop();
  });

  it('answers a pause, a resume and a cancel only when what they did is committed', async () => {
    const { runtime, journal, commitAll } = await startHeldRuntime({
      tools: [
        {
          name: 'work',
          run: (_: unknown, { signal }) =>
            new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
        },
      ],
    });
    const run = runtime.run(chain);
    await commitAll();
    for (const [command, type] of [
      ['pause', 'tier2/routine/pausing'],
      ['resume', 'tier2/routine/resumed'],
      ['cancel', 'tier2/routine/cancelling'],
    ] as const) {
      let answer: boolean | undefined;
      void run[command]().then((given) => {
        answer = given;
      });
      await settlePromises();
      expect(journal.held.some(({ facts }) => facts.some((fact) => fact.type === type))).toBe(true);
      expect(answer).toBeUndefined();
      await commitAll();
      expect(answer).toBe(true);
    }
    expect(await run.result()).toMatchObject({ status: 'cancelled' });
    await runtime.stop();
  });

  it('keeps to it in any order of commits and time, with retries, parallel steps and commands', async () => {
    const workflow: WorkflowDefinition = {
      id: 'mixed',
      retry: { maxRetries: 2, backoff: { baseMs: 100 } },
      steps: [
        { id: 'a', tool: 'work' },
        { id: 'b', tool: 'shaky', dependencies: ['a'] },
        {
          id: 'p',
          type: 'parallel',
          dependencies: ['a'],
          steps: [
            { id: 'p1', tool: 'work' },
            { id: 'p2', tool: 'work' },
          ],
        },
        { id: 'last', tool: 'work', dependencies: ['b', 'p'] },
      ],
    };
    const actions = fc.array(fc.constantFrom('commit', 'commit', 'commit', 'time', 'pause', 'resume', 'cancel'), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(actions, async (told) => {
        const journal = new HeldJournal();
        const clock = new VirtualClock();
        const early: string[] = [];
        const isEach = (types: RegExp, executionId: string) => {
          const facts = journal.appends.flat().filter((fact) => fact.executionId === executionId && types.test(fact.type));
          return facts.length > 0 && facts.every((fact) => journal.isCommitted(fact));
        };
        const see = (executionId: string) => {
          if (!isEach(/started$/, executionId)) early.push(`call of ${executionId}`);
        };
        const tools: AnyTool[] = [
          { name: 'work', run: (_: unknown, context) => see(context.idempotencyKey) },
          {
            name: 'shaky',
            run: (_: unknown, { idempotencyKey, attempt }) => {
              see(idempotencyKey);
              if (attempt < 3) throw new Error('shaky');
            },
          },
        ];
        const runtime = await createRuntime({
          carrier: new MailQueue(Number.POSITIVE_INFINITY),
          journal,
          clock,
          tools,
          createId: () => 'run',
        });
        runtime.events.subscribe('**', (fact) => {
          if (!isOfBreaker(fact) && !journal.isCommitted(fact)) early.push(fact.id);
        });
        const run = runtime.run(workflow);
        let isOut = false;
        void run.result().then(() => {
          isOut = true;
          if (!isEach(/^tier2\/routine\/(completed|failed|cancelled)$/, 'run')) early.push('the result');
        });
        const command = (name: 'pause' | 'resume' | 'cancel', types: RegExp) => {
          void run[name]().then((isAccepted) => {
            if (isAccepted && !isEach(types, 'run')) early.push(`the answer to ${name}`);
          });
        };
        const act = async (what: string) => {
          if (what === 'commit') journal.commitNext();
          if (what === 'time') clock.fireNext();
          if (what === 'pause') command('pause', /^tier2\/routine\/started$/);
          if (what === 'resume') command('resume', /^tier2\/routine\/started$/);
          if (what === 'cancel') command('cancel', /^tier2\/routine\/cancelling$/);
          await settlePromises();
        };
        for (const what of told) if (what !== 'time' || (clock.nextDueAt ?? 0) - clock.now() <= 1_000) await act(what);
        for (let n = 0; !isOut && n < 200; n++) {
          if (run.status === 'paused') await act('resume');
          while (journal.held.length > 0) await act('commit');
          if (!isOut) await act('time');
        }
        expect(isOut).toBe(true);
        expect(early).toEqual([]);
        await runtime.stop({ graceMs: 0 });
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it('publishes nothing early in an ordinary run, and everything in the end', async () => {
    const { runtime, journal, published, early, commitAll } = await startHeldRuntime();
    const run = runtime.run(chain);
    await commitAll();
    await run.result();
    await settlePromises();
    expect(early).toEqual([]);
    expect(published).toEqual(journal.appends.flat());
    await runtime.stop();
  });
});

describe('a journal that fails', () => {
  it.each([0, 1, 2, 3, 4])('at append %i ends the run with JOURNAL_FAILED, publishes nothing more and leaves nothing', async (at) => {
    const { runtime, journal, published, calls, clock } = await startHeldRuntime();
    const run = runtime.run(chain);
    await settlePromises();
    for (let n = 0; n < at; n++) {
      journal.commitNext();
      await settlePromises();
    }
    const seen = journal.appends.slice(0, at).flat();
    journal.held[0]?.fail(new Error('the disk is full'));
    await settlePromises();
    expect(await run.result()).toMatchObject({ success: false, status: 'failed', error: { code: 'JOURNAL_FAILED' } });
    const made = calls.length;
    while (journal.commitNext()) await settlePromises();
    expect(published).toEqual(seen);
    expect(calls).toHaveLength(made);
    expect(runtime.vitals).toMatchObject({ executions: 0, actorsWithTimers: 0 });
    expect(clock.pending).toBe(0);
    expect(await run.cancel()).toBe(false);
    await runtime.stop();
  });

  it('at once, by throwing, ends the run before any tool is called', async () => {
    const journal = new HeldJournal();
    journal.append = () => {
      throw new Error('no disk');
    };
    const { runtime, calls, clock } = await startHeldRuntime({ journal });
    const run = runtime.run(chain);
    expect(await run.result()).toMatchObject({ success: false, error: { code: 'JOURNAL_FAILED' } });
    await settlePromises();
    expect(calls).toEqual([]);
    expect(runtime.vitals).toMatchObject({ executions: 0, actorsWithTimers: 0 });
    expect(clock.pending).toBe(0);
    await runtime.stop();
  });

  it('refuses a command whose fact it cannot commit', async () => {
    const never: AnyTool = { name: 'work', run: () => new Promise(() => undefined) };
    const { runtime, journal, commitAll } = await startHeldRuntime({ tools: [never] });
    const run = runtime.run(chain);
    await commitAll();
    const answer = run.pause();
    await settlePromises();
    journal.held[0]?.fail(new Error('the disk is full'));
    await expect(answer).rejects.toMatchObject({ code: 'JOURNAL_FAILED' });
    expect(await run.result()).toMatchObject({ error: { code: 'JOURNAL_FAILED' } });
    await runtime.stop();
  });

  it('while the runtime stops is no unhandled rejection', async () => {
    const never: AnyTool = { name: 'work', run: () => new Promise(() => undefined) };
    const { runtime, journal, commitAll } = await startHeldRuntime({ tools: [never] });
    const run = runtime.run(chain);
    await commitAll();
    const stopped = runtime.stop();
    await settlePromises();
    journal.held[0]?.fail(new Error('the disk is full'));
    await stopped;
    expect(await run.result()).toMatchObject({ error: { code: 'JOURNAL_FAILED' } });
    await settlePromises();
  });

  it('that never commits does not keep the runtime from stopping', async () => {
    const { runtime, clock } = await startHeldRuntime();
    const run = runtime.run(chain);
    await settlePromises();
    const stopped = runtime.stop({ graceMs: 100 });
    await clock.advanceAsync(100);
    await stopped;
    expect(await run.result()).toMatchObject({ success: false, error: { code: 'RUNTIME_STOPPED' } });
    expect(clock.pending).toBe(0);
  });
});
