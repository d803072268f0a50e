/** The one vocabulary of control: what every execution is told by whoever is above it, and what it says back before it is done. */

/** `epoch` numbers the pauses of the one who asks, 0 for a client; the answer repeats it. */
export type ControlCommand =
  | { readonly type: 'execution.pause'; readonly at: number; readonly epoch: number }
  | { readonly type: 'execution.resume'; readonly at: number }
  | { readonly type: 'execution.cancel'; readonly at: number; readonly reason: string };

/** `id` is the child's name in its parent's nursery. */
export type ControlReport =
  /** Nothing of it runs any more until it is resumed. */
  | { readonly type: 'execution.paused'; readonly id: string; readonly epoch: number; readonly at: number }
  /** All that it does waits for somebody outside: a person, a signal, a time. Said again after a restart. */
  | { readonly type: 'execution.waiting'; readonly id: string; readonly at: number }
  /** It goes on after having waited. */
  | { readonly type: 'execution.continued'; readonly id: string; readonly at: number };
