/** What an agent reports of itself when something reaches it, and what it tells its body. */

import { type AgentState, evolveAgent } from './agent.fold.ts';
import {
  type AgentCommand,
  type AgentLife,
  type AgentOutcome,
  type AgentReport,
  type AgentSpec,
  type BodyCommand,
  type BodyReply,
  DEFAULT_LIFE,
  DISPOSE_GRACE_MS,
} from './protocol/agent.ts';
import { timerAt } from './timers.ts';

export interface AgentContext {
  readonly spec: AgentSpec;
  readonly incarnation: number;
  readonly state: AgentState;
  /** Time at which the actor was created, for the first report. */
  readonly bornAt: number;
}

export type AgentEvent = AgentCommand | BodyReply;

export class AgentTurn {
  state: AgentState;
  readonly reports: AgentReport[] = [];
  readonly commands: BodyCommand[] = [];

  constructor(state: AgentState) {
    this.state = state;
  }

  record(report: AgentReport): void {
    this.reports.push(report);
    this.state = evolveAgent(this.state, report);
  }
}

export const lifeOf = ({ spec }: AgentContext): AgentLife => spec.life ?? DEFAULT_LIFE;

/** Messages bring their time, timers have their due time; time never goes back. */
const timeOf = (context: AgentContext, event: AgentEvent): number =>
  'at' in event ? Math.max(event.at, context.state.at) : timerAt(context);

const restUntil = (context: AgentContext, at: number): number => {
  const { heartbeat } = lifeOf(context);
  return heartbeat ? at + heartbeat.intervalMs : 0;
};

export function start(turn: AgentTurn, context: AgentContext): void {
  const at = context.bornAt;
  const { hasBody, readyTimeoutMs } = lifeOf(context);
  turn.record(hasBody ? { type: 'agent.started', at, dueAt: at + readyTimeoutMs } : { type: 'agent.ready', at, dueAt: 0 });
}

export function recordReady(turn: AgentTurn, context: AgentContext, event: AgentEvent): void {
  const at = timeOf(context, event);
  turn.record({ type: 'agent.ready', at, dueAt: restUntil(context, at) });
}

export function recordFailed(turn: AgentTurn, context: AgentContext, event: AgentEvent): void {
  turn.record({ type: 'agent.failed', at: timeOf(context, event) });
}

export function check(turn: AgentTurn, context: AgentContext, event: AgentEvent): void {
  const at = timeOf(context, event);
  const beat = context.state.beat + 1;
  turn.record({ type: 'agent.checking', at, beat, dueAt: at + (lifeOf(context).heartbeat?.timeoutMs ?? 0) });
  turn.commands.push({ type: 'body.check', beat });
}

export function recordAlive(turn: AgentTurn, context: AgentContext, event: AgentEvent): void {
  const at = timeOf(context, event);
  const type = context.state.phase === 'suspect.checking' ? 'agent.recovered' : 'agent.alive';
  turn.record({ type, at, dueAt: restUntil(context, at) });
}

export function recordMissed(turn: AgentTurn, context: AgentContext, event: AgentEvent): void {
  const at = timeOf(context, event);
  const type = context.state.phase === 'suspect.checking' ? 'agent.missed' : 'agent.suspected';
  turn.record({ type, at, missed: context.state.missed + 1, dueAt: restUntil(context, at) });
}

export function recordLost(turn: AgentTurn, context: AgentContext, event: AgentEvent): void {
  turn.record({ type: 'agent.lost', at: timeOf(context, event), missed: context.state.missed + 1 });
}

export function recordAssigned(turn: AgentTurn, context: AgentContext, event: AgentEvent): void {
  const { leaseId } = event as Extract<AgentCommand, { type: 'agent.assign' }>;
  turn.record({ type: 'agent.assigned', at: timeOf(context, event), leaseId, load: context.state.load + 1 });
  if (lifeOf(context).hasBody) turn.commands.push({ type: 'body.assigned', leaseId });
}

export function recordReleased(turn: AgentTurn, context: AgentContext, event: AgentEvent): void {
  const { leaseId } = event as Extract<AgentCommand, { type: 'agent.release' }>;
  turn.record({ type: 'agent.released', at: timeOf(context, event), leaseId, load: Math.max(0, context.state.load - 1) });
}

export function recordDraining(turn: AgentTurn, context: AgentContext, event: AgentEvent): void {
  turn.record({ type: 'agent.draining', at: timeOf(context, event) });
}

export function recordStopping(turn: AgentTurn, { state: { at } }: AgentContext): void {
  turn.record({ type: 'agent.stopping', at, dueAt: at + DISPOSE_GRACE_MS });
  turn.commands.push({ type: 'body.dispose' });
}

export function recordStopped(turn: AgentTurn, context: AgentContext, event: AgentEvent): void {
  const isAtOnce = context.state.phase === 'draining';
  turn.record({ type: 'agent.stopped', at: isAtOnce ? context.state.at : timeOf(context, event) });
}

export const isLastMiss = (context: AgentContext): boolean =>
  context.state.missed + 1 >= (lifeOf(context).heartbeat?.misses ?? Number.POSITIVE_INFINITY);

export const outcomeOf = ({ state: { phase } }: AgentContext): AgentOutcome => ({
  end: phase === 'lost' || phase === 'failed' ? phase : 'stopped',
});
