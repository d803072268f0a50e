/**
 * Routes and triggers: what they record of how far they are, and of what went wrong. Each fact of their streams says everything that is to be known of
 * them, so that those before it may be forgotten; a dead letter has a stream of its own, which settles when it is gone.
 */

import type { ExecutionError } from './execution.ts';
import type { Fact, FactBody } from './facts.ts';

/** How far it is in the journal: everything up to there is done with. */
type At = { readonly position: number };

export interface RouteTotals {
  readonly delivered: number;
  /** Not let through by the route's filter. */
  readonly filtered: number;
}

export type RouteFact =
  /** `position`: where it begins, or goes on. */
  | FactBody<'route/registered', At & RouteTotals & { readonly routeId: string; readonly pattern: string }>
  | FactBody<'route/advanced', At & RouteTotals>
  | FactBody<'route/unregistered', Record<string, never>>;

export type LetterFact =
  /** Given up, also after it was tried again. `fact` is what was to be delivered. */
  | FactBody<
      'route/dead_lettered',
      { readonly routeId: string; readonly attempts: number; readonly error: ExecutionError; readonly fact: Fact }
    >
  /** A dead letter was delivered after all. */
  | FactBody<'route/redriven', { readonly routeId: string }>
  /** A dead letter was thrown away. */
  | FactBody<'route/discarded', { readonly routeId: string }>;

export interface TriggerTotals {
  readonly started: number;
  /** Not wanted by the trigger's `where`, or of a run that it had started itself. */
  readonly passedOver: number;
  readonly failed: number;
}

export type TriggerFact =
  | FactBody<'trigger/registered', At & TriggerTotals & { readonly triggerId: string; readonly pattern: string }>
  | FactBody<'trigger/advanced', At & TriggerTotals>
  /** It will never start a workflow because of this fact: what was to make the input of it threw. */
  | FactBody<'trigger/failed', At & TriggerTotals & { readonly factId: string; readonly error: ExecutionError }>
  | FactBody<'trigger/unregistered', Record<string, never>>;
