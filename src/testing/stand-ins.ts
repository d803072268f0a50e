/** Children of a chart under test: they do nothing by themselves, and end when the path says so. */

import { type ActorLogic, type AnyActorLogic, type AnyStateMachine, createMachine, type EventObject, type Snapshot } from 'xstate';
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

/** The chart with a stand-in for every child that it invokes or starts by name, except those of these sources or ids. */
export function withStandIns<Machine extends AnyStateMachine>(machine: Machine, real: ReadonlySet<string>): Machine {
  const config = withNames(machine.config as StateConfig, real, []);
  const invoked = statesOf(machine).flatMap(({ invoke }) => invoke.flatMap(({ src }) => (typeof src === 'string' ? [src] : [])));
  const names = new Set([...Object.keys(machine.implementations.actors), ...invoked, ...inlineNames(config)]);
  const standIns = [...names].filter((name) => !real.has(name)).map((name): [string, AnyActorLogic] => [name, STAND_IN]);
  const actors = { ...machine.implementations.actors, ...Object.fromEntries(standIns) };
  return createMachine(config as never, { ...machine.implementations, actors } as never) as unknown as Machine;
}

interface InvokeConfig {
  readonly id?: string;
  readonly src: unknown;
}
interface StateConfig {
  readonly invoke?: InvokeConfig | readonly InvokeConfig[];
  readonly states?: Readonly<Record<string, StateConfig>>;
}

/** Only a name can be given other logic, so logic that is invoked where it stands gets one. */
function withNames(config: StateConfig, real: ReadonlySet<string>, path: readonly string[]): StateConfig {
  const invokes = [config.invoke ?? []].flat() as readonly InvokeConfig[];
  const isInline = ({ id, src }: InvokeConfig) => typeof src !== 'string' && !(id !== undefined && real.has(id));
  const invoke = invokes.map((each) => (isInline(each) ? { ...each, src: `${CHILD_OF}${path.join('.') || 'the root'}` } : each));
  const states = Object.entries(config.states ?? {}).map(([key, state]) => [key, withNames(state, real, [...path, key])] as const);
  return {
    ...config,
    ...(invoke.length > 0 && { invoke }),
    ...(states.length > 0 && { states: Object.fromEntries(states) }),
  };
}

const CHILD_OF = 'child of ';

function inlineNames({ invoke = [], states = {} }: StateConfig): readonly string[] {
  const names = ([invoke].flat() as readonly InvokeConfig[]).flatMap(({ src }) =>
    typeof src === 'string' && src.startsWith(CHILD_OF) ? [src] : [],
  );
  return [...names, ...Object.values(states).flatMap(inlineNames)];
}
