/** Interleavings of what a chart may hear: commands, reports, timers, what comes again or late, and crashes. Every choice is asked for. */

import assert from 'node:assert/strict';
import type { EventObject } from 'xstate';
import type { FactBody } from '../../../src/machines/protocol/facts.ts';
import type { Pick } from '../../../src/testing/random.ts';
import type { Told } from '../../../src/testing/shrinking.ts';
import { type Folded, LiveChart } from './live-chart.ts';
import type { Walks } from './walks.ts';

export interface Interleaving extends Told {
  readonly facts: readonly FactBody[];
}

/** What happened so far, and what it came to. */
export interface Telling {
  readonly heard: unknown[];
  facts: () => readonly FactBody[];
}

/** Tells one interleaving; what does not hold ends it. */
export function telling(tell: (telling: Telling) => void): Interleaving {
  const told: Telling = { heard: [], facts: () => [] };
  const violations: string[] = [];
  try {
    tell(told);
  } catch (error) {
    violations.push(error instanceof Error ? error.message : String(error));
  }
  return {
    violations,
    facts: told.facts(),
    get trace() {
      return told.heard.map((event) => (typeof event === 'string' ? event : JSON.stringify(event)));
    },
  };
}

/** Time until the next event: mostly little, sometimes so much that timers fire. */
export const wait = (pick: Pick, most = 20_000): number => (pick(5) === 4 ? pick(most) : pick(20));

/** An event that was heard before, sent once more. */
export function again<Event extends EventObject>(pick: Pick, heard: readonly unknown[], at: number): Event | undefined {
  const events = heard.filter((event) => typeof event === 'object') as Event[];
  const event = events.length > 0 ? events[pick(events.length)] : undefined;
  if (!event || event.type.startsWith('xstate.after.') || !('at' in event))
    return event?.type.startsWith('xstate.after.') ? undefined : event;
  return { ...event, at };
}

const A_DAY_MS = 86_400_000;

/** Of a durable chart: its commits are all that a crash leaves. */
export const interleave = <State extends Folded, Input extends object>(
  walks: Walks<State, Input>,
  input: Input,
  pick: Pick,
): Interleaving =>
  telling((told) => {
    let live = new LiveChart(walks, input);
    told.facts = () => live.allFacts;
    for (let strides = 5 + pick(25); strides > 0; strides--) {
      const passed = wait(pick);
      if (passed > 20) told.heard.push(`${passed} ms pass`);
      live.wait(passed);
      const does = pick(12);
      if (does === 11 || live.isSettled) {
        const downMs = 'at' in input && pick(4) === 3 ? pick(A_DAY_MS) : 0;
        told.heard.push(`crash, ${downMs} ms down`);
        live = live.crash(downMs);
      }
      const event = does > 8 ? again(pick, told.heard, live.clock.now()) : chosen(walks, live, pick);
      if (event && !live.isSettled) {
        const isLate = walks.hearsLate === true && 'at' in event && pick(8) === 7;
        const heard = isLate ? { ...event, at: live.clock.now() - pick(10_000) } : event;
        told.heard.push(heard);
        live.wait(((heard as { readonly at?: number }).at ?? 0) - live.clock.now());
        const known = !live.isSettled && walks.isStale?.(heard, live.state) === true ? live.facts.length : undefined;
        live.hear(heard);
        if (known !== undefined) assert.equal(live.facts.length, known, `${heard.type} was stale, and something came of it`);
      }
      live.check();
      if (live.isSettled && does > 5) break;
    }
    const { length } = live.allFacts;
    for (const cut of new Set([pick(length) + 1, pick(length) + 1])) if (cut <= length) live.checkRestoration(cut);
    live.actor.stop();
  });

function chosen<State extends Folded, Input extends object>(walks: Walks<State, Input>, live: LiveChart<State, Input>, pick: Pick) {
  if (live.isSettled) return undefined;
  const isOpen = pick(8) === 7;
  const events = walks.events(live.actor.getSnapshot(), live.clock.now()).filter((event) => isOpen || !walks.isRare?.(event));
  return events.length > 0 ? events[pick(events.length)] : undefined;
}
