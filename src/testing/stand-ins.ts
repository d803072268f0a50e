/** Children of a chart under test: they do nothing by themselves, and end when the path says so. */

import type { ActorLogic, AnyActorLogic, AnyStateMachine, EventObject, Snapshot } from 'xstate';
import { statesOf } from './transitions.ts';

/** How the children of one id, or of one source, may end; each value is one way. A child that does not end at all is always possible. */
export interface ChildOutcomes {
  /** Outputs that it ends with. @default [undefined] */
  readonly settles?: readonly unknown[];
  /** Errors that it ends with, as a promise that is rejected. @default one error */
  readonly fails?: readonly unknown[];
  /** Errors that its own logic throws. @default one error */
  readonly crashes?: readonly unknown[];
  /** An error of it that its parent does not handle is meant to end the parent. @default false */
  readonly mayEscalate?: boolean;
}

export type Ending = 'settles' | 'fails' | 'crashes';

interface EndingEvent extends EventObject {
  readonly type: 'stand-in.ends';
  readonly how: Ending;
  readonly value: unknown;
}

type StandIn = ActorLogic<Snapshot<unknown>, EventObject, unknown>;

const STAND_IN: StandIn = {
  getInitialSnapshot: () => ({ status: 'active', output: undefined, error: undefined }),
  getPersistedSnapshot: (snapshot) => snapshot,
  transition: (snapshot, event) => {
    if (!isEnding(event)) return snapshot;
    if (event.how === 'crashes') throw event.value;
    if (event.how === 'fails') return { status: 'error', output: undefined, error: event.value };
    return { status: 'done', output: event.value, error: undefined };
  },
};

const isEnding = (event: EventObject): event is EndingEvent => event.type === 'stand-in.ends';

/** The event that ends a stand-in. */
export const ending = (how: Ending, value: unknown): EndingEvent => ({ type: 'stand-in.ends', how, value });

export const isStandIn = (logic: unknown): boolean => logic === STAND_IN;

/** The chart with a stand-in for every child that it starts by name or invokes, except those of these sources. */
export function withStandIns<Machine extends AnyStateMachine>(machine: Machine, real: ReadonlySet<string>): Machine {
  const invoked = statesOf(machine).flatMap(({ invoke }) => invoke.flatMap(({ src }) => (typeof src === 'string' ? [src] : [])));
  const names = new Set([...Object.keys(machine.implementations.actors), ...invoked]);
  const actors = [...names].filter((name) => !real.has(name)).map((name): [string, AnyActorLogic] => [name, STAND_IN]);
  return machine.provide({ actors: Object.fromEntries(actors) } as never) as Machine;
}
