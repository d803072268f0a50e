/** Where every live execution is: its actor, its stream of facts, its way to report. One entry for each, removed when it settles. */

import type { AnyActorRef, EventObject } from 'xstate';
import type { FactStreams } from '../../actors/services.ts';
import type { CommitParams } from '../../machines/effects.ts';
import type { ExecutionContext, ExecutionStatus } from '../../machines/protocol/execution.ts';
import type { FactStream } from '../journal/fact-stream.ts';
import { EffectGate } from './effect-gate.ts';

export interface DirectoryEntry {
  readonly stream: FactStream;
  readonly report: (message: EventObject) => void;
  readonly parent: string | undefined;
  ref?: AnyActorRef;
}

/** At least so many settled executions are remembered with their status, and at most twice as many. */
const REMEMBERED = 10_000;

export class Directory implements FactStreams {
  readonly effects = new EffectGate();
  readonly #entries = new Map<string, DirectoryEntry>();
  /** Two generations: when the young one is full it becomes the old one, and what was old is forgotten. */
  #settled = new Map<string, ExecutionStatus>();
  #settledBefore = new Map<string, ExecutionStatus>();

  get size(): number {
    return this.#entries.size;
  }

  find(executionId: string): DirectoryEntry | undefined {
    return this.#entries.get(executionId);
  }

  /** Adds a root execution with its own stream, or a child in its parent's. */
  enter(execution: ExecutionContext, report: (message: EventObject) => void, stream = this.#streamOf(execution)): void {
    if (stream) this.#entries.set(execution.executionId, { stream, report, parent: execution.parentExecutionId });
  }

  /** Suspended: it waits to live again. Abandoned: it was stopped, and never will. */
  leave({ executionId }: ExecutionContext, how: 'ended' | 'suspended' | 'abandoned'): void {
    const entry = this.#entries.get(executionId);
    if (!entry) return;
    this.#entries.delete(executionId);
    this.settledAs(executionId, how === 'ended' ? statusOf(phaseOf(entry)) : how === 'suspended' ? 'waiting' : 'failed');
  }

  settledAs(executionId: string, status: ExecutionStatus): void {
    this.#settled.set(executionId, status);
    if (this.#settled.size < REMEMBERED) return;
    this.#settledBefore = this.#settled;
    this.#settled = new Map();
  }

  status(executionId: string): ExecutionStatus | undefined {
    const entry = this.#entries.get(executionId);
    if (entry) return statusOf(phaseOf(entry));
    return this.#settled.get(executionId) ?? this.#settledBefore.get(executionId);
  }

  record(params: CommitParams): void {
    this.#streamOf(params.execution)?.record(params);
  }

  /** Effects wait here before they begin. */
  committed(execution: ExecutionContext): Promise<void> | undefined {
    const committed = this.#streamOf(execution)?.committed();
    return committed ? committed.then(() => this.effects.closed) : this.effects.closed;
  }

  begin({ executionId }: ExecutionContext): () => void {
    return this.effects.begin(executionId);
  }

  /** A run that compensates may act, whatever those above it are up to: they wait for it. */
  mayAct({ executionId }: ExecutionContext): boolean {
    if (!this.#entries.has(executionId)) return false;
    for (let id: string | undefined = executionId; id !== undefined; ) {
      const entry = this.#entries.get(id);
      const phase = entry && phaseOf(entry);
      if (phase === 'compensating') return true;
      if (phase !== undefined && isEnding(phase)) return false;
      id = entry?.parent;
    }
    return true;
  }

  #streamOf({ executionId, parentExecutionId }: ExecutionContext): FactStream | undefined {
    const own = this.#entries.get(executionId);
    if (own) return own.stream;
    return parentExecutionId === undefined ? undefined : this.#entries.get(parentExecutionId)?.stream;
  }
}

export const phaseOf = ({ ref }: DirectoryEntry): string => {
  const context: { state?: { phase?: string } } | undefined = ref?.getSnapshot().context;
  return context?.state?.phase ?? 'pending';
};

const ENDING = new Set(['cancelling', 'failing', 'attempting.cancelling', 'attempting.timingOut', 'completed', 'failed', 'cancelled']);
const isEnding = (phase: string): boolean => ENDING.has(phase);

/** The status that everybody sees, from a chart's phase. */
export function statusOf(phase: string): ExecutionStatus {
  switch (phase) {
    case 'failing':
    case 'decomposing':
    case 'organizing':
    case 'coordinating':
    case 'replanning':
    case 'synthesizing':
    case 'attempting.running':
    case 'attempting.timingOut':
    case 'backingOff':
      return 'running';
    case 'attempting.pausing':
      return 'pausing';
    case 'attempting.suspended':
      return 'paused';
    case 'attempting.cancelling':
      return 'cancelling';
    default:
      return phase as ExecutionStatus;
  }
}
