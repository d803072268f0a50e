/**
 * Tests a chart: generates paths for everything that it may live through, drives a live actor along each, and says what was covered.
 *
 * The children that the chart invokes or spawns are stood in for: each may settle, fail, crash, or never end, and timers fire in their
 * order on a virtual clock. Its actions and guards are its own, so provide the actions that reach the outside with others first.
 */

import type { AnyActorRef, AnyMachineSnapshot, AnyStateMachine, EventFromLogic, InputFrom, SnapshotFrom } from 'xstate';
import { getAdjacencyMap } from 'xstate/graph';
import { type Coverage, CoverageRecorder, coverage } from './coverage.ts';
import { type ChartStep, explorable, keyOf, type Offers, type Place, sourceOf, stepsFrom, textOf } from './exploration.ts';
import { mermaid } from './mermaid.ts';
import { edgePaths, type Graph } from './paths.ts';
import { type ChartProblem, type Rehearsed, rehearse } from './rehearsal.ts';
import { type ChildOutcomes, withStandIns } from './stand-ins.ts';

type EventOf<Machine extends AnyStateMachine> = EventFromLogic<Machine>;
type Payloads<Machine extends AnyStateMachine, Payload> = readonly Payload[] | ((snapshot: SnapshotFrom<Machine>) => readonly Payload[]);

export interface ChartTestOptions<Machine extends AnyStateMachine> {
  /** The chart is explored once from each. @default [undefined] */
  readonly inputs?: readonly InputFrom<Machine>[];
  /**
   * By the type of an event: the payloads to try, one for each answer of a guard; or what gives them in a snapshot.
   * An event that is not listed is tried without payload; an empty list says that nobody sends it.
   */
  readonly events?: {
    readonly [Type in EventOf<Machine>['type']]?: Payloads<Machine, Omit<Extract<EventOf<Machine>, { readonly type: Type }>, 'type'>>;
  };
  /** By the id of a child or the name of its source: how it may end. `real`: it runs as it is; where it moves the chart by itself, that is a problem. */
  readonly children?: Readonly<Record<string, ChildOutcomes | 'real'>>;
  /** By name: what must be true of every snapshot of the live actor. */
  readonly invariants?: Readonly<Record<string, (snapshot: SnapshotFrom<Machine>) => boolean>>;
  /** Whatever of the context decides guards, as a text from a finite set. @default the whole context */
  readonly key?: (snapshot: SnapshotFrom<Machine>) => string;
  /** How many places of the chart are looked at for each input. @default 500 */
  readonly limit?: number;
}

export interface ChartReport extends Coverage {
  /** How many paths a live actor was driven along. */
  readonly paths: number;
  /** What is wrong with the chart, each once. Empty: nothing was found. */
  readonly problems: readonly ChartProblem[];
  /** States, as their values in JSON, that are not final and where nothing can happen any more. */
  readonly deadEnds: readonly string[];
  /** The limit was reached, so longer paths were left out: give a `key` when the context grows without end. */
  readonly isTruncated: boolean;
  /** The chart as a Mermaid diagram that shows what was taken and what was missed. */
  readonly diagram: string;
}

const MOST_PLACES = 500;

/** Runs to its end without waiting for anything. Throws only what the options' own functions throw. */
export function testChart<Machine extends AnyStateMachine>(machine: Machine, options: ChartTestOptions<Machine> = {}): ChartReport {
  const { children = {}, inputs = [undefined as InputFrom<Machine>] } = options;
  const outcomesOf = (child: AnyActorRef): ChildOutcomes | 'real' => children[child.id] ?? children[sourceOf(child)] ?? {};
  const real = new Set(Object.keys(children).filter((name) => children[name] === 'real'));
  const stoodIn = withStandIns(machine, real);
  const subject: Rehearsed = {
    machine: stoodIn,
    logic: explorable(stoodIn),
    recorder: new CoverageRecorder(),
    invariants: (options.invariants ?? {}) as Rehearsed['invariants'],
    mayEscalate: (child) => {
      const outcomes = outcomesOf(child);
      return outcomes !== 'real' && outcomes.mayEscalate === true;
    },
  };
  const offers: Offers = { events: (options.events ?? {}) as Offers['events'], outcomesOf };
  const problems = new Map<string, ChartProblem>();
  const deadEnds = new Set<string>();
  let paths = 0;
  let isTruncated = false;
  for (const input of inputs) {
    const explored = explore(subject, input, offers, options as Bounds);
    for (const end of explored.deadEnds) deadEnds.add(end);
    isTruncated ||= explored.isTruncated;
    for (const path of explored.paths) {
      paths++;
      const problem = rehearse(subject, input, path);
      if (problem && !problems.has(problem.message)) problems.set(problem.message, problem);
    }
  }
  const covered = coverage(machine, subject.recorder);
  return {
    ...covered,
    paths,
    problems: [...problems.values()],
    deadEnds: [...deadEnds],
    isTruncated,
    diagram: mermaid(machine, covered),
  };
}

interface Bounds {
  readonly key?: (snapshot: AnyMachineSnapshot) => string;
  readonly limit?: number;
}

function explore({ logic }: Rehearsed, input: unknown, offers: Offers, { key, limit = MOST_PLACES }: Bounds) {
  const serializeState = (place: Place) => keyOf(place, key);
  const deadEnds = new Set<string>();
  let places = 0;
  let isTruncated = false;
  const graph = getAdjacencyMap(logic, {
    input,
    limit: Number.POSITIVE_INFINITY,
    serializeState,
    serializeEvent: ({ type }) => type,
    stopWhen: () => {
      const isOver = ++places > limit;
      isTruncated ||= isOver;
      return isOver;
    },
    events: (place) => {
      const steps = stepsFrom(place, offers);
      if (steps.length === 0 && place.status === 'active') deadEnds.add(textOf(place.chart.value));
      return steps;
    },
  });
  return { paths: edgePaths(graph as Graph<Place, ChartStep>, serializeState), deadEnds, isTruncated };
}
