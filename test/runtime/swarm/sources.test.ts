/** What a swarm may be started from, and how soon its runs can be controlled. */

import { describe, expect, it } from 'vitest';
import { createRuntime, loadSwarm } from '../../../src/index.ts';
import { startRuntime } from '../../support/start-runtime.ts';

const text = `
swarm: greeters
goal: Greet {{name}}
input:
  name: { type: string }
agents:
  - { id: host, capabilities: [talk] }
tasks:
  - { id: greet, requiredCapabilities: [talk], tool: echo, parameters: { message: "Hello, {{name}}" } }
`;

describe('a swarm', () => {
  it('is started from a definition that was loaded, as from the object that it was read from', async () => {
    await using world = await startRuntime();
    const { definition, issues } = loadSwarm(text, { registry: world.runtime.registry });
    expect(issues).toEqual([]);
    if (!definition) throw new Error('it was loaded');
    for (const source of [definition, definition.source]) {
      const swarm = world.runtime.swarm(source, { input: { name: 'Ada' } });
      await world.clock.advanceAsync(100);
      expect(await swarm.result()).toMatchObject({ success: true, result: { goal: 'Greet Ada', tasks: { greet: 'Hello, Ada' } } });
      await world.checkInvariants(swarm.executionId);
    }
  });

  it('has runs that obey from the moment on at which a fact tells of them, also while messages take their time', async () => {
    const work = { name: 'work', run: async (_: unknown, { signal }: { readonly signal: AbortSignal }) => untilAborted(signal) };
    // A turn of the event loop for each message.
    const carrier = { carry: (letter: { open(): void }) => void setImmediate(() => letter.open()) };
    await using runtime = await createRuntime({ tools: [work], carrier });
    const swarm = runtime.swarm({
      id: 'one',
      goal: 'work',
      agents: [{ id: 'a', capabilities: ['work'] }],
      tasks: [{ id: 'task', requiredCapabilities: ['work'], tool: 'work', onFailure: 'continue' }],
    });
    for await (const { type } of swarm.facts()) {
      if (type === 'tier1/task/started') expect(await swarm.run('task')?.cancel('enough')).toBe(true);
    }
    expect(await swarm.result()).toMatchObject({ success: true, result: { summary: expect.stringContaining('CANCELLED') } });
  });
});

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
  });
