/**
 * Who lives, from XState's inspection events.
 *
 * XState announces an actor before it has a snapshot and says nothing when one crashes. So an actor is announced here with the first event
 * on its way to it, its parent before it, and a crash is seen in the event that tells the parent of it.
 */

import type { AnyActorRef, AnyEventObject, InspectionEvent } from 'xstate';
import type { Party } from './messages.ts';

export interface CensusVisitor {
  actor(party: Party): void;
  event(party: Party, event: AnyEventObject, source: AnyActorRef | undefined): void;
  /** `isLast`: the actor is done, has failed or was stopped. Nothing is heard of its state afterwards. */
  snapshot(party: Party, snapshot: unknown, event: AnyEventObject, isLast: boolean): void;
}

/** Keeps nothing of actors that nobody else keeps. */
export function takeCensus(visitor: CensusVisitor): (event: InspectionEvent) => void {
  const announced = new WeakSet<AnyActorRef>();
  const ended = new WeakSet<AnyActorRef>();

  const announce = (ref: AnyActorRef, rootId: string): void => {
    if (announced.has(ref)) return;
    if (ref._parent) announce(ref._parent, rootId);
    announced.add(ref);
    visitor.actor({ ref, rootId });
  };
  const snapshot = (party: Party, state: { readonly status?: unknown } | undefined, event: AnyEventObject): void => {
    if (ended.has(party.ref)) return;
    const isLast = state?.status !== 'active' || event.type === 'xstate.stop';
    if (isLast) ended.add(party.ref);
    visitor.snapshot(party, state, event, isLast);
  };

  return (inspected) => {
    if (inspected.type !== '@xstate.event' && inspected.type !== '@xstate.snapshot') return;
    const { rootId, event } = inspected;
    const ref = inspected.actorRef as AnyActorRef;
    const party = { ref, rootId };
    announce(ref, rootId);
    if (inspected.type === '@xstate.snapshot') {
      snapshot(party, inspected.snapshot, event);
      return;
    }
    const source = inspected.sourceRef as AnyActorRef | undefined;
    if (source && announced.has(source) && source.getSnapshot()?.status === 'error')
      snapshot({ ref: source, rootId }, source.getSnapshot(), event);
    visitor.event(party, event, source);
  };
}
