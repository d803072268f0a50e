/** How far a route was in an earlier life: folded from the facts of its stream, and from nothing else. */

import type { Fact } from '../../machines/protocol/facts.ts';
import type { RouteFact, RouteTotals } from '../../machines/protocol/route.ts';

export interface RouteState extends RouteTotals {
  /** Undefined while it is not registered. */
  readonly position: number | undefined;
}

const FRESH_ROUTE: RouteState = { position: undefined, delivered: 0, filtered: 0 };

export const foldRoute = (facts: readonly Fact[]): RouteState =>
  facts.reduce((state, fact) => evolveRoute(state, fact as unknown as RouteFact), FRESH_ROUTE);

/** Total: a fact that it does not know leaves the state unchanged. */
function evolveRoute(state: RouteState, { type, payload }: RouteFact): RouteState {
  switch (type) {
    case 'route/registered':
    case 'route/advanced': {
      const { position, delivered, filtered } = payload;
      return { position, delivered, filtered };
    }
    case 'route/unregistered':
      return FRESH_ROUTE;
    default:
      return state;
  }
}
