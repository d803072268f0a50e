/** An observer watches: whatever it does, the actors do what they would have done without it. */

import { describe, expect, it } from 'vitest';
import type { InspectionObserver } from '../../src/runtime/inspection.ts';
import { settlePromises } from '../../src/testing/testing.ts';
import { collectMessages } from '../inspect/wire.ts';
import { startRuntime } from '../support/start-runtime.ts';

const refuse = (): never => {
  throw new Error('refused');
};
const steps = [
  { id: 'a', tool: 'echo', parameters: { message: 'hello' } },
  { id: 'b', tool: 'fails', parameters: {}, retry: { maxRetries: 1 }, dependencies: ['a'] },
];

/** The facts and the result of a run that retries, and what was logged on the way. */
async function story(inspect?: InspectionObserver) {
  const logged: object[] = [];
  const note = (fields: object) => void logged.push(fields);
  const logger = { debug() {}, info() {}, warn: note, error: note };
  await using world = await startRuntime({ ...(inspect && { inspect }), logger, tools: [{ name: 'fails', run: refuse }] });
  const execution = world.runtime.run({ id: 'w', steps });
  await settlePromises();
  await world.clock.advanceAsync(60_000);
  const result = await execution.result();
  const facts = (await world.journal.read(execution.executionId)).map(({ id: _, ...fact }) => fact);
  await settlePromises();
  return { result, facts, logged };
}

const withoutObserver = await story();

describe('an observer', () => {
  const collected: string[] = [];
  it.each<[string, InspectionObserver]>([
    ['is a function', ({ type }) => collected.push(type)],
    ['is an object', { next: ({ type }) => collected.push(type) }],
    ['is an object without next', {}],
    ['makes messages of it', collectMessages().inspect],
  ])('that %s changes nothing', async (_, inspect) => {
    expect(await story(inspect)).toEqual(withoutObserver);
  });

  it('has heard of every kind of event', () => {
    expect(new Set(collected)).toEqual(
      new Set(['@xstate.actor', '@xstate.event', '@xstate.microstep', '@xstate.action', '@xstate.snapshot']),
    );
  });

  it.each<[string, InspectionObserver]>([
    ['throws', refuse],
    ['rejects', () => Promise.reject(new Error('refused'))],
    ['has a next that throws', { next: refuse }],
    ['has a next that cannot be read', Object.defineProperty({}, 'next', { get: refuse })],
    ['returns what throws when it is awaited', () => Object.defineProperty({}, 'then', { get: refuse })],
    ['throws when somebody looks at what it threw', () => throwThe(new Proxy({}, { get: refuse, getPrototypeOf: refuse }))],
  ])('that %s changes nothing, and floods no log', async (_, inspect) => {
    const { result, facts, logged } = await story(inspect);
    expect({ result, facts }).toEqual({ result: withoutObserver.result, facts: withoutObserver.facts });
    expect(logged.length).toBeLessThanOrEqual(withoutObserver.logged.length + 1);
  });

  it('that throws is logged once for each message, and at most 20 times', async () => {
    const twice = await story(({ type }) => throwThe(new Error(type === '@xstate.actor' ? 'one' : 'other')));
    expect(twice.logged).toMatchObject([{ err: { message: 'one' } }, { err: { message: 'other' } }]);
    let calls = 0;
    const many = await story(() => throwThe(new Error(`call ${++calls}`)));
    expect(calls).toBeGreaterThan(20);
    expect(many.logged).toHaveLength(20);
  });
});

function throwThe(thing: unknown): never {
  throw thing;
}
