/** What the embedder hands in and what breaks: schema, classifier, observer, event handler, logger, journal. */

import { describe, expect, it } from 'vitest';
import { type Fact, type Journal, type Logger, MemoryJournal, type RuntimeOptions, type Tool } from '../../src/index.ts';
import { settlePromises } from '../../src/testing/testing.ts';
import { hostileWorld, typedError } from './hostile-world.ts';

const refuse = (): never => {
  throw new Error('refused');
};
const refusingLogger: Logger = { debug: refuse, info: refuse, warn: refuse, error: refuse };
const schema = (validate: (value: unknown) => unknown): NonNullable<Tool['input']> =>
  ({ '~standard': { version: 1, vendor: 'hostile', validate } }) as unknown as NonNullable<Tool['input']>;

describe('a schema', () => {
  it.each<[string, (value: unknown) => unknown]>([
    ['throws', refuse],
    ['rejects', () => Promise.reject(new Error('refused'))],
    ['returns nothing', () => undefined],
    ['returns issues that are no list', () => ({ issues: 'many' })],
    ['returns an issue that is null', () => ({ issues: [null] })],
    ['never answers', () => new Promise(() => {})],
  ])('that %s fails the step and nothing else', async (_, validate) => {
    let calls = 0;
    await using world = await hostileWorld(() => calls++, { tool: { input: schema(validate) } });
    expect(await world.suffer()).toMatchObject({ status: 'failed', error: typedError });
    expect(calls).toBe(0);
  });

  it('that answers later is waited for, and its value is what the tool gets', async () => {
    await using world = await hostileWorld((input: unknown) => input, {
      tool: { input: schema(() => Promise.resolve({ value: { parsed: true } })) },
    });
    expect(await world.suffer()).toMatchObject({ success: true, result: { parsed: true } });
  });

  it('that answers after a cancel starts nothing', async () => {
    let calls = 0;
    const answer = Promise.withResolvers<object>();
    await using world = await hostileWorld(() => calls++, { tool: { input: schema(() => answer.promise) } });
    const handle = world.start();
    await settlePromises();
    await handle.cancel('enough');
    answer.resolve({ value: {} });
    await world.clock.advanceAsync(5_000);
    expect(await handle.result()).toMatchObject({ status: 'cancelled' });
    expect(calls).toBe(0);
  });
});

describe('a classifier', () => {
  it.each<[string, NonNullable<RuntimeOptions['classify']>]>([
    ['throws', refuse],
    ['returns a class that does not exist', () => 'banana' as never],
    ['returns a promise', () => Promise.resolve('timeout') as never],
  ])('that %s has said nothing', async (_, classify) => {
    await using world = await hostileWorld(refuse, { options: { classify } });
    expect(await world.suffer()).toMatchObject({ error: { code: 'EXECUTION_FAILED', errorClass: 'transient', retryable: true } });
  });
});

describe('an observer of inspection events', () => {
  it('that throws changes nothing', async () => {
    await using world = await hostileWorld(() => 'fine', { options: { inspect: refuse } });
    expect(await world.suffer()).toMatchObject({ success: true, result: 'fine' });
  });

  it('that throws, with a logger that throws as well', async () => {
    await using world = await hostileWorld(() => 'fine', { options: { inspect: refuse, logger: refusingLogger } });
    expect(await world.suffer()).toMatchObject({ success: true, result: 'fine' });
  });
});

describe('an event handler', () => {
  it.each<[string, () => unknown]>([
    ['throws', refuse],
    ['rejects', () => Promise.reject(new Error('refused'))],
    [
      'throws an error that cannot be looked at',
      () => {
        throw Object.defineProperty(new Error('refused'), 'message', { get: refuse });
      },
    ],
  ])('that %s hears every fact all the same, and so does its neighbour', async (_, handler) => {
    await using world = await hostileWorld(() => 'fine');
    let heard = 0;
    const neighbour: string[] = [];
    world.runtime.events.subscribe('**', () => {
      heard++;
      return handler();
    });
    world.runtime.events.subscribe('**', ({ type }) => neighbour.push(type));
    await world.suffer();
    await settlePromises();
    expect(neighbour.at(-1)).toBe('tier2/routine/completed');
    expect(heard).toBe(neighbour.length);
  });

  it('that hangs is given up after 5 seconds for each fact; its neighbour waits for nothing', async () => {
    await using world = await hostileWorld(() => 'fine');
    let heard = 0;
    const neighbour: string[] = [];
    const hanging = world.runtime.events.subscribe('tier2/**', () => {
      heard++;
      return new Promise(() => {});
    });
    world.runtime.events.subscribe('tier2/**', ({ type }) => neighbour.push(type));
    const handle = world.start();
    expect(await handle.result()).toMatchObject({ success: true });
    await settlePromises();
    expect(heard).toBe(1);
    expect(neighbour).toHaveLength(4);
    await world.clock.advanceAsync(5_000);
    expect(heard).toBe(2);
    hanging.unsubscribe();
    await world.clock.advanceAsync(60_000);
  });

  it('that hangs when the runtime stops leaves no timer behind', async () => {
    const world = await hostileWorld(() => 'fine');
    world.runtime.events.subscribe('**', () => new Promise(() => {}));
    await world.start().result();
    await settlePromises();
    await world.runtime.stop();
    expect(world.clock.pending).toBe(0);
  });

  it('that throws, with a logger that throws as well, goes on hearing', async () => {
    await using world = await hostileWorld(() => 'fine', { options: { logger: refusingLogger } });
    let heard = 0;
    world.runtime.events.subscribe('tier2/**', () => {
      heard++;
      refuse();
    });
    await world.suffer();
    await settlePromises();
    expect(heard).toBe(4);
  });
});

