/** The inbox of a runtime as the control socket wants it. */

import type { Runtime } from '../../create-runtime.ts';
import type { Inbox } from './inbox.ts';

export function inboxOf({ approvals, events }: Pick<Runtime, 'approvals' | 'events'>): Inbox {
  /** Resolves when what is asked there is not what it was: an answer is accepted a moment before its fact is seen. */
  const changed = (id: string, before: unknown): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (approvals.get(id) === before) return;
        subscription.unsubscribe();
        resolve();
      };
      const subscription = events.subscribe('**', check);
      check();
    });
  return {
    list: () => approvals.list(),
    async decide(id, answer) {
      const before = approvals.get(id);
      const isTaken = await approvals.decide(id, answer);
      if (isTaken && before) await changed(id, before);
      return isTaken;
    },
  };
}
