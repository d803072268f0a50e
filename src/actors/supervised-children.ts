/**
 * The children of one supervisor: any actors of XState, the user's as well.
 *
 * To each start it answers once, and of each child that has started it tells one end. A child that is to stop is asked in the way that its
 * kind names, if it can be asked; a forced stop cannot be declined. What a crashed child leaves running is stopped with it, and what its own
 * crashed children leave.
 * When this actor is stopped, so are all children, the youngest first. As the nursery, it is its children's XState parent.
 */

import { type AnyActorLogic, type AnyActorRef, createActor, type EventObject, fromCallback } from 'xstate';
import type { Cause, EndReport, StartReport, SupervisedCommand } from '../machines/protocol/supervisor.ts';
import type { Clock } from './clock.ts';
import { asCause } from './failure.ts';

/** One kind of child: its logic, and how it takes part in supervision. */
export interface ChildKind {
  readonly logic: AnyActorLogic;
  /** Whether there is anything for it to do. If not, it is not created, which is no failure. @default always */
  readonly isWanted?: (input: unknown) => boolean;
  /** Whether it has started; until then nobody after it is started. An end before that is a failed start. @default as soon as it runs */
  readonly isStarted?: (snapshot: unknown) => boolean;
  /** What asks it to stop: it should then reach its end. It gets the time as `at`. @default it cannot be asked, and is stopped at once */
  readonly stopEvent?: EventObject;
  /** What makes an output a failure: then it counts as a crash. @default every output is a normal end */
  readonly failureOf?: (output: unknown) => unknown;
}

export interface SupervisedServices {
  readonly clock: Pick<Clock, 'now'>;
  readonly kinds: ReadonlyMap<string, ChildKind>;
  /** What a child gets as its input. */
  readonly inputOf: (src: string, id: string, input: unknown) => unknown;
  /** Hears of every child that is about to start, and of every child that is no more. */
  readonly changed: (id: string, ref: AnyActorRef | undefined) => void;
}

export const supervisedChildrenActor = (servicesOf: (name: string) => SupervisedServices) =>
  fromCallback<SupervisedCommand, { readonly name: string }>(({ self, sendBack, receive, input: { name } }) => {
    const children = new SupervisedChildren(self, servicesOf(name), sendBack);
    receive((command) => children.hear(command));
    return () => children.close();
  });

/** What XState tells a parent. */
type ChildEnd = { readonly type: `xstate.${'done' | 'error'}.actor.${string}`; readonly actorId: string };

interface Child {
  readonly id: string;
  readonly incarnation: number;
  readonly kind: ChildKind;
  readonly ref: AnyActorRef;
  hasStarted: boolean;
  /** Its children when it last was well: one that another's crash brings down has forgotten them. */
  children: Children;
}

type Children = Readonly<Record<string, AnyActorRef | undefined>>;

type Report = (report: StartReport | EndReport) => void;
type Body<Reports> = Reports extends { readonly at: number } ? Omit<Reports, 'at'> : never;

class SupervisedChildren {
  /** In the order of their starts. */
  readonly #children = new Map<string, Child>();
  readonly #self: AnyActorRef;
  readonly #services: SupervisedServices;
  readonly #send: Report;

  constructor(self: AnyActorRef, services: SupervisedServices, send: Report) {
    this.#self = self;
    this.#services = services;
    this.#send = send;
  }

