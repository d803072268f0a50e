/** A pool's turn: besides facts, it collects answers to holders, children to start, words to agents, and timers. */

import { evolvePool } from './pool.fold.ts';
import { type AgentRecord, agentNamed, type PoolState } from './pool.state.ts';
import type { AgentChild, AgentCommand, AgentOutcome, LeaseAnswer, PoolCommand, PoolFact, PoolReport } from './protocol/agent.ts';
import type { ChildReport } from './protocol/run.ts';
import { Turn } from './turn.ts';

export type PoolTimer =
  | { readonly type: 'lease.expired'; readonly leaseId: string }
  | { readonly type: 'drain.expired'; readonly agentId: string };
export type PoolEvent = PoolCommand | PoolReport | PoolTimer | ChildReport<AgentOutcome>;

export interface PoolContext {
  readonly state: PoolState;
  /** Time at which the actor was created. */
  readonly bornAt: number;
  readonly isRestored: boolean;
}

export interface AnswerParams {
  readonly holder: string;
  readonly message: LeaseAnswer;
}

const PREFIX = 'agent/';
export const childIdOf = (agentId: string): string => PREFIX + agentId;
export const agentIdOf = (childId: string): string => childId.slice(PREFIX.length);

export const timerId = (timer: PoolTimer): string => (timer.type === 'lease.expired' ? `lease/${timer.leaseId}` : `drain/${timer.agentId}`);

export class PoolTurn extends Turn<PoolState, PoolFact> {
  /** Never before anything that is known already. */
  readonly at: number;
  readonly answers: AnswerParams[] = [];
  readonly starts: AgentChild[] = [];
  readonly messages: { readonly agentId: string; readonly event: AgentCommand }[] = [];
  readonly timers: { readonly timer: PoolTimer; readonly delayMs: number }[] = [];
  readonly cancelled: PoolTimer[] = [];

  constructor({ state, bornAt }: PoolContext, event: { readonly at?: number }, dueAt?: number) {
    super(state, evolvePool);
    this.at = Math.max(state.at, event.at ?? dueAt ?? bornAt);
  }

  agent(id: string): AgentRecord | undefined {
    return agentNamed(this.state, id);
  }

  answer(holder: string, message: LeaseAnswer): void {
    this.answers.push({ holder, message });
  }

  tell(agentId: string, event: AgentCommand): void {
    this.messages.push({ agentId, event });
  }

  /** Starts the life that the agent's record has come to. */
  start(id: string): void {
    const record = this.agent(id);
    if (!record) return;
    const { spec, incarnation } = record;
    this.starts.push({ id: childIdOf(id), src: 'agent', incarnation, input: { spec, incarnation } });
  }

  arm(timer: PoolTimer, dueAt: number): void {
    this.timers.push({ timer, delayMs: Math.max(0, dueAt - this.at) });
  }

  disarm(timer: PoolTimer): void {
    this.cancelled.push(timer);
  }
}
