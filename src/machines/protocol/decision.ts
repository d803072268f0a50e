/** What people decide: the answers that they may give, and who must give them. */

import type { Json } from './execution.ts';

export type Choice = 'approve' | 'reject' | 'retry' | 'abort';

/**
 * A person's answer for what was escalated, or waits for an approval.
 * `approve`: it counts as completed with `value`; `retry`: it runs again (only what was escalated); `reject`: it fails for good
 * with REJECTED_BY_HUMAN; `abort`: the execution that it belongs to is cancelled.
 */
export interface Decision {
  readonly decision: Choice;
  readonly value?: Json;
  /** Who decides. Needed where several people must agree. */
  readonly by?: string;
  /** As what: must be the role that was asked for, where one was. */
  readonly role?: string;
}

/**
 * Who must decide, and until when. Without a role anybody may; `quorum` different people must give the same answer, but a single `reject` is
 * enough; what nobody has decided within `timeoutMs` fails with APPROVAL_EXPIRED.
 *
 * Source: UP-1 of the feature catalogue (approval of tool calls: policy, quorum, timeout).
 */
export interface DecisionPolicy {
  readonly role?: string;
  /** @default 1 */
  readonly quorum?: number;
  readonly timeoutMs?: number;
}

/** What was asked of people, in a fact: the moment when it expires in place of its length. */
export interface Asked {
  readonly role?: string;
  readonly quorum?: number;
  /** Milliseconds since the epoch; an expiry never freezes. */
  readonly expiresAt?: number;
}

/** An answer that does not decide yet. */
export interface Vote {
  readonly decision: Choice;
  readonly value?: Json;
  readonly by: string;
  readonly role?: string;
}
