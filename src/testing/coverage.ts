/** How much of a chart live actors really went through, by what their inspection reports. */

import type { AnyStateMachine, AnyTransitionDefinition, InspectionEvent, StateNode } from 'xstate';
import { type ChartTransition, describeTransition, statesOf, transitionsOf } from './transitions.ts';

/** Ids of the states that were entered and of the transitions that were taken. */
export interface Taken {
  readonly states: ReadonlySet<string>;
  readonly transitions: ReadonlySet<string>;
}

export interface Coverage {
  readonly isComplete: boolean;
  readonly states: { readonly reached: readonly string[]; readonly unreached: readonly string[] };
  readonly transitions: { readonly reached: readonly ChartTransition[]; readonly unreached: readonly ChartTransition[] };
  /** For people: a line of sums, then a line for each transition and for each state that was never entered. */
  readonly table: string;
}

/** Notes what the actors do that are created with `{ inspect: recorder.inspect }`; any number of actors, of any chart. */
export class CoverageRecorder implements Taken {
  readonly states = new Set<string>();
  readonly transitions = new Set<string>();
  readonly #known = new WeakSet<AnyTransitionDefinition>();

  readonly inspect = (event: InspectionEvent): void => {
    if (event.type !== '@xstate.microstep' && event.type !== '@xstate.snapshot') return;
    if (event.type === '@xstate.microstep') for (const transition of event._transitions) this.#note(transition);
    const { _nodes: nodes = [] } = event.snapshot as { readonly _nodes?: readonly StateNode[] };
    for (const { id } of nodes) this.states.add(id);
  };

  #note(transition: AnyTransitionDefinition): void {
    if (this.#known.has(transition)) return;
    this.#known.add(transition);
    this.transitions.add(describeTransition(transition).id);
    for (let state: StateNode | undefined = transition.source; state; state = state.parent) this.states.add(state.id);
  }
}

/** What of a chart was taken and what was not. */
export function coverage(machine: AnyStateMachine, taken: Taken): Coverage {
  const states = statesOf(machine).map(({ id }) => id);
  const transitions = transitionsOf(machine);
  const reachedStates = states.filter((id) => taken.states.has(id));
  const unreachedStates = states.filter((id) => !taken.states.has(id));
  const reached = transitions.filter(({ id }) => taken.transitions.has(id));
  const unreached = transitions.filter(({ id }) => !taken.transitions.has(id));
  const lines = [
    `${machine.id}: ${reachedStates.length} of ${states.length} states, ${reached.length} of ${transitions.length} transitions`,
    ...transitions.map((transition) => `${taken.transitions.has(transition.id) ? '  ' : '✗ '}${describe(transition)}`),
    ...unreachedStates.map((id) => `✗ ${id} was never entered`),
  ];
  return {
    isComplete: unreachedStates.length === 0 && unreached.length === 0,
    states: { reached: reachedStates, unreached: unreachedStates },
    transitions: { reached, unreached },
    table: lines.join('\n'),
  };
}

function describe({ source, eventType, guard, targets }: ChartTransition): string {
  const when = guard === undefined ? '' : ` [${guard}]`;
  return `${source} · ${eventType}${when} → ${targets.join(', ') || 'stays'}`;
}
