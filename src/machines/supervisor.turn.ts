/** A supervisor's turn: besides facts, it collects commands to its children, answers, and timers. */

import { List } from 'immutable';
import type {
  Cause,
  EndReport,
  StartReport,
  SupervisedCommand,
  SupervisorCommand,
  SupervisorErrorCode,
  SupervisorFact,
  SupervisorRequest,
  SupervisorResult,
  SupervisorSpec,
  SupervisorValue,
} from './protocol/supervisor.ts';
import { evolveSupervisor } from './supervisor.fold.ts';
import type { SupervisorState } from './supervisor.state.ts';
import { Turn } from './turn.ts';

export type SupervisorTimer =
  | {
      readonly type: 'restart.due';
      readonly id: string;
      readonly incarnation: number;
      readonly at: number;
      readonly isCounted: boolean;
      /** Of the failed start that is tried again. */
      readonly cause?: Cause;
    }
  /** Without an id: of all children at the same time. */
  | { readonly type: 'deadline.due'; readonly id?: string; readonly at: number };

/** What waits while the supervisor is busy, in the order in which it came. */
export type Deferrable = Exclude<SupervisorCommand, { type: 'supervisor.stop' }> | EndReport | StartReport | SupervisorTimer;

export type SupervisorEvent = Deferrable | { readonly type: 'supervisor.stop'; readonly at: number } | { readonly type: 'supervisor.next' };

export interface Asked {
  readonly requestId: string;
  /** Whether the child is new, so that it is forgotten if it fails to start. */
  readonly isNew: boolean;
}

export interface SupervisorContext {
  readonly spec: SupervisorSpec;
  readonly state: SupervisorState;
  /** Time at which the actor was created. */
  readonly bornAt: number;
  readonly deferred: List<Deferrable>;
  /** The request that is being served. */
  readonly asked: Asked | undefined;
  /** The event under way is the first of those that waited. */
  readonly isNext: boolean;
}

export interface SupervisorAnswer {
  readonly requestId: string;
  readonly result: SupervisorResult;
}

/** Requests that may wait; more are refused with RESOURCE_EXHAUSTED. */
export const MOST_DEFERRED = 100_000;

export const NONE_DEFERRED = List<Deferrable>();

export const timerId = (timer: SupervisorTimer): string => (timer.type === 'restart.due' ? `restart/${timer.id}` : 'deadline');

export const refusal = (code: SupervisorErrorCode, message: string, cause?: Cause) => ({
  error: { code, message, ...(cause && { cause }) },
});

export class SupervisorTurn extends Turn<SupervisorState, SupervisorFact> {
  /** Never before anything that is known already. */
  readonly at: number;
  readonly spec: SupervisorSpec;
  readonly commands: SupervisedCommand[] = [];
  readonly answers: SupervisorAnswer[] = [];
  readonly timers: SupervisorTimer[] = [];
  readonly cancelled: string[] = [];
  deferred: List<Deferrable>;
  asked: Asked | undefined;
  /** The event came too late, or belongs to an earlier life. */
  isStale = false;

  constructor(context: SupervisorContext, event: { readonly at?: number }) {
    super(context.state, evolveSupervisor);
    this.spec = context.spec;
    this.at = Math.max(context.state.at, event.at ?? context.bornAt);
    this.deferred = context.deferred;
    this.asked = context.asked;
  }

  say<Type extends SupervisorFact['type']>(type: Type, payload: Extract<SupervisorFact, { type: Type }>['payload']): void {
    this.record({ type, at: this.at, payload } as SupervisorFact);
  }

  /** Answers whoever's request is being served, if any is. */
  answer(result: SupervisorResult): void {
    if (this.asked) this.answers.push({ requestId: this.asked.requestId, result });
    this.asked = undefined;
  }

  reply(request: SupervisorRequest, result: SupervisorResult<SupervisorValue>): void {
    this.answers.push({ requestId: (request as SupervisorRequest & { readonly requestId: string }).requestId, result });
  }

  arm(timer: SupervisorTimer): void {
    this.cancelled.push(timerId(timer));
    this.timers.push(timer);
  }

  disarm(id: string): void {
    this.cancelled.push(id);
  }
}
