/** What is true of one life of an agent, folded from its own reports. */

import type { AgentReport } from './protocol/agent.ts';

export type AgentPhase =
  | 'unborn'
  | 'starting'
  | 'ready.quiet'
  | 'ready.resting'
  | 'ready.checking'
  | 'suspect.resting'
  | 'suspect.checking'
  | 'draining'
  | 'stopping'
  | 'stopped'
  | 'lost'
  | 'failed';

export interface AgentState {
  readonly phase: AgentPhase;
  readonly at: number;
  /** When the running timer is due; 0 without one. */
  readonly dueAt: number;
  /** Number of the last check. */
  readonly beat: number;
  /** Checks missed in a row. */
  readonly missed: number;
  /** When it was last known to live; 0 before it was ready. */
  readonly aliveAt: number;
  readonly load: number;
}

export const UNBORN: AgentState = { phase: 'unborn', at: 0, dueAt: 0, beat: 0, missed: 0, aliveAt: 0, load: 0 };

export function evolveAgent(state: AgentState, report: AgentReport): AgentState {
  const { at } = report;
  switch (report.type) {
    case 'agent.started':
      return { ...state, at, phase: 'starting', dueAt: report.dueAt };
    case 'agent.ready':
      return { ...state, at, phase: report.dueAt === 0 ? 'ready.quiet' : 'ready.resting', dueAt: report.dueAt, aliveAt: at };
    case 'agent.checking': {
      const phase = state.phase === 'suspect.resting' ? 'suspect.checking' : 'ready.checking';
      return { ...state, at, phase, beat: report.beat, dueAt: report.dueAt };
    }
    case 'agent.alive':
    case 'agent.recovered':
      return { ...state, at, phase: 'ready.resting', dueAt: report.dueAt, missed: 0, aliveAt: at };
    case 'agent.suspected':
    case 'agent.missed':
      return { ...state, at, phase: 'suspect.resting', dueAt: report.dueAt, missed: report.missed };
    case 'agent.assigned':
    case 'agent.released':
      return { ...state, at, load: report.load };
    case 'agent.draining':
      return { ...state, at, phase: 'draining', dueAt: 0 };
    case 'agent.stopping':
      return { ...state, at, phase: 'stopping', dueAt: report.dueAt };
    case 'agent.stopped':
      return { ...state, at, phase: 'stopped', dueAt: 0 };
    case 'agent.lost':
      return { ...state, at, phase: 'lost', dueAt: 0, missed: report.missed };
    case 'agent.failed':
      return { ...state, at, phase: 'failed', dueAt: 0 };
    default:
      return state;
  }
}
