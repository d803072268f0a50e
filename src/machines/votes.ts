/** What one more answer means where people decide. Pure, and the same for steps, approvals and tasks. */

import { fromJS, is } from 'immutable';
import type { Asked, Decision, DecisionPolicy, Vote } from './protocol/decision.ts';

/**
 * `decision`: it decides. `vote`: it counts, and others must agree. `forbidden`: its role is not the one that was asked for. `unnamed`: it does not
 * say whose it is, and several people must agree. `ignored`: this person has answered before, or nothing waits for an answer.
 */
export type Verdict = 'decision' | 'vote' | 'forbidden' | 'unnamed' | 'ignored';

/** Answers that are kept for one question: people who never agree shall not fill a memory. */
export const MOST_VOTES = 1_000;

/** Answers are the same when their decisions and their values are: nobody agrees to a value that he was not shown. One `reject` is enough. */
export function judge({ role, quorum = 1 }: Pick<Asked, 'role' | 'quorum'>, votes: readonly Vote[], given: Decision): Verdict {
  if (role !== undefined && given.role !== role) return 'forbidden';
  if (quorum <= 1) return 'decision';
  if (given.by === undefined || given.by === '') return 'unnamed';
  if (votes.some(({ by }) => by === given.by)) return 'ignored';
  if (given.decision === 'reject') return 'decision';
  const agreeing = votes.filter((vote) => isSame(vote, given)).length + 1;
  if (agreeing >= quorum) return 'decision';
  return votes.length < MOST_VOTES ? 'vote' : 'ignored';
}

const isSame = (vote: Vote, { decision, value }: Decision): boolean => vote.decision === decision && is(fromJS(vote.value), fromJS(value));

/** The answer as it is kept. */
export const voteOf = ({ decision, value, by = '', role }: Decision): Vote => ({
  decision,
  by,
  ...(value !== undefined && { value }),
  ...(role !== undefined && { role }),
});

/** What is asked from now on. */
export function askedBy({ role, quorum, timeoutMs }: DecisionPolicy, at: number): Asked {
  return {
    ...(role !== undefined && { role }),
    ...(quorum !== undefined && quorum > 1 && { quorum }),
    ...(timeoutMs !== undefined && { expiresAt: at + timeoutMs }),
  };
}

/** A timer of a chart that asks people. */
export interface Expiry {
  readonly type: 'decision.expired';
  /** Of the step or the task. */
  readonly subject: string;
  readonly expiresAt: number;
}

export const expiryId = (subject: string): string => `expiry/${subject}`;
