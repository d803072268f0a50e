/** Generated paths and random walks over a chart, each checked after every event. */

import fc from 'fast-check';
import type { AnyMachineSnapshot, EventObject } from 'xstate';
import { CoverageRecorder } from '../../../src/testing/coverage.ts';
import { generatePaths } from '../../../src/testing/paths.ts';
import { type Folded, LiveChart, type Subject } from './live-chart.ts';

export interface Walks<State extends Folded, Input extends object> extends Subject<State, Input> {
  readonly inputs: readonly Input[];
  /** What may be heard in a snapshot at a time. */
  readonly events: (snapshot: AnyMachineSnapshot, at: number) => readonly EventObject[];
  readonly key: (state: State) => string;
  /** What would end most walks early; they hear it seldom. */
  readonly isRare?: (event: EventObject) => boolean;
  /** It is from an earlier life or attempt: nothing may come of it. */
  readonly isStale?: (event: EventObject, state: State) => boolean;
  /** Its messages may take their time: it hears some as they were sent a while ago. */
  readonly hearsLate?: boolean;
}

/** Where paths lead that began alike; what held there once holds again. */
type Place = Map<EventObject, Place>;

/** Drives a live actor along every generated path. */
export function walkPaths<State extends Folded, Input extends object>(walks: Walks<State, Input>, recorder = new CoverageRecorder()) {
  const paths = generatePaths(walks.chart, {
    inputs: walks.inputs,
    events: (snapshot) => walks.events(snapshot, snapshot.context.state.at + 1),
    key: (snapshot) => walks.key(snapshot.context.state),
  });
  const beginnings = new Map<unknown, Place>();
  for (const { input, events } of paths) {
    const trodden = beginnings.get(input) ?? new Map<EventObject, Place>();
    beginnings.set(input, trodden);
    const live = new LiveChart(walks, input as Input, recorder);
    try {
      let place = trodden;
      let known = place.size === 0 ? 0 : live.facts.length;
      for (const event of events) {
        live.hear(event);
        const next: Place = place.get(event) ?? new Map();
        if (place.has(event)) known = live.facts.length;
        else live.check();
        place.set(event, next);
        place = next;
      }
      live.checkRestorations(known);
    } catch (error) {
      throw new Error(report(events, live), { cause: error });
    }
    live.actor.stop();
  }
  return { paths: paths.length, recorder };
}

interface Stride {
  readonly wait: number;
  readonly pick: number;
  readonly does: 'hear' | 'wait' | 'crash';
}

const stride: fc.Arbitrary<Stride> = fc.record({
  wait: fc.oneof({ weight: 4, arbitrary: fc.nat(20) }, { weight: 1, arbitrary: fc.nat(20_000) }),
  pick: fc.nat(10_000),
  does: fc.oneof(
    { weight: 10, arbitrary: fc.constant('hear' as const) },
    { weight: 1, arbitrary: fc.constant('wait' as const) },
    { weight: 1, arbitrary: fc.constant('crash' as const) },
  ),
});

/** Any number of events, pauses and crashes, in any order. */
export const anyWalk = fc.array(stride, { maxLength: 40, size: 'max' });

/** Follows the strides; throws where something does not hold. */
export function walk<State extends Folded, Input extends object>(
  walks: Walks<State, Input>,
  input: Input,
  strides: readonly Stride[],
  recorder = new CoverageRecorder(),
): LiveChart<State, Input> {
  let live = new LiveChart(walks, input, recorder);
  const heard: unknown[] = [];
  try {
    for (const { wait, pick, does } of strides) {
      live.wait(wait);
      live.check();
      if (does === 'crash') {
        heard.push('crash');
        live = live.crash();
      }
      if (does !== 'hear' || live.isSettled) continue;
      const isHeard = (event: EventObject) => pick % 8 === 0 || !walks.isRare?.(event);
      const events = walks.events(live.actor.getSnapshot(), live.clock.now()).filter(isHeard);
      const event = events[Math.floor(pick / 8) % events.length];
      if (!event) continue;
      heard.push(event);
      live.hear(event);
      live.check();
    }
    live.checkRestorations();
  } catch (error) {
    throw new Error(report(heard, live), { cause: error });
  }
  live.actor.stop();
  return live;
}

/** Without what makes no difference to the path. */
const brief = (key: string, value: unknown): unknown =>
  ['at', 'usage', 'incarnation', 'cause', 'message', 'tier'].includes(key) ? undefined : value;

function report(heard: readonly unknown[], { allFacts }: Pick<LiveChart<Folded, object>, 'allFacts'>): string {
  const facts = allFacts.map(({ type, payload }) => {
    const { stepId } = payload as { readonly stepId?: string };
    return `  ${type} ${stepId ?? ''}`;
  });
  return ['heard:', ...heard.map((event) => `  ${JSON.stringify(event, brief)}`), 'recorded:', ...facts].join('\n');
}
