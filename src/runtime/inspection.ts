/** A guard around the caller's observer of actors: whatever it does, the actors go on. */

import type { InspectionEvent } from 'xstate';
import { describe, memberOf } from '../actors/failure.ts';
import type { Logger } from '../actors/tool.ts';

/** A function, or an object with `next`, as `createActor` of XState takes it; so `createInspector(…).inspect` of `@statelyai/inspect` fits. */
export type InspectionObserver =
  | ((event: InspectionEvent) => unknown)
  | { readonly next?: ((event: InspectionEvent) => unknown) | undefined };

const MAX_LOGGED_MESSAGES = 20;

/** XState hands what an observer throws to whoever sent the event. Here it is logged: each message once, and at most 20 of them. */
export function safeObserver(observer: InspectionObserver, log: Logger): (event: InspectionEvent) => void {
  const logged = new Set<string>();
  const onFailure = (thrown: unknown): void => {
    const message = describe(memberOf(thrown, 'message') ?? thrown);
    if (logged.size >= MAX_LOGGED_MESSAGES || logged.has(message)) return;
    logged.add(message);
    log.warn({ err: thrown }, 'the inspection observer failed; the same failure is not logged again');
  };
  return (event) => {
    try {
      const returned = typeof observer === 'function' ? observer(event) : observer.next?.(event);
      if (returned !== undefined && memberOf(returned, 'then') !== undefined) Promise.resolve(returned).catch(onFailure);
    } catch (thrown) {
      onFailure(thrown);
    }
  };
}
