/**
 * Makes stopping an actor cost its own timers instead of a scan of all timers in the system.
 *
 * One of the few files that touch undocumented parts of XState 5 (`system.scheduler`); a test pins the behaviour.
 */

import type { AnyActorRef, EventObject } from 'xstate';

interface Scheduler {
  schedule(source: AnyActorRef, target: AnyActorRef, event: EventObject, delay: number, id?: string): void;
  cancel(source: AnyActorRef, id: string): void;
  cancelAll(source: AnyActorRef): void;
}

/** Indexes the scheduler of a root actor's system by source. Returns how many actors have timers pending. */
export function indexScheduler(root: AnyActorRef): () => number {
  const scheduler = (root.system as unknown as { scheduler: Scheduler }).scheduler;
  const { schedule, cancel } = scheduler;
  const pending = new Map<AnyActorRef, Set<string>>();
  let minted = 0;

  const forget = (source: AnyActorRef, id: string): void => {
    const ids = pending.get(source);
    if (ids?.delete(id) && ids.size === 0) pending.delete(source);
  };
  scheduler.schedule = (source, target, event, delay, id = `timer.${minted++}`) => {
    const ids = pending.get(source);
    if (ids) ids.add(id);
    else pending.set(source, new Set([id]));
    schedule(source, target, event, delay, id);
  };
  scheduler.cancel = (source, id) => {
    forget(source, id);
    cancel(source, id);
  };
  scheduler.cancelAll = (source) => {
    const ids = pending.get(source);
    if (!ids) return;
    pending.delete(source);
    for (const id of ids) cancel(source, id);
  };
  return () => pending.size;
}