  hear(command: SupervisedCommand | ChildEnd): void {
    switch (command.type) {
      case 'child.start':
        this.#start(command);
        return;
      case 'child.stop':
      case 'child.kill':
        this.#stopOne(command);
        return;
      case 'children.stop':
        for (const child of this.#all()) this.#ask(child);
        return;
      case 'children.kill':
        for (const child of this.#all()) kill(child.ref);
        return;
      default:
        this.#heardEnd(command.actorId);
    }
  }

  /** Nobody hears of these ends: whoever would hear is gone. */
  close(): void {
    const children = this.#all().reverse();
    this.#children.clear();
    for (const { id, ref } of children) {
      kill(ref);
      this.#services.changed(id, undefined);
    }
  }

  /** Those of now: while they stop, the map changes. */
  #all(): Child[] {
    return [...this.#children.values()];
  }

  #report(report: Body<StartReport | EndReport>): void {
    this.#send({ ...report, at: this.#services.clock.now() } as StartReport | EndReport);
  }

  #start({ id, src, incarnation, input }: Extract<SupervisedCommand, { type: 'child.start' }>): void {
    const life = { id, incarnation };
    const kind = this.#services.kinds.get(src);
    const fail = (cause: Cause) => this.#report({ type: 'child.failed', ...life, cause });
    if (!kind) {
      fail({ name: 'Error', message: `There is no kind of child "${src}"` });
      return;
    }
    try {
      if (kind.isWanted?.(input) === false) {
        this.#report({ type: 'child.ignored', ...life });
        return;
      }
      const given = this.#services.inputOf(src, id, input);
      const ref = createActor(kind.logic, { parent: this.#self, id, src, input: given });
      this.#live({ ...life, kind, ref, hasStarted: false, children: {} });
    } catch (thrown) {
      fail(asCause(thrown));
    }
  }

  #live(child: Child): void {
    const { id, kind, ref } = child;
    this.#children.set(id, child);
    this.#services.changed(id, ref);
    const next = (snapshot: { readonly children?: Children }) => {
      if (snapshot.children) child.children = snapshot.children;
      if (!child.hasStarted && kind.isStarted) this.#look(child);
    };
    // XState tells a parent of ends and crashes, but not of stops.
    const complete = () => {
      if (ref.getSnapshot().status === 'stopped') this.#ended(child);
    };
    ref.subscribe({ next, error: () => undefined, complete });
    ref.start();
    this.#look(child);
  }

  /** Whether it has started by now. */
  #look(child: Child): void {
    const { id, incarnation, kind, ref } = child;
    if (child.hasStarted || this.#children.get(id) !== child) return;
    const snapshot: { readonly status: string } = ref.getSnapshot();
    if (snapshot.status !== 'active') return;
    try {
      if (kind.isStarted && !kind.isStarted(snapshot)) return;
    } catch (thrown) {
      this.#forget(child);
      kill(ref);
      this.#report({ type: 'child.failed', id, incarnation, cause: asCause(thrown) });
      return;
    }
    child.hasStarted = true;
    this.#report({ type: 'child.started', id, incarnation });
  }

  /** Of one that lives it is the end of an earlier life, which came late. */
  #heardEnd(id: string): void {
    const child = this.#children.get(id);
    if (child && child.ref.getSnapshot().status !== 'active') this.#ended(child);
  }

  #ended(child: Child): void {
    const { id, incarnation, kind, ref } = child;
    if (this.#children.get(id) !== child) return;
    this.#forget(child);
    const end = endOf(kind, ref);
    if (end.type === 'child.crashed') {
      stopOrphans(child.children);
      stopOrphans(childrenOf(ref));
    }
    if (!child.hasStarted && end.type !== 'child.stopped') {
      const isImmediate = end.type === 'child.done' && !kind.isStarted;
      if (!isImmediate) {
        const cause = end.cause ?? { name: 'Error', message: `"${id}" ended before it had started` };
        this.#report({ type: 'child.failed', id, incarnation, cause });
        return;
      }
      this.#report({ type: 'child.started', id, incarnation });
    }
    this.#report({ id, incarnation, ...end } as Body<EndReport>);
  }

  #forget({ id }: Child): void {
    this.#children.delete(id);
    this.#services.changed(id, undefined);
  }

  /** One that is gone already is reported all the same: whoever wants it stopped waits for that. */
  #stopOne({ type, id, incarnation }: Extract<SupervisedCommand, { type: 'child.stop' | 'child.kill' }>): void {
    const child = this.#children.get(id);
    if (child?.incarnation !== incarnation) this.#report({ type: 'child.stopped', id, incarnation });
    else if (type === 'child.stop') this.#ask(child);
    else kill(child.ref);
  }

  #ask({ kind, ref }: Child): void {
    if (kind.stopEvent) ref.send({ ...kind.stopEvent, at: this.#services.clock.now() });
    else kill(ref);
  }
}

interface End {
  readonly type: EndReport['type'];
  readonly cause?: Cause;
}

function endOf(kind: ChildKind, ref: AnyActorRef): End {
  const snapshot: { readonly status: string; readonly output?: unknown; readonly error?: unknown } = ref.getSnapshot();
  if (snapshot.status === 'error') return { type: 'child.crashed', cause: asCause(snapshot.error) };
  if (snapshot.status !== 'done') return { type: 'child.stopped' };
  try {
    const failure = kind.failureOf?.(snapshot.output);
    return failure === undefined ? { type: 'child.done' } : { type: 'child.crashed', cause: asCause(failure) };
  } catch (thrown) {
    return { type: 'child.crashed', cause: asCause(thrown) };
  }
}

/** Stops an actor that runs, with all that it has started. */
function kill(ref: AnyActorRef): void {
  if (ref.getSnapshot().status === 'active') ref.send({ type: 'xstate.stop' });
}

const childrenOf = (ref: AnyActorRef): Children => ref.getSnapshot().children ?? {};

/** XState 5 leaves the children of a crashed machine running, and so on down. */
function stopOrphans(children: Children): void {
  for (const orphan of Object.values(children)) {
    if (!orphan) continue;
    if (orphan.getSnapshot().status === 'error') stopOrphans(childrenOf(orphan));
    kill(orphan);
  }
}
