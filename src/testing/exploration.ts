/**
 * What a chart may live through: its own events, its children's ends, and time.
 *
 * Explored with XState's pure `transition()`, so nothing runs. A timer is known from the action that sets it; only the one that is due
 * first can fire.
 */

import {
  type ActorLogic,
  type AnyActorRef,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventObject,
  getNextTransitions,
  initialTransition,
  type Snapshot,
  transition,
} from 'xstate';
import type { ChildOutcomes, Ending } from './stand-ins.ts';

/** One thing that happens to a chart. Its type is its name for people. */
export type ChartStep = EventObject &
  (
    | { readonly kind: 'event'; readonly event: EventObject }
    /** The event of the timer that fires, and milliseconds until then. */
    | { readonly kind: 'time'; readonly event: EventObject; readonly afterMs: number }
    /** Place among the chart's children. */
    | { readonly kind: 'child'; readonly index: number; readonly how: Ending; readonly value: unknown; readonly child: AnyActorRef }
  );

interface Timer {
  readonly id: string;
  readonly event: EventObject;
  readonly remainingMs: number;
}

/** Where a chart is, and what of it its snapshot does not say. */
export type Place = Snapshot<unknown> & {
  readonly chart: AnyMachineSnapshot;
  /** Children that have ended and that the chart still knows. */
  readonly ended: readonly AnyActorRef[];
  /** In the order in which they fire. */
  readonly timers: readonly Timer[];
};

export interface Offers {
  /** Payloads of the events by type; an event without an entry is offered without payload, one with an empty list is not offered. */
  readonly events: Readonly<Record<string, readonly object[] | ((chart: AnyMachineSnapshot) => readonly object[])>>;
  readonly outcomesOf: (child: AnyActorRef) => ChildOutcomes | 'real';
}

/** The chart as logic that `xstate/graph` can walk through. */
export function explorable(machine: AnyStateMachine): ActorLogic<Place, ChartStep, unknown> {
  return {
    getInitialSnapshot: (_, input) => placeAfter(() => initialTransition(machine, input as never)),
    getPersistedSnapshot: (place) => place,
    transition: (place, step) => placeAfter(() => transition(machine, place.chart, heardOf(step, place) as never), place, step),
  };
}

export const childrenOf = (chart: AnyMachineSnapshot): readonly AnyActorRef[] => Object.values(chart.children) as AnyActorRef[];

/** Children without an id of their own have another in every actor. */
function heardOf(step: ChartStep, { chart }: Place): EventObject {
  if (step.kind !== 'child') return step.event;
  const actorId = childrenOf(chart)[step.index]?.id ?? '';
  return step.how === 'settles'
    ? ({ type: `xstate.done.actor.${actorId}`, output: step.value, actorId } as EventObject)
    : ({ type: `xstate.error.actor.${actorId}`, error: step.value, actorId } as EventObject);
}

type Action = { readonly type: string; readonly params: unknown };

function placeAfter(move: () => readonly [AnyMachineSnapshot, readonly Action[]], before?: Place, step?: ChartStep): Place {
  try {
    const [chart, actions] = move();
    const children = childrenOf(chart);
    const settled = before && step?.kind === 'child' ? childrenOf(before.chart).slice(step.index, step.index + 1) : [];
    const ended = [...(before?.ended ?? []), ...settled].filter((child) => children.includes(child));
    const timers = actions.reduce(timersAfter, timersLeft(before?.timers ?? [], step));
    return {
      status: chart.status,
      output: chart.output,
      error: chart.error,
      chart,
      ended,
      timers: timers.toSorted(byDueTime),
    } as unknown as Place;
  } catch (error) {
    return { status: 'error', output: undefined, error, chart: before?.chart as AnyMachineSnapshot, ended: [], timers: [] };
  }
}

function timersLeft(timers: readonly Timer[], step: ChartStep | undefined): readonly Timer[] {
  if (step?.kind !== 'time') return timers;
  return timers.slice(1).map((timer) => ({ ...timer, remainingMs: timer.remainingMs - step.afterMs }));
}

function timersAfter(timers: readonly Timer[], { type, params }: Action): readonly Timer[] {
  const { event, delay, id, sendId } = (params ?? {}) as {
    readonly event: EventObject;
    readonly delay?: number;
    readonly id?: string;
    readonly sendId?: string;
  };
  if (type === 'xstate.cancel') return timers.filter((timer) => timer.id !== sendId);
  if (type !== 'xstate.raise' || typeof delay !== 'number') return timers;
  const others = id === undefined ? timers : timers.filter((timer) => timer.id !== id);
  return [...others, { id: id ?? event.type, event, remainingMs: delay }];
}

