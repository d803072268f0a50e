/** What is known of a route: folded from the facts of its stream, and from nothing else. */

import type { ExecutionError } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { RouteFact } from '../../machines/protocol/route.ts';

/** A fact that a route has given up. */
export interface DeadLetter {
  readonly routeId: string;
  /** That of the fact. */
  readonly id: string;
  readonly fact: Fact;
  readonly error: ExecutionError;
  /** In all. */
  readonly attempts: number;
  readonly at: number;
}

export interface RouteState {
  /** Undefined while it is not registered. */
  readonly position: number | undefined;
  readonly delivered: number;
  readonly filtered: number;
  readonly letters: ReadonlyMap<string, DeadLetter>;
}

const FRESH_ROUTE: RouteState = { position: undefined, delivered: 0, filtered: 0, letters: new Map() };

export const foldRoute = (routeId: string, facts: readonly Fact[]): RouteState =>
  facts.reduce((state, fact) => evolveRoute(routeId, state, fact as unknown as RouteFact), FRESH_ROUTE);

/** Total: a fact that it does not know leaves the state unchanged. */
export function evolveRoute(routeId: string, state: RouteState, fact: RouteFact): RouteState {
  switch (fact.type) {
    case 'route/registered':
      return { ...state, position: fact.payload.position };
    case 'route/advanced': {
      const { position, delivered, filtered } = fact.payload;
      return { ...state, position, delivered, filtered };
    }
    case 'route/dead_lettered': {
      const { position, delivered, filtered, fact: given, error, attempts } = fact.payload;
      const letter = { routeId, id: given.id, fact: given, error, attempts, at: fact.at };
      return { position, delivered, filtered, letters: new Map([...state.letters, [given.id, letter]]) };
    }
    case 'route/redriven':
      return { ...state, delivered: state.delivered + 1, letters: without(state.letters, fact.payload.letterId) };
    case 'route/discarded':
      return { ...state, letters: without(state.letters, fact.payload.letterId) };
    case 'route/unregistered':
      return FRESH_ROUTE;
    default:
      return state;
  }
}

function without(letters: RouteState['letters'], id: string): RouteState['letters'] {
  return new Map([...letters].filter(([each]) => each !== id));
}
