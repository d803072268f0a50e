/** A runtime that is about to be mistreated. Afterwards it must still work, and leave nothing behind. */

import { expect } from 'vitest';
import { MailQueue } from '../../src/actors/post-office.ts';
import { type AnyTool, createRuntime, type Fact, type Json, type JsonObject, MemoryJournal, type RuntimeOptions } from '../../src/index.ts';
import { settlePromises, VirtualClock, violations } from '../../src/testing/testing.ts';
import { collectAll } from '../support/collect-all.ts';

/** What nobody caught, while a hostile world exists. */
function watchForStrays() {
  const strays: unknown[] = [];
  const onStray = (thrown: unknown) => void strays.push(thrown);
  process.on('unhandledRejection', onStray);
  process.on('uncaughtException', onStray);
  return {
    strays,
    stop: () => {
      process.off('unhandledRejection', onStray);
      process.off('uncaughtException', onStray);
    },
  };
}

export interface Victim {
  readonly tool?: Partial<AnyTool>;
  readonly options?: RuntimeOptions;
}

export type Run = AnyTool['run'];

/** A runtime with one tool, "hostile". Dispose of it to have it checked. */
export async function hostileWorld(run: Run = () => null, { tool, options }: Victim = {}) {
  const clock = new VirtualClock();
  const watch = watchForStrays();
  const journal = options?.journal ?? new MemoryJournal();
  const hostile: AnyTool = { name: 'hostile', breaker: false, ...tool, run };
  const carrier = new MailQueue(Number.POSITIVE_INFINITY);
  const runtime = await createRuntime({ clock, journal, carrier, tools: [hostile], ...options });

  const start = (parameters: JsonObject = {}, step: { readonly timeout?: number; readonly retry?: number } = {}) =>
    runtime.run({ id: 'w', steps: [{ id: 'victim', tool: 'hostile', parameters, ...step }] }, { context: { executionId: 'victim' } });

  let hasStopped = false;
  const stop = async (options: { readonly graceMs?: number } = {}) => {
    hasStopped = true;
    const stopping = runtime.stop(options);
    await clock.advanceAsync(20_000);
    await stopping;
  };

  return {
    clock,
    runtime,
    start,
    stop,
    /** Runs the tool to its end; its facts must be JSON and keep the invariants. */
    async suffer(parameters: JsonObject = {}) {
      const handle = start(parameters);
      await settlePromises();
      await clock.advanceAsync(60_000);
      const result = await handle.result();
      const facts = await collectAll(handle.facts());
      expect(violations(facts)).toEqual([]);
      expectJson(facts);
      return result;
    },
    async [Symbol.asyncDispose]() {
      try {
        if (!hasStopped) {
          const steps = [{ id: 'echo', tool: 'echo', parameters: { message: 'alive' } }];
          expect(await runtime.run({ id: 'alive', steps }).result()).toMatchObject({ success: true, result: 'alive' });
          await stop();
        }
        await settlePromises();
        expect(runtime.vitals).toMatchObject({ executions: 0, actorsWithTimers: 0 });
        expect(clock.pending).toBe(0);
        expect(watch.strays).toEqual([]);
      } finally {
        watch.stop();
      }
    },
  };
}

export function expectJson(facts: readonly Fact[]): void {
  expect(JSON.parse(JSON.stringify(facts)) as Json).toEqual(facts);
}

/** Whatever the result, its error is one of ours: a code, a class, a text. */
export const typedError = expect.objectContaining({
  code: expect.any(String),
  message: expect.any(String),
  errorClass: expect.any(String),
});
