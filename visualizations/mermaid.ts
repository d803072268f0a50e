/** A chart as a Mermaid `stateDiagram-v2`: nested states, guards, actions, timers and what always holds. The same chart gives the same text. */

import type { AnyStateMachine, StateNode } from 'xstate';
import { ALWAYS, type ChartTransition, nameOf, transitionsFrom } from '../src/testing/transitions.ts';

const TIMER = /^xstate\.after\.(.+?)\.[^.]+(?=\.|$)/;

export function mermaid(machine: AnyStateMachine): string {
  const { root } = machine;
  const lines = [...inside(root), ...outgoing(root), ...notes(root)];
  return `${['stateDiagram-v2', ...lines.map(indent)].join('\n')}\n`;
}

/** The states within one, and the arrow to where it begins. */
function inside(parent: StateNode): readonly string[] {
  const begins = parent.type === 'compound' ? parent.initial.target.map(({ id }) => `[*] --> ${aliasOf(id)}`) : [];
  return [...begins, ...Object.values(parent.states).flatMap(declare)];
}

function declare(state: StateNode): readonly string[] {
  const name = `state "${state.key}" as ${aliasOf(state.id)}`;
  if (isComposite(state)) return [`${name} {`, ...inside(state).map(indent), '}'];
  const ends = state.type === 'final' ? [`${aliasOf(state.id)} --> [*]`] : [];
  return [name, ...details(state).map((text) => `${aliasOf(state.id)} : ${text}`), ...ends];
}

/** What a state does on its own, and what it hears without leaving: as an arrow to itself that would hide the others. */
function details(state: StateNode): readonly string[] {
  const reactions = transitionsFrom(state).filter(({ targets }) => targets.length === 0);
  return [...state.invoke.map(({ src }) => `does ${nameOf(src)}`), ...reactions.map(label)];
}

/** Mermaid gives composite states no text, so theirs stands in a note beside the state where they begin. */
function notes(state: StateNode): readonly string[] {
  const texts = isComposite(state) ? details(state) : [];
  const title = state.parent ? `anywhere in ${state.key}` : 'anywhere';
  const note = [`note right of ${aliasOf(beginningOf(state).id)}`, ...[title, ...texts].map(indent), 'end note'];
  return [...(texts.length === 0 ? [] : note), ...Object.values(state.states).flatMap(notes)];
}

const isComposite = (state: StateNode): boolean => Object.keys(state.states).length > 0;

function beginningOf(state: StateNode): StateNode {
  const first = state.type === 'compound' ? state.initial.target[0] : Object.values(state.states)[0];
  return first ? beginningOf(first) : state;
}

function outgoing(state: StateNode): readonly string[] {
  const arrows = transitionsFrom(state).flatMap((transition) =>
    transition.targets.map((target) => `${aliasOf(transition.source)} --> ${aliasOf(target)} : ${label(transition)}`),
  );
  return [...arrows, ...Object.values(state.states).flatMap(outgoing)];
}

function label({ eventType, guard, actions }: ChartTransition): string {
  const event = eventType === ALWAYS ? '' : shortened(eventType);
  const when = guard === undefined ? '' : `[${guard}]`;
  const then = actions.length === 0 ? '' : `/ ${actions.join(', ')}`;
  return [event, when, then].filter(Boolean).join(' ') || ALWAYS;
}

/** A name in Mermaid has no dots. */
const aliasOf = (id: string): string => id.replaceAll(/\W/g, '_');

function shortened(eventType: string): string {
  const timer = TIMER.exec(eventType);
  if (timer) return `after ${timer[1]}`;
  return eventType.replace(/^xstate\.error\.actor\./, 'crash of ').replace(/^xstate\.done\.actor\./, 'end of ');
}

const indent = (line: string): string => `  ${line}`;
