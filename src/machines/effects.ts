/** How a chart names what it needs from outside: ports (actors that someone provides) and effects (named actions with data). */

import { type CallbackActorLogic, type EventObject, fromCallback, type NonReducibleUnknown } from 'xstate';
import type { ExecutionContext, Tier } from './protocol/execution.ts';
import type { FactBody } from './protocol/facts.ts';

/** An actor that a chart invokes and the runtime fills with `provide()`. Unprovided, it crashes with its own name. */
export function port<Command extends EventObject, Input extends NonReducibleUnknown>(name: string): CallbackActorLogic<Command, Input> {
  return fromCallback<Command, Input>(() => {
    throw new Error(`Nobody provided the actor "${name}"`);
  });
}

/** An action that a chart names with its data and the runtime fills with `provide()`. Unprovided, it does nothing: pure charts need no runtime. */
export function effect<Params>(): (args: unknown, params: Params) => void {
  return () => {};
}

/** Appends facts to the execution's stream, all in one commit. */
export interface CommitParams {
  readonly execution: ExecutionContext;
  readonly tier: Tier;
  readonly facts: readonly FactBody[];
}

/** Sends a message to whoever supervises this actor. */
export interface ReportParams {
  readonly message: EventObject & { readonly [key: string]: unknown };
}

/** Counts a reply that came too late or belongs to an earlier attempt; it has no other effect. */
export interface StaleParams {
  readonly message: string;
}
