/** The folded state that each execution's actor last had, as the inspector saw it. */

import type { InspectionEvent } from 'xstate';
import type { ExecutionContext, ExecutionError } from '../machines/protocol/execution.ts';
import type { Fact } from '../machines/protocol/facts.ts';
import type { RunJob } from '../machines/protocol/run.ts';
import { isTerminal } from '../runtime/journal/journal.ts';
import { foldStream } from '../runtime/journal/restoration.ts';

export class LiveStates {
  readonly #states = new Map<string, unknown>();
  /** Executions whose actor was made to crash. */
  readonly crashed = new Set<string>();
  /** Executions of an earlier life of the process: what was not committed of their states is gone. */
  readonly #earlier = new Set<string>();

  see(event: InspectionEvent): void {
    if (event.type !== '@xstate.snapshot') return;
    const { context } = event.snapshot as {
      readonly context?: { readonly state?: unknown; readonly execution?: ExecutionContext; readonly job?: RunJob };
    };
    const execution = context?.execution ?? context?.job?.execution;
    if (execution && context?.state !== undefined) this.#states.set(execution.executionId, context.state);
  }

  /** The process that all of them lived in is gone. */
  forget(): void {
    for (const executionId of this.#states.keys()) this.#earlier.add(executionId);
    this.#states.clear();
  }

  /** Live state is read only from the fold: the facts alone must give the same. */
  differences(facts: readonly Fact[]): string[] {
    const buried = new Set(facts.filter((fact) => this.#isLastWordOfAnother(fact)).map(({ executionId }) => executionId));
    return [...foldStream(facts)].flatMap(([executionId, folded]) => {
      const state = this.#states.get(executionId);
      const isUnknown = buried.has(executionId) || (state === undefined && this.#earlier.has(executionId));
      return isUnknown || JSON.stringify(folded) === JSON.stringify(state)
        ? []
        : [`the facts of ${executionId} do not fold to its live state`];
    });
  }

  /** After a crash whoever supervises it records the end of it and of all below it, of which no actor knows. */
  #isLastWordOfAnother(fact: Fact): boolean {
    const { error } = fact.payload as { readonly error?: ExecutionError };
    if (!isTerminal(fact) || error?.code !== 'ACTOR_CRASHED') return false;
    return [...this.crashed].some((crashed) => fact.executionId === crashed || fact.executionId.startsWith(`${crashed}/`));
  }
}
