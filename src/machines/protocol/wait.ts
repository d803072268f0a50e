/** What a run hands to a step that only waits, what it tells it, and its facts. Its terminal facts are those of every step. */

import type { ControlCommand } from './control.ts';
import type { ExecutionContext, Json } from './execution.ts';
import type { FactBody } from './facts.ts';
import type { StepFact } from './step.ts';

/** What is waited for, with every reference resolved. */
export type ResolvedWait =
  | { readonly type: 'timer'; readonly durationMs: number }
  /** A moment. Milliseconds since the epoch. */
  | { readonly type: 'time'; readonly at: number }
  | { readonly type: 'signal'; readonly name: string; readonly timeoutMs: number }
  | { readonly type: 'approval'; readonly timeoutMs: number; readonly prompt?: string; readonly role?: string; readonly quorum?: number };

export interface WaitJob {
  readonly stepId: string;
  readonly for: ResolvedWait;
}

export interface WaiterInput {
  readonly execution: ExecutionContext;
  readonly job: WaitJob;
}

/** What ends a wait for a signal or a person. */
export type WaitAnswer = { readonly type: 'wait.answered'; readonly at: number; readonly answer: Answer };
export type Answer = { readonly kind: 'value'; readonly value: Json } | { readonly kind: 'rejected'; readonly by?: string };

export type WaitCommand = ControlCommand | WaitAnswer;

export type WaitFact =
  | FactBody<
      'tier3/wait/started',
      {
        readonly stepId: string;
        readonly for: ResolvedWait;
        /** When its time is up. */
        readonly dueAt: number;
      }
    >
  | FactBody<'tier3/wait/paused', { readonly stepId: string; readonly epoch: number }>
  /** `dueAt` has moved by the length of the pause if it is a timer; a moment and an expiry stay where they are. */
  | FactBody<'tier3/wait/resumed', { readonly stepId: string; readonly dueAt: number }>
  | Extract<StepFact, { type: 'tier3/execution/completed' | 'tier3/execution/failed' | 'tier3/execution/cancelled' }>;
