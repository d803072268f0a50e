/** A chart's transitions as data: what a test must take, what a picture must show. */

import type { AnyStateMachine, AnyTransitionDefinition, StateNode } from 'xstate';

/** What a chart calls the event of a transition that needs none. */
export const ALWAYS = 'always';

export interface ChartTransition {
  /** The same in every build of the chart: source, event and place among the candidates for that event. */
  readonly id: string;
  /** Id of the state that has the transition, such as `run.running`. */
  readonly source: string;
  /** `xstate.after.<delay>.<state id>` for a timer, `always` for a transition without an event. */
  readonly eventType: string;
  /** 0 is the candidate that is tried first. */
  readonly index: number;
  /** Ids of states; empty when the chart stays where it is. */
  readonly targets: readonly string[];
  readonly guard?: string;
  readonly actions: readonly string[];
}

/** All states of a chart, a parent before its children, in the chart's order. */
export function statesOf(machine: AnyStateMachine): readonly StateNode[] {
  return withDescendants(machine.root);
}

/** All transitions of a chart in its order: timers, replies, `always` and those that hold anywhere. */
export function transitionsOf(machine: AnyStateMachine): readonly ChartTransition[] {
  return statesOf(machine).flatMap(transitionsFrom);
}

/** The transitions that one state has of its own. `always` comes first, as it does in the chart's life. */
export function transitionsFrom(state: StateNode): readonly ChartTransition[] {
  return [...(state.always ?? []), ...[...state.transitions.values()].flat()].map(describeTransition);
}

/** A transition of XState, also one that a live actor's inspection reports. */
export function describeTransition(transition: AnyTransitionDefinition): ChartTransition {
  const { source, target, guard, actions } = transition;
  const eventType = transition.eventType || ALWAYS;
  const candidates = transition.eventType ? (source.transitions.get(transition.eventType) ?? []) : (source.always ?? []);
  const index = candidates.indexOf(transition);
  return {
    id: `${source.id} ${eventType} ${index}`,
    source: source.id,
    eventType,
    index,
    targets: (target ?? []).map(({ id }) => id),
    ...(guard !== undefined && { guard: nameOf(guard) }),
    actions: actions.map(nameOf),
  };
}

/** The name of a guard, an action or an actor, with its literal parameter if it has one. */
export function nameOf(reference: unknown): string {
  if (typeof reference === 'string') return reference;
  if (typeof reference === 'function') return reference.name || 'anonymous';
  const { type, params } = reference as { readonly type: unknown; readonly params?: unknown };
  const name = nameOf(type);
  return params === undefined || typeof params === 'function' ? name : `${name}(${String(params)})`;
}

const withDescendants = (state: StateNode): readonly StateNode[] => [state, ...Object.values(state.states).flatMap(withDescendants)];
