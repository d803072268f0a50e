/** Agents without hooks, in the runtime's pool; and bare machines that can be told to take a task and to give it back. */

import { type AnyActorRef, createActor, type EventObject, fromCallback, setup } from 'xstate';
import { indexScheduler } from '../src/actors/indexed-scheduler.ts';
import { createRuntime } from '../src/index.ts';

export interface AgentCosts {
  /** µs for each. */
  readonly spawn: number;
  readonly lease: number;
  readonly stop: number;
  /** Bytes for each. */
  readonly idle: number;
  /** The longest time that the event loop was held up while they were spawned. Milliseconds. */
  readonly delay: number;
}

export interface Population {
  spawn(agents: number): Promise<void>;
  /** Leases an agent and gives it back, so many times. */
  lease(times: number): Promise<void>;
  stop(): Promise<void>;
}

export async function poolOfAgents(): Promise<Population> {
  const runtime = await createRuntime({});
  return {
    async spawn(agents) {
      await runtime.agents.register(Array.from({ length: agents }, (_, index) => ({ id: `agent-${index}`, capabilities: ['code'] })));
    },
    async lease(times) {
      for (let time = 0; time < times; time++) (await runtime.agents.lease({ capabilities: ['code'] })).release();
    },
    stop: () => runtime.stop(),
  };
}

const bare = setup({ types: { input: {} as { readonly id: string }, context: {} as { readonly id: string } } }).createMachine({
  context: ({ input }) => ({ id: input.id }),
  initial: 'ready',
  states: { ready: { on: { assign: 'busy' } }, busy: { on: { release: 'ready' } } },
});

/** The one that was free longest gets the task. */
export async function bareMachines(): Promise<Population> {
  const children = new Map<string, AnyActorRef>();
  const root = createActor(fromCallback<EventObject>(() => {}));
  indexScheduler(root);
  root.start();
  return {
    async spawn(agents) {
      for (let index = 0; index < agents; index++) {
        const id = `agent-${index}`;
        const child = createActor(bare, { parent: root, id, input: { id } } as { input: { id: string } });
        children.set(id, child);
        child.start();
        if (index % 250 === 249) await new Promise((resolve) => setImmediate(resolve));
      }
    },
    async lease(times) {
      for (let time = 0; time < times; time++) {
        const [id, child] = children.entries().next().value ?? [];
        if (id === undefined || !child) return;
        child.send({ type: 'assign' });
        children.delete(id);
        await Promise.resolve();
        child.send({ type: 'release' });
        children.set(id, child);
      }
    },
    async stop() {
      for (const child of children.values()) child.send({ type: 'xstate.stop' });
      children.clear();
      root.stop();
    },
  };
}
