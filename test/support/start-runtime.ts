/** The harness of tier 2 and 3: a runtime on a virtual clock, whose facts are collected and checked. */

import { expect } from 'vitest';
import { MailQueue } from '../../src/actors/post-office.ts';
import type { Fact, RuntimeOptions } from '../../src/index.ts';
import { createRuntime, MemoryJournal } from '../../src/index.ts';
import { VirtualClock, violations } from '../../src/testing/testing.ts';

export async function startRuntime(options: RuntimeOptions = {}) {
  const clock = new VirtualClock();
  const { journal = new MemoryJournal() } = options;
  let ids = 0;
  const carrier = new MailQueue(Number.POSITIVE_INFINITY);
  const runtime = await createRuntime({ clock, carrier, createId: () => `run-${++ids}`, ...options, journal });
  return {
    runtime,
    clock,
    journal,
    typesOf: async (executionId: string) => (await journal.read(executionId)).map(({ type }) => type),
    /** The invariants I1 to I4, I6 and I7 over a settled execution. */
    checkInvariants: async (executionId: string): Promise<readonly Fact[]> => {
      const facts = await journal.read(executionId);
      expect(violations(facts)).toEqual([]);
      return facts;
    },
    [Symbol.asyncDispose]: async () => {
      await runtime.stop({ graceMs: 0 });
      expect(runtime.vitals).toMatchObject({ executions: 0, actorsWithTimers: 0 });
      expect(clock.pending).toBe(0);
    },
  };
}
