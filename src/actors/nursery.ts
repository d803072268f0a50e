/**
 * The supervisor of any number of children: starts, tells, stops them and reports their ends, each in O(1).
 *
 * The nursery is its children's XState parent; they are kept in a map of its own, because an XState machine copies all its children
 * whenever one comes or goes. When the nursery is stopped, so are its children; when a child crashes, so are that child's orphans.
 * One of the few files that touch undocumented parts of XState 5 (the `parent` option); a test pins the behaviour.
 */

import { type AnyActorLogic, type AnyActorRef, createActor, type EventObject, fromCallback } from 'xstate';
import type { ExecutionContext, ResourceUsage } from '../machines/protocol/execution.ts';
import type { ChildReport, ChildSpec, NurseryCommand } from '../machines/protocol/run.ts';
import type { Clock } from './clock.ts';
import { asCause } from './failure.ts';
import type { Counters } from './services.ts';

export interface NurseryServices {
  readonly clock: Clock;
  readonly counters: Counters;
  /** The logic of each kind of child. A function, because a kind's children may have a nursery themselves. */
  readonly logics: () => Readonly<Record<string, AnyActorLogic>>;
  /**
   * Hears of every child before it is created, and how a child's reports reach the nursery's parent.
   * May add to the child's input, such as the fold of an earlier life.
   */
  readonly admitted: (execution: ExecutionContext, report: (message: EventObject) => void) => object;
  /** Hears of every child that was created and is about to start. */
  readonly born: (execution: ExecutionContext, ref: AnyActorRef) => void;
  /** Hears of every child that is no more. `suspended`: it was stopped before its end, and may live again. */
  readonly departed: (execution: ExecutionContext, how: 'ended' | 'suspended' | 'crashed') => void;
  /**
   * Hears of every crash, once nothing of the child runs any more. Resolves, never rejects, with what it had used when whoever supervises it
   * may be told: from then on the child can be started again where its facts end. Undefined: there is nobody to tell any more.
   */
  readonly fell: (execution: ExecutionContext) => Promise<ResourceUsage | undefined>;
  /** Resolves, never rejects, once every crash under way was looked after: from then on what was stopped can be started again. Undefined: none is. */
  readonly falling: (execution: ExecutionContext) => Promise<unknown> | undefined;
}

interface Child {
  readonly ref: AnyActorRef;
  readonly incarnation: number;
  /** Of a child that is one: planners and agents are none. */
  readonly execution: ExecutionContext | undefined;
}

type ChildInput = { readonly execution?: ExecutionContext };
type Incoming = NurseryCommand | ChildEnd;
type ChildEnd =
  | { readonly type: `xstate.done.actor.${string}`; readonly actorId: string; readonly output: unknown }
  | { readonly type: `xstate.error.actor.${string}`; readonly actorId: string; readonly error: unknown };

export const nurseryActor = (services: NurseryServices) =>
  fromCallback<NurseryCommand, undefined>(({ self, sendBack, receive }) => {
    const nursery = new Nursery(self, services, sendBack);
    receive((message: Incoming) => nursery.hear(message));
    return () => nursery.close();
  });

export class Nursery {
  readonly #children = new Map<string, Child>();
  readonly #self: AnyActorRef;
  readonly #services: NurseryServices;
  readonly #report: (report: ChildReport<unknown> | EventObject) => void;

  constructor(self: AnyActorRef, services: NurseryServices, report: (report: ChildReport<unknown> | EventObject) => void) {
    this.#self = self;
    this.#services = services;
    this.#report = report;
  }

  hear(message: Incoming): void {
    switch (message.type) {
      case 'child.start':
        for (const spec of message.children) this.#start(spec);
        if (message.ack) this.#report({ type: 'children.started', at: this.#services.clock.now() });
        return;
      case 'child.tell':
        this.#send(this.#children.get(message.id), message.event);
        return;
      case 'child.tellAll':
        for (const child of this.#children.values()) this.#send(child, message.event);
        return;
      case 'child.stop':
        this.#stopAndTell(message.id);
        return;
      default:
        this.#ended(message);
    }
  }

  find(id: string): AnyActorRef | undefined {
    return this.#children.get(id)?.ref;
  }

  close(): void {
    for (const id of [...this.#children.keys()]) this.#stop(id);
  }

  #start(spec: ChildSpec): void {
    const { id, src, incarnation } = spec;
    const input = spec.input as ChildInput;
    const logic = this.#services.logics()[src];
    if (!logic || this.#children.has(id)) {
      const message = logic ? `A child "${id}" lives already` : `There is no actor "${src}"`;
      this.#report({ type: 'child.crashed', id, incarnation, cause: { name: 'Error', message }, at: this.#services.clock.now() });
      return;
    }
    const { execution } = input;
    const more = execution && this.#services.admitted(execution, (report) => this.#report(report));
    const ref = createActor(logic, { parent: this.#self, id, src, input: { ...input, ...more, at: this.#services.clock.now() } });
    this.#children.set(id, { ref, incarnation, execution });
    if (execution) this.#services.born(execution, ref);
    ref.start();
  }

  #ended(event: ChildEnd): void {
    const child = this.#children.get(event.actorId);
    // One that is alive has not ended: this is the end of an earlier incarnation, which came late.
    if (!child || child.ref.getSnapshot().status === 'active') {
      this.#services.counters.stale++;
      return;
    }
    this.#children.delete(event.actorId);
    const end = { id: event.actorId, incarnation: child.incarnation, at: this.#services.clock.now() };
    if ('output' in event) {
      if (child.execution) this.#services.departed(child.execution, 'ended');
      this.#report({ type: 'child.done', ...end, output: event.output });
      return;
    }
    const crash = { type: 'child.crashed', ...end, cause: asCause(event.error) } as const;
    const fall = this.#fell(child);
    if (fall) void fall.then((usage) => usage && this.#report({ ...crash, usage }));
    else this.#report(crash);
  }

  #fell({ ref, execution }: Child): Promise<ResourceUsage | undefined> | undefined {
    stopOrphans(ref);
    if (!execution) return undefined;
    this.#services.departed(execution, 'crashed');
    return this.#services.fell(execution);
  }

  #send(child: Child | undefined, event: EventObject): void {
    if (child?.ref.getSnapshot().status === 'active') child.ref.send(event);
    else this.#services.counters.deadLetters++;
  }

  /** A child that has ended on its own has said so, or is about to. */
  #stopAndTell(id: string): void {
    const stopped = this.#stop(id);
    if (!stopped) return;
    const { incarnation, execution } = stopped;
    const tell = () => this.#report({ type: 'child.stopped', id, incarnation, at: this.#services.clock.now() });
    const falls = execution && this.#services.falling(execution);
    if (falls) void falls.then(tell);
    else tell();
  }

  #stop(id: string): Child | undefined {
    const child = this.#children.get(id);
    if (!child) return undefined;
    this.#children.delete(id);
    // One that has ended on its own, or crashed, has not been heard of yet.
    const { status } = child.ref.getSnapshot();
    if (status === 'error') void this.#fell(child);
    else {
      if (status === 'active') child.ref.send({ type: 'xstate.stop' });
      if (child.execution) this.#services.departed(child.execution, 'suspended');
    }
    return child;
  }
}

/** XState 5 leaves the children of a crashed machine running. */
function stopOrphans(ref: AnyActorRef): void {
  const children: Record<string, AnyActorRef | undefined> = ref.getSnapshot().children ?? {};
  for (const orphan of Object.values(children)) {
    if (orphan?.getSnapshot().status === 'active') orphan.send({ type: 'xstate.stop' });
  }
}
