/** A runtime as the control socket wants it. */

import type { Runtime } from '../../create-runtime.ts';
import type { Controls, Inbox } from './inbox.ts';

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

/** `isDurable`: what is paused is still there when the process is not. */
export const controlsOf = ({ tier2 }: Pick<Runtime, 'tier2'>, isDurable: boolean): Controls => ({
  // By its id, an execution of any tier is controlled by any.
  cancel: (executionId, reason) => tier2.cancelExecution(executionId, reason),
  ...(isDurable && { pause: (executionId: string) => tier2.pause(executionId) }),
});