/** Fails from the nth append to the stream of the victim on. */
class FailingJournal extends MemoryJournal {
  appends = 0;
  hasFailed = false;
  readonly #failAt: number;
  readonly #how: 'throws' | 'rejects' | 'rejects later';

  constructor(failAt: number, how: FailingJournal['how']) {
    super();
    this.#failAt = failAt;
    this.#how = how;
  }

  get how() {
    return this.#how;
  }

  override append(stream: string, expectedSeq: number, facts: readonly Fact[]): ReturnType<Journal['append']> & undefined {
    if (stream !== 'victim') return super.append(stream, expectedSeq, facts);
    if (++this.appends < this.#failAt && !this.hasFailed) {
      super.append(stream, expectedSeq, facts);
      return (this.#how === 'throws' ? undefined : Promise.resolve()) as undefined;
    }
    this.hasFailed = true;
    const error = new Error('disk full');
    if (this.#how === 'throws') throw error;
    return (this.#how === 'rejects' ? Promise.reject(error) : settlePromises().then(() => Promise.reject(error))) as never;
  }
}

describe('a journal', () => {
  const moments = [1, 2, 3, 4, 5, 6].flatMap((at) => (['throws', 'rejects', 'rejects later'] as const).map((how) => [how, at] as const));

  it.each(moments)('that %s at append %i: JOURNAL_FAILED, and no effect starts afterwards', async (how, at) => {
    const journal = new FailingJournal(at, how);
    const calls: boolean[] = [];
    await using world = await hostileWorld(() => calls.push(journal.hasFailed), { options: { journal } });
    const steps = ['a', 'b', 'c'].map((id, index, ids) => {
      const before = ids[index - 1];
      return { id, tool: 'hostile', parameters: {}, ...(before && { dependencies: [before] }) };
    });
    const handle = world.runtime.run({ id: 'w', steps }, { context: { executionId: 'victim' } });
    await world.clock.advanceAsync(60_000);
    expect(await handle.result()).toMatchObject({ status: 'failed', error: { code: 'JOURNAL_FAILED' } });
    expect(calls).not.toContain(true);
    expect(handle.status).toBe('failed');
    expect(world.runtime.vitals).toMatchObject({ executions: 0, actorsWithTimers: 0 });
    expect(await handle.cancel()).toBe(false);
  });

  it('that fails while a tool works: the work is aborted', async () => {
    const journal = new FailingJournal(3, 'rejects');
    let signal: AbortSignal | undefined;
    await using world = await hostileWorld(
      (_: unknown, context: { readonly signal: AbortSignal }) => {
        signal = context.signal;
        return new Promise(() => {});
      },
      { options: { journal } },
    );
    const handle = world.start();
    await settlePromises();
    expect(signal?.aborted).toBe(false);
    const answer = handle.pause().catch((thrown: unknown) => thrown);
    await settlePromises();
    expect(await handle.result()).toMatchObject({ error: { code: 'JOURNAL_FAILED' } });
    expect(signal?.aborted).toBe(true);
    expect(await answer).toMatchObject({ code: 'JOURNAL_FAILED' });
  });

  it('that never answers holds back every effect until the runtime stops', async () => {
    let calls = 0;
    const journal = new MemoryJournal();
    const { append } = MemoryJournal.prototype;
    journal.append = (stream, seq, facts) =>
      stream === 'victim' ? (new Promise(() => {}) as never) : append.call(journal, stream, seq, facts);
    await using world = await hostileWorld(() => calls++, { options: { journal } });
    const handle = world.start();
    await world.clock.advanceAsync(60_000);
    expect(calls).toBe(0);
    expect(handle.status).not.toBe('completed');
    await world.stop({ graceMs: 1_000 });
    expect(await handle.result()).toMatchObject({ status: 'failed', error: { code: 'RUNTIME_STOPPED' } });
  });

  it('that cannot be read rejects the reader of the facts, not the run', async () => {
    const journal = new MemoryJournal();
    journal.read = () => Promise.reject(new Error('unreadable'));
    await using world = await hostileWorld(() => 'fine', { options: { journal } });
    const handle = world.start();
    expect(await handle.result()).toMatchObject({ success: true });
    await expect(handle.facts()[Symbol.asyncIterator]().next()).rejects.toThrow('unreadable');
    const task = await world.runtime.tasks.executeTask({ tool: 'hostile' }).outcome();
    expect(task).toMatchObject({ status: 'failed', error: { message: 'unreadable' } });
  });
});
