/** When a chart's one running timer is due. The fold keeps the due time, so that a restart knows it too. */

interface Timed {
  readonly state: { readonly dueAt: number; readonly at: number };
  /** When the actor came to life; after a restart that is later than the last fact. */
  readonly bornAt: number;
}

/** How long until the timer is due. What was due during a downtime is due at once. */
export const untilDue = ({ state, bornAt }: Timed): number => Math.max(0, state.dueAt - Math.max(state.at, bornAt));

/** How long until a question to people expires. */
export const untilExpiry = (
  { expiresAt }: { readonly expiresAt: number },
  { state, bornAt }: { readonly state: { readonly at: number }; readonly bornAt: number },
): number => Math.max(0, expiresAt - Math.max(state.at, bornAt));

/** The time of what a timer that fires now records: when it was due, but time never goes back. */
export const timerAt = ({ state, bornAt }: Timed): number => Math.max(state.dueAt, state.at, bornAt);
