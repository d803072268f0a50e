/** A chart as data: XState's own definition leaves `always` out and nests what a diff should show flat. */

import type { AnyStateMachine, StateNode } from 'xstate';
import { type ChartTransition, nameOf, transitionsFrom } from '../src/testing/transitions.ts';

interface StateDefinition {
  readonly id: string;
  readonly type: StateNode['type'];
  readonly initial?: string;
  readonly tags?: readonly string[];
  readonly invoke?: readonly { readonly id: string; readonly src: string }[];
  readonly entry?: readonly string[];
  readonly exit?: readonly string[];
  readonly transitions?: readonly Omit<ChartTransition, 'id' | 'source' | 'index'>[];
  readonly states?: Readonly<Record<string, StateDefinition>>;
}

/** Names stand for functions; keys come in a fixed order, states and transitions in the chart's own. */
export function definition(machine: AnyStateMachine): string {
  return `${JSON.stringify(describeState(machine.root), undefined, 2)}\n`;
}

function describeState(state: StateNode): StateDefinition {
  const { id, type, tags, invoke, entry, exit, states } = state;
  const transitions = transitionsFrom(state).map(({ eventType, guard, targets, actions }) => ({
    eventType,
    ...(guard !== undefined && { guard }),
    targets,
    actions,
  }));
  const children = Object.entries(states).map(([key, child]) => [key, describeState(child)] as const);
  return {
    id,
    type,
    ...(type === 'compound' && { initial: state.initial.target[0]?.id ?? '' }),
    ...(tags.length > 0 && { tags }),
    ...(invoke.length > 0 && { invoke: invoke.map((port) => ({ id: port.id, src: nameOf(port.src) })) }),
    ...(entry.length > 0 && { entry: entry.map(nameOf) }),
    ...(exit.length > 0 && { exit: exit.map(nameOf) }),
    ...(transitions.length > 0 && { transitions }),
    ...(children.length > 0 && { states: Object.fromEntries(children) }),
  };
}
