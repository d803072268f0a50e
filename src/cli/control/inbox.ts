/** What the control server needs of a runtime: the questions that people have not answered yet, a way to answer, and control of its executions. */

import type { Json } from '../../machines/protocol/execution.ts';

/** Something that waits for people. */
export interface Question {
  /** `<executionId>/<subject>`. */
  readonly id: string;
  readonly executionId: string;
  readonly kind: 'approval' | 'step' | 'task' | 'obligation';
  /** Step, task or norm id. */
  readonly subject: string;
  /** The question, or the failure in words. */
  readonly prompt: string;
  readonly role?: string | undefined;
  /** So many different people must give the same answer. */
  readonly quorum: number;
  readonly votes: readonly { readonly by: string; readonly decision: string; readonly value?: Json | undefined }[];
  /** Milliseconds since the epoch, as is the next. */
  readonly since: number;
  readonly expiresAt?: number | undefined;
  readonly options: readonly Verdict[];
}

export const VERDICTS = ['approve', 'reject', 'retry', 'abort'] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Answer {
  readonly decision: Verdict;
  readonly value?: Json;
  readonly by?: string;
  readonly role?: string;
}

export interface Inbox {
  list(): readonly Question[];
  /** `false`: nothing of this id waits for that answer. Rejects with a SwarmchartError when the answer makes no sense or is not this person's to give. */
  decide(id: string, answer: Answer): Promise<boolean>;
}

export interface Controls {
  /** `false`: it has settled, or is on its way there. */
  cancel(executionId: string, reason: string | undefined): Promise<boolean>;
  /** Absent where what is paused would be lost. */
  readonly pause?: (executionId: string) => Promise<boolean>;
}
