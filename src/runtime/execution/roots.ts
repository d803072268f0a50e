/** The root executions of a runtime, from their start until their result is out. Each has a stream of its own. */

import type { ExecutionContext, Tier } from '../../machines/protocol/execution.ts';
import type { FactBody } from '../../machines/protocol/facts.ts';
import type { FactStream } from '../journal/fact-stream.ts';
import type { Directory } from './directory.ts';
import type { Execution } from './handle.ts';
import type { SuspendedStates } from './suspended-states.ts';

export interface Root {
  readonly execution: Execution;
  readonly stream: FactStream;
  readonly tier: Tier;
  readonly suspended: SuspendedStates;
}

export class Roots extends Map<string, Root> {
  readonly #directory: Directory;

  constructor(directory: Directory) {
    super();
    this.#directory = directory;
  }

  /** Enters an execution in the directory. Returns the fold of its earlier life, if it has one. */
  admit(execution: ExecutionContext, report: Parameters<Directory['enter']>[1]): unknown {
    const root = this.get(execution.executionId);
    this.#directory.enter(execution, report, root?.stream);
    return (root ?? this.#above(execution))?.suspended.take(execution.executionId);
  }

  /** Only a swarm suspends: of its runs, and of what is beneath them, the fold is kept for as long as it may be needed. */
  dismiss(execution: ExecutionContext, how: 'ended' | 'suspended'): void {
    const { executionId } = execution;
    const entry = this.#directory.find(executionId);
    const root = entry && this.get(entry.stream.name);
    if (root?.tier === 'tier1' && executionId !== entry?.stream.name) {
      const { state } = (entry?.ref?.getSnapshot().context ?? {}) as { readonly state?: unknown };
      if (how === 'suspended') root.suspended.keep(executionId, state);
      else root.suspended.keepUntilHeard(executionId, state);
    }
    // Without its root it never lives again, and a root itself is never suspended.
    const isLeft = how === 'suspended' && (!root || executionId === entry?.stream.name);
    this.#directory.leave(execution, isLeft ? 'abandoned' : how);
  }

  /** What an execution has recorded tells of whose end it has heard. */
  heard({ executionId }: ExecutionContext, facts: readonly FactBody[]): void {
    this.get(this.#directory.find(executionId)?.stream.name ?? '')?.suspended.heard(executionId, facts);
  }

  #above({ parentExecutionId }: ExecutionContext): Root | undefined {
    const name = parentExecutionId === undefined ? undefined : this.#directory.find(parentExecutionId)?.stream.name;
    return name === undefined ? undefined : this.get(name);
  }
}
