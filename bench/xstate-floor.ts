/**
 * A program of the same chart shape in plain XState: what actors themselves cost.
 *
 * A root that holds runs; a run that holds its steps' actors in a map outside its snapshot; a step that attempts its work in an invoked
 * callback under a timeout, nested and guarded as in Swarmchart's chart. Messages between actors make an asynchronous hop. No facts, no
 * folds, no budget, no journal, no breaker, no pause, no cancel. Its timers are indexed as ours are: with XState's own scheduler every end of
 * an actor looks at all timers, and 10,000 live steps cost more than ten times as much.
 */

import { type AnyActorRef, assign, createActor, type EventObject, fromCallback, sendTo, setup } from 'xstate';
import { indexScheduler } from '../src/actors/indexed-scheduler.ts';
import type { Shape, Subject } from './subject.ts';

const attempt = fromCallback<EventObject>(({ sendBack }) => {
  let isLeft = false;
  void Promise.resolve(null).then((output) => {
    if (!isLeft) sendBack({ type: 'attempt.settled', output });
  });
  return () => {
    isLeft = true;
  };
});

const stepMachine = setup({
  types: {
    context: {} as { readonly id: string; readonly output: unknown },
    input: {} as { readonly id: string },
    events: {} as { type: 'attempt.settled'; output: unknown },
  },
  actors: { attempt },
  guards: { isFresh: ({ context }) => context.output === undefined, hasOutput: ({ event }) => event.output !== undefined },
  actions: { keepOutput: assign({ output: ({ event }) => event.output }) },
}).createMachine({
  id: 'step',
  context: ({ input }) => ({ id: input.id, output: undefined }),
  output: ({ context }) => context.output,
  initial: 'restoring',
  states: {
    restoring: { always: { guard: 'isFresh', target: 'attempting' } },
    attempting: {
      invoke: { id: 'attempt', src: 'attempt' },
      initial: 'running',
      states: {
        running: {
          after: { 30000: 'timingOut' },
          on: { 'attempt.settled': { guard: 'hasOutput', target: '#step.completed', actions: 'keepOutput' } },
        },
        timingOut: {},
      },
    },
    completed: { type: 'final' },
  },
});

type Start = { readonly type: 'child.start'; readonly ids: readonly string[] };
type ChildEnd = { readonly type: 'xstate.done.actor.step'; readonly actorId: string; readonly output: unknown };

const nursery = fromCallback<EventObject>(({ self, sendBack, receive }) => {
  const children = new Map<string, AnyActorRef>();
  receive((event) => {
    if (event.type === 'child.start') {
      for (const id of (event as Start).ids) {
        const child = createActor(stepMachine, { parent: self, id, input: { id } } as { id: string; input: { id: string } });
        children.set(id, child);
        child.start();
      }
      return;
    }
    const { actorId, output } = event as ChildEnd;
    children.delete(actorId);
    sendBack({ type: 'child.done', id: actorId, output });
  });
  return () => children.clear();
});

interface RunContext {
  readonly shape: Shape;
  readonly started: number;
  readonly open: number;
}

const runMachine = setup({
  types: {
    context: {} as RunContext,
    input: {} as { readonly shape: Shape },
    events: {} as { type: 'child.done'; id: string; output: unknown },
  },
  actors: { nursery },
  guards: {
    hasFailed: ({ context }) => context.open < 0,
    allDone: ({ context }) => context.open === 0,
    hasNext: ({ context }) => context.started < context.shape.steps,
  },
  actions: {
    startReady: sendTo('nursery', ({ context: { shape, started } }): Start => {
      const count = shape.order === 'fan-out' ? shape.steps - started : 1;
      return { type: 'child.start', ids: Array.from({ length: count }, (_, index) => `step-${started + index}`) };
    }),
    countStarted: assign({ started: ({ context: { shape, started } }) => (shape.order === 'fan-out' ? shape.steps : started + 1) }),
    countDone: assign({ open: ({ context }) => context.open - 1 }),
  },
}).createMachine({
  context: ({ input: { shape } }) => ({ shape, started: 0, open: shape.steps }),
  invoke: { id: 'nursery', src: 'nursery' },
  initial: 'running',
  states: {
    running: {
      entry: ['startReady', 'countStarted'],
      always: [
        { guard: 'hasFailed', target: 'completed' },
        { guard: 'allDone', target: 'completed' },
      ],
      on: {
        'child.done': [{ guard: 'hasNext', actions: ['countDone', 'startReady', 'countStarted'] }, { actions: 'countDone' }],
      },
    },
    completed: { type: 'final' },
  },
});

/** As in Swarmchart: a message between actors waits in a queue, opened in a microtask. */
function hop(root: AnyActorRef): void {
  interface Relaying {
    _relay(source: AnyActorRef | undefined, target: AnyActorRef, event: EventObject): void;
  }
  const system = root.system as unknown as Relaying;
  const relay = system._relay;
  let queue: (() => void)[] = [];
  const open = (): void => {
    const letters = queue;
    queue = [];
    for (const letter of letters) letter();
  };
  system._relay = (source, target, event) => {
    if (source === undefined || source === target) return relay(source, target, event);
    if (queue.length === 0) queueMicrotask(open);
    queue.push(() => relay(source, target, event));
  };
}

function work(shape: Shape): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const root = createActor(
    fromCallback<EventObject>(({ self, receive }) => {
      const runs = new Map<string, AnyActorRef>();
      receive((event) => {
        if (event.type === 'start') {
          for (let index = 0; index < shape.runs; index++) {
            const id = `run-${index}`;
            const run = createActor(runMachine, { parent: self, id, input: { shape } } as { id: string; input: { shape: Shape } });
            runs.set(id, run);
            run.start();
          }
          return;
        }
        runs.delete((event as ChildEnd).actorId);
        if (runs.size === 0) resolve();
      });
    }),
  );
  hop(root);
  indexScheduler(root);
  root.start();
  root.send({ type: 'start' });
  return promise.finally(() => root.stop());
}

export const xstateFloor: Subject = {
  name: 'XState floor',
  prepare: (shape) => Promise.resolve({ work: () => work(shape), end: () => Promise.resolve() }),
};
