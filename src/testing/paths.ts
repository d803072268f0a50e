/**
 * Paths through a chart, generated from the chart itself with `xstate/graph`.
 *
 * The graph has a node for each state value and key, and an edge for each event that `events` offers there. Timers, done and error
 * events and replies are events like any other. Every edge lies on a path, so whatever transition can be reached is taken.
 */

import {
  type ActorLogic,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventObject,
  getNextTransitions,
  type InputFrom,
  type SnapshotFrom,
} from 'xstate';
import { type AdjacencyValue, getAdjacencyMap } from 'xstate/graph';

export interface PathOptions<Machine extends AnyStateMachine, Event extends EventObject> {
  /** The graph is explored once from each. */
  readonly inputs: readonly InputFrom<Machine>[];
  /** The events to try in a snapshot, one for each answer of a guard. Not asked in a final state. */
  readonly events: (snapshot: SnapshotFrom<Machine>) => readonly Event[];
  /** Whatever of the context decides guards, as a text from a finite set. Snapshots with the same value and key count as one. */
  readonly key: (snapshot: SnapshotFrom<Machine>) => string;
  /** Throws when one input needs more steps of exploration. @default 100_000 */
  readonly limit?: number;
}

export interface ChartPath<Machine extends AnyStateMachine, Event extends EventObject> {
  readonly input: InputFrom<Machine>;
  readonly events: readonly Event[];
}

const MOST_STEPS = 100_000;

/** The shortest paths on which every edge lies at least once. A path that another begins with is left out; a chart that hears nothing has one, empty. */
export function generatePaths<Machine extends AnyStateMachine, Event extends EventObject>(
  machine: Machine,
  { inputs, events, key, limit = MOST_STEPS }: PathOptions<Machine, Event>,
): readonly ChartPath<Machine, Event>[] {
  const logic = machine as unknown as ActorLogic<AnyMachineSnapshot, Event, InputFrom<Machine>>;
  const serializeState = (snapshot: AnyMachineSnapshot) => JSON.stringify([snapshot.value, key(snapshot as SnapshotFrom<Machine>)]);
  return inputs.flatMap((input) => {
    const graph = getAdjacencyMap(logic, {
      input,
      limit,
      serializeState,
      serializeEvent: (event) => JSON.stringify(event),
      stopWhen: ({ status }) => status !== 'active',
      events: (snapshot) => events(snapshot as SnapshotFrom<Machine>),
    });
    return edgePaths<AnyMachineSnapshot, Event>(graph as Graph<AnyMachineSnapshot, Event>, serializeState).map((path) => ({
      input,
      events: path,
    }));
  });
}

/** The timers that may fire in a snapshot, as the events that they send. */
export function timersOf(snapshot: AnyMachineSnapshot): readonly EventObject[] {
  const types = getNextTransitions(snapshot).map(({ eventType }) => eventType);
  return [...new Set(types)].filter((type) => type.startsWith('xstate.after.')).map((type) => ({ type }));
}

export type Graph<State, Event> = Readonly<Record<string, AdjacencyValue<State, Event>>>;

/** Paths on which every edge lies. The graph lists its nodes breadth first, so the first edge to a node ends a shortest path to it. */
export function edgePaths<State, Event extends EventObject>(
  graph: Graph<State, Event>,
  keyOf: (state: State) => string,
): readonly (readonly Event[])[] {
  const [root] = Object.keys(graph);
  const reached = new Map<string, readonly Event[]>(root === undefined ? [] : [[root, []]]);
  const paths: (readonly Event[])[] = [];
  const begun = new Set<readonly Event[]>();
  for (const [key, { transitions }] of Object.entries(graph)) {
    const before = reached.get(key) ?? [];
    for (const { event, state } of Object.values(transitions)) {
      const path = [...before, event];
      const target = keyOf(state);
      if (!reached.has(target)) reached.set(target, path);
      paths.push(path);
      begun.add(before);
    }
  }
  return paths.length === 0 ? [[]] : paths.filter((path) => !begun.has(path));
}
