/** A chart as a Mermaid `stateDiagram-v2`: nested states, guards, actions, timers and what always holds. The same chart gives the same text. */

import type { AnyStateMachine, StateNode } from 'xstate';
import type { Coverage } from './coverage.ts';
import { ALWAYS, type ChartTransition, nameOf, transitionsFrom } from './transitions.ts';

const TIMER = /^xstate\.after\.(.+?)\.[^.]+(?=\.|$)/;

/** What of a chart was covered: its states get the classes `taken` and `missing`, transitions that were not taken a cross. */
type Overlay = Pick<Coverage, 'states' | 'transitions'>;

/** The picture; with a coverage of the same chart, it shows that too. */
export function mermaid(machine: AnyStateMachine, covered?: Overlay): string {
  const { root } = machine;
  const missing = new Set(covered?.transitions.unreached.map(({ id }) => id));
  const label: Label = (transition) => `${missing.has(transition.id) ? '✗ ' : ''}${describe(transition)}`;
  const lines = [...inside(root, label), ...outgoing(root, label), ...notes(root, label), ...(covered ? classes(root, covered) : [])];
  return `${['stateDiagram-v2', ...lines.map(indent)].join('\n')}\n`;
}

type Label = (transition: ChartTransition) => string;

/** Mermaid gives no class to composite states. */
function classes(root: StateNode, { states }: Overlay): readonly string[] {
  const leaves = new Set(leavesOf(root).map(({ id }) => id));
  const line = (name: string, ids: readonly string[]) => {
    const aliases = ids.filter((id) => leaves.has(id)).map(aliasOf);
    return aliases.length === 0 ? [] : [`class ${aliases.join(',')} ${name}`];
  };
  return [
    'classDef taken fill:#d5f0dc,stroke:#1a7f37,color:#0b3d1a',
    'classDef missing fill:#ffe0dc,stroke:#c0271a,color:#5c0f08',
    ...line('taken', states.reached),
    ...line('missing', states.unreached),
  ];
}

const leavesOf = (state: StateNode): readonly StateNode[] => (isComposite(state) ? Object.values(state.states).flatMap(leavesOf) : [state]);

/** The states within one, and the arrow to where it begins. */
function inside(parent: StateNode, label: Label): readonly string[] {
  const begins = parent.type === 'compound' ? parent.initial.target.map(({ id }) => `[*] --> ${aliasOf(id)}`) : [];
  return [...begins, ...Object.values(parent.states).flatMap((state) => declare(state, label))];
}

function declare(state: StateNode, label: Label): readonly string[] {
  const name = `state "${state.key}" as ${aliasOf(state.id)}`;
  if (isComposite(state)) return [`${name} {`, ...inside(state, label).map(indent), '}'];
  const ends = state.type === 'final' ? [`${aliasOf(state.id)} --> [*]`] : [];
  return [name, ...details(state, label).map((text) => `${aliasOf(state.id)} : ${text}`), ...ends];
}

/** What a state does on its own, and what it hears without leaving: as an arrow to itself that would hide the others. */
function details(state: StateNode, label: Label): readonly string[] {
  const reactions = transitionsFrom(state).filter(({ targets }) => targets.length === 0);
  return [...state.invoke.map(({ src }) => `does ${nameOf(src)}`), ...reactions.map(label)];
}

/** Mermaid gives composite states no text, so theirs stands in a note beside the state where they begin. */
function notes(state: StateNode, label: Label): readonly string[] {
  const texts = isComposite(state) ? details(state, label) : [];
  const title = state.parent ? `anywhere in ${state.key}` : 'anywhere';
  const note = [`note right of ${aliasOf(beginningOf(state).id)}`, ...[title, ...texts].map(indent), 'end note'];
  return [...(texts.length === 0 ? [] : note), ...Object.values(state.states).flatMap((inner) => notes(inner, label))];
}

const isComposite = (state: StateNode): boolean => Object.keys(state.states).length > 0;

function beginningOf(state: StateNode): StateNode {
  const first = state.type === 'compound' ? state.initial.target[0] : Object.values(state.states)[0];
  return first ? beginningOf(first) : state;
}

function outgoing(state: StateNode, label: Label): readonly string[] {
  const arrows = transitionsFrom(state).flatMap((transition) =>
    transition.targets.map((target) => `${aliasOf(transition.source)} --> ${aliasOf(target)} : ${label(transition)}`),
  );
  return [...arrows, ...Object.values(state.states).flatMap((inner) => outgoing(inner, label))];
}

function describe({ eventType, guard, actions }: ChartTransition): string {
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