const byDueTime = (a: Timer, b: Timer): number => a.remainingMs - b.remainingMs;

/** Everything that can happen next. */
export function stepsFrom({ chart, ended, timers, status }: Place, offers: Offers): readonly ChartStep[] {
  if (status !== 'active') return [];
  const [timer] = timers;
  const time: readonly ChartStep[] = timer
    ? [{ type: `${timer.remainingMs} ms pass`, kind: 'time', afterMs: timer.remainingMs, event: timer.event }]
    : [];
  const children = childrenOf(chart).flatMap((child, index) =>
    ended.includes(child) ? [] : endsOf(child, index, offers.outcomesOf(child)),
  );
  return [...eventsIn(chart, offers.events), ...children, ...time];
}

function eventsIn(chart: AnyMachineSnapshot, payloads: Offers['events']): readonly ChartStep[] {
  const handled = new Set(getNextTransitions(chart).map(({ eventType }) => eventType));
  const types = [...handled].filter((type) => type !== '' && !type.startsWith('xstate.')).flatMap((type) => concrete(type, payloads));
  const payloadsOf = (type: string) => {
    const given = payloads[type] ?? [{}];
    return typeof given === 'function' ? given(chart) : given;
  };
  return [...new Set(types)].flatMap((type) =>
    payloadsOf(type).map((payload): ChartStep => {
      const detail = Object.keys(payload).length === 0 ? '' : ` ${textOf(payload)}`;
      return { type: `${type}${detail}`, kind: 'event', event: { ...payload, type } };
    }),
  );
}

/** What may be sent where a wildcard listens. */
function concrete(type: string, payloads: Offers['events']): readonly string[] {
  if (!type.endsWith('*')) return [type];
  const beginning = type.slice(0, -1);
  const known = Object.keys(payloads).filter((known) => known.startsWith(beginning));
  return known.length > 0 ? known : [`${beginning}anything`];
}

function endsOf(child: AnyActorRef, index: number, outcomes: ChildOutcomes | 'real'): readonly ChartStep[] {
  if (outcomes === 'real') return [];
  const name = (hasOwnId(child) ? child.id : sourceOf(child)) || child.id;
  const { settles = [undefined], fails = [new Error(`${name} failed`)], crashes = [new Error(`${name} crashed`)] } = outcomes;
  const step = (how: Ending, value: unknown): ChartStep => {
    const detail = value === undefined ? '' : ` with ${value instanceof Error ? `"${value.message}"` : textOf(value)}`;
    return { type: `${name} ${how}${detail}`, kind: 'child', index, how, value, child };
  };
  return [
    ...settles.map((output) => step('settles', output)),
    ...fails.map((error) => step('fails', error)),
    ...crashes.map((error) => step('crashes', error)),
  ];
}

/** An id that XState gave is that of the session, or tells the state that invokes the child. */
const hasOwnId = ({ id, sessionId }: AnyActorRef): boolean => id !== sessionId && !/^\d+\./.test(id);

/** The name by which a child was started; empty for logic without a name. */
export const sourceOf = ({ src }: AnyActorRef): string => (typeof src === 'string' ? src : '');

/** All that tells one place from another, as far as the chart alone says: its state, its context, its children and its timers. */
export function keyOf({ chart, ended, timers, status }: Place, key: ((chart: AnyMachineSnapshot) => string) | undefined): string {
  if (status === 'error') return 'error';
  const children = childrenOf(chart);
  const gone = ended.map((child) => children.indexOf(child));
  return JSON.stringify([status, chart.value, key ? key(chart) : textOf(chart.context), gone, timers.map(({ id }) => id)]);
}

/** As JSON, also where JSON has no word for it. */
export function textOf(value: unknown): string {
  const seen = new Set<unknown>();
  const text = JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`;
    if (part instanceof Error) return `${part.name}: ${part.message}`;
    if (part instanceof Map || part instanceof Set) return [...part];
    if (typeof part !== 'object' || part === null) return part;
    if (seen.has(part)) return 'again';
    seen.add(part);
    return part;
  });
  return text ?? String(value);
}
